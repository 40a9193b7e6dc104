//! How counts are stored: beside each event what it counts for, and the sums.

use std::collections::{BTreeMap, HashMap};

use jiff::civil::Date;

use super::counts::{Count, Key, Topic};
use crate::database::{Cell, Insert};
use crate::subscription::{ApplyError, Position, REBUILT_AT_ONCE};

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

// A rebuild writes each sum of a part once.
const _: () = assert!(REBUILT_AT_ONCE % PART == 0);

/// How many parts end at `position` or before: the number of the part after them.
pub(super) const fn whole_parts(position: Position) -> Position {
    position / PART
}

/// The position after which a part begins.
pub(super) const fn before_part(part: Position) -> Position {
    part * PART
}

/// What a batch adds to the sums: for each thing that is counted, in which part of which day, so many. As a map with an order, whose texts are
/// compared again and again, it took half the time of a rebuild.
#[derive(Debug, Default)]
pub(in crate::projections) struct Sums(HashMap<Key, BTreeMap<(Date, Position), i64>>);

impl Sums {
    /// Adds what the event at `position` counts for.
    pub(in crate::projections) fn add(&mut self, day: Date, position: Position, count: Count) {
        let part = whole_parts(position - 1);
        let sums = self.0.entry(count.key).or_default();
        *sums.entry((day, part)).or_default() += count.number;
    }

    /// The rows that add them to parts of days, to days, and to what all days add up to, where reports do not tell days apart. In the order of
    /// the tables' keys, or almost, so that neighbours are written together.
    pub(in crate::projections) fn inserts(self, suffix: &str) -> Result<[Insert; 2], sqlx::Error> {
        let (mut days, mut parts) = (Vec::new(), Vec::new());
        let mut sums: Vec<_> = self.0.into_iter().collect();
        sums.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (key, of_parts) in &sums {
            let mut of_days = BTreeMap::<_, i64>::new();
            for ((day, part), number) in of_parts {
                let day = day.to_string();
                if !key.topic.by_day() {
                    *of_days.entry(String::new()).or_default() += number;
                }
                *of_days.entry(day.clone()).or_default() += number;
                if *number != 0 {
                    let [topic, cohort, a, b, c] = cells(key);
                    parts.push([
                        day.into(),
                        (*part).into(),
                        topic,
                        cohort,
                        a,
                        b,
                        c,
                        (*number).into(),
                    ]);
                }
            }
            for (day, number) in of_days.into_iter().filter(|(_, number)| *number != 0) {
                let [topic, cohort, a, b, c] = cells(key);
                days.push([day.into(), topic, cohort, a, b, c, number.into()]);
            }
        }
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

fn cells(key: &Key) -> [Cell; 5] {
    let [a, b, c] = &key.of;
    [key.topic.name(), &key.cohort, a, b, c].map(Cell::from)
}
