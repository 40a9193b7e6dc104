//! How counts are stored: beside each event what it counts for, and the sums.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::counts::{Count, Key, Topic};
use crate::database::{Cell, Insert};
use crate::subscription::ApplyError;

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

/// The rows that add a batch's counts to the days', and to what all days add up to, where reports do not tell days apart.
pub(in crate::projections) fn added(
    counts: impl IntoIterator<Item = ((Date, Key), i64)>,
    suffix: &str,
) -> Result<Insert, sqlx::Error> {
    let mut sums: BTreeMap<(String, Key), i64> = BTreeMap::new();
    for ((day, key), number) in counts {
        if !key.topic.by_day() {
            *sums.entry((String::new(), key.clone())).or_default() += number;
        }
        *sums.entry((day.to_string(), key)).or_default() += number;
    }
    let rows: Vec<_> = sums
        .into_iter()
        .filter(|(_, number)| *number != 0)
        .map(|((day, key), number)| {
            let [a, b, c] = key.of;
            [
                Cell::from(day),
                Cell::from(key.topic.name()),
                Cell::from(key.cohort),
                Cell::from(a),
                Cell::from(b),
                Cell::from(c),
                Cell::from(number),
            ]
        })
        .collect();
    Insert::new(
        format!(
            "INSERT INTO history_counts{suffix} AS known (day, topic, cohort, of_a, of_b, of_c, number)"
        ),
        &rows,
        "ON CONFLICT (topic, day, cohort, of_a, of_b, of_c) DO UPDATE SET number = known.number + excluded.number",
    )
}
