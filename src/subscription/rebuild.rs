//! Builds read models anew beside the live ones, and puts them in their place.

use std::sync::Arc;
use std::time::Duration;

use sqlx::AnyConnection;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::projector::{Folded, Projector, READ_MODELS};
use super::tables::{Fold, PARKED, Tables, count_swap};
use super::{
    ApplyError, Before, Differing, FollowError, REBUILT_AT_ONCE, REST, begin_reading, checkpoint,
    move_checkpoint,
};
use crate::database::{Database, REBUILD};
use crate::store::{EventLog, Position, ReadError, Recorded};

/// What the checkpoint of a rebuild is called, before its number. The last one's stays, so that no number comes twice: whoever
/// was overtaken must not take the tables of another for its own.
const REBUILD_READER: &str = "rebuild-";

/// The table of events that the new read models could not take.
const PARKED_ANEW: &str = "parked_events_rebuild";

/// How long a rebuild goes on trying while the database refuses, before it gives up (judgement).
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a file's lock is held, but for moments, before others have a look, unless one step alone takes longer (judgement): two fifths of
/// what they wait for it.
const HELD_AT_ONCE: Duration = Duration::from_millis(600);

/// What passes between two looks of others, and a little more.
const A_LOOK: Duration = Duration::from_millis(110);

/// A batch that is folded, and to be written next.
struct Ready {
    from: Position,
    batch: Vec<Recorded>,
    fold: Result<Arc<Fold>, ApplyError>,
    /// The batch after it, where this one is whole.
    next: Option<Reading>,
}

/// A batch that is being read, on a core of its own, and given up with this.
struct Reading(JoinSet<Result<Vec<Recorded>, ReadError>>);

impl Reading {
    fn begin(log: EventLog, from: Position, until: Position) -> Self {
        let mut reading = JoinSet::new();
        reading.spawn(async move { read_batch(&log, from, until).await });
        Self(reading)
    }

    /// None, if there was nothing to read, or it could not be read.
    async fn end(mut self) -> Option<Vec<Recorded>> {
        let batch = self.0.join_next().await?.ok()?.ok()?;
        (!batch.is_empty()).then_some(batch)
    }
}

async fn read_batch(
    log: &EventLog,
    from: Position,
    until: Position,
) -> Result<Vec<Recorded>, ReadError> {
    let limit = (REBUILT_AT_ONCE - from % REBUILT_AT_ONCE).min(until - from);
    log.read_after(from, limit).await
}

/// Reads the batch after `from`, unless it is being read, and folds it after what is `coming`.
async fn ready(
    log: EventLog,
    database: Database,
    new: Tables,
    (from, until): (Position, Position),
    reading: Option<Reading>,
    coming: Option<Arc<Fold>>,
) -> Result<Ready, FollowError> {
    let read = match reading {
        Some(reading) => reading.end().await,
        None => None,
    };
    let batch = match read {
        Some(batch) => batch,
        None => read_batch(&log, from, until).await?,
    };
    let whole = batch.last().filter(|last| is_whole(last.position));
    let next = whole.map(|last| Reading::begin(log, last.position, until));
    let coming = coming.as_ref().map_or(&[][..], |fold| &fold.inserts);
    let fold = new
        .fold_after(&database, from, &batch, coming)
        .await
        .map(Arc::new);
    Ok(Ready {
        from,
        batch,
        fold,
        next,
    })
}

/// Whether a batch that ends there needs nothing of what comes after it, nor that of it: all parts of the log that are added up end there too.
const fn is_whole(last: Position) -> bool {
    last % REBUILT_AT_ONCE == 0
}

/// What becomes of new tables in the end.
#[derive(Clone, Copy)]
pub(super) enum End {
    /// They are put in the place of the live ones.
    Swap,
    /// They are compared with the live ones.
    Compare,
}

/// How a rebuild went on.
enum Step {
    Folded(Folded),
    /// What differs from the live tables: nothing, where they were put in their place.
    Ended(Differing),
}

