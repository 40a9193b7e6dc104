//! The way out: readers follow the committed log from a checkpoint, for ever, never passing over an event.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use sqlx::{AnyConnection, Row};
use tokio::sync::watch;

use crate::database::Database;
pub use crate::store::{EventLog, Position, Recorded};

use crate::store::ReadError;

/// How many events are read and folded at once.
const BATCH: i64 = 500;

/// How long a reader rests after an error before it repeats the batch.
const REST: Duration = Duration::from_millis(500);

/// The checkpoint that all read models and the ledger's leaves share.
const READ_MODELS: &str = "read_models";

/// What is appended to a read model's table names while it is built anew.
pub const REBUILD: &str = "_rebuild";

/// A read model: tables that are folded from the log alone, and can be thrown away.
pub trait Projection: Send + Sync {
    /// Its name, as `kadode rebuild` takes it.
    fn name(&self) -> &'static str;

    /// The tables that it alone writes.
    fn tables(&self) -> &'static [&'static str];

    /// Folds `batch` into the tables whose names end in `suffix`, with few statements a table.
    fn apply<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>>;
}

/// Something that follows from events: at least once, and never on a rebuild.
pub trait Reactor: Send + Sync {
    /// The name of its checkpoint.
    fn name(&self) -> &'static str;

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

impl ApplyError {
    /// Whether an event is to blame, and not the database's state of the moment.
    fn is_of_the_event(&self) -> bool {
        match self {
            Self::Unreadable(_) => true,
            Self::Database(sqlx::Error::Database(error)) => {
                error.is_unique_violation()
                    || error.is_check_violation()
                    || error.is_foreign_key_violation()
            }
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
    /// Another program moved the checkpoint.
    #[error("another program moved the checkpoint of {0}")]
    CheckpointMoved(&'static str),
}

impl From<sqlx::Error> for FollowError {
    fn from(error: sqlx::Error) -> Self {
        Self::Apply(ApplyError::Database(error))
    }
}

/// Keeps the read models and the ledger's leaves up with the log.
pub struct Projector {
    log: EventLog,
    database: Database,
    read_models: Vec<Arc<dyn Projection>>,
    leaves: Arc<dyn Projection>,
    progress: watch::Sender<Position>,
}

impl Projector {
    /// A projector of `read_models` and of the ledger's `leaves`.
    #[must_use]
    pub fn new(
        log: EventLog,
        database: Database,
        read_models: Vec<Arc<dyn Projection>>,
        leaves: Arc<dyn Projection>,
    ) -> Self {
        let (progress, _) = watch::channel(0);
        Self {
            log,
            database,
            read_models,
            leaves,
            progress,
        }
    }

    /// Where readers learn how far the read models have come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress(self.progress.subscribe())
    }

    /// Follows the log for ever.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.follow().await {
                tracing::error!(%error, "the read models rest and try again");
                tokio::time::sleep(REST).await;
            }
        }
    }

    async fn follow(&self) -> Result<(), FollowError> {
        loop {
            let position = self.catch_up().await?;
            self.log.changed(position).await;
        }
    }

    /// Folds all that is committed and answers with the position reached.
    ///
    /// # Errors
    /// See [`FollowError`].
    pub async fn catch_up(&self) -> Result<Position, FollowError> {
        let mut position = checkpoint(&self.database, READ_MODELS).await?;
        self.progress.send_replace(position);
        loop {
            let batch = self.log.read_after(position, BATCH).await?;
            if batch.is_empty() {
                return Ok(position);
            }
            position = self.fold(position, &batch).await?;
            metrics::gauge!("kadode_projected_position").set(as_metric(position));
        }
    }

    /// Folds a batch in one transaction; where an event is to blame for a failure, halves the batch until it is found
    /// and parks it.
    async fn fold(&self, from: Position, batch: &[Recorded]) -> Result<Position, FollowError> {
        let mut from = from;
        let mut waiting = vec![batch];
        while let Some(part) = waiting.pop() {
            let Some(last) = part.last() else { continue };
            match self.fold_part(from, part, last.position).await {
                Err(FollowError::Apply(error)) if error.is_of_the_event() => {
                    if let [poison] = part {
                        self.park(from, poison, &error.to_string()).await?;
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        waiting.push(second);
                        waiting.push(first);
                        continue;
                    }
                }
                outcome => outcome?,
            }
            from = last.position;
            self.progress.send_replace(from);
        }
        Ok(from)
    }

