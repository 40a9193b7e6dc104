//! What was signed day by day, and whether the events that are there are still those that were signed.

use jiff::Timestamp;
use jiff::civil::Date;

use super::counting::day_of;
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

pub(super) fn integrity(days: &[SealedDay], basis: &Basis) -> Content {
    let mut rows = Vec::new();
    let mut before = 0;
    for day in days {
        rows.push(vec![
            day.day.into(),
            day.checkpoints.into(),
            (before + 1).into(),
            day.last.into(),
            Value::Moment(day.sealed_at),
            day.root.as_str().into(),
            day.key.as_str().into(),
            if day.holds { "yes" } else { "no" }.into(),
        ]);
        before = day.last;
    }
    if before < basis.position {
        // What the next checkpoint will cover.
        rows.push(vec![
            day_of(basis.as_of).into(),
            0.into(),
            (before + 1).into(),
            basis.position.into(),
            Value::None,
            Value::None,
            Value::None,
            "pending".into(),
        ]);
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
        ],
        rows,
        plot: Some(Plot {
            labels: &[0],
            length: 1,
            whole: None,
        }),
    }
}
