//! How counts are stored: beside each event what it counts for, and the sums.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::civil::Date;
use sqlx::{Any, AnyConnection, Executor};

use super::counting::day_of;
use super::counts::{Count, Key, Topic};
use crate::database::{Cell, Dialect, Insert, time_of};
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

/// An event as the read model keeps it: when it was recorded, its type and outcome, and what else it counts for.
#[derive(sqlx::FromRow)]
pub(super) struct Kept {
    recorded_at: String,
    event_type: String,
    outcome: String,
    counts: String,
}

impl Kept {
    /// The events in `table` after one position up to another.
    pub(super) async fn between<'a>(
        stored: impl Executor<'a, Database = Any>,
        table: &str,
        (after, until): (Position, Position),
    ) -> Result<Vec<Self>, sqlx::Error> {
        let sql = format!(
            "SELECT recorded_at, event_type, outcome, counts FROM {table} WHERE position > $1 AND position <= $2"
        );
        sqlx::query_as(&sql)
            .bind(after)
            .bind(until)
            .fetch_all(stored)
            .await
    }

    /// On which day it counts for what.
    pub(super) fn counts(&self) -> Result<(Date, Vec<Count>), ApplyError> {
        let day = day_of(time_of(&self.recorded_at)?);
        let of_event = [self.event_type.as_str(), &self.outcome, ""];
        let mut counts = vec![Count::new(Topic::Events, "", of_event, 1)];
        counts.extend(decoded(&self.counts)?);
        Ok((day, counts))
    }
}

/// What stands between counts, and within one: no text that is counted holds either.
pub(super) const BETWEEN: char = '\u{1e}';
pub(super) const WITHIN: char = '\u{1f}';

/// In place of counts of which some could not be read.
const UNREADABLE: &str = "";

/// Adds a count to the text of its topic's.
fn pack(key: &Key, number: i64, packed: &mut String) {
    if !packed.is_empty() {
        packed.push(BETWEEN);
    }
    for text in [&key.cohort].into_iter().chain(&key.of) {
        packed.push_str(text);
        packed.push(WITHIN);
    }
    packed.push_str(&number.to_string());
}

/// The counts of a topic, read again.
pub(super) fn unpacked(
    topic: Topic,
    packed: &str,
) -> impl Iterator<Item = Result<Count, ApplyError>> {
    packed.split(BETWEEN).map(move |count| {
        let mut texts = count.split(WITHIN);
        let mut text = || texts.next().ok_or_else(|| unreadable("a count"));
        let key = Key {
            topic,
            cohort: text()?.to_owned(),
            of: [text()?.to_owned(), text()?.to_owned(), text()?.to_owned()],
        };
        let number = text()?.parse().map_err(|_| unreadable("a number"))?;
        Ok(Count { key, number })
    })
}

/// How many positions of the log are added up beside the days: what a report as of a moment within a day reads event by event, at most.
const PART: Position = 4096;

// A rebuild need not read what it adds up of a part.
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
pub(in crate::projections) struct Sums {
    sums: HashMap<Key, BTreeMap<(Date, Position), Sum>>,
    /// A part of which a row is damaged: nothing of it adds up.
    damaged: Option<Position>,
}

#[derive(Debug, Default)]
struct Sum {
    /// What the batch brought.
    brought: i64,
    /// With what came before it in the same part.
    of_part: i64,
}

impl Sums {
    /// Adds what the event at `position` counts for.
    pub(in crate::projections) fn add(&mut self, day: Date, position: Position, count: Count) {
        let number = count.number;
        let sum = self.sum(day, whole_parts(position - 1), count.key);
        sum.brought += number;
        sum.of_part += number;
    }

    fn sum(&mut self, day: Date, part: Position, key: Key) -> &mut Sum {
        let of_parts = self.sums.entry(key).or_default();
        of_parts.entry((day, part)).or_default()
    }

    /// Adds what came `after` the beginning of a part that is over with the batch. A row there that cannot be read is no event's fault here: it is
    /// for whoever asks for that part.
    ///
    /// # Errors
    /// The database is away.
    pub(in crate::projections) async fn complete(
        &mut self,
        after: Position,
        until: Position,
        suffix: &str,
        stored: &mut AnyConnection,
    ) -> Result<(), sqlx::Error> {
        let part = whole_parts(after);
        if before_part(part) < after && part < whole_parts(until) {
            let table = format!("history{suffix}");
            for kept in Kept::between(stored, &table, (before_part(part), after)).await? {
                let Ok((day, counts)) = kept.counts() else {
                    self.damaged = Some(part);
                    continue;
                };
                for Count { key, number } in counts {
                    self.sum(day, part, key).of_part += number;
                }
            }
        }
        Ok(())
    }

    /// The rows that add them to days, and to what all days add up to, where reports do not tell days apart, and those of the parts that are over
    /// `until` there. In the order of the tables' keys, or almost, so that neighbours are written together.
    pub(in crate::projections) fn inserts(
        self,
        dialect: Dialect,
        until: Position,
        suffix: &str,
    ) -> Result<[Insert; 2], sqlx::Error> {
        let (mut days, mut parts) = (Vec::new(), BTreeMap::<_, String>::new());
        let mut sums: Vec<_> = self.sums.into_iter().collect();
        sums.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        for (key, of_parts) in &sums {
            let mut of_days = BTreeMap::<_, i64>::new();
            for ((day, part), sum) in of_parts {
                let text = day.to_string();
                if !key.topic.by_day() {
                    *of_days.entry(String::new()).or_default() += sum.brought;
                }
                *of_days.entry(text).or_default() += sum.brought;
                if sum.of_part != 0 && *part < whole_parts(until) {
                    let packed = parts.entry((key.topic, *day, *part)).or_default();
                    pack(key, sum.of_part, packed);
                }
            }
            for (day, number) in of_days.into_iter().filter(|(_, number)| *number != 0) {
                let [topic, cohort, a, b, c] = cells(key);
                days.push([day.into(), topic, cohort, a, b, c, number.into()]);
            }
        }
        let damaged: BTreeSet<_> = parts
            .keys()
            .filter(|(_, _, part)| Some(*part) == self.damaged)
            .map(|(_, day, part)| (*day, *part))
            .collect();
        for (day, part) in damaged {
            for topic in Topic::ALL {
                parts.insert((topic, day, part), UNREADABLE.to_owned());
            }
        }
        let parts: Vec<[Cell; 4]> = parts
            .into_iter()
            .map(|((topic, day, part), packed)| {
                [
                    topic.name().into(),
                    day.to_string().into(),
                    part.into(),
                    packed.into(),
                ]
            })
            .collect();
        Ok([
            Insert::new(
                dialect,
                format!(
                    "INSERT INTO history_counts{suffix} AS known (day, topic, cohort, of_a, of_b, of_c, number)"
                ),
                &days,
                "ON CONFLICT (topic, day, cohort, of_a, of_b, of_c) DO UPDATE SET number = known.number + excluded.number",
            )?,
            Insert::new(
                dialect,
                format!("INSERT INTO history_parts{suffix} (topic, day, part, counts)"),
                &parts,
                "ON CONFLICT (topic, day, part) DO UPDATE SET counts = excluded.counts",
            )?,
        ])
    }
}

fn cells(key: &Key) -> [Cell; 5] {
    let [a, b, c] = &key.of;
    [key.topic.name(), &key.cohort, a, b, c].map(Cell::from)
}
