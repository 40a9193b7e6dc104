//! Counts what came to nothing in memory, and stores the counts every ten minutes, so that a stranger cannot grow the log.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, CommandError, Commands, Outcome};
use crate::domain::attempts::{Attempts, Tally};
use crate::domain::ids::CommandId;
use crate::domain::values::TOKYO;

/// How often counts are stored, if there are any.
const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// The counts since they were last stored; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tallies(Arc<Mutex<BTreeMap<&'static str, u64>>>);

impl Tallies {
    /// Counts one attempt of a kind: a problem's name, or `unknown-id`.
    pub fn count(&self, kind: &'static str) {
        metrics::counter!("kadode_attempts_total", "kind" => kind).increment(1);
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(kind).or_default() += 1;
    }

    /// Stores what was counted, as one append to the stream of the Tokyo day; nothing, if nothing was.
    ///
    /// # Errors
    /// The store is away; the counts are kept then.
    pub async fn store(
        &self,
        commands: &Commands,
        command: CommandId,
        policy: &str,
        now: Timestamp,
    ) -> Result<(), CommandError<std::convert::Infallible, std::convert::Infallible>> {
        let counts = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return Ok(());
        }
        let seconds = now.as_second() - now.as_second().rem_euclid(WINDOW.as_secs());
        let tally = Tally {
            window: Timestamp::from_second(seconds).unwrap_or(now),
            counts: counts
                .iter()
                .map(|(kind, count)| ((*kind).to_owned(), *count))
                .collect(),
        };
        let attribution = Attribution {
            id: command,
            command: "Tally",
            actor: Actor::System("api"),
            request_id: None,
            policy: policy.to_owned(),
            trace: None,
        };
        let day = TOKYO.to_datetime(now).date();
        let stored: Result<Outcome<Attempts>, _> = commands
            .run(day.to_string(), attribution, move |_| {
                let tally = tally.clone();
                async move { Ok(tally) }
            })
            .await;
        stored.map(drop).inspect_err(|_| {
            let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (kind, count) in counts {
                *kept.entry(kind).or_default() += count;
            }
        })
    }

    /// Stores what was counted every ten minutes, for ever.
    pub async fn run(self, commands: Commands, policy: String, clock: Clock, entropy: Entropy) {
        loop {
            tokio::time::sleep(Duration::from_mins(10)).await;
            if let Err(error) = self
                .store(&commands, CommandId(entropy.id()), &policy, clock.now())
                .await
            {
                tracing::error!(%error, "attempts could not be stored; they are kept for the next time");
            }
        }
    }
}
