//! Spans of time as reports keep them, and what lies in the middle of many.

use std::collections::BTreeMap;

use super::report::{Asked, SMALL, Value};

/// A day's seconds.
pub(super) const DAY: i64 = 24 * 60 * 60;

/// Seconds to two significant digits, rounded up: so there are few different ones, and none is off by more than a tenth. Less than none
/// (clocks of two machines) counts as none.
#[must_use]
pub(super) const fn two_digits(seconds: i64) -> i64 {
    let mut step = 1;
    while seconds / step >= 100 {
        step *= 10;
    }
    if seconds <= 0 {
        0
    } else {
        (seconds + step - 1) / step * step
    }
}

/// Numbers with how often each occurred.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Distribution(BTreeMap<i64, i64>);

impl Distribution {
    /// Adds a number that occurred so often.
    pub(super) fn add(&mut self, number: i64, times: i64) {
        *self.0.entry(number).or_default() += times;
    }

    /// Adds all of another's.
    pub(super) fn join(&mut self, other: Self) {
        for (number, times) in other.0 {
            self.add(number, times);
        }
    }

    /// How many there are.
    #[must_use]
    pub(super) fn count(&self) -> i64 {
        self.0.values().sum()
    }

    /// The smallest of them that at least `percent` of a hundred do not exceed (nearest rank); none of none.
    #[must_use]
    pub(super) fn percentile(&self, percent: i64) -> Option<i64> {
        let rank = (self.count() * percent + 99) / 100;
        let mut so_far = 0;
        self.0.iter().find_map(|(number, times)| {
            so_far += times;
            (so_far >= rank && *times > 0).then_some(*number)
        })
    }

    /// Whether a percentile is not to be told to readers who may not see persons: it is of few, or of the few at either end, the largest
    /// of twelve being their 95th percentile too.
    pub(super) fn hides(&self, percent: i64, asked: Asked) -> bool {
        let Some(told) = self.percentile(percent) else {
            return false;
        };
        let up_to = self.0.range(..=told).map(|(_, times)| times).sum::<i64>();
        let from = self.0.range(told..).map(|(_, times)| times).sum::<i64>();
        asked.shield && up_to.min(from) < SMALL
    }

    /// A percentile, unless it tells of few.
    pub(super) fn told(&self, percent: i64, asked: Asked) -> Value {
        Value::from(self.percentile(percent)).hidden_if(self.hides(percent, asked))
    }

    /// The largest.
    #[must_use]
    pub(super) fn max(&self) -> Option<i64> {
        self.percentile(100)
    }

    /// How many are above `least` and not above `most`.
    #[must_use]
    pub(super) fn between(&self, least: i64, most: i64) -> i64 {
        let within = |(number, _): &(&i64, &i64)| **number > least && **number <= most;
        self.0.iter().filter(within).map(|(_, times)| times).sum()
    }
}
