//! Reminds those who have stopped on the way, by day and within the society's budget; the mails follow from the events.

use std::convert::Infallible;
use std::sync::Arc;

use jiff::Timestamp;

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, CommandError, Commands};
use crate::database::Database;
use crate::domain::delivery::MailKind;
use crate::domain::ids::CommandId;
use crate::domain::onboarding::{Command, Issued, Onboarding};
use crate::domain::policy::{Limits, ReminderLimits};
use crate::projections::reminders::{self, Due, Place};
use crate::projections::status::StatusReader;
use crate::reactors::outbox::Outbox;

/// How often it is looked who is to be reminded.
const LOOKS_APART: std::time::Duration = std::time::Duration::from_mins(1);

/// What reminds.
#[derive(Clone)]
pub struct Reminder {
    /// The read models, which know who waits at which step, and how many were reminded.
    pub database: Database,
    /// How far they have come.
    pub statuses: StatusReader,
    /// The way into the log.
    pub commands: Commands,
    /// The present policy's limits.
    pub limits: Arc<Limits>,
    /// Its name and hash.
    pub policy: String,
    /// The time.
    pub clock: Clock,
    /// Ids of commands.
    pub entropy: Entropy,
}

impl Reminder {
    /// Reminds for ever.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.remind().await {
                tracing::error!(error, "reminders rest and are tried again");
            }
            tokio::time::sleep(LOOKS_APART).await;
        }
    }

    /// Reminds those to whom it is due, as many as the hour still has room for; answers how many. Safe to repeat, to cut off and to do twice at
    /// once: the members' own streams tell who was reminded, and the rules refuse what was done.
    ///
    /// # Errors
    /// Log or read models are away.
    pub async fn remind(&self) -> Result<u32, String> {
        let now = self.clock.now();
        let Some(policy) = &self.limits.reminders else {
            return Ok(0);
        };
        let pool = &self.database.read;
        let mut reminded = 0;
        let mut place = Some(Place::default());
        // What went a moment ago has to be counted.
        while let Some(after) = place.filter(|_| policy.go_at(now))
            && self.statuses.caught_up().await
        {
            // Before the budget: whoever looks at the same moment takes the same members, and is refused them.
            let page = reminders::due(pool, &self.limits, now, &after).await;
            let page = page.map_err(told)?;
            let room = self.room(policy, now).await?;
            for due in page.due.iter().take(room) {
                reminded += u32::from(self.remind_one(due).await?);
            }
            place = page.next.filter(|_| page.due.len() < room);
        }
        Ok(reminded)
    }

    /// How many may be reminded now. No more than an hour's mails wait in the outbox: a mail server that was away must not find those of days
    /// when it is back.
    async fn room(&self, policy: &ReminderLimits, now: Timestamp) -> Result<usize, String> {
        let sent = reminders::sent(&self.database.read, now).await;
        let outbox = Outbox::new(self.database.clone());
        let waiting = outbox.waiting(MailKind::Reminder).await.map_err(told)?;
        let backlog = policy.per_hour.saturating_sub(waiting);
        let room = policy.room(sent.map_err(told)?).min(backlog);
        Ok(usize::try_from(room).unwrap_or(usize::MAX))
    }

    /// Answers whether the member was reminded; the rules may refuse, where something has happened meanwhile.
    async fn remind_one(&self, due: &Due) -> Result<bool, String> {
        let attribution = Attribution {
            id: CommandId(self.entropy.id()),
            command: "RemindMember",
            actor: Actor::System("reminder"),
            request_id: None,
            policy: self.policy.clone(),
            trace: None,
        };
        let issued = Issued {
            at: self.clock.now(),
            limits: Arc::clone(&self.limits),
            command: Command::Remind {
                step: due.step,
                since: due.since,
            },
        };
        let settle = move |_| std::future::ready(Ok::<_, Infallible>(issued.clone()));
        let member = due.member.to_string();
        let done = self
            .commands
            .run::<Onboarding, _, _, _>(member, attribution, settle)
            .await;
        match done {
            Ok(_) => {
                metrics::counter!("kadode_reminders_total").increment(1);
                Ok(true)
            }
            Err(CommandError::Refused(_)) => Ok(false),
            Err(error) => Err(told(error)),
        }
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
