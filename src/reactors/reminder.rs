//! Reminds those who have stopped on the way, by day and within the society's budget; the mails follow from the events.

use std::convert::Infallible;
use std::sync::Arc;

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, CommandError, Commands};
use crate::database::Database;
use crate::domain::delivery::MailKind;
use crate::domain::ids::CommandId;
use crate::domain::onboarding::{Command, Issued, Onboarding};
use crate::domain::policy::Limits;
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

    /// Reminds those to whom it is due, as many as the hour still has room for; answers how many. Safe to repeat and to cut off: the members'
    /// own streams tell who was reminded, and the rules refuse what was done.
    ///
    /// # Errors
    /// Log or read models are away.
    pub async fn remind(&self) -> Result<u32, String> {
        let now = self.clock.now();
        let Some(policy) = &self.limits.reminders else {
            return Ok(0);
        };
        // Else what went a moment ago would not be counted.
        if !policy.go_at(now) || !self.statuses.caught_up().await {
            return Ok(0);
        }
        let pool = &self.database.read;
        let sent = reminders::sent(pool, now).await.map_err(told)?;
        let outbox = Outbox::new(self.database.clone());
        let waiting = outbox.waiting(MailKind::Reminder).await.map_err(told)?;
        // A mail server that is away must not find the mails of days before it when it is back.
        let backlog = policy.per_hour.saturating_sub(waiting);
        let room = policy.room(sent).min(backlog);
        let mut reminded = 0;
        let mut place = Some(Place::default());
        while let Some(after) = place.filter(|_| reminded < room) {
            let page = reminders::due(pool, &self.limits, now, &after).await;
            let page = page.map_err(told)?;
            for due in &page.due {
                if reminded < room && self.remind_one(due).await? {
                    reminded += 1;
                }
            }
            place = page.next;
        }
        Ok(reminded)
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
