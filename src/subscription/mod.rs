//! The way out: readers follow the committed log from a checkpoint, for ever, never passing over an event.

mod before;
mod compare;
mod projector;
mod rebuild;
mod tables;

use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use futures::future::BoxFuture;
use sqlx::AnyConnection;
use sqlx::error::ErrorKind;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

pub use self::before::Before;
pub use self::compare::Differing;
pub use self::projector::Projector;
use crate::database::{AnyQuery, Database, Insert};
pub use crate::store::{EventLog, Position, ReadError, Recorded};

/// How many events are read and folded at once.
const BATCH: i64 = 500;

/// How many events a rebuild reads and folds at once: more than the live projector, since what is written again with each batch (sums of days,
/// where members stand) is then written less often. With those read ahead, it is all that it holds in memory. It ends a batch at each
/// multiple of it, so what is added up for so many positions of the log is written once.
pub const REBUILT_AT_ONCE: Position = 4096;

/// A reader looks no more often than this, unless somebody waits for it: under load, what was committed gathers meanwhile, and one
/// transaction does for many events. What comes after a while of rest is read at once.
const APART: Duration = Duration::from_millis(200);

/// After so many positions a reactor notes how far it has come, though nothing has concerned it: what it reads again after a start, at most.
const NOTED_AFTER: Position = 10_000;

/// How long a reader rests after an error before it repeats the batch.
const REST: Duration = Duration::from_millis(500);

/// A read model: tables that are folded from the log alone, and can be thrown away.
pub trait Projection: Send + Sync {
    /// Its name, as `kadode rebuild` takes it.
    fn name(&self) -> &'static str;

    /// The tables that it alone writes.
    fn tables(&self) -> &'static [&'static str];

    /// The WHERE clause of the rows that `kadode check --read-models` compares; empty: all rows of the table. It leaves out rows that may be
    /// missing without harm, such as sums of 0: whether they are written depends on where batches end.
    fn telling(&self, _table: &str) -> &'static str {
        ""
    }

    /// What `batch` makes of the tables whose names end in `suffix`, one `Insert` a table. They are as they were `before` it; nothing
    /// is written yet.
    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>>;
}

/// Something that follows from events: at least once, and never on a rebuild.
pub trait Reactor: Send + Sync {
    /// The name of its checkpoint.
    fn name(&self) -> &'static str;

    /// Whether this reactor has anything to do for an event. It is not given other events. Its checkpoint moves past them together with the
    /// next event that it is given, since a transaction for each of them would make appends wait.
    fn concerns(&self, _: &Recorded) -> bool {
        true
    }

    /// Does what has to be committed before the transaction that moves the checkpoint begins; all of it again, if the batch comes again.
    fn prepare<'a>(&'a self, _: &'a [Recorded]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(std::future::ready(Ok(())))
    }

    /// Notes what is to be done, in the transaction that moves the checkpoint.
    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>>;

    /// Told after the commit.
    fn committed(&self) {}
}

/// Why a batch could not be folded.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// An event cannot be read.
    #[error("an event cannot be read: {0}")]
    Unreadable(String),
    /// The database refuses.
    #[error("{0}")]
    Database(#[from] sqlx::Error),
}

impl From<ReadError> for ApplyError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Database(error) => Self::Database(error),
            ReadError::Away(_) => Self::Database(sqlx::Error::Io(io::Error::other(error))),
            ReadError::Corrupt { .. } => Self::Unreadable(error.to_string()),
        }
    }
}

impl ApplyError {
    /// Whether an event is to blame, and not the database's state of the moment.
    fn is_of_the_event(&self) -> bool {
        match self {
            // What cannot be handed to the database holds what no text may.
            Self::Unreadable(_) | Self::Database(sqlx::Error::Encode(_)) => true,
            Self::Database(sqlx::Error::Database(error)) => matches!(
                error.kind(),
                ErrorKind::UniqueViolation
                    | ErrorKind::CheckViolation
                    | ErrorKind::ForeignKeyViolation
                    | ErrorKind::NotNullViolation
            ),
            Self::Database(_) => false,
        }
    }
}

/// Why a reader could not go on.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The log cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The batch could not be folded.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// It panicked, and said so on stderr.
    #[error("it panicked")]
    Panicked,
    /// Another program moved the checkpoint.
    #[error("another program moved the checkpoint of {0}")]
    CheckpointMoved(String),
    /// The same trouble with the database for too long.
    #[error("no event could be folded for {} s: {last}", .patience.as_secs())]
    GaveUp {
        /// How long it was tried.
        patience: Duration,
        /// The last error.
        last: Box<FollowError>,
    },
}

