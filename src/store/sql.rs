//! The event log in a SQL database: loaded by sqlite-es or postgres-es, read in committed order, appended to in groups.

mod append;
mod groups;
mod postgres;
mod sqlite;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicI32;
use std::time::Duration;

use cqrs_es::Aggregate;
use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use jiff::Timestamp;
use postgres_es::PostgresEventRepository;
use serde_json::Value;
use sqlite_es::SqliteEventRepository;
use sqlx::Row;
use sqlx::any::AnyRow;
use tokio::sync::{mpsc, watch};
use tokio::time::error::Elapsed;
use tokio::time::{Instant, timeout, timeout_at};

use self::append::{Append, AppendError};
use self::groups::{GROUP, Writer, write_groups};
use self::postgres::PostgresWriter;
use self::sqlite::SqliteWriter;
use super::stamp::Stamp;
use super::{GivenUp, Position, ReadError, Recorded, advance, grown};
use crate::ambient::Clock;
use crate::database::{Database, Native, time_of};

/// How often the log is looked at for commits of other programs on the same file.
const POLL: Duration = Duration::from_millis(200);

/// How long the loading of a stream may take, which is some milliseconds: a server that fell silent is no reason to wait for ever.
const LOADING: Duration = Duration::from_secs(2);

/// Streams in one look-up.
const IDS: usize = 500;

/// What is read of an event.
const COLUMNS: &str = "position, aggregate_type, aggregate_id, sequence, event_type, event_version, \
     CAST(payload AS TEXT) AS payload, CAST(metadata AS TEXT) AS metadata, recorded_at";

/// cqrs-es's own repositories, of which only the loading is used.
enum Loads {
    Sqlite(SqliteEventRepository),
    Postgres(PostgresEventRepository),
}

/// Calls the same method of whichever repository there is.
macro_rules! loads {
    ($loads:expr, $repository:ident => $call:expr) => {
        match $loads {
            Loads::Sqlite($repository) => $call,
            Loads::Postgres($repository) => $call,
        }
    };
}

/// The log; cheap to clone.
#[derive(Clone)]
pub struct SqlLog(Arc<Inner>);

struct Inner {
    database: Database,
    loads: Loads,
    appends: mpsc::Sender<Append>,
    head: watch::Sender<Position>,
}

impl SqlLog {
    /// The log in `database`, which must be migrated; `clock` stamps what is appended, and from now on shows no time before
    /// the last event's.
    ///
    /// # Errors
    /// The database is away.
    pub async fn open(database: Database, clock: Clock) -> Result<Self, sqlx::Error> {
        let (position, last_time) = end_of_log(&database).await?;
        let stamp = Stamp::new(clock);
        stamp.after(last_time);
        let (head, _) = watch::channel(position);
        let (appends, waiting) = mpsc::channel(GROUP);
        let (loads, writer) = match database.native.clone() {
            Native::Sqlite(pool) => {
                let loads = SqliteEventRepository::new(pool);
                let database = database.clone();
                let writer = SqliteWriter { database, stamp };
                (Loads::Sqlite(loads), Writer::Sqlite(writer))
            }
            Native::Postgres(pool) => {
                let loads = PostgresEventRepository::new(pool.clone());
                let own = Arc::<AtomicI32>::default();
                tokio::spawn(postgres::listen(
                    pool.clone(),
                    database.clone(),
                    head.clone(),
                    own.clone(),
                ));
                let writer = PostgresWriter::new(pool, stamp, last_time, own);
                (Loads::Postgres(loads), Writer::Postgres(writer))
            }
        };
        tokio::spawn(write_groups(writer, waiting, head.clone()));
        Ok(Self(Arc::new(Inner {
            database,
            loads,
            appends,
            head,
        })))
    }

    pub(super) async fn ended(&self) {
        self.0.appends.closed().await;
    }

    pub(super) fn head(&self) -> Position {
        *self.0.head.borrow()
    }

    pub(super) async fn committed_head(&self) -> Result<Position, ReadError> {
        let stored = stored_head(&self.0.database).await?;
        advance(&self.0.head, stored);
        Ok(stored)
    }

    pub(super) async fn read_after(
        &self,
        position: Position,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        let sql =
            format!("SELECT {COLUMNS} FROM events WHERE position > $1 ORDER BY position LIMIT $2");
        let rows = sqlx::query(&sql)
            .bind(position)
            .bind(limit)
            .fetch_all(&self.0.database.read)
            .await?;
        rows.iter().map(recorded).collect()
    }

    pub(super) async fn read_stream_after(
        &self,
        kind: &str,
        id: &str,
        position: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        // Mostly there is none: then a server looks at the stream's last event alone, and not at each of them, far from each other as
        // they are. Positions grow along a stream.
        let sql = format!(
            "SELECT {COLUMNS} FROM events WHERE aggregate_type = $1 AND aggregate_id = $2 AND position > $3 AND $3 < \
             (SELECT last.position FROM events AS last WHERE last.aggregate_type = $1 AND last.aggregate_id = $2 \
             ORDER BY last.sequence DESC LIMIT 1) ORDER BY sequence"
        );
        let rows = sqlx::query(&sql)
            .bind(kind)
            .bind(id)
            .bind(position)
            .fetch_all(&self.0.database.read)
            .await?;
        rows.iter().map(recorded).collect()
    }

