//! The projector: one reader that keeps all read models and the ledger's leaves up with the log.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use super::tables::{Fold, PARKED, Tables, park, parked_row};
use super::{
    APART, BATCH, FollowError, Progress, Projection, REST, begin_reading, checkpoint,
    move_checkpoint, moving, unless_it_panics,
};
use crate::database::{Database, Dialect};
use crate::store::{EventLog, Position, Recorded};

/// The checkpoint that all read models and the ledger's leaves share.
pub(super) const READ_MODELS: &str = "read_models";

/// How often a node looks how far another one's projector has come, while it is behind the log.
const LOOK: Duration = Duration::from_millis(20);

/// Keeps the read models and the ledger's leaves up with the log.
pub struct Projector {
    pub(super) log: EventLog,
    pub(super) database: Database,
    pub(super) read_models: Vec<Arc<dyn Projection>>,
    pub(super) leaves: Arc<dyn Projection>,
    progress: watch::Sender<Position>,
    hurry: Arc<Notify>,
}

/// How far a fold came.
pub(super) struct Folded {
    pub(super) position: Position,
    /// How long it kept all other writers waiting.
    pub(super) lock_held: Duration,
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
            hurry: Arc::default(),
        }
    }

    /// The names of the read models.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.read_models
            .iter()
            .map(|read_model| read_model.name())
            .collect()
    }

    /// Where readers learn how far the read models have come.
    #[must_use]
    pub fn progress(&self) -> Progress {
        Progress {
            position: self.progress.subscribe(),
            hurry: self.hurry.clone(),
        }
    }

    /// Tells for ever how far the read models have come, whichever node keeps them up.
    pub async fn watch(&self) {
        loop {
            match checkpoint(&self.database, READ_MODELS).await {
                Ok(position) => {
                    self.progress.send_if_modified(|present| {
                        // This node may lead meanwhile, and know of more.
                        let moved = *present < position;
                        *present = position.max(*present);
                        moved
                    });
                    self.log.changed(position).await;
                    tokio::time::sleep(LOOK).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "how far the read models have come is not known for a while");
                    tokio::time::sleep(REST).await;
                }
            }
        }
    }

    /// Follows the log for ever.
    pub async fn run(&self) {
        loop {
            if let Err(error) = unless_it_panics(self.follow()).await {
                tracing::error!(%error, "the read models rest and try again");
                tokio::time::sleep(REST).await;
            }
        }
    }

    async fn follow(&self) -> Result<(), FollowError> {
        let mut position = self.begin().await?;
        loop {
            let before = position;
            let began = Instant::now();
            position = self.fold_next(before).await?;
            if position - before < BATCH {
                self.log.changed(position).await;
                // Whether the time is over or somebody waits, it goes on.
                let _ = tokio::time::timeout_at(began + APART, self.hurry.notified()).await;
            }
        }
    }

    /// Folds all that is committed and answers with the position reached.
    ///
    /// # Errors
    /// See [`FollowError`].
    pub async fn catch_up(&self) -> Result<Position, FollowError> {
        let mut position = self.begin().await?;
        loop {
            let before = position;
            position = self.fold_next(before).await?;
            if position == before {
                return Ok(position);
            }
        }
    }

    async fn begin(&self) -> Result<Position, FollowError> {
        let position = begin_reading(&self.database, READ_MODELS).await?;
        self.progress.send_replace(position);
        Ok(position)
    }

    /// Folds the next batch, if there is one, and answers with the position reached.
    async fn fold_next(&self, position: Position) -> Result<Position, FollowError> {
        let live = Tables {
            reader: READ_MODELS.to_owned(),
            suffix: "",
            read_models: self.read_models.clone(),
            leaves: Some(self.leaves.clone()),
            parked: PARKED,
            tries_parked: false,
            has_indexes: true,
        };
        let batch = self.log.read_after(position, BATCH).await?;
        let position = self.fold(&live, position, &batch).await?.position;
        metrics::gauge!("kadode_projected_position").set(as_metric(position));
        Ok(position)
    }

    /// Folds a batch; where an event is to blame for a failure, halves the batch until it is found and parks it.
    pub(super) async fn fold(
        &self,
        tables: &Tables,
        from: Position,
        batch: &[Recorded],
    ) -> Result<Folded, FollowError> {
        let mut done = Folded {
            position: from,
            lock_held: Duration::ZERO,
        };
        let mut waiting = vec![batch];
        while let Some(part) = waiting.pop() {
            let Some(last) = part.last() else { continue };
            let from = done.position;
            match self.fold_part(tables, from, part, last.position).await {
                Err(FollowError::Apply(error)) if error.is_of_the_event() && tables.parks() => {
                    if let [poison] = part {
                        let why = error.to_string();
                        self.park(tables, from, poison, &why).await?;
                    } else {
                        let (first, second) = part.split_at(part.len() / 2);
                        waiting.push(second);
                        waiting.push(first);
                        continue;
                    }
                }
                outcome => done.lock_held += outcome?,
            }
            done.position = last.position;
            if tables.is_live() {
                self.progress.send_replace(done.position);
            }
        }
        Ok(done)
    }

    async fn fold_part(
        &self,
        tables: &Tables,
        from: Position,
        part: &[Recorded],
        to: Position,
    ) -> Result<Duration, FollowError> {
        // Before the transaction, which keeps all other writers waiting. Nobody writes here who does not move the checkpoint or put
        // rebuilt tables in place, which is counted.
        let fold = tables.fold_after(&self.database, from, part, &[]).await?;
        let lock_held = self.write(tables, from, to, &fold).await?;
        lock_held.ok_or_else(|| FollowError::CheckpointMoved(tables.reader.clone()))
    }

    /// Writes what was folded, with the checkpoint. Answers how long that kept all other writers waiting; none, if it is no longer true.
    pub(super) async fn write(
        &self,
        tables: &Tables,
        from: Position,
        to: Position,
        fold: &Fold,
    ) -> Result<Option<Duration>, FollowError> {
        let moving = moving(&tables.reader, from, to);
        let (mut transaction, moved) = self.database.begin_with(moving).await?;
        let began = Instant::now();
        if moved.is_empty() {
            return Err(FollowError::CheckpointMoved(tables.reader.clone()));
        }
        if !tables.is_live() {
            self.database.commit_soon(&mut transaction).await?;
        }
        if !fold.is_true(tables, &mut transaction).await? {
            return Ok(None);
        }
        transaction.commit_with(&fold.inserts).await?;
        Ok(Some(began.elapsed()))
    }

    async fn park(
        &self,
        tables: &Tables,
        from: Position,
        poison: &Recorded,
        why: &str,
    ) -> Result<(), FollowError> {
        let mut transaction = self.database.begin().await?;
        move_checkpoint(&tables.reader, from, poison.position, &mut transaction).await?;
        let dialect = Dialect::of(&transaction);
        let parked = park(dialect, tables.parked, &[parked_row(poison, why)])?;
        parked.write(&mut transaction).await?;
        // The ledger has a leaf of it all the same, and a part of the log may end here.
        let events = std::slice::from_ref(poison);
        let fold = tables.fold(from, events, &mut transaction, &[]).await?;
        fold.write(&mut transaction).await?;
        transaction.commit().await?;
        tracing::error!(
            position = poison.position,
            why,
            "an event is parked: the read models go on without its stream"
        );
        metrics::counter!("kadode_parked_events_total").increment(1);
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric may be off by one in 2^53"
)]
fn as_metric(position: Position) -> f64 {
    position as f64
}
