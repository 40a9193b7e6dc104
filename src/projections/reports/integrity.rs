//! What was signed day by day, whether the events that are there are still those that were signed, and what became of keys meanwhile.

use jiff::Timestamp;
use jiff::civil::Date;

use super::counting::day_of;
use super::counts::{Counts, Topic};
use super::report::{Basis, Kind, Plot, Value};
use super::{Content, column};
use crate::subscription::Position;

/// What the ledger signed on one day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SealedDay {
    /// The day of Tokyo's calendar.
    pub day: Date,
    /// How many checkpoints.
    pub checkpoints: i64,
    /// The last event that the last of them covers.
    pub last: Position,
    /// When that was signed.
    pub sealed_at: Timestamp,
    /// The root that the events up to there have now, in base64.
    pub root: String,
    /// The key that the ledger is signed with.
    pub key: String,
    /// Whether that key has signed that root.
    pub holds: bool,
}

/// What is told of keys and backups, by types of events; the first is of members.
const CUSTODY: [&str; 4] = [
    "PersonalDataErased",
    "MasterKeyChanged",
    "TracesDestroyed",
    "RestoredFromBackup",
];

/// What was done with keys and backups after the day of the row before, up to a day.
fn custody(counts: &Counts, after: Option<Date>, until: Date, basis: &Basis) -> [Value; 4] {
    let within = |day: Date| after.is_none_or(|after| day > after) && day <= until;
    CUSTODY.map(|event| {
        let of_it = counts.by_day(Topic::Custody);
        let of_it = of_it.filter(|(day, key, _)| key.of[0] == event && within(*day));
        let number = of_it.map(|(_, _, number)| number).sum();
        if event == CUSTODY[0] {
            Value::members(number, basis.asked)
        } else {
            number.into()
        }
    })
}

pub(super) fn integrity(days: &[SealedDay], counts: &Counts, basis: &Basis) -> Content {
    let mut rows: Vec<Vec<Value>> = Vec::new();
    let (mut before, mut told) = (0, None);
    for day in days {
        let mut row = vec![
            day.day.into(),
            day.checkpoints.into(),
            (before + 1).into(),
            day.last.into(),
            Value::Moment(day.sealed_at),
            day.root.as_str().into(),
            day.key.as_str().into(),
            if day.holds { "yes" } else { "no" }.into(),
        ];
        row.extend(custody(counts, told, day.day, basis));
        rows.push(row);
        (before, told) = (day.last, Some(day.day));
    }
    if before < basis.position {
        // What the next checkpoint will cover.
        let today = day_of(basis.as_of);
        let mut row = vec![
            today.into(),
            0.into(),
            (before + 1).into(),
            basis.position.into(),
            Value::None,
            Value::None,
            Value::None,
            "pending".into(),
        ];
        row.extend(custody(counts, told, today, basis));
        rows.push(row);
    }
    Content {
        columns: vec![
            column("day", Kind::Date),
            column("checkpoints", Kind::Number),
            column("first_event", Kind::Number),
            column("last_event", Kind::Number),
            column("sealed_at", Kind::Moment),
            column("root", Kind::Text),
            column("key", Kind::Text),
            column("holds", Kind::Word("holds")),
            column("erased", Kind::Number),
            column("keys_changed", Kind::Number),
            column("traces_destroyed", Kind::Number),
            column("restores", Kind::Number),
        ],
        rows,
        plot: Some(Plot {
            labels: &[0],
            length: 1,
            whole: None,
        }),
    }
}
