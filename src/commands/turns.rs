//! Commands on one stream take turns within a program: they would lose their races against one another.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};

use tokio::sync::{Mutex, OwnedMutexGuard};

/// One queue for each stream with a command under way; clones share them.
#[derive(Clone, Default)]
pub(super) struct Turns(Arc<SyncMutex<HashMap<String, Arc<Mutex<()>>>>>);

/// The right to work on a stream; the next in the queue has it when this is dropped.
pub(super) struct Turn {
    turns: Turns,
    stream: String,
    held: Option<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits, first come first served, until the stream is free.
    pub(super) async fn take(&self, stream: String) -> Turn {
        let queue = Arc::clone(self.lock().entry(stream.clone()).or_default());
        // Made before the wait, so that one who gives up leaves no queue behind.
        let mut turn = Turn {
            turns: self.clone(),
            stream,
            held: None,
        };
        turn.held = Some(queue.lock_owned().await);
        turn
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Arc<Mutex<()>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        drop(self.held.take());
        let mut queues = self.turns.lock();
        let idle = |queue: &Arc<Mutex<()>>| Arc::strong_count(queue) == 1;
        if queues.get(&self.stream).is_some_and(idle) {
            queues.remove(&self.stream);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Turns;

    #[tokio::test]
    async fn a_stream_is_worked_on_by_one_at_a_time_and_another_stream_beside_it() {
        let turns = Turns::default();
        let first = turns.take("a".to_owned()).await;
        let mut second = Box::pin(turns.take("a".to_owned()));
        assert!(futures::poll!(&mut second).is_pending());
        let beside = turns.take("b".to_owned()).await;
        drop(first);
        assert!(futures::poll!(&mut second).is_ready());
        drop(beside);
    }

    #[tokio::test]
    async fn no_queue_stays_behind_whoever_gave_up_and_whoever_had_its_turn() {
        let turns = Turns::default();
        let first = turns.take("a".to_owned()).await;
        let mut second = Box::pin(turns.take("a".to_owned()));
        assert!(futures::poll!(&mut second).is_pending());
        drop(first);
        drop(second);
        assert!(turns.lock().is_empty());
    }
}
