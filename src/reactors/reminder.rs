//! Reminds those who have stopped on the way, by day and within the society's budget; the mails follow from the events.

use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, CommandError, Commands};
use crate::database::Database;
use crate::domain::delivery::MailKind;
use crate::domain::ids::{CommandId, ContactId, MemberId};
use crate::domain::onboarding::{Command, Issued, Onboarding, Refusal};
use crate::domain::policy::{Limits, ReminderLimits};
use crate::projections::reminders::{self, Place};
use crate::projections::status::{MemberStatus, StatusReader};
use crate::reactors::mails::READER;
use crate::reactors::outbox::Outbox;
use crate::subscription;

/// How often it is looked who is to be reminded.
const LOOKS_APART: std::time::Duration = std::time::Duration::from_mins(1);

/// What reminds.
#[derive(Clone)]
pub struct Reminder {
    /// The read models, which know who waits at which step, and how many were reminded.
    pub database: Database,
    /// How far they have come, and since when a member has waited, as the log tells it.
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

    /// Reminds those to whom it is due, as many as the hour still has room for; answers how many. Whoever cannot be reminded keeps nobody behind
    /// them waiting. Safe to repeat, to cut off and to do twice at once: the members' own streams tell who was reminded, and the rules refuse
    /// what was done.
    ///
    /// # Errors
    /// The read models are away.
    pub async fn remind(&self) -> Result<u32, String> {
        let Some(policy) = &self.limits.reminders else {
            return Ok(0);
        };
        let (mut reminded, mut failed, mut trouble) = (0, 0, None);
        let mut place = Some(Place::default());
        // What happened a moment ago has to be seen.
        while let Some(after) = place.filter(|_| policy.go_at(self.clock.now()))
            && self.statuses.caught_up().await
        {
            let now = self.clock.now();
            let page = reminders::due(&self.database.read, &self.limits, now, &after).await;
            let page = page.map_err(told)?;
            // After the page: whoever looks at the same moment has the same members, in the same order.
            let mut room = self.room(policy).await?;
            for due in page.due {
                if room == 0 {
                    break;
                }
                match self.remind_one(due.member).await {
                    Ok(()) => {
                        reminded += 1;
                        room -= 1;
                        continue;
                    }
                    Err(CommandError::Refused(_)) => {}
                    Err(error) => {
                        failed += 1;
                        trouble.get_or_insert(error);
                    }
                }
                // Somebody else may be at the same members, and what they spend is to be counted.
                room = self.room(policy).await?;
            }
            place = page.next.filter(|_| room > 0);
        }
        if let Some(error) = trouble {
            tracing::error!(%error, members = failed, "members could not be reminded and are tried again");
        }
        Ok(reminded)
    }

    /// How many may be reminded now; none before the read models show what went. No more than an hour's mails wait to leave: a mail server that
    /// was away must not find those of days when it is back.
    async fn room(&self, policy: &ReminderLimits) -> Result<u32, String> {
        if !self.statuses.caught_up().await {
            return Ok(0);
        }
        let pool = &self.database.read;
        let sent = reminders::sent(pool, self.clock.now()).await;
        // In this order: what comes into the outbox meanwhile is counted twice rather than not at all.
        let reached = subscription::checkpoint(&self.database, READER).await;
        let outbox = Outbox::new(self.database.clone());
        let waiting = outbox.waiting(MailKind::Reminder).await.map_err(told)?;
        let coming = reminders::sent_after(pool, reached.map_err(told)?).await;
        let waiting = waiting.saturating_add(coming.map_err(told)?);
        let backlog = policy.per_hour.saturating_sub(waiting);
        Ok(policy.room(sent.map_err(told)?).min(backlog))
    }

    /// The rules may refuse, where something has happened meanwhile.
    async fn remind_one(&self, member: MemberId) -> Result<(), CommandError<Refusal, String>> {
        let attribution = Attribution {
            id: CommandId(self.entropy.id()),
            command: "RemindMember",
            actor: Actor::System("reminder"),
            request_id: None,
            policy: self.policy.clone(),
            trace: None,
        };
        let reminder = self.clone();
        // Asked anew for each try: nothing may have happened to the member between this and the append.
        let settle = move |_| {
            let reminder = reminder.clone();
            async move { reminder.settled(member).await }
        };
        self.commands
            .run::<Onboarding, _, _, _>(member.to_string(), attribution, settle)
            .await?;
        metrics::counter!("kadode_reminders_total").increment(1);
        Ok(())
    }

    async fn settled(&self, member: MemberId) -> Result<Issued, String> {
        let status = self.statuses.of(member).await.map_err(told)?;
        let status = status.ok_or("there is no such member")?;
        let since = status.waits_since().ok_or("nothing has happened yet")?;
        Ok(Issued {
            at: self.clock.now(),
            limits: Arc::clone(&self.limits),
            command: Command::Remind {
                step: status.state.stands_at(),
                since,
            },
        })
    }
}

/// By what a mail is known for that of one reminder among a member's: a stage of a wait is told once.
pub(super) fn reference_of(since: Timestamp, after_days: u32) -> Uuid {
    let name = format!("{since}/{after_days}");
    Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
}

/// The address that the mail of this reminder goes to; none, if it is not the member's last, if they have gone on since or were helped, or
/// cannot go on by themselves at `now`.
pub(super) fn still_goes_to(
    status: &MemberStatus,
    reference: Uuid,
    now: Timestamp,
) -> Option<ContactId> {
    let told = status.state.reminded?;
    let is_last = reference_of(told.since, told.after_days) == reference;
    let still_waits = status.waits_since() == Some(told.since);
    let mailbox = status.state.reminder_goes_to(now);
    mailbox
        .filter(|_| is_last && still_waits)
        .map(|mailbox| mailbox.contact)
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
