//! What staff did: what happened to their accounts, what they did for members, and what they looked at.

use std::collections::BTreeMap;

use super::counts::{Counts, Topic};
use super::report::{Basis, Column, Kind, Plot, Value};
use super::{Content, column};

pub(super) fn staff(counts: &Counts) -> Content {
    by_day(
        counts,
        Topic::Staff,
        vec![
            column("day", Kind::Date),
            column("account", Kind::Text),
            column("what", Kind::Event),
            column("times", Kind::Number),
        ],
        Value::from,
    )
}

pub(super) fn interventions(counts: &Counts, basis: &Basis) -> Content {
    by_day(
        counts,
        Topic::Interventions,
        vec![
            column("day", Kind::Date),
            column("intervention", Kind::Word("intervention")),
            column("reason", Kind::Word("reason")),
            column("what", Kind::Event),
            column("times", Kind::Number),
        ],
        // Each was done for a member.
        |times| Value::members(times, basis.asked),
    )
}

pub(super) fn access(counts: &Counts) -> Content {
    by_day(
        counts,
        Topic::Viewed,
        vec![
            column("day", Kind::Date),
            column("viewer", Kind::Text),
            column("view", Kind::Word("view")),
            column("purpose", Kind::Word("purpose")),
            column("times", Kind::Number),
        ],
        Value::from,
    )
}

/// A row for each day and what is told apart, which is as much as there are columns for.
fn by_day(
    counts: &Counts,
    topic: Topic,
    columns: Vec<Column>,
    told: impl Fn(i64) -> Value,
) -> Content {
    let apart = columns.len() - 2;
    let mut days: BTreeMap<_, i64> = BTreeMap::new();
    for (day, key, number) in counts.by_day(topic) {
        *days.entry((day, &key.of)).or_default() += number;
    }
    let rows = days.into_iter().map(|((day, of), number)| {
        let mut row = vec![Value::from(day)];
        row.extend(of.iter().take(apart).map(|it| Value::from(it.as_str())));
        row.push(told(number));
        row
    });
    Content {
        rows: rows.collect(),
        plot: Some(Plot {
            labels: match apart {
                2 => &[0, 1, 2],
                _ => &[0, 1, 2, 3],
            },
            length: columns.len() - 1,
            whole: None,
        }),
        columns,
    }
}
