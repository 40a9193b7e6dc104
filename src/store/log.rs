//! The log this program runs on, whichever it is.

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate;
use cqrs_es::persist::{
    PersistedEventRepository, PersistenceError, ReplayStream, SerializedEvent, SerializedSnapshot,
};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::kurrent::{KurrentLog, KurrentRepository};
use super::sql::{SqlLog, SqlRepository};
use super::{Position, ReadError, Recorded};
use crate::ambient::Clock;
use crate::database::Database;

/// Streams read side by side where each takes a call of its own, since a call takes long there.
const SIDE_BY_SIDE: usize = 32;

/// The event log; cheap to clone.
#[derive(Clone)]
pub enum EventLog {
    /// In the SQL database.
    Sql(SqlLog),
    /// In KurrentDB, with the numbers of its events in the SQL database.
    Kurrent(KurrentLog),
}

/// Calls the same method of whichever there is.
macro_rules! either {
    ($one:expr, $it:ident => $call:expr) => {
        match $one {
            Self::Sql($it) => $call,
            Self::Kurrent($it) => $call,
        }
    };
}

impl EventLog {
    /// The log in `database`, which must be migrated; `clock` stamps what is appended, and from now on shows no time before
    /// the last event's.
    ///
    /// # Errors
    /// The database is away.
    pub async fn open(database: Database, clock: Clock) -> Result<Self, sqlx::Error> {
        SqlLog::open(database, clock).await.map(Self::Sql)
    }

    /// The log in the event store at the URL `events`, if there is one, else in `database`, which must be migrated.
    ///
    /// # Errors
    /// One line: either is away, or the log of this database is in the other.
    pub async fn open_at(
        events: Option<&str>,
        database: Database,
        clock: Clock,
    ) -> Result<Self, String> {
        let (other, why) = if events.is_some() {
            (
                "SELECT COUNT(*) FROM (SELECT 1 FROM events LIMIT 1) AS any_event",
                "this database has a log of its own: leave --events out, or give another database",
            )
        } else {
            (
                "SELECT COUNT(*) FROM (SELECT 1 FROM positions LIMIT 1) AS any_event",
                "the events of this database are in an event store: give its --events URL",
            )
        };
        let others: Result<i64, _> = sqlx::query_scalar(other).fetch_one(&database.read).await;
        if others.map_err(|error| error.to_string())? > 0 {
            return Err(why.to_owned());
        }
        match events {
            Some(url) => KurrentLog::open(url, database, clock)
                .await
                .map(Self::Kurrent),
            None => Self::open(database, clock)
                .await
                .map_err(|error| error.to_string()),
        }
    }

    /// The position of the last event that this program knows to be committed.
    #[must_use]
    pub fn head(&self) -> Position {
        either!(self, log => log.head())
    }

    /// The position of the last committed event, asked of the store itself.
    ///
    /// # Errors
    /// The store is away.
    pub async fn committed_head(&self) -> Result<Position, ReadError> {
        either!(self, log => log.committed_head().await)
    }

    /// The time of the last event that this program knows to be committed, if there is one.
    ///
    /// # Errors
    /// The store is away, or the event cannot be read.
    pub async fn last_time(&self) -> Result<Option<Timestamp>, ReadError> {
        let last = self.read_after(self.head() - 1, 1).await?;
        Ok(last.first().map(|event| event.recorded_at))
    }

    /// At most `limit` events after `position`, in committed order. None is ever passed over.
    ///
    /// # Errors
    /// The store is away, or an event cannot be read.
    pub async fn read_after(
        &self,
        position: Position,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        either!(self, log => log.read_after(position, limit).await)
    }

    /// All events of one stream, in their order.
    ///
    /// # Errors
    /// The store is away, or an event cannot be read.
    pub async fn read_stream(&self, kind: &str, id: &str) -> Result<Vec<Recorded>, ReadError> {
        self.read_stream_after(kind, id, 0).await
    }

    /// The events of one stream after `position` in the log, in their order.
    ///
    /// # Errors
    /// The store is away, or an event cannot be read.
    pub async fn read_stream_after(
        &self,
        kind: &str,
        id: &str,
        position: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        either!(self, log => log.read_stream_after(kind, id, position).await)
    }

    /// All events of these streams, by stream, in their order.
    ///
    /// # Errors
    /// The store is away, or an event cannot be read.
    pub async fn read_streams(
        &self,
        kind: &str,
        ids: &[String],
    ) -> Result<HashMap<String, Vec<Recorded>>, ReadError> {
        match self {
            Self::Sql(log) => log.read_streams(kind, ids).await,
            Self::Kurrent(_) => {
                let read = |id: &String| {
                    let id = id.clone();
                    async move { Ok((id.clone(), self.read_stream(kind, &id).await?)) }
                };
                stream::iter(ids.iter().map(read))
                    .buffer_unordered(SIDE_BY_SIDE)
                    .try_collect()
                    .await
            }
        }
    }

    /// Which of these streams have an event.
    ///
    /// # Errors
    /// The store is away.
    pub async fn begun(&self, kind: &str, ids: &[String]) -> Result<HashSet<String>, ReadError> {
        either!(self, log => log.begun(kind, ids).await)
    }

    /// Waits until the log has grown beyond `position`, by this program or another.
    pub async fn changed(&self, position: Position) {
        either!(self, log => log.changed(position).await);
    }

    /// Waits until nothing can be appended any more, since what writes the log has panicked.
    pub async fn ended(&self) {
        match self {
            Self::Sql(log) => log.ended().await,
            // Each append writes for itself.
            Self::Kurrent(_) => std::future::pending().await,
        }
    }

    /// A repository for one command, which learns where its append was committed. An append whose commit has not begun by
    /// `deadline` fails with [`GivenUp`](super::GivenUp).
    #[must_use]
    pub fn repository(&self, deadline: Instant) -> Repository {
        match self {
            Self::Sql(log) => Repository::Sql(log.repository(deadline)),
            Self::Kurrent(log) => Repository::Kurrent(log.repository(deadline)),
        }
    }
}

/// cqrs-es's way to the log for one command.
#[derive(Clone)]
pub enum Repository {
    /// To the SQL database.
    Sql(SqlRepository),
    /// To KurrentDB.
    Kurrent(KurrentRepository),
}

impl Repository {
    /// The position of the last event of this command's append, once it is committed.
    #[must_use]
    pub fn committed(&self) -> Option<Position> {
        either!(self, repository => repository.committed())
    }
}

impl PersistedEventRepository for Repository {
    async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        either!(self, repository => repository.get_events::<A>(id).await)
    }

    async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        either!(self, repository => repository.get_last_events::<A>(id, last_sequence).await)
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
        either!(self, repository => repository.persist(events).await)
    }

    /// Nothing of ours asks for it: cqrs-es's own takes a database that goes away in the middle for the stream's end.
    async fn stream_events<A: Aggregate>(
        &self,
        _id: &str,
    ) -> Result<ReplayStream, PersistenceError> {
        Err(not_streamed())
    }

    async fn stream_all_events<A: Aggregate>(&self) -> Result<ReplayStream, PersistenceError> {
        Err(not_streamed())
    }
}

fn not_streamed() -> PersistenceError {
    PersistenceError::UnknownError("the log is read by its positions".into())
}
