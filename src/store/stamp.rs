//! The time that stands beside each event: it never runs back along positions, whatever the machine's clock does.

use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};

use crate::ambient::Clock;

/// From how far behind the log the operator is told of the clock; machines in step differ by less.
const WORTH_TELLING: SignedDuration = SignedDuration::from_secs(5);

/// Gives commits their time.
pub(super) struct Stamp {
    clock: Clock,
    /// Whether the operator knows that the clock is behind.
    told: AtomicBool,
}

impl Stamp {
    /// Times of `clock`.
    pub(super) const fn new(clock: Clock) -> Self {
        Self {
            clock,
            told: AtomicBool::new(false),
        }
    }

    /// The time of a commit that follows one of time `last`. Where the machine's clock is behind that, the clock goes on
    /// from it, and the operator is told once.
    pub(super) fn after(&self, last: Option<Timestamp>) -> Timestamp {
        let Some(last) = last else {
            return self.clock.now();
        };
        self.clock.not_before(last);
        let behind = self.clock.behind(last);
        let is_behind = behind > WORTH_TELLING;
        if is_behind && !self.told.swap(is_behind, Ordering::Relaxed) {
            tracing::warn!(
                seconds = behind.as_secs(),
                "the machine's clock is behind the log's last event: set it right; no time runs back meanwhile"
            );
        }
        self.told.store(is_behind, Ordering::Relaxed);
        self.clock.now().max(last)
    }
}
