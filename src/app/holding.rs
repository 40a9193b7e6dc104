//! Every program that serves says which master keys it knows, and follows the present one.

use std::time::Duration;

use crate::ambient::Clock;
use crate::vault::Rotation;

/// A third of [`crate::vault::FORGOTTEN_AFTER`].
const APART: Duration = Duration::from_mins(1);

/// Says so for ever.
pub(super) async fn hold_keys(rotation: Rotation, clock: Clock) {
    loop {
        if let Err(error) = rotation.beat(clock.now()).await {
            tracing::error!(%error, "the present master key is not known here; if this lasts, copy the key file anew and start again");
        }
        tokio::time::sleep(APART).await;
    }
}
