//! Tries that came to nothing, and what was held back: waiting times and freezes.

use std::collections::BTreeMap;

use super::counts::{Counts, Topic};
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};

/// Refusals that are a waiting time, by the names of their problems.
const HELD_BACK: [&str; 3] = ["waiting", "too-soon", "budget-spent"];

/// `members` are those with tries of the row's type on its day, whatever was wrong with them; none, where no member is known.
pub(super) fn attempts(counts: &Counts, basis: &Basis) -> Content {
    let mut members = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Failing) {
        *members.entry((day, key.of[0].as_str())).or_default() += number;
    }
    let mut days: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Failed) {
        let [event, why, _] = &key.of;
        *days.entry((day, event.as_str(), why.as_str())).or_default() += number;
    }
    let rows = days.into_iter().map(|((day, event, why), number)| {
        let members = members.get(&(day, event)).copied();
        vec![
            day.into(),
            event.into(),
            why.into(),
            number.into(),
            members.map_or(Value::None, |it| Value::members(it, basis.asked)),
        ]
    });
    Content {
        rows: rows.collect(),
        columns: vec![
            column("day", Kind::Date),
            column("what", Kind::Event),
            column("why", Kind::Text),
            column("tries", Kind::Number),
            column("members", Kind::Number),
        ],
        plot: Some(Plot {
            labels: &[0, 1, 2],
            length: 3,
            whole: None,
        }),
    }
}

pub(super) fn waits(counts: &Counts, basis: &Basis) -> Content {
    let mut days: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Failed) {
        let [event, why, _] = &key.of;
        if event == "Refused" && HELD_BACK.contains(&why.as_str()) {
            *days.entry((day, why.clone())).or_default() += number;
        }
    }
    let held_back = days.into_iter().map(|(key, times)| (key, times.into()));
    let mut frozen: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Frozen) {
        *frozen.entry((day, key.of[0].clone())).or_default() += number;
    }
    let frozen = frozen
        .into_iter()
        .map(|(key, members)| (key, Value::members(members, basis.asked)));
    let rows: BTreeMap<_, Value> = held_back.chain(frozen).collect();
    Content {
        rows: rows
            .into_iter()
            .map(|((day, why), times)| vec![day.into(), why.into(), times])
            .collect(),
        columns: vec![
            column("day", Kind::Date),
            column("why", Kind::Event),
            column("times", Kind::Number),
        ],
        plot: Some(Plot {
            labels: &[0, 1],
            length: 2,
            whole: None,
        }),
    }
}
