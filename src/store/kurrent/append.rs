//! How a command is loaded from the event store, and appended to it.

use std::sync::{Arc, OnceLock};

use cqrs_es::Aggregate;
use cqrs_es::persist::{PersistenceError, SerializedEvent};
use tokio::time::{Instant, sleep};

use super::KurrentLog;
use super::events::{Proposal, Stored};
use super::server::{Failure, PATIENCE, REST};
use crate::store::{GivenUp, Position, ReadError};

/// cqrs-es's way to the log for one command.
#[derive(Clone)]
pub struct KurrentRepository {
    log: KurrentLog,
    deadline: Instant,
    committed: Arc<OnceLock<Position>>,
}

/// Why an append was not taken, or nobody knows whether it was.
#[derive(Debug, thiserror::Error)]
#[error("the event store: {0}")]
struct AppendError(Failure);

impl KurrentRepository {
    pub(super) fn new(log: KurrentLog, deadline: Instant) -> Self {
        Self {
            log,
            deadline,
            committed: Arc::default(),
        }
    }

    pub(in crate::store) fn committed(&self) -> Option<Position> {
        self.committed.get().copied()
    }

    /// Appends. What may have been taken is asked again, with the same event ids and the same expectation: so it is taken once, and an
    /// answer of any kind says for good what became of it.
    async fn append(&self, events: &[SerializedEvent]) -> Result<(), PersistenceError> {
        let began = Instant::now();
        let mut may_be_taken = false;
        loop {
            if !may_be_taken && Instant::now() >= self.deadline {
                return Err(PersistenceError::ConnectionError(Box::new(GivenUp)));
            }
            let Some(proposal) =
                Proposal::new(&self.log.0.names, events).map_err(PersistenceError::UnknownError)?
            else {
                return Err(PersistenceError::OptimisticLockError);
            };
            let Proposal {
                stream,
                expected,
                events,
            } = proposal;
            let failure = match self.log.0.server.append(&stream, expected, events).await {
                Ok(()) => return Ok(()),
                Err(Failure::Conflict) => return Err(PersistenceError::OptimisticLockError),
                Err(failure) => failure,
            };
            let ends = match failure {
                Failure::Unknown(_) => {
                    may_be_taken = true;
                    began.elapsed() >= PATIENCE
                }
                Failure::NotSent(_) => may_be_taken && began.elapsed() >= PATIENCE,
                Failure::Refused(_) | Failure::NoStream | Failure::Conflict => true,
            };
            if ends {
                return Err(PersistenceError::ConnectionError(Box::new(AppendError(
                    failure,
                ))));
            }
            sleep(REST).await;
        }
    }

    /// The number of an event that is committed, once it has one.
    async fn number_of(&self, event: &SerializedEvent) -> Result<Position, ReadError> {
        let sequence = i64::try_from(event.sequence).unwrap_or(i64::MAX);
        loop {
            self.log.catch_up().await?;
            let numbers = &self.log.0.numbers;
            let (kind, id) = (&event.aggregate_type, &event.aggregate_id);
            if let Some(number) = numbers.of_stream(kind, id, sequence - 1).await?.first() {
                return Ok(number.position);
            }
            sleep(REST).await;
        }
    }

    async fn load<A: Aggregate>(
        &self,
        id: &str,
        from: u64,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let names = &self.log.0.names;
        let events = self.log.0.server.stream(&names.of(A::TYPE, id), from).await;
        let events = events
            .map_err(|failure| PersistenceError::ConnectionError(Box::new(AppendError(failure))))?;
        Ok(events
            .iter()
            .filter_map(|event| Stored::read(names, event))
            .map(Stored::serialized)
            .collect())
    }
}

impl KurrentRepository {
    pub(in crate::store) async fn get_events<A: Aggregate>(
        &self,
        id: &str,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        self.load::<A>(id, 0).await
    }

    pub(in crate::store) async fn get_last_events<A: Aggregate>(
        &self,
        id: &str,
        last_sequence: usize,
    ) -> Result<Vec<SerializedEvent>, PersistenceError> {
        let from = u64::try_from(last_sequence).unwrap_or(u64::MAX);
        self.load::<A>(id, from).await
    }

    pub(in crate::store) async fn persist(
        &self,
        events: &[SerializedEvent],
    ) -> Result<(), PersistenceError> {
        self.append(events).await?;
        // It stands, whether its number is found out or not.
        if let Some(last) = events.last()
            && let Ok(Ok(position)) = tokio::time::timeout(PATIENCE, self.number_of(last)).await
        {
            self.committed.get_or_init(|| position);
        }
        Ok(())
    }
}
