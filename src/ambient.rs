//! The outside world that a program cannot compute: the time and randomness, always passed in.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Instant;

use jiff::{SignedDuration, Timestamp};
use rand::{RngCore, SeedableRng};
use uuid::Uuid;

/// How far the time may be ahead of the machine's clock, in microseconds: a day. That covers whatever a wrong time zone or
/// summer time does; a clock that was wrong by more was wrong before it was set back.
const MOST_AHEAD: i64 = 24 * 60 * 60 * 1_000_000;

/// A source of the present time, which never runs back and never stands still: it follows the machine's clock forward, and
/// where that is set back by up to a day, goes on from where it was. Else a member would wait for as long as the clock was
/// set back, for the next mail or the end of a waiting time. Clones show the same time.
#[derive(Clone, Debug)]
pub struct Clock(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    source: Source,
    /// The time at which the source began to count, in microseconds since the Unix epoch.
    began: AtomicI64,
}

#[derive(Debug)]
enum Source {
    /// The machine's clock, and how long the program runs.
    Machine(Instant),
    /// In tests: both move only when told, in microseconds.
    Set { wall: AtomicI64, passed: AtomicI64 },
}

impl Source {
    /// What the machine's clock shows, and how much time has passed since the source was made; in microseconds.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the machine's clock"
    )]
    fn read(&self) -> (i64, i64) {
        match self {
            Self::Machine(since) => (
                Timestamp::now().as_microsecond(),
                i64::try_from(since.elapsed().as_micros()).unwrap_or(i64::MAX),
            ),
            Self::Set { wall, passed } => {
                (wall.load(Ordering::SeqCst), passed.load(Ordering::SeqCst))
            }
        }
    }
}

impl Clock {
    /// The machine's own clock.
    #[must_use]
    pub fn machine() -> Self {
        Self::of(Source::Machine(Instant::now()))
    }

    /// A clock that stands at `start` until [`Clock::advance`] moves it.
    #[must_use]
    pub fn standing_at(start: Timestamp) -> Self {
        Self::of(Source::Set {
            wall: AtomicI64::new(start.as_microsecond()),
            passed: AtomicI64::new(0),
        })
    }

    fn of(source: Source) -> Self {
        let (wall, passed) = source.read();
        let began = AtomicI64::new(wall - passed);
        Self(Arc::new(Inner { source, began }))
    }

    /// The present moment, to the microsecond.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let (wall, passed) = self.0.source.read();
        let straight = wall - passed;
        let mut began = self.0.began.fetch_max(straight, Ordering::SeqCst);
        if began - straight > MOST_AHEAD {
            self.0.began.store(straight, Ordering::SeqCst);
            began = straight;
        }
        let now = passed + began.max(straight);
        Timestamp::from_microsecond(now).unwrap_or(Timestamp::MAX)
    }

    /// Goes on from `moment`, where the machine's clock is behind it by a day at most.
    pub fn not_before(&self, moment: Timestamp) {
        let (wall, passed) = self.0.source.read();
        let moment = moment.as_microsecond();
        if moment - wall <= MOST_AHEAD {
            self.0.began.fetch_max(moment - passed, Ordering::SeqCst);
        }
    }

    /// How far the machine's clock is behind `moment`; negative, if it is past it.
    #[must_use]
    pub fn behind(&self, moment: Timestamp) -> SignedDuration {
        let (wall, _) = self.0.source.read();
        SignedDuration::from_micros(moment.as_microsecond() - wall)
    }

    /// Lets time pass on a standing clock; the machine's clock is left alone.
    pub fn advance(&self, by: SignedDuration) {
        if let Source::Set { wall, passed } = &self.0.source {
            wall.fetch_add(microseconds(by), Ordering::SeqCst);
            passed.fetch_add(microseconds(by), Ordering::SeqCst);
        }
    }

    /// Sets a standing clock back, as an operator does with the machine's; that one is left alone.
    pub fn set_back(&self, by: SignedDuration) {
        if let Source::Set { wall, .. } = &self.0.source {
            wall.fetch_sub(microseconds(by), Ordering::SeqCst);
        }
    }
}

fn microseconds(duration: SignedDuration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
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

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::Clock;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn start() -> Timestamp {
        "2026-04-10T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn time_goes_on_at_its_pace_after_the_clock_was_set_back_an_hour() {
        let clock = Clock::standing_at(start());
        clock.set_back(HOUR);
        assert_eq!(clock.now(), start());
        clock.advance(SignedDuration::from_secs(60));
        assert_eq!(clock.now(), start() + SignedDuration::from_secs(60));
    }

    #[test]
    fn a_clock_that_is_put_right_again_is_followed() {
        let clock = Clock::standing_at(start());
        clock.set_back(HOUR);
        clock.set_back(-HOUR);
        assert_eq!(clock.now(), start());
        clock.set_back(-HOUR);
        assert_eq!(clock.now(), start() + HOUR);
    }

    #[test]
    fn a_clock_that_was_days_ahead_is_believed_when_it_is_set_back() {
        let clock = Clock::standing_at(start());
        clock.set_back(HOUR * 25);
        assert_eq!(clock.now(), start() - HOUR * 25);
    }

    #[test]
    fn a_clock_that_starts_late_goes_on_from_a_given_moment_unless_that_is_days_ahead() {
        let clock = Clock::standing_at(start());
        clock.not_before(start() + HOUR * 25);
        assert_eq!(clock.now(), start());
        clock.not_before(start() + HOUR);
        assert_eq!(clock.now(), start() + HOUR);
        assert_eq!(clock.behind(clock.now()), HOUR);
        clock.advance(HOUR);
        assert_eq!(clock.now(), start() + HOUR * 2);
    }
}
