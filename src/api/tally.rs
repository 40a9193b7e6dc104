//! Counts what came to nothing in memory, and stores the counts of every ten minutes, so that a stranger cannot grow the log.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, CommandError, Commands, Outcome};
use crate::domain::attempts::{Attempts, Tally, WINDOW, window_of};
use crate::domain::ids::CommandId;
use crate::domain::values::TOKYO;

/// The counts that are not stored yet; clones share them.
#[derive(Clone, Debug)]
pub struct Tallies {
    clock: Clock,
    entropy: Entropy,
    counting: Arc<Mutex<BTreeMap<Timestamp, Counts>>>,
    /// Held while storing, so that no tally is on its way twice.
    leaving: Arc<tokio::sync::Mutex<VecDeque<Leaving>>>,
}

type Counts = BTreeMap<&'static str, u64>;

type StoreError = CommandError<std::convert::Infallible, std::convert::Infallible>;

/// A tally that is to be stored: nothing is added to it any more, and it keeps its id until it is known to be stored.
#[derive(Debug)]
struct Leaving {
    command: CommandId,
    tally: Tally,
    tried: bool,
}

impl Tallies {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(clock: Clock, entropy: Entropy) -> Self {
        Self {
            clock,
            entropy,
            counting: Arc::default(),
            leaving: Arc::default(),
        }
    }

    /// Counts one attempt of a kind: a problem's name, or `unknown-id`.
    pub fn count(&self, kind: &'static str) {
        metrics::counter!("kadode_attempts_total", "kind" => kind).increment(1);
        let window = window_of(self.clock.now());
        let mut counting = self.counting.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = counting.entry(window).or_default();
        *counts.entry(kind).or_default() += 1;
    }

    /// Stores what was counted in windows that are over, each as one append to the stream of its Tokyo day; nothing, if
    /// nothing was.
    ///
    /// # Errors
    /// The store is away; what is not known to be stored is kept for the next time.
    pub async fn store_finished(
        &self,
        commands: &Commands,
        policy: &str,
    ) -> Result<(), StoreError> {
        let present = window_of(self.clock.now());
        self.store(commands, policy, |counting| {
            let unfinished = counting.split_off(&present);
            std::mem::replace(counting, unfinished)
        })
        .await
    }

    /// Stores all that was counted, in the present window too: for the end of the program.
    ///
    /// # Errors
    /// As [`Tallies::store_finished`].
    pub async fn store_all(&self, commands: &Commands, policy: &str) -> Result<(), StoreError> {
        self.store(commands, policy, std::mem::take).await
    }

    async fn store(
        &self,
        commands: &Commands,
        policy: &str,
        take: impl FnOnce(&mut BTreeMap<Timestamp, Counts>) -> BTreeMap<Timestamp, Counts>,
    ) -> Result<(), StoreError> {
        let mut leaving = self.leaving.lock().await;
        let taken = take(&mut self.counting.lock().unwrap_or_else(PoisonError::into_inner));
        leaving.extend(taken.into_iter().map(|(window, counts)| {
            Leaving {
                command: CommandId(self.entropy.id()),
                tally: Tally {
                    window,
                    counts: counts
                        .into_iter()
                        .map(|(kind, count)| (kind.to_owned(), count))
                        .collect(),
                },
                tried: false,
            }
        }));
        while let Some(next) = leaving.front_mut() {
            let way = if std::mem::replace(&mut next.tried, true) {
                commands.again()
            } else {
                commands.clone()
            };
            let attribution = Attribution {
                id: next.command,
                command: "Tally",
                actor: Actor::System("api"),
                request_id: None,
                policy: policy.to_owned(),
                trace: None,
            };
            let tally = next.tally.clone();
            let day = TOKYO.to_datetime(tally.window).date();
            let stored: Result<Outcome<Attempts>, _> = way
                .run(day.to_string(), attribution, move |_| {
                    std::future::ready(Ok(tally.clone()))
                })
                .await;
            stored?;
            leaving.pop_front();
        }
        Ok(())
    }

    /// Stores each window when it is over, for ever.
    pub async fn run(self, commands: Commands, policy: String) {
        loop {
            let now = self.clock.now();
            let end = window_of(now) + WINDOW;
            tokio::time::sleep(end.duration_since(now).unsigned_abs()).await;
            if let Err(error) = self.store_finished(&commands, &policy).await {
                tracing::error!(%error, "attempts could not be stored; they are kept for the next time");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::api::problem::Problem;
    use crate::domain::attempts::KINDS;

    #[test]
    fn whatever_is_counted_is_of_a_kind_that_whoever_checks_a_package_knows() {
        let problems = Problem::ALL.map(|problem| problem.name()).into_iter();
        let others = [
            "unknown-id",
            "unknown-staff",
            "formula-closed",
            "confirmation-closed",
        ];
        for kind in problems.chain(others) {
            assert!(KINDS.contains(&kind), "{kind}");
        }
    }
}