    async fn fold_part(
        &self,
        from: Position,
        part: &[Recorded],
        to: Position,
    ) -> Result<(), FollowError> {
        let mut transaction = self.database.begin().await?;
        let (readable, behind_parked) = apart(part, &mut transaction).await?;
        for read_model in &self.read_models {
            read_model.apply(&readable, "", &mut transaction).await?;
        }
        for event in behind_parked {
            park_event(
                &event,
                "an earlier event of the stream is parked",
                &mut transaction,
            )
            .await?;
        }
        self.leaves.apply(part, "", &mut transaction).await?;
        move_checkpoint(READ_MODELS, from, to, &mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    async fn park(&self, from: Position, poison: &Recorded, why: &str) -> Result<(), FollowError> {
        tracing::error!(
            position = poison.position,
            why,
            "an event is parked: the read models go on without its stream"
        );
        let mut transaction = self.database.begin().await?;
        park_event(poison, why, &mut transaction).await?;
        self.leaves
            .apply(std::slice::from_ref(poison), "", &mut transaction)
            .await?;
        move_checkpoint(READ_MODELS, from, poison.position, &mut transaction).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Builds the read models named `only` (or all) anew beside the live ones and puts them in their place, while the
    /// live ones are read and kept up. `told` hears how many events were folded.
    ///
    /// # Errors
    /// See [`FollowError`]; the live read models are as before then.
    pub async fn rebuild(
        &self,
        only: Option<&str>,
        told: impl Fn(Position) + Send,
    ) -> Result<(), FollowError> {
        let chosen: Vec<_> = self
            .read_models
            .iter()
            .filter(|read_model| only.is_none_or(|name| read_model.name() == name))
            .cloned()
            .collect();
        let mut transaction = self.database.begin().await?;
        for table in chosen.iter().flat_map(|read_model| read_model.tables()) {
            create_like(table, &mut transaction).await?;
        }
        transaction.commit().await?;
        let mut position = 0;
        loop {
            let batch = self.log.read_after(position, BATCH).await?;
            let Some(last) = batch.last() else { break };
            let mut transaction = self.database.begin().await?;
            refold(&chosen, &batch, only.is_some(), &mut transaction).await?;
            transaction.commit().await?;
            position = last.position;
            told(position);
        }
        self.swap(&chosen, position, only.is_some()).await
    }

    /// Brings the new tables to just where the live ones are, and renames them, in one transaction.
    async fn swap(
        &self,
        chosen: &[Arc<dyn Projection>],
        built: Position,
        skip_parked: bool,
    ) -> Result<(), FollowError> {
        let mut transaction = self.database.begin().await?;
        let live = checkpoint_in(READ_MODELS, &mut transaction).await?;
        if live < built {
            // The live ones lag: they start where the new ones are; the leaves between are written here.
            let mut position = live;
            while position < built {
                let batch = self
                    .log
                    .read_after(position, BATCH.min(built - position))
                    .await?;
                self.leaves.apply(&batch, "", &mut transaction).await?;
                if chosen.len() < self.read_models.len() {
                    let (readable, _) = apart(&batch, &mut transaction).await?;
                    for other in self.others(chosen) {
                        other.apply(&readable, "", &mut transaction).await?;
                    }
                }
                position = batch.last().map_or(built, |last| last.position);
            }
            move_checkpoint(READ_MODELS, live, built, &mut transaction).await?;
        }
        let mut position = built;
        while position < live {
            let batch = self
                .log
                .read_after(position, BATCH.min(live - position))
                .await?;
            refold(chosen, &batch, skip_parked, &mut transaction).await?;
            position = batch.last().map_or(live, |last| last.position);
        }
        for table in chosen.iter().flat_map(|read_model| read_model.tables()) {
            for statement in [
                format!("DROP TABLE {table}"),
                format!("ALTER TABLE {table}{REBUILD} RENAME TO {table}"),
            ] {
                sqlx::query(&statement).execute(&mut *transaction).await?;
            }
        }
        if !skip_parked {
            // All of them took every event, so none is parked any more.
            sqlx::query("DELETE FROM parked_events")
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    fn others<'a>(
        &'a self,
        chosen: &'a [Arc<dyn Projection>],
    ) -> impl Iterator<Item = &'a Arc<dyn Projection>> {
        self.read_models
            .iter()
            .filter(|model| chosen.iter().all(|taken| taken.name() != model.name()))
    }
}

/// Tells how far the read models have come.
#[derive(Clone, Debug)]
pub struct Progress(watch::Receiver<Position>);

impl Progress {
    /// Waits until the read models show `position`, but no longer than `patience`; answers whether they do.
    pub async fn reached(&self, position: Position, patience: Duration) -> bool {
        let mut progress = self.0.clone();
        let reached = progress.wait_for(|&present| present >= position);
        matches!(tokio::time::timeout(patience, reached).await, Ok(Ok(_)))
    }

    /// The position that the read models show.
    #[must_use]
    pub fn position(&self) -> Position {
        *self.0.borrow()
    }

    /// Waits until the read models show more than they did at the last call.
    pub async fn moved(&mut self) {
        // The projector lives as long as the program; were it gone, there would be nothing to wait for.
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// Follows the log for ever for one reactor.
pub async fn follow(log: EventLog, database: Database, reactor: Arc<dyn Reactor>) {
    loop {
        if let Err(error) = react(&log, &database, reactor.as_ref()).await {
            tracing::error!(%error, reactor = reactor.name(), "a reactor rests and tries again");
            tokio::time::sleep(REST).await;
        }
    }
}

async fn react(
    log: &EventLog,
    database: &Database,
    reactor: &dyn Reactor,
) -> Result<(), FollowError> {
    let mut position = checkpoint(database, reactor.name()).await?;
    loop {
        let batch = log.read_after(position, BATCH).await?;
        let Some(last) = batch.last() else {
            log.changed(position).await;
            continue;
        };
        let mut transaction = database.begin().await?;
        reactor.react(&batch, &mut transaction).await?;
        move_checkpoint(reactor.name(), position, last.position, &mut transaction).await?;
        transaction.commit().await?;
        reactor.committed();
        position = last.position;
    }
}

/// How far a reader has come.
///
/// # Errors
/// The database is away.
pub async fn checkpoint(
    database: &Database,
    reader: &'static str,
) -> Result<Position, sqlx::Error> {
    let stored = sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = $1")
        .bind(reader)
        .fetch_optional(&database.read)
        .await?;
    Ok(stored.unwrap_or(0))
}

async fn checkpoint_in(
    reader: &'static str,
    connection: &mut AnyConnection,
) -> Result<Position, sqlx::Error> {
    let stored = sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = $1")
        .bind(reader)
        .fetch_optional(connection)
        .await?;
    Ok(stored.unwrap_or(0))
}

async fn move_checkpoint(
    reader: &'static str,
    from: Position,
    to: Position,
    connection: &mut AnyConnection,
) -> Result<(), FollowError> {
    let moved = sqlx::query(
        "INSERT INTO checkpoints (reader, position) VALUES ($1, $3) \
         ON CONFLICT (reader) DO UPDATE SET position = $3 WHERE checkpoints.position = $2",
    )
    .bind(reader)
    .bind(from)
    .bind(to)
    .execute(connection)
    .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(FollowError::CheckpointMoved(reader))
    }
}

/// Folds a batch into the new tables. A rebuild of all read models tries parked events again; one of some leaves them.
async fn refold(
    chosen: &[Arc<dyn Projection>],
    batch: &[Recorded],
    skip_parked: bool,
    connection: &mut AnyConnection,
) -> Result<(), FollowError> {
    let readable = if skip_parked {
        apart(batch, connection).await?.0
    } else {
        batch.to_vec()
    };
    for read_model in chosen {
        read_model.apply(&readable, REBUILD, connection).await?;
    }
    Ok(())
}

/// Parts a batch into what read models may take and what waits behind a parked event of its stream.
async fn apart(
    batch: &[Recorded],
    connection: &mut AnyConnection,
) -> Result<(Vec<Recorded>, Vec<Recorded>), sqlx::Error> {
    let rows = sqlx::query("SELECT position, aggregate_type, aggregate_id FROM parked_events")
        .fetch_all(connection)
        .await?;
    let mut parked = Vec::with_capacity(rows.len());
    for row in rows {
        let position: Position = row.try_get(0)?;
        let kind: String = row.try_get(1)?;
        let id: String = row.try_get(2)?;
        parked.push((position, kind, id));
    }
    let behind = |event: &Recorded| {
        parked.iter().any(|(position, kind, id)| {
            *position <= event.position && *kind == event.stream_kind && *id == event.stream_id
        })
    };
    let (waiting, readable) = batch.iter().cloned().partition(behind);
    Ok((readable, waiting))
}

async fn park_event(
    event: &Recorded,
    why: &str,
    connection: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO parked_events (position, aggregate_type, aggregate_id, why) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (position) DO NOTHING",
    )
    .bind(event.position)
    .bind(&event.stream_kind)
    .bind(&event.stream_id)
    .bind(why)
    .execute(connection)
    .await?;
    metrics::counter!("kadode_parked_events_total").increment(1);
    Ok(())
}

/// Creates `{table}_rebuild` with the columns and keys of `table`.
async fn create_like(table: &str, connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::query(&format!("DROP TABLE IF EXISTS {table}{REBUILD}"))
        .execute(&mut *connection)
        .await?;
    let definition: String =
        sqlx::query_scalar("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = $1")
            .bind(table)
            .fetch_one(&mut *connection)
            .await?;
    // After an earlier rebuild, SQLite has the name in quotes.
    let (_, columns) = definition.split_once('(').unwrap_or((table, ""));
    sqlx::query(&format!("CREATE TABLE {table}{REBUILD} ({columns}"))
        .execute(connection)
        .await
        .map(drop)
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric may be off by one in 2^53"
)]
fn as_metric(position: Position) -> f64 {
    position as f64
}