    pub(super) async fn read_streams(
        &self,
        kind: &str,
        ids: &[String],
    ) -> Result<HashMap<String, Vec<Recorded>>, ReadError> {
        let mut streams: HashMap<String, Vec<Recorded>> = HashMap::new();
        let dialect = self.0.database.dialect();
        let sql = format!(
            "SELECT {COLUMNS} FROM {} ORDER BY position",
            dialect.rows_of_list("events", "aggregate_id", "AND aggregate_type = $2")
        );
        // A stream that is asked for twice, far from each other, has no event twice.
        let ids: HashSet<&String> = ids.iter().collect();
        let ids: Vec<&String> = ids.into_iter().collect();
        for ids in ids.chunks(IDS) {
            let rows = dialect
                .query_list(&sql, ids)?
                .bind(kind)
                .fetch_all(&self.0.database.read)
                .await?;
            for row in rows {
                let event = recorded(&row)?;
                let stream = streams.entry(event.stream_id.clone()).or_default();
                stream.push(event);
            }
        }
        Ok(streams)
    }

    pub(super) async fn begun(
        &self,
        kind: &str,
        ids: &[String],
    ) -> Result<HashSet<String>, ReadError> {
        begun_in(&self.0.database, "events", kind, ids).await
    }

    pub(super) async fn changed(&self, position: Position) {
        grown(&self.0.head, position, POLL, || async {
            // Away now is no reason to stop: whoever reads next meets the error and tells it.
            let _ = self.committed_head().await;
        })
        .await;
    }

    pub(super) fn repository(&self, deadline: Instant) -> SqlRepository {
        SqlRepository {
            log: self.clone(),
            deadline,
            committed: Arc::default(),
        }
    }
}

/// Which of these streams have begun, by the first event that `table` has of each.
pub(super) async fn begun_in(
    database: &Database,
    table: &str,
    kind: &str,
    ids: &[String],
) -> Result<HashSet<String>, ReadError> {
    let mut begun = HashSet::new();
    let dialect = database.dialect();
    let first = "AND aggregate_type = $2 AND sequence = 1";
    let sql = format!(
        "SELECT aggregate_id FROM {}",
        dialect.rows_of_list(table, "aggregate_id", first)
    );
    for ids in ids.chunks(IDS) {
        let query = dialect.query_list(&sql, ids)?.bind(kind);
        for row in query.fetch_all(&database.read).await? {
            begun.insert(row.try_get(0)?);
        }
    }
    Ok(begun)
}

/// cqrs-es's way to the log for one command: sqlite-es loads, the group writer appends.
#[derive(Clone)]
pub struct SqlRepository {
    log: SqlLog,
    deadline: Instant,
    committed: Arc<OnceLock<Position>>,
}

impl SqlRepository {
    pub(super) fn committed(&self) -> Option<Position> {
        self.committed.get().copied()
    }
}

impl SqlRepository {
    pub(super) async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        in_time(
            loads!(&self.log.0.loads, loads => timeout(LOADING, loads.get_events::<A>(id)).await),
        )
    }

    pub(super) async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        in_time(loads!(&self.log.0.loads, loads => {
            timeout(LOADING, loads.get_last_events::<A>(id, last_sequence)).await
        }))
    }

    pub(super) async fn persist(&self, events: &[SerializedEvent]) -> Result<(), PersistenceError> {
        let (append, asked) = Append::new(events);
        let outcome = match timeout_at(self.deadline, self.log.0.appends.send(append)).await {
            Ok(Ok(())) => asked.answer(self.deadline).await,
            Ok(Err(_)) => Err(AppendError::Closing),
            Err(_) => Err(AppendError::GivenUp(GivenUp)),
        };
        match outcome {
            Ok(position) => {
                self.committed.get_or_init(|| position);
                Ok(())
            }
            Err(AppendError::Conflict) => Err(PersistenceError::OptimisticLockError),
            Err(AppendError::GivenUp(error)) => {
                Err(PersistenceError::ConnectionError(Box::new(error)))
            }
            Err(error) => Err(PersistenceError::ConnectionError(Box::new(error))),
        }
    }
}

fn in_time<T>(loaded: Result<Result<T, PersistenceError>, Elapsed>) -> Result<T, PersistenceError> {
    loaded.unwrap_or_else(|late| Err(PersistenceError::ConnectionError(Box::new(late))))
}

/// The last position, and its time.
async fn end_of_log(database: &Database) -> Result<(Position, Option<Timestamp>), sqlx::Error> {
    let last =
        sqlx::query("SELECT position, recorded_at FROM events ORDER BY position DESC LIMIT 1")
            .fetch_optional(&database.read)
            .await?;
    last.map_or(Ok((0, None)), |row| {
        let recorded_at: String = row.try_get(1)?;
        Ok((row.try_get(0)?, Some(time_of(&recorded_at)?)))
    })
}

async fn stored_head(database: &Database) -> Result<Position, sqlx::Error> {
    sqlx::query_scalar("SELECT COALESCE(MAX(position), 0) FROM events")
        .fetch_one(&database.read)
        .await
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
