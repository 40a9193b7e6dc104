//! How counts are stored: beside each event what it counts for, and the sums.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::counts::{Count, Key, Topic};
use crate::database::{Cell, Insert};
use crate::subscription::{ApplyError, Position};

/// What stands there is of another version.
pub(super) fn unreadable(what: &str) -> ApplyError {
    ApplyError::Unreadable(format!("{what} in the read model of reports"))
}

/// What an event counts for, as the read model keeps it beside the event. Its type and outcome stand there anyway.
pub(in crate::projections) fn encoded(counts: &[Count]) -> String {
    let rows: Vec<_> = counts
        .iter()
        .filter(|count| count.key.topic != Topic::Events)
        .map(|Count { key, number }| (key.topic.name(), &key.cohort, &key.of, number))
        .collect();
    serde_json::to_string(&rows).unwrap_or_default()
}

/// The same, read again.
pub(super) fn decoded(text: &str) -> Result<Vec<Count>, ApplyError> {
    let rows: Vec<(String, String, [String; 3], i64)> =
        serde_json::from_str(text).map_err(|_| unreadable("a count"))?;
    rows.into_iter()
        .map(|(topic, cohort, of, number)| {
            let topic = Topic::named(&topic).ok_or_else(|| unreadable(&topic))?;
            let key = Key { topic, cohort, of };
            Ok(Count { key, number })
        })
        .collect()
}

/// How many positions of the log are added up beside the days: what a report as of a moment within a day reads event by event, at most.
const PART: Position = 4096;

/// How many parts end at `position` or before: the number of the part after them.
pub(super) const fn whole_parts(position: Position) -> Position {
    position / PART
}

/// The position after which a part begins.
pub(super) const fn before_part(part: Position) -> Position {
    part * PART
}

/// What a batch adds to the sums.
#[derive(Debug, Default)]
pub(in crate::projections) struct Sums {
    days: BTreeMap<(String, Key), i64>,
    parts: BTreeMap<(Date, Position, Key), i64>,
}

impl Sums {
    /// Adds what the event at `position` counts for: to its day, to its part of the day, and to what all days add up to, where reports do not
    /// tell days apart.
    pub(in crate::projections) fn add(&mut self, day: Date, position: Position, count: Count) {
        let Count { key, number } = count;
        let part = whole_parts(position - 1);
        *self.parts.entry((day, part, key.clone())).or_default() += number;
        if !key.topic.by_day() {
            *self.days.entry((String::new(), key.clone())).or_default() += number;
        }
        *self.days.entry((day.to_string(), key)).or_default() += number;
    }

    /// The rows that do so.
    pub(in crate::projections) fn inserts(self, suffix: &str) -> Result<[Insert; 2], sqlx::Error> {
        let days: Vec<_> = self
            .days
            .into_iter()
            .filter(|(_, number)| *number != 0)
            .map(|((day, key), number)| {
                let [topic, cohort, a, b, c] = cells(key);
                [Cell::from(day), topic, cohort, a, b, c, number.into()]
            })
            .collect();
        let parts: Vec<_> = self
            .parts
            .into_iter()
            .filter(|(_, number)| *number != 0)
            .map(|((day, part, key), number)| {
                let [topic, cohort, a, b, c] = cells(key);
                let day = Cell::from(day.to_string());
                [day, part.into(), topic, cohort, a, b, c, number.into()]
            })
            .collect();
        Ok([
            Insert::new(
                format!(
                    "INSERT INTO history_counts{suffix} AS known (day, topic, cohort, of_a, of_b, of_c, number)"
                ),
                &days,
                "ON CONFLICT (topic, day, cohort, of_a, of_b, of_c) DO UPDATE SET number = known.number + excluded.number",
            )?,
            Insert::new(
                format!(
                    "INSERT INTO history_parts{suffix} AS known (day, part, topic, cohort, of_a, of_b, of_c, number)"
                ),
                &parts,
                "ON CONFLICT (topic, day, part, cohort, of_a, of_b, of_c) DO UPDATE SET number = known.number + excluded.number",
            )?,
        ])
    }
}

fn cells(key: Key) -> [Cell; 5] {
    let [a, b, c] = key.of;
    [
        Cell::from(key.topic.name()),
        Cell::from(key.cohort),
        Cell::from(a),
        Cell::from(b),
        Cell::from(c),
    ]
}
