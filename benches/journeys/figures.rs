//! What is counted and measured.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::table::Times;

/// What an answer cost the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cost {
    /// A page; no argon2.
    Page,
    /// A step that is stored; no argon2.
    Command,
    /// A sign-in: one run of argon2.
    SignIn,
    /// A new password: one run of argon2.
    PasswordChange,
    /// 503: the queue is full, or something is busy; no argon2.
    Crowded,
    /// 429: a waiting time, or a budget that is spent; no argon2.
    TooSoon,
}

/// All answers, each with when it came and how long it took.
#[derive(Default)]
pub(crate) struct Figures(Mutex<Vec<(Cost, Instant, Duration)>>);

impl Figures {
    pub(crate) fn answered(&self, cost: Cost, took: Duration) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers.push((cost, Instant::now(), took));
    }

    /// How many answers cost one of these.
    pub(crate) fn count(&self, costs: &[Cost]) -> u32 {
        self.times(costs).count()
    }

    /// How long the answers took that cost one of these.
    pub(crate) fn times(&self, costs: &[Cost]) -> Times {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Times::of(
            answers
                .iter()
                .filter(|(cost, ..)| costs.contains(cost))
                .map(|(.., took)| *took)
                .collect(),
        )
    }

    /// When the answers came that cost one of these, in order.
    pub(crate) fn moments(&self, costs: &[Cost]) -> Vec<Instant> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        answers
            .iter()
            .filter(|(cost, ..)| costs.contains(cost))
            .map(|(_, at, _)| *at)
            .collect()
    }
}
