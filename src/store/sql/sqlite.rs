//! How SQLite commits a group: under its one write lock, in two statements.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::Row;

use super::append::{Append, AppendError, Outcome};
use crate::database::{Cell, Database, Dialect, Insert, Transaction, fixed_width, time_of};
use crate::store::stamp::Stamp;
use crate::store::{GivenUp, Position};

/// The last sequence of each stream.
type Lengths = HashMap<(String, String), i64>;

/// What a group finds in the log: its last position and time, and how long the group's streams are.
type Found = (Position, Option<Timestamp>, Lengths);

/// The writer to a file of SQLite's.
pub(super) struct SqliteWriter {
    pub(super) database: Database,
    pub(super) stamp: Stamp,
}

impl SqliteWriter {
    pub(super) async fn commit(&self, group: &[Append]) -> Result<Vec<Outcome>, sqlx::Error> {
        let (transaction, (mut position, last_time, lengths)) = self.begin(group).await?;
        let recorded_at = fixed_width(self.stamp.after(last_time));
        let mut taken = HashSet::new();
        let mut rows = Vec::new();
        let mut outcomes = Vec::with_capacity(group.len());
        for append in group {
            // Asked here, where the lock is there at last: whoever was told that it failed may have gone another way.
            if !append.take() {
                outcomes.push(Err(AppendError::GivenUp(GivenUp)));
                continue;
            }
            let follows = append.rows.first().is_some_and(|first| {
                let stream = (first.kind.clone(), first.id.clone());
                let length = lengths.get(&stream).copied().unwrap_or(0);
                let follow = (length + 1..)
                    .zip(&append.rows)
                    .all(|(due, row)| row.sequence == due);
                follow && taken.insert(stream)
            });
            if !follows {
                outcomes.push(Err(AppendError::Conflict));
                continue;
            }
            for row in &append.rows {
                position += 1;
                rows.push([
                    Cell::from(position),
                    Cell::from(row.kind.as_str()),
                    Cell::from(row.id.as_str()),
                    Cell::from(row.sequence),
                    Cell::from(row.event_type.as_str()),
                    Cell::from(row.version.as_str()),
                    Cell::from(row.payload.as_str()),
                    Cell::from(stamped(&row.metadata, &recorded_at)),
                    Cell::from(recorded_at.as_str()),
                ]);
            }
            outcomes.push(Ok(position));
        }
        if rows.is_empty() {
            transaction.rollback().await?;
            return Ok(outcomes);
        }
        let insert = Insert::new(
            Dialect::Sqlite,
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, \
             recorded_at)",
            &rows,
            "",
        )?;
        transaction.commit_with(&[insert]).await?;
        Ok(outcomes)
    }

    /// Begins a transaction, and answers with the log's last position and time, and the last sequence of each stream that the group appends
    /// to. All at once, as the end is, since each way to the driver's thread and back costs more than the work there.
    async fn begin(&self, group: &[Append]) -> Result<(Transaction, Found), sqlx::Error> {
        let streams: Vec<Value> = group
            .iter()
            .filter_map(|append| append.rows.first())
            .map(|first| json!([first.kind, first.id]))
            .collect();
        let asked = sqlx::query(
            "SELECT asked.value ->> 0, asked.value ->> 1, (SELECT max(sequence) FROM events \
             WHERE aggregate_type = asked.value ->> 0 AND aggregate_id = asked.value ->> 1), last.position, last.recorded_at \
             FROM json_each($1) AS asked \
             LEFT JOIN (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1) AS last",
        )
        .bind(Value::Array(streams).to_string());
        let (transaction, rows) = self.database.begin_with(asked).await?;
        let (mut position, mut time) = (0, None);
        let mut lengths = HashMap::new();
        for row in rows {
            let length: Option<i64> = row.try_get(2)?;
            lengths.insert((row.try_get(0)?, row.try_get(1)?), length.unwrap_or(0));
            position = row.try_get::<Option<Position>, _>(3)?.unwrap_or(0);
            let recorded_at: Option<String> = row.try_get(4)?;
            time = recorded_at.as_deref().map(time_of).transpose()?;
        }
        Ok((transaction, (position, time, lengths)))
    }
}

/// An event's metadata, with when it was recorded; of two entries of one name, the last counts.
fn stamped(metadata: &str, recorded_at: &str) -> String {
    let Some(others) = metadata.strip_suffix('}') else {
        return metadata.to_owned();
    };
    let comma = if others == "{" { "" } else { "," };
    format!("{others}{comma}\"recorded_at\":\"{recorded_at}\"}}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_of_recording_stands_last_so_that_it_counts() {
        let at = "2026-04-01T00:00:00.000000Z";
        for (metadata, wanted) in [
            (json!({}), json!({"recorded_at": at})),
            (
                json!({"a": "\"}\u{0}"}),
                json!({"a": "\"}\u{0}", "recorded_at": at}),
            ),
            (json!({"recorded_at": "then"}), json!({"recorded_at": at})),
            (json!("no object}"), json!("no object}")),
        ] {
            let stamped = stamped(&metadata.to_string(), at);
            assert_eq!(serde_json::from_str::<Value>(&stamped).unwrap(), wanted);
        }
    }
}
