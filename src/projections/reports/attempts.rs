//! Tries that came to nothing, and what was held back: waiting times and freezes.

use std::collections::BTreeMap;

use super::counts::{Counts, Topic};
use super::groups::keep_parts_hidden;
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};

/// Refusals that are a waiting time, by the names of their problems.
const HELD_BACK: [&str; 3] = ["waiting", "too-soon", "budget-spent"];

/// The type of the failed sign-ins of staff, who are no members.
const OF_STAFF: &str = "StaffSignInRejected";

/// What stands in place of a type for requests that were turned away.
pub(super) const REFUSED: &str = "Refused";

/// Codes that came too late, and codes that had been used, by the names of their problems.
pub(super) const TOO_LATE: &str = "code-expired";
pub(super) const USED_AGAIN: &str = "code-used";

/// The column of how many tries.
const TRIES: usize = 3;

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
    let mut places: BTreeMap<&str, Vec<(usize, usize)>> = BTreeMap::new();
    let mut rows = Vec::new();
    for ((day, event, why), number) in days {
        let members = members.get(&(day, event)).copied();
        // So many tries are of as many members at most.
        let tries = if event == OF_STAFF {
            number.into()
        } else {
            Value::members(number, basis.asked)
        };
        if let Some(sum) = told_elsewhere(event, why) {
            places.entry(sum).or_default().push((rows.len(), TRIES));
        }
        rows.push(vec![
            day.into(),
            event.into(),
            why.into(),
            tries,
            members.map_or(Value::None, |it| Value::members(it, basis.asked)),
        ]);
    }
    keep_parts_hidden(&mut rows, places.into_values());
    Content {
        rows,
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

/// The name of a sum over all days that another report tells, which such tries are part of: of steps and codes.
fn told_elsewhere<'a>(event: &'a str, why: &'a str) -> Option<&'a str> {
    match event {
        OF_STAFF => None,
        REFUSED => [TOO_LATE, USED_AGAIN].contains(&why).then_some(why),
        _ => Some(event),
    }
}

pub(super) fn waits(counts: &Counts, basis: &Basis) -> Content {
    let mut days: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Failed) {
        let [event, why, _] = &key.of;
        if event == REFUSED && HELD_BACK.contains(&why.as_str()) {
            *days.entry((day, why.clone())).or_default() += number;
        }
    }
    let told = |(key, number)| (key, Value::members(number, basis.asked));
    let held_back = days.into_iter().map(told);
    let mut frozen: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(Topic::Frozen) {
        *frozen.entry((day, key.of[0].clone())).or_default() += number;
    }
    let rows: BTreeMap<_, Value> = held_back.chain(frozen.into_iter().map(told)).collect();
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
