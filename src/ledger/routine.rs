//! When the ledger is sealed: every minute while there is news, and at once when a member has arrived.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::seal::{SealError, Sealer};
use crate::subscription::{Position, Progress};

/// Between one checkpoint and the next, where nothing is urgent.
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
        sleep(GATHER).await;
        tokio::select! {
            () = sleep(wait) => {}
            changed = urgent.changed() => match changed {
                Ok(()) => {
                    let position = *urgent.borrow_and_update();
                    progress.reached(position, PATIENCE).await;
                }
                // There is no projector any more: the program ends.
                Err(_) => return,
            },
        }
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