/// What others are left of a file's lock.
#[derive(Default)]
struct Courtesy {
    /// How long it was held here since they surely had their look.
    held: Duration,
}

impl Courtesy {
    /// How long to rest after the lock was held so long, and left to others for so long beside: a third of the time is theirs if they write, or
    /// could not, and once in six tenths of a second whoever begins to has a look.
    fn rest(&mut self, held: Duration, left: Duration, others_write: bool) -> Duration {
        self.held += held;
        let mut rest = Duration::ZERO;
        if others_write || held >= HELD_AT_ONCE {
            rest = (held / 2).saturating_sub(left);
        }
        // The next time may be as long.
        if self.held + held > HELD_AT_ONCE {
            rest = rest.max(A_LOOK);
        }
        if rest >= A_LOOK {
            self.held = Duration::ZERO;
        }
        rest
    }
}

impl Projector {
    /// Builds the read models named `only` (or all) anew beside the live ones and puts them in their place, while the
    /// live ones are read and kept up. All of them together try parked events again; one alone goes round them. `told`
    /// hears how many events were folded. While the database refuses, for another program holds the write lock, say, it rests and
    /// tries again for a minute.
    ///
    /// # Errors
    /// See [`FollowError`]; the live read models are as before then.
    pub async fn rebuild(
        &self,
        only: Option<&str>,
        told: impl Fn(Position) + Send,
    ) -> Result<(), FollowError> {
        let chosen = self
            .read_models
            .iter()
            .filter(|read_model| only.is_none_or(|name| read_model.name() == name))
            .cloned()
            .collect();
        let all = only.is_none();
        let mut new = Tables {
            reader: String::new(),
            suffix: REBUILD,
            read_models: chosen,
            leaves: None,
            parked: if all { PARKED_ANEW } else { PARKED },
            tries_parked: all,
            has_indexes: false,
        };
        self.build(&mut new, told, End::Swap).await.map(drop)
    }

