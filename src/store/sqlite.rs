//! The event log on SQLite: one writer commits what has gathered meanwhile as one group, and numbers it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::OnceLock;
use std::time::Duration;

use cqrs_es::Aggregate;
use cqrs_es::persist::{
    PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent, SerializedSnapshot,
};
use jiff::Timestamp;
use serde_json::{Value, json};
use sqlite_es::SqliteEventRepository;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tokio::sync::{mpsc, oneshot, watch};

use super::{Position, ReadError, Recorded};
use crate::ambient::Clock;
use crate::database::{Database, fixed_width, time_of};

/// The most appends that share one commit.
const GROUP: usize = 256;

/// How often the log is looked at for commits of other programs on the same file.
const POLL: Duration = Duration::from_millis(200);

/// The log; cheap to clone.
#[derive(Clone)]
pub struct SqliteLog(Arc<Inner>);

struct Inner {
    database: Database,
    loads: SqliteEventRepository,
    appends: mpsc::Sender<Append>,
    head: watch::Sender<Position>,
}

struct Append {
    events: Vec<SerializedEvent>,
    answer: oneshot::Sender<Result<Position, AppendError>>,
}

#[derive(Debug, thiserror::Error)]
enum AppendError {
    #[error("another append to the stream came first")]
    Conflict,
    #[error("the event log cannot be written: {0}")]
    Database(Arc<sqlx::Error>),
    #[error("the event log is closing")]
    Closing,
}

impl SqliteLog {
    /// The log in `database`, which must be migrated; `clock` stamps what is appended.
    ///
    /// # Errors
    /// The database is away.
    pub async fn open(database: Database, clock: Clock) -> Result<Self, sqlx::Error> {
        let (head, _) = watch::channel(stored_head(&database).await?);
        let (appends, waiting) = mpsc::channel(GROUP);
        let loads = SqliteEventRepository::new(database.read_native.clone());
        let inner = Arc::new(Inner {
            database: database.clone(),
            loads,
            appends,
            head: head.clone(),
        });
        tokio::spawn(write_groups(database, clock, waiting, head));
        Ok(Self(inner))
    }

    /// The position of the last event that this program knows to be committed.
    #[must_use]
    pub fn head(&self) -> Position {
        *self.0.head.borrow()
    }

    /// The position of the last committed event, asked of the database itself.
    ///
    /// # Errors
    /// The database is away.
    pub async fn committed_head(&self) -> Result<Position, sqlx::Error> {
        let stored = stored_head(&self.0.database).await?;
        advance(&self.0.head, stored);
        Ok(stored)
    }

    /// At most `limit` events after `position`, in committed order. None is ever passed over.
    ///
    /// # Errors
    /// The database is away, or a row is no event.
    pub async fn read_after(
        &self,
        position: Position,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        let rows = sqlx::query(
            "SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
             payload, metadata, recorded_at FROM events WHERE position > $1 ORDER BY position LIMIT $2",
        )
        .bind(position)
        .bind(limit)
        .fetch_all(&self.0.database.read)
        .await?;
        rows.iter().map(recorded).collect()
    }

    /// All events of one stream, in their order.
    ///
    /// # Errors
    /// The database is away, or a row is no event.
    pub async fn read_stream(&self, kind: &str, id: &str) -> Result<Vec<Recorded>, ReadError> {
        let rows = sqlx::query(
            "SELECT position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
             payload, metadata, recorded_at FROM events \
             WHERE aggregate_type = $1 AND aggregate_id = $2 ORDER BY sequence",
        )
        .bind(kind)
        .bind(id)
        .fetch_all(&self.0.database.read)
        .await?;
        rows.iter().map(recorded).collect()
    }

    /// Which of these streams have an event.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begun(&self, kind: &str, ids: &[String]) -> Result<HashSet<String>, sqlx::Error> {
        let begun: Vec<String> = sqlx::query_scalar(
            "SELECT value FROM json_each($2) WHERE EXISTS (SELECT 1 FROM events \
             WHERE aggregate_type = $1 AND aggregate_id = value AND sequence = 1)",
        )
        .bind(kind)
        .bind(Value::from(ids).to_string())
        .fetch_all(&self.0.database.read)
        .await?;
        Ok(begun.into_iter().collect())
    }

    /// Waits until the log has grown beyond `position`, by this program or another on the same file.
    pub async fn changed(&self, position: Position) {
        let mut head = self.0.head.subscribe();
        loop {
            if *head.borrow_and_update() > position {
                return;
            }
            tokio::select! {
                _ = head.changed() => {}
                () = tokio::time::sleep(POLL) => {
                    // Away now is no reason to stop: whoever reads next meets the error and tells it.
                    let _ = self.committed_head().await;
                }
            }
        }
    }

    /// A repository for one command, which learns where its append was committed.
    #[must_use]
    pub fn repository(&self) -> Repository {
        Repository {
            log: self.clone(),
            committed: Arc::default(),
        }
    }
}

/// cqrs-es's way to the log for one command: sqlite-es loads, the group writer appends.
#[derive(Clone)]
pub struct Repository {
    log: SqliteLog,
    committed: Arc<OnceLock<Position>>,
}

impl Repository {
    /// The position of the last event of this command's append, once it is committed.
    #[must_use]
    pub fn committed(&self) -> Option<Position> {
        self.committed.get().copied()
    }
}

