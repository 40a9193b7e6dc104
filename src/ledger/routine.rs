//! When the ledger is sealed: every minute while there is news, and at once when a member has arrived.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until};

use super::seal::{SealError, Sealer};
use crate::subscription::{Position, Progress};

/// From when one checkpoint is begun to when the next is, where nothing is urgent.
const APART: Duration = Duration::from_mins(1);

/// However many arrive, no more checkpoints than one in this time.
const GATHER: Duration = Duration::from_secs(1);

/// After a failure that may pass.
const AGAIN: Duration = Duration::from_secs(5);

/// The operator is told of one trouble no more often.
const TOLD_APART: Duration = Duration::from_mins(1);

/// How long the leaves of what is urgent may take to be committed; if they take longer, the next minute brings them.
const PATIENCE: Duration = Duration::from_secs(2);

/// How often a machine that does not lead looks for checkpoints.
const LOOK: Duration = Duration::from_secs(10);

/// Seals for ever, on the machine that leads. `head` is what was committed before; `urgent` and `progress` tell of what comes.
pub async fn seal_on(
    sealer: Sealer,
    head: Position,
    mut urgent: watch::Receiver<Position>,
    progress: Progress,
) {
    let mut teller = Teller::default();
    progress.reached(head, PATIENCE).await;
    loop {
        let begun = Instant::now();
        let wait = match sealer.seal().await {
            Ok(last) => {
                metrics::gauge!("kadode_ledger_sealed").set(as_metric(last.head.size));
                metrics::gauge!("kadode_ledger_refused").set(0.0);
                APART
            }
            Err(SealError::Empty) => GATHER,
            Err(error) => {
                metrics::gauge!("kadode_ledger_refused").set(1.0);
                teller.tell(&error, "no checkpoint of the audit ledger is signed");
                AGAIN
            }
        };
        match next(begun + wait, &mut urgent).await {
            Next::Due => {}
            Next::Urgent(position) => {
                progress.reached(position, PATIENCE).await;
            }
            Next::End => return,
        }
    }
}

/// Why it is time for another checkpoint.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The time has come.
    Due,
    /// What was committed at this position is not to wait for it.
    Urgent(Position),
    /// There is no projector any more: the program ends.
    End,
}

/// Waits until the next checkpoint is `due`, or something urgent was committed, and for [`GATHER`] in any case.
async fn next(due: Instant, urgent: &mut watch::Receiver<Position>) -> Next {
    sleep(GATHER).await;
    tokio::select! {
        () = sleep_until(due) => Next::Due,
        changed = urgent.changed() => match changed {
            Ok(()) => Next::Urgent(*urgent.borrow_and_update()),
            Err(_) => Next::End,
        },
    }
}

/// Keeps this machine's own file up for ever with what another one seals.
pub async fn look_on(sealer: Sealer) {
    let mut teller = Teller::default();
    let mut seen = None;
    loop {
        if let Err(error) = sealer.look_on(&mut seen).await {
            teller.tell(&error, "this machine's checkpoint file is not kept up");
        }
        sleep(LOOK).await;
    }
}

/// Tells of troubles, but not all the time.
#[derive(Default)]
struct Teller {
    told: Option<Instant>,
}

impl Teller {
    fn tell(&mut self, error: &SealError, what: &'static str) {
        if self.told.is_none_or(|told| told.elapsed() >= TOLD_APART) {
            tracing::error!(%error, "{what}");
            self.told = Some(Instant::now());
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a metric is a float, and exact for 285 years of a million events a second"
)]
const fn as_metric(size: u64) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How long after a checkpoint that took `took` the next is begun, where this is committed meanwhile and was urgent.
    async fn apart(took: Duration, arrived: Option<Position>) -> (Next, Duration) {
        let (telling, mut urgent) = watch::channel(0);
        let begun = Instant::now();
        sleep(took).await;
        if let Some(position) = arrived {
            telling.send(position).unwrap();
        }
        let next = next(begun + APART, &mut urgent).await;
        (next, begun.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_minute_after_a_checkpoint_was_begun_the_next_is_however_long_that_took() {
        for took in [Duration::ZERO, Duration::from_secs(20)] {
            assert_eq!(apart(took, None).await, (Next::Due, APART));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_urgent_waits_for_a_second_and_no_longer() {
        assert_eq!(
            apart(Duration::ZERO, Some(7)).await,
            (Next::Urgent(7), GATHER)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_checkpoint_that_took_longer_than_a_minute_is_followed_a_second_later() {
        let took = Duration::from_secs(70);
        assert_eq!(apart(took, None).await, (Next::Due, took + GATHER));
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_projector_there_is_no_next() {
        let (telling, mut urgent) = watch::channel(0);
        drop(telling);
        assert_eq!(next(Instant::now() + APART, &mut urgent).await, Next::End);
    }
}