    /// Builds `new` tables up to their end, and answers what differs there from the live ones.
    pub(super) async fn build(
        &self,
        new: &mut Tables,
        told: impl Fn(Position) + Send,
        end: End,
    ) -> Result<Differing, FollowError> {
        let mut ahead = None;
        let (mut courtesy, mut seen) = (Courtesy::default(), self.written_by_others().await);
        let mut moved = Instant::now();
        loop {
            let began = Instant::now();
            match self.go_on(new, &mut ahead, end).await {
                Ok(Step::Ended(differing)) => return Ok(differing),
                Ok(Step::Folded(folded)) => {
                    moved = Instant::now();
                    told(folded.position);
                    // On a server, others stand in a queue.
                    if self.database.file().is_some() {
                        let left = began.elapsed().saturating_sub(folded.lock_held);
                        let before = std::mem::replace(&mut seen, self.written_by_others().await);
                        let others_write = seen.is_none() || seen != before;
                        let rest = courtesy.rest(folded.lock_held, left, others_write);
                        sleep(rest).await;
                    }
                }
                Err(error) if error.may_pass() && moved.elapsed() < PATIENCE => {
                    tracing::warn!(%error, "a rebuild rests and tries again");
                    sleep(REST).await;
                }
                Err(last) if last.may_pass() => {
                    return Err(FollowError::GaveUp {
                        patience: PATIENCE,
                        last: Box::new(last),
                    });
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// What changes as others write to a file; none on a server, or where it cannot be told.
    async fn written_by_others(&self) -> Option<i64> {
        self.database.file()?;
        self.database.written_by_others().await.ok()
    }

    /// Goes one step on from wherever the new tables are: creates them, folds a batch into them, or ends. While a batch is written, the next
    /// is folded `ahead`, and the one after that is read.
    async fn go_on(
        &self,
        new: &mut Tables,
        ahead: &mut Option<Ready>,
        end: End,
    ) -> Result<Step, FollowError> {
        if new.reader.is_empty() {
            self.create(new).await?;
        }
        // After a failure, it alone knows what was committed. Were it gone, the next step would fail by it.
        let position = checkpoint(&self.database, &new.reader).await?;
        // One alone cannot go before the others, since they share a checkpoint.
        let until = if new.tries_parked {
            Position::MAX
        } else {
            checkpoint(&self.database, READ_MODELS).await?
        };
        let ready_after = |from, reading, coming| {
            let (log, database) = (self.log.clone(), self.database.clone());
            let positions = (from, until);
            ready(log, database, new.clone(), positions, reading, coming)
        };
        let mut ready = match ahead.take() {
            Some(ready) if ready.from == position => ready,
            _ => ready_after(position, None, None).await?,
        };
        if let Some(last) = ready.batch.last() {
            if let Ok(fold) = &ready.fold {
                // On a core of its own, and given up with this.
                let mut next = JoinSet::new();
                // What a batch adds up of the one before must be stored; of none, where that was a whole one.
                if is_whole(last.position) {
                    let reading = ready.next.take();
                    next.spawn(ready_after(last.position, reading, Some(fold.clone())));
                }
                match self.write(new, position, last.position, fold).await {
                    Ok(Some(lock_held)) => {
                        // What could not be read is read again.
                        let next = next.join_next().await;
                        *ahead = next.and_then(Result::ok).and_then(Result::ok);
                        return Ok(Step::Folded(Folded {
                            position: last.position,
                            lock_held,
                        }));
                    }
                    Ok(None) => {}
                    Err(FollowError::Apply(error)) if error.is_of_the_event() => {}
                    Err(error) => {
                        *ahead = Some(ready);
                        return Err(error);
                    }
                }
            }
            // Something was parked meanwhile, or is to be.
            let folded = self.fold(new, position, &ready.batch).await;
            return folded.map(Step::Folded);
        }
        let lock_held = if new.has_indexes {
            let differing = match end {
                End::Swap => self.swap(new, position).await?.then(Differing::new),
                End::Compare => self.compare_at(new, position).await?,
            };
            if let Some(differing) = differing {
                return Ok(Step::Ended(differing));
            }
            Duration::ZERO
        } else {
            self.index(new).await?
        };
        Ok(Step::Folded(Folded {
            position,
            lock_held,
        }))
    }

    /// Makes one of the indexes that the new tables lack, or finds that they have them all; answers how long nobody else could write.
    async fn index(&self, new: &mut Tables) -> Result<Duration, FollowError> {
        let parked = new.tries_parked.then_some(PARKED);
        for table in new.names().chain(parked) {
            let began = Instant::now();
            if self.database.index_rebuilt(table).await? {
                return Ok(began.elapsed());
            }
        }
        new.has_indexes = true;
        Ok(Duration::ZERO)
    }

    /// Creates the new tables. Should another rebuild be under way, its next step fails by the checkpoint.
    async fn create(&self, new: &mut Tables) -> Result<(), FollowError> {
        // Where nothing was served yet, the live ones have no checkpoint, and it is the one to move in the end.
        begin_reading(&self.database, READ_MODELS).await?;
        let mut transaction = self.database.begin().await?;
        for table in new.names() {
            self.database
                .create_rebuilt(table, &mut transaction)
                .await?;
        }
        self.database
            .create_rebuilt(PARKED, &mut transaction)
            .await?;
        let before: Option<String> =
            sqlx::query_scalar("SELECT reader FROM checkpoints WHERE reader LIKE 'rebuild-%'")
                .fetch_optional(&mut *transaction)
                .await?;
        let number =
            before.and_then(|reader| reader.strip_prefix(REBUILD_READER)?.parse::<u64>().ok());
        let reader = format!("{REBUILD_READER}{}", number.map_or(1, |number| number + 1));
        sqlx::query("DELETE FROM checkpoints WHERE reader LIKE 'rebuild-%'")
            .execute(&mut *transaction)
            .await?;
        sqlx::query("INSERT INTO checkpoints (reader, position) VALUES ($1, 0)")
            .bind(&*reader)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        new.reader = reader;
        Ok(())
    }

    /// Brings the new tables to just where the live ones are, and renames them, in one transaction. Answers whether that
    /// went; if not, an event is to be parked first.
    async fn swap(&self, new: &Tables, built: Position) -> Result<bool, FollowError> {
        let mut transaction = self.database.begin().await?;
        let live = checkpoint_in(READ_MODELS, &mut transaction)
            .await?
            .unwrap_or(0);
        if checkpoint_in(&new.reader, &mut transaction).await? != Some(built) {
            return Err(FollowError::CheckpointMoved(new.reader.clone()));
        }
        let mut position = built.min(live);
        while position < built.max(live) {
            let limit = REBUILT_AT_ONCE.min(built.max(live) - position);
            let batch = self.log.read_after(position, limit).await?;
            let Some(last) = batch.last() else { break };
            let before = std::mem::replace(&mut position, last.position);
            if live < built {
                // The live ones lag: they start where the new ones are, and only the ledger has to catch up.
                let before = &mut Before::new(&mut transaction, &[], (before, position));
                for insert in self.leaves.fold(&batch, "", before).await? {
                    insert.write(&mut transaction).await?;
                }
                continue;
            }
            let folded = match new.fold(before, &batch, &mut transaction, &[]).await {
                Ok(fold) => fold.write(&mut transaction).await,
                Err(error) => Err(error),
            };
            match folded {
                Err(error) if error.is_of_the_event() && new.parks() => return Ok(false),
                outcome => outcome?,
            }
        }
        if live < built {
            move_checkpoint(READ_MODELS, live, built, &mut transaction).await?;
        }
        count_swap(&mut transaction).await?;
        for table in new.names() {
            self.database
                .put_rebuilt_in_place(table, &mut transaction)
                .await?;
        }
        if new.parked == PARKED_ANEW {
            self.database
                .put_rebuilt_in_place(PARKED, &mut transaction)
                .await?;
        } else {
            self.database.drop_rebuilt(PARKED, &mut transaction).await?;
        }
        transaction.commit().await?;
        Ok(true)
    }
}

pub(super) async fn checkpoint_in(
    reader: &str,
    connection: &mut AnyConnection,
) -> Result<Option<Position>, sqlx::Error> {
    sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = $1")
        .bind(reader)
        .fetch_optional(connection)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is rested after each of `steps`: how long the lock was held, how long it was left beside, and whether others wrote.
    fn rests(steps: &[(u64, u64, bool)]) -> Vec<u128> {
        let mut courtesy = Courtesy::default();
        let rest = |(held, left, others): &(u64, u64, bool)| {
            let [held, left] = [held, left].map(|ms| Duration::from_millis(*ms));
            courtesy.rest(held, left, *others).as_millis()
        };
        steps.iter().map(rest).collect()
    }

    #[test]
    fn nobody_else_has_a_look_more_than_once_in_six_tenths_of_a_second() {
        assert_eq!(rests(&[(200, 0, false); 6]), [0, 0, 110, 0, 0, 110]);
        // That the next batch waits for its fold is no sure look.
        assert_eq!(rests(&[(200, 200, false); 3]), [0, 0, 110]);
    }

    #[test]
    fn a_third_of_the_time_is_for_others_while_they_write_and_a_look_all_the_same() {
        assert_eq!(rests(&[(150, 0, true); 5]), [75, 75, 75, 110, 75]);
        assert_eq!(rests(&[(100, 30, true); 2]), [20, 20]);
        assert_eq!(rests(&[(100, 90, true)]), [0]);
    }

    #[test]
    fn after_a_step_in_which_nobody_could_write_others_have_half_as_long() {
        assert_eq!(rests(&[(6000, 0, false)]), [3000]);
        assert_eq!(rests(&[(800, 0, false), (100, 0, false)]), [400, 0]);
    }
}
