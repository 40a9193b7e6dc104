//! Lets traces of where something was done become unreadable when the policy's time for them is over.

use std::convert::Infallible;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, ToSpan};
use tokio::time::Instant;

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, Commands};
use crate::domain::custody::{Command, Custody};
use crate::domain::ids::CommandId;
use crate::domain::values::TOKYO;
use crate::vault::Vault;

/// How often it is looked whether a year's time is over.
const LOOKS_APART: std::time::Duration = std::time::Duration::from_hours(6);

/// What destroys traces.
#[derive(Clone)]
pub struct Retention {
    /// The traces' keys.
    pub vault: Vault,
    /// The history, which tells of it.
    pub commands: Commands,
    /// The present policy's name and hash.
    pub policy: String,
    /// For how many days after the end of a year its traces are kept; none: for ever.
    pub trace_days: Option<u32>,
    /// The time.
    pub clock: Clock,
    /// The time of the last event of before this start; none, if there was none. What the clock shows beyond it and the time since is not
    /// believed: a clock that is wrong once must not end the traces of years.
    pub known: Option<Timestamp>,
    /// When this start was.
    pub started: Instant,
    /// Ids of commands.
    pub entropy: Entropy,
}

impl Retention {
    /// Looks for ever.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.destroy().await {
                tracing::error!(error, "old traces could not be destroyed");
            }
            tokio::time::sleep(LOOKS_APART).await;
        }
    }

    /// Destroys the trace keys of all years whose time is over, after an event that says how many; safe to repeat.
    ///
    /// # Errors
    /// The log or the key database is away.
    pub async fn destroy(&self) -> Result<(), String> {
        let Some(days) = self.trace_days else {
            return Ok(());
        };
        let Some(known) = self.known else {
            return Ok(());
        };
        let since = SignedDuration::try_from(self.started.elapsed()).unwrap_or_default();
        let now = self
            .clock
            .now()
            .min(known.checked_add(since).unwrap_or(known));
        let Some(until) = last_year_over(now, days) else {
            return Ok(());
        };
        let traces = &self.vault.traces;
        let keys = traces.count_until(until).await;
        let keys = keys.map_err(|error| error.to_string())?;
        if keys > 0 {
            self.tell(until, keys).await?;
        }
        // Also where none is left: a run that was cut off may have left them in the write-ahead log.
        let destroyed = traces.destroy_until(until).await;
        destroyed.map_err(|error| error.to_string())
    }

    async fn tell(&self, until: i16, keys: u64) -> Result<(), String> {
        let attribution = Attribution {
            id: CommandId(self.entropy.id()),
            command: "DestroyTraces",
            actor: Actor::System("sweeper"),
            request_id: None,
            policy: self.policy.clone(),
            trace: None,
        };
        let command = Command::DestroyTraces { until, keys };
        let settle = move |_| std::future::ready(Ok::<_, Infallible>(command.clone()));
        let stored =
            self.commands
                .run::<Custody, _, _, _>("society".to_owned(), attribution, settle);
        stored.await.map(drop).map_err(|error| error.to_string())
    }
}

/// The last calendar year, in Tokyo, that ended so many days ago.
fn last_year_over(now: Timestamp, days: u32) -> Option<i16> {
    let today: Date = TOKYO.to_datetime(now).date();
    let then = today.checked_sub(i64::from(days).days()).ok()?;
    then.year().checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::last_year_over;

    #[test]
    fn a_year_is_over_so_many_days_after_its_last_day_in_tokyo() {
        let over = |now: &str| last_year_over(now.parse().unwrap(), 90);
        // 90 days after 1 January 2027 begins 1 April, in Tokyo nine hours before UTC.
        assert_eq!(over("2027-03-31T14:59:59Z"), Some(2025));
        assert_eq!(over("2027-03-31T15:00:00Z"), Some(2026));
    }
}
