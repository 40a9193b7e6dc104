//! The one writer: commits what has gathered meanwhile as one group, gives positions and times, refuses lost races.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cqrs_es::persist::SerializedEvent;
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlx::error::DatabaseError;
use sqlx::{Any, AnyConnection, Executor, Row};
use tokio::sync::{mpsc, watch};

use super::advance;
use super::append::{Append, AppendError};
use crate::database::{Database, fixed_width, time_of};
use crate::store::stamp::Stamp;
use crate::store::{GivenUp, Position};

/// The most appends that share one commit.
pub(super) const GROUP: usize = 256;

/// The last sequence of each stream.
type Lengths = HashMap<(String, String), i64>;

/// Takes what has gathered while the last commit ran, and commits it together.
pub(super) async fn write_groups(
    database: Database,
    stamp: Stamp,
    mut waiting: mpsc::Receiver<Append>,
    head: watch::Sender<Position>,
) {
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let outcomes = match commit(&database, &stamp, &group).await {
            Ok(outcomes) => outcomes,
            // One bad append must not fail its neighbours.
            Err(error) if group.len() > 1 && is_of_a_row(&error) => {
                let appends = group.len();
                tracing::warn!(%error, appends, "a group of appends failed and is taken one by one");
                commit_one_by_one(&database, &stamp, &group, error).await
            }
            // Away or locked it would be for each of them, one after the other.
            Err(error) => {
                let error = Arc::new(error);
                let failed = |_| Err(AppendError::Database(error.clone()));
                group.iter().map(failed).collect()
            }
        };
        let last = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().ok())
            .max();
        if let Some(&last) = last {
            advance(&head, last);
        }
        for (append, outcome) in group.into_iter().zip(outcomes) {
            // Who asked may have gone while it was committed; it stands all the same.
            let _ = append.answer.send(outcome);
        }
    }
}

/// Whether a row is to blame, and not the state of the database.
fn is_of_a_row(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(DatabaseError::code);
    let code = code.and_then(|code| code.parse::<u32>().ok());
    // SQLITE_TOOBIG, SQLITE_CONSTRAINT and SQLITE_MISMATCH; the higher bits tell kinds of them.
    code.is_some_and(|code| matches!(code & 0xff, 18..=20))
}

async fn commit_one_by_one(
    database: &Database,
    stamp: &Stamp,
    group: &[Append],
    why: sqlx::Error,
) -> Vec<Result<Position, AppendError>> {
    let why = Arc::new(why);
    let mut outcomes = Vec::with_capacity(group.len());
    for append in group {
        let alone = commit(database, stamp, std::slice::from_ref(append)).await;
        outcomes.push(match alone.map(|mut alone| alone.pop()) {
            Ok(Some(Ok(position))) => Ok(position),
            // The group's commit may have gone through after all, and the append be in its own way: not a lost race,
            // but an unknown outcome, which is looked for.
            Ok(Some(Err(_)) | None) => Err(AppendError::Database(why.clone())),
            Err(error) => Err(AppendError::Database(Arc::new(error))),
        });
    }
    outcomes
}

/// Commits a group in one transaction: an append is taken whole, only if its sequences follow the stream's last without
/// a gap, and only the first of its stream; the others lost their race. What nobody waits for any more is left out.
async fn commit(
    database: &Database,
    stamp: &Stamp,
    group: &[Append],
) -> Result<Vec<Result<Position, AppendError>>, sqlx::Error> {
    // Dropped on the way, it is closed, and nothing was written.
    let mut connection = database.write.acquire().await?;
    let (mut position, last_time, lengths) = begin(&mut connection, group).await?;
    let recorded_at = fixed_width(stamp.after(last_time));
    let mut taken = HashSet::new();
    let mut rows = Vec::new();
    let mut outcomes = Vec::with_capacity(group.len());
    for append in group {
        // Asked here, where the lock is there at last: whoever was told that it failed may have gone another way.
        if !append.take() {
            outcomes.push(Err(AppendError::GivenUp(GivenUp)));
            continue;
        }
        let events = &append.events;
        let follows = events.first().is_some_and(|first| {
            let stream = (first.aggregate_type.clone(), first.aggregate_id.clone());
            let length = lengths.get(&stream).copied().unwrap_or(0);
            let follow = (length + 1..)
                .zip(events)
                .all(|(due, event)| i64::try_from(event.sequence) == Ok(due));
            follow && taken.insert(stream)
        });
        if !follows {
            outcomes.push(Err(AppendError::Conflict));
            continue;
        }
        for event in events {
            position += 1;
            rows.push(row_of(event, position, &recorded_at));
        }
        outcomes.push(Ok(position));
    }
    let write = if rows.is_empty() {
        sqlx::query("ROLLBACK")
    } else {
        sqlx::query(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, \
             event_version, payload, metadata, recorded_at) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, value ->> 8 FROM json_each($1); COMMIT",
        )
        .bind(Value::Array(rows).to_string())
    };
    write.execute(&mut *connection).await?;
    connection.give_back();
    Ok(outcomes)
}

fn row_of(event: &SerializedEvent, position: Position, recorded_at: &str) -> Value {
    let mut metadata = event.metadata.clone();
    if let Value::Object(entries) = &mut metadata {
        entries.insert("recorded_at".to_owned(), recorded_at.into());
    }
    json!([
        position,
        event.aggregate_type,
        event.aggregate_id,
        event.sequence,
        event.event_type,
        event.event_version,
        event.payload.to_string(),
        metadata.to_string(),
        recorded_at,
    ])
}

/// The last position, and its time.
pub(super) async fn end_of_log(
    connection: impl Executor<'_, Database = Any>,
) -> Result<(Position, Option<Timestamp>), sqlx::Error> {
    let last =
        sqlx::query("SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1")
            .fetch_optional(connection)
            .await?;
    last.map_or(Ok((0, None)), |row| {
        let recorded_at: String = row.try_get(1)?;
        Ok((row.try_get(0)?, Some(time_of(&recorded_at)?)))
    })
}

/// Begins a transaction, and answers with the log's last position and time, and the last sequence of each stream that the group appends
/// to. All at once, as the end is, since each way to the driver's thread and back costs more than the work there.
async fn begin(
    connection: &mut AnyConnection,
    group: &[Append],
) -> Result<(Position, Option<Timestamp>, Lengths), sqlx::Error> {
    let streams: Vec<Value> = group
        .iter()
        .filter_map(|append| append.events.first())
        .map(|first| json!([first.aggregate_type, first.aggregate_id]))
        .collect();
    let rows = sqlx::query(
        "BEGIN IMMEDIATE; SELECT asked.value ->> 0, asked.value ->> 1, (SELECT max(sequence) FROM events \
         WHERE aggregate_type = asked.value ->> 0 AND aggregate_id = asked.value ->> 1), last.position, last.recorded_at \
         FROM json_each($1) AS asked \
         LEFT JOIN (SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1) AS last",
    )
    .bind(Value::Array(streams).to_string())
    .fetch_all(connection)
    .await?;
    let (mut position, mut time) = (0, None);
    let mut lengths = HashMap::new();
    for row in rows {
        let length: Option<i64> = row.try_get(2)?;
        lengths.insert((row.try_get(0)?, row.try_get(1)?), length.unwrap_or(0));
        position = row.try_get::<Option<Position>, _>(3)?.unwrap_or(0);
        let recorded_at: Option<String> = row.try_get(4)?;
        time = recorded_at.as_deref().map(time_of).transpose()?;
    }
    Ok((position, time, lengths))
}