impl FollowError {
    /// Whether it may be gone in a moment: the database's trouble, which no event is to blame for.
    fn may_pass(&self) -> bool {
        match self {
            Self::Read(error) => matches!(error, ReadError::Database(_) | ReadError::Away(_)),
            Self::Apply(error) => !error.is_of_the_event(),
            Self::CheckpointMoved(_) | Self::GaveUp { .. } | Self::Panicked => false,
        }
    }
}

impl From<sqlx::Error> for FollowError {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(ApplyError::Database(error))
    }
}

/// Tells how far the read models have come.
#[derive(Clone, Debug)]
pub struct Progress {
    position: watch::Receiver<Position>,
    /// Whoever waits for the read models does not wait until more has gathered.
    hurry: Arc<Notify>,
}

impl Progress {
    /// Waits until the read models show `position`, but no longer than `patience`; answers whether they do.
    pub async fn reached(&self, position: Position, patience: Duration) -> bool {
        let mut progress = self.position.clone();
        if *progress.borrow() < position {
            self.hurry.notify_one();
        }
        let reached = progress.wait_for(|&present| present >= position);
        matches!(tokio::time::timeout(patience, reached).await, Ok(Ok(_)))
    }

    /// The position that the read models show.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.position.borrow()
    }

    /// Waits until the read models show more than they did at the last call.
    pub async fn moved(&mut self) {
        // The projector lives as long as the program; were it gone, there would be nothing to wait for.
        if self.position.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Follows the log for ever for one reactor.
pub async fn follow(log: EventLog, database: Database, reactor: Arc<dyn Reactor>) {
    loop {
        if let Err(error) = unless_it_panics(react(&log, &database, reactor.as_ref())).await {
            tracing::error!(%error, reactor = reactor.name(), "a reactor rests and tries again");
            tokio::time::sleep(REST).await;
        }
    }
}

/// What an event makes panic stays undone, as with any other error, and all else goes on.
async fn unless_it_panics(
    work: impl Future<Output = Result<(), FollowError>>,
) -> Result<(), FollowError> {
    AssertUnwindSafe(work)
        .catch_unwind()
        .await
        .unwrap_or(Err(FollowError::Panicked))
}

async fn react(
    log: &EventLog,
    database: &Database,
    reactor: &dyn Reactor,
) -> Result<(), FollowError> {
    let mut noted = begin_reading(database, reactor.name()).await?;
    let mut position = noted;
    loop {
        let before = position;
        let began = Instant::now();
        let mut batch = log.read_after(before, BATCH).await?;
        position = batch.last().map_or(before, |last| last.position);
        batch.retain(|event| reactor.concerns(event));
        if !batch.is_empty() || position - noted >= NOTED_AFTER {
            reactor.prepare(&batch).await?;
            let mut transaction = database.begin().await?;
            reactor.react(&batch, &mut transaction).await?;
            move_checkpoint(reactor.name(), noted, position, &mut transaction).await?;
            transaction.commit().await?;
            reactor.committed();
            noted = position;
        }
        if position - before < BATCH {
            log.changed(position).await;
            tokio::time::sleep_until(began + APART).await;
        }
    }
}

/// How far a reader has come.
///
/// # Errors
/// The database is away.
pub async fn checkpoint(database: &Database, reader: &str) -> Result<Position, sqlx::Error> {
    let stored = sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = $1")
        .bind(reader)
        .fetch_optional(&database.read)
        .await?;
    Ok(stored.unwrap_or(0))
}

/// Where a reader goes on; one that is new begins at 0.
async fn begin_reading(database: &Database, reader: &str) -> Result<Position, sqlx::Error> {
    let stored = sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = $1")
        .bind(reader)
        .fetch_optional(&database.read)
        .await?;
    if let Some(stored) = stored {
        return Ok(stored);
    }
    sqlx::query("INSERT INTO checkpoints (reader, position) VALUES ($1, 0) ON CONFLICT DO NOTHING")
        .bind(reader)
        .execute(&database.write)
        .await?;
    checkpoint(database, reader).await
}

/// Moves a checkpoint that stands at `from`, and answers with a row if it did.
fn moving(reader: &str, from: Position, to: Position) -> AnyQuery<'_> {
    sqlx::query(
        "UPDATE checkpoints SET position = $3 WHERE reader = $1 AND position = $2 RETURNING position",
    )
    .bind(reader)
    .bind(from)
    .bind(to)
}

/// Moves a checkpoint that stands at `from`.
async fn move_checkpoint(
    reader: &str,
    from: Position,
    to: Position,
    connection: &mut AnyConnection,
) -> Result<(), FollowError> {
    let moved = moving(reader, from, to).fetch_optional(connection).await?;
    moved
        .map(drop)
        .ok_or_else(|| FollowError::CheckpointMoved(reader.to_owned()))
}
