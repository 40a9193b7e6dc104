//! What a command asks the writer to append, and who of the two gives it up or takes it.

use std::sync::{Arc, OnceLock};

use cqrs_es::persist::SerializedEvent;
use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use crate::store::{GivenUp, Position};

/// A command's events, to be taken whole or not at all.
pub(super) struct Append {
    pub(super) rows: Vec<Row>,
    pub(super) answer: oneshot::Sender<Outcome>,
    fate: Fate,
}

/// An event as its row has it, but for what is given under the lock. Made by whoever asks, since the writer is one for all.
pub(super) struct Row {
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) sequence: i64,
    pub(super) event_type: String,
    pub(super) version: String,
    pub(super) payload: String,
    pub(super) metadata: String,
}

/// The position of an append's last event.
pub(super) type Outcome = Result<Position, AppendError>;

/// Waits for what becomes of an [`Append`].
pub(super) struct Asked {
    answered: oneshot::Receiver<Outcome>,
    fate: Fate,
}

/// Settled once, by whoever comes first, so that what was told to have failed is not committed later.
type Fate = Arc<OnceLock<Settled>>;

#[derive(Clone, Copy, PartialEq)]
enum Settled {
    Taken,
    GivenUp,
}

/// Why an append was not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum AppendError {
    #[error("another append to the stream came first")]
    Conflict,
    #[error("the event log cannot be written: {0}")]
    Database(Arc<sqlx::Error>),
    #[error("the event log is closing")]
    Closing,
    #[error(transparent)]
    GivenUp(GivenUp),
}

impl Append {
    pub(super) fn new(events: &[SerializedEvent]) -> (Self, Asked) {
        let (answer, answered) = oneshot::channel();
        let fate = Fate::default();
        let asked = Asked {
            answered,
            fate: fate.clone(),
        };
        let append = Self {
            rows: events.iter().map(Row::of).collect(),
            answer,
            fate,
        };
        (append, asked)
    }

    /// Takes it, if whoever asked still waits; from now on they wait for the answer.
    pub(super) fn take(&self) -> bool {
        *self.fate.get_or_init(|| Settled::Taken) == Settled::Taken
    }
}

impl Row {
    fn of(event: &SerializedEvent) -> Self {
        Self {
            kind: event.aggregate_type.clone(),
            id: event.aggregate_id.clone(),
            // More than an i64 holds follows no stream.
            sequence: i64::try_from(event.sequence).unwrap_or(i64::MAX),
            event_type: event.event_type.clone(),
            version: event.event_version.clone(),
            payload: event.payload.to_string(),
            metadata: event.metadata.to_string(),
        }
    }
}

impl Asked {
    /// The answer; after `deadline` only if the append was taken before.
    pub(super) async fn answer(mut self, deadline: Instant) -> Outcome {
        let answer = match timeout_at(deadline, &mut self.answered).await {
            Ok(answer) => answer,
            Err(_) => match self.fate.get_or_init(|| Settled::GivenUp) {
                Settled::Taken => self.answered.await,
                Settled::GivenUp => return Err(AppendError::GivenUp(GivenUp)),
            },
        };
        answer.unwrap_or(Err(AppendError::Closing))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_append_that_was_taken_in_time_is_waited_for_beyond_the_deadline() {
        let (append, asked) = Append::new(&[]);
        let deadline = Instant::now() + Duration::from_secs(2);
        assert!(append.take());
        let commit = async {
            tokio::time::sleep_until(deadline + Duration::from_secs(1)).await;
            append.answer.send(Ok(7)).unwrap();
        };
        let (answer, ()) = tokio::join!(asked.answer(deadline), commit);
        assert_eq!(answer.unwrap(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn an_append_that_was_given_up_can_no_longer_be_taken() {
        let (append, asked) = Append::new(&[]);
        let answer = asked.answer(Instant::now() + Duration::from_secs(2)).await;
        assert!(matches!(answer, Err(AppendError::GivenUp(_))));
        assert!(!append.take());
    }
}
