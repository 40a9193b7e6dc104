//! The outside world that a program cannot compute: the time and randomness, always passed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use rand::{RngCore, SeedableRng};
use uuid::Uuid;

/// A source of the present time: the machine's clock, or in tests one that moves only when told.
#[derive(Clone, Debug)]
pub struct Clock(Source);

#[derive(Clone, Debug)]
enum Source {
    Machine,
    /// Microseconds since the Unix epoch.
    Set(Arc<AtomicI64>),
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub const fn machine() -> Self {
        Self(Source::Machine)
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it; clones move together.
    #[must_use]
    pub fn standing_at(start: Timestamp) -> Self {
        Self(Source::Set(Arc::new(AtomicI64::new(
            start.as_microsecond(),
        ))))
    }

    /// The present moment, to the microsecond.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    pub fn now(&self) -> Timestamp {
        let microseconds = match &self.0 {
            Source::Machine => Timestamp::now().as_microsecond(),
            Source::Set(at) => at.load(Ordering::SeqCst),
        };
        Timestamp::from_microsecond(microseconds).unwrap_or(Timestamp::MAX)
    }

    /// Moves a standing clock on; the machine's clock is left alone.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Set(at) = &self.0 {
            let microseconds = i64::try_from(by.as_micros()).unwrap_or(i64::MAX);
            at.fetch_add(microseconds, Ordering::SeqCst);
        }
    }
}

/// A source of ids and secrets: the operating system's generator.
#[derive(Clone, Debug)]
pub struct Entropy {
    clock: Clock,
}

impl Entropy {
    /// Randomness whose version-7 ids take their time from `clock`.
    #[must_use]
    pub const fn new(clock: Clock) -> Self {
        Self { clock }
    }

    /// A new id that sorts by its time (RFC 9562, version 7).
    #[must_use]
    pub fn id(&self) -> Uuid {
        let milliseconds = u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(milliseconds, &self.bytes()).into_uuid()
    }

    /// `N` secret random bytes.
    #[must_use]
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        generator().fill_bytes(&mut bytes);
        bytes
    }
}

fn generator() -> rand::rngs::StdRng {
    rand::rngs::StdRng::from_os_rng()
}