impl PersistedEventRepository for Repository {
    async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.log.0.loads.get_events::<A>(id).await
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.log
            .0
            .loads
            .get_last_events::<A>(id, last_sequence)
            .await
    }

    /// There are no snapshots: a stream is short.
    async fn get_snapshot<A: Aggregate>(
        &self,
        _id: &str,
    ) -> Result<Option<SerializedSnapshot>, PersistenceError> {
        Ok(None)
    }

    async fn persist<A: Aggregate>(
        &self,
        events: &[SerializedEvent],
        _snapshot: Option<(String, Value, usize)>,
    ) -> Result<(), PersistenceError> {
        let (answer, answered) = oneshot::channel();
        let append = Append {
            events: events.to_vec(),
            answer,
        };
        let outcome = match self.log.0.appends.send(append).await {
            Ok(()) => answered.await.unwrap_or(Err(AppendError::Closing)),
            Err(_) => Err(AppendError::Closing),
        };
        match outcome {
            Ok(position) => {
                self.committed.get_or_init(|| position);
                Ok(())
            }
            Err(AppendError::Conflict) => Err(PersistenceError::OptimisticLockError),
            Err(error) => Err(PersistenceError::ConnectionError(Box::new(error))),
        }
    }

    async fn stream_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        self.log.0.loads.stream_events::<A>(id).await
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        self.log.0.loads.stream_all_events::<A>().await
    }
}

/// Takes what has gathered while the last commit ran, and commits it together.
async fn write_groups(
    database: Database,
    clock: Clock,
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
        let outcomes = commit(&database, &clock, &group).await;
        let (outcomes, retried) = match outcomes {
            Ok(outcomes) => (outcomes, false),
            Err(error) if group.len() == 1 => {
                (vec![Err(AppendError::Database(Arc::new(error)))], false)
            }
            // One bad append must not fail its neighbours.
            Err(error) => {
                let one_by_one = commit_one_by_one(&database, &clock, &group, error).await;
                (one_by_one, true)
            }
        };
        if retried {
            tracing::warn!(
                appends = group.len(),
                "a group of appends failed and was taken one by one"
            );
        }
        let last = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().ok())
            .max();
        if let Some(&last) = last {
            advance(&head, last);
        }
        for (append, outcome) in group.into_iter().zip(outcomes) {
            // Who asked may be gone; the commit stands all the same.
            let _ = append.answer.send(outcome);
        }
    }
}

async fn commit_one_by_one(
    database: &Database,
    clock: &Clock,
    group: &[Append],
    why: sqlx::Error,
) -> Vec<Result<Position, AppendError>> {
    let why = Arc::new(why);
    let mut outcomes = Vec::with_capacity(group.len());
    for append in group {
        let alone = commit(database, clock, std::slice::from_ref(append)).await;
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
/// a gap, and only the first of its stream; the others lost their race.
async fn commit(
    database: &Database,
    clock: &Clock,
    group: &[Append],
) -> Result<Vec<Result<Position, AppendError>>, sqlx::Error> {
    let mut transaction = database.begin().await?;
    let (mut position, last_time) = end_of_log(&mut transaction).await?;
    let lengths = stream_lengths(&mut transaction, group).await?;
    let recorded_at =
        fixed_width(last_time.map_or_else(|| clock.now(), |last| clock.now().max(last)));
    let mut taken = HashSet::new();
    let mut rows = Vec::new();
    let mut outcomes = Vec::with_capacity(group.len());
    for Append { events, .. } in group {
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
    if !rows.is_empty() {
        sqlx::query(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, \
             event_version, payload, metadata, recorded_at) \
             SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, \
             value ->> 6, value ->> 7, value ->> 8 FROM json_each($1)",
        )
        .bind(Value::Array(rows).to_string())
        .execute(&mut *transaction)
        .await?;
    }
    transaction.commit().await?;
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

async fn end_of_log(
    connection: &mut AnyConnection,
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

/// The last sequence of each stream that the group appends to.
async fn stream_lengths(
    connection: &mut AnyConnection,
    group: &[Append],
) -> Result<HashMap<(String, String), i64>, sqlx::Error> {
    let streams: Vec<Value> = group
        .iter()
        .filter_map(|append| append.events.first())
        .map(|first| json!([first.aggregate_type, first.aggregate_id]))
        .collect();
    let rows = sqlx::query(
        "SELECT asked.value ->> 0, asked.value ->> 1, (SELECT max(sequence) FROM events \
         WHERE aggregate_type = asked.value ->> 0 AND aggregate_id = asked.value ->> 1) \
         FROM json_each($1) AS asked",
    )
    .bind(Value::Array(streams).to_string())
    .fetch_all(connection)
    .await?;
    rows.iter()
        .map(|row| {
            let length: Option<i64> = row.try_get(2)?;
            Ok(((row.try_get(0)?, row.try_get(1)?), length.unwrap_or(0)))
        })
        .collect()
}

async fn stored_head(database: &Database) -> Result<Position, sqlx::Error> {
    sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM events")
        .fetch_one(&database.read)
        .await
}

fn advance(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|present| {
        let grown = to > *present;
        *present = to.max(*present);
        grown
    });
}

fn recorded(row: &AnyRow) -> Result<Recorded, ReadError> {
    let position = row.try_get("position")?;
    // What somebody made of a row past the triggers must not stop all readers: no event can be read from a mere text.
    let json = |text: String| serde_json::from_str(&text).unwrap_or(Value::String(text));
    let recorded_at: String = row.try_get("recorded_at")?;
    Ok(Recorded {
        position,
        stream_kind: row.try_get("aggregate_type")?,
        stream_id: row.try_get("aggregate_id")?,
        sequence: row.try_get("sequence")?,
        event_type: row.try_get("event_type")?,
        event_version: row.try_get("event_version")?,
        payload: json(row.try_get("payload")?),
        metadata: json(row.try_get("metadata")?),
        recorded_at: time_of(&recorded_at).map_err(|error| ReadError::Corrupt {
            position,
            why: error.to_string(),
        })?,
    })
}
