//! Waits until read models and ledger have all that is committed, whether a `serve` runs beside this or not.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::app::{Fault, Society};
use crate::subscription::{FollowError, checkpoint};

/// How long a `serve` beside this may take to write what follows from what is committed.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long one that runs may take to show that it does; it takes some ten milliseconds.
const FOR_A_SERVE: Duration = Duration::from_secs(1);

/// Between one look at it and the next.
const LOOK: Duration = Duration::from_millis(50);

/// Waits until a `serve` beside this has written what follows from all that is committed; where none does, writes it.
pub(super) async fn catch_up(society: &Society) -> Result<(), Fault> {
    let fault = |error: &dyn std::fmt::Display| {
        Fault::from_error("read models and ledger lag behind", error)
    };
    let head = society.log.committed_head().await;
    let head = head.map_err(|error| fault(&error))?;
    let began = Instant::now();
    loop {
        let reached = checkpoint(&society.database, "read_models").await;
        if reached.map_err(|error| fault(&error))? >= head {
            return Ok(());
        }
        // Not at once: two that project get into each other's way.
        if began.elapsed() >= FOR_A_SERVE {
            match society.projector().catch_up().await {
                Ok(_) => return Ok(()),
                Err(FollowError::CheckpointMoved(_)) if began.elapsed() < PATIENCE => {}
                Err(error) => return Err(fault(&error)),
            }
        }
        sleep(LOOK).await;
    }
}
