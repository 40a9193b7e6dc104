//! Reads where members stand: from the read model, and from the log where it lags.

use std::time::Duration;

use cqrs_es::Aggregate;
use jiff::Timestamp;

use super::{MemberStatus, parse};
use crate::ambient::Clock;
use crate::database::Connections;
use crate::domain::ids::{MemberId, SessionId};
use crate::domain::onboarding::{Event, Onboarding};
use crate::projections::event;
use crate::subscription::{ApplyError, EventLog, FollowError, Position, Progress};

/// How far the parts of the program have come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The last committed event.
    pub head: Position,
    /// The last event that the read models show.
    pub projected: Position,
    /// Events that the read models could not take.
    pub parked: i64,
    /// Mails that wait to be sent.
    pub mails_waiting: i64,
}

/// How long a page waits for the read models.
const PATIENCE: Duration = Duration::from_secs(2);

/// Reads where members stand, never behind what the reader has seen.
#[derive(Clone)]
pub struct StatusReader {
    log: EventLog,
    pool: Connections,
    progress: Progress,
    clock: Clock,
}

impl StatusReader {
    /// A reader of the read model in `pool`, which `progress` tells of; `log` serves where it lags.
    #[must_use]
    pub const fn new(log: EventLog, pool: Connections, progress: Progress, clock: Clock) -> Self {
        Self {
            log,
            pool,
            progress,
            clock,
        }
    }

    /// Where a member stands now; none, if there is no such member. It is never behind the log: what the read model does not show
    /// yet (or for a parked event never will) is folded on top, from the member's own stream. Nor is it behind the clock: what has come
    /// due of itself is shown, though the log tells it with the member's next event.
    ///
    /// # Errors
    /// The database is away, or an event cannot be read.
    pub async fn of(&self, member: MemberId) -> Result<Option<MemberStatus>, FollowError> {
        let mut status = stored_status(&self.pool, member).await?.unwrap_or_default();
        let later = self
            .log
            .read_stream_after(Onboarding::TYPE, &member.to_string(), status.position)
            .await?;
        for event in &later {
            status.fold(event)?;
        }
        let status = status.as_of(self.clock.now());
        Ok(status.state.enrolment.is_some().then_some(status))
    }

    /// Where a member stood when the log ended at `position`; none, if there was no such member yet.
    ///
    /// # Errors
    /// The log is away, or an event cannot be read.
    pub async fn at(
        &self,
        member: MemberId,
        position: Position,
    ) -> Result<Option<MemberStatus>, FollowError> {
        let stream = self
            .log
            .read_stream(Onboarding::TYPE, &member.to_string())
            .await?;
        let mut status = MemberStatus::default();
        for event in stream.iter().take_while(|it| it.position <= position) {
            status.fold(event)?;
        }
        Ok(status.state.enrolment.is_some().then_some(status))
    }

    /// The session in which the member last gave the date of birth or entered an address, and when; none, if nothing tells.
    ///
    /// # Errors
    /// The log is away, or an event cannot be read.
    pub async fn showed_last(
        &self,
        member: MemberId,
    ) -> Result<Option<(SessionId, Timestamp)>, FollowError> {
        let stream = self
            .log
            .read_stream(Onboarding::TYPE, &member.to_string())
            .await?;
        let (mut status, mut showed) = (MemberStatus::default(), None);
        for recorded in &stream {
            status.fold(recorded)?;
            if matches!(
                event(recorded)?,
                Event::BirthDateConfirmed {} | Event::EmailRegistered { .. }
            ) {
                let session = status.state.session.as_ref();
                showed = session.map(|session| (session.id, recorded.recorded_at));
            }
        }
        Ok(showed)
    }

    /// Waits until the read models show what is committed now, for whoever needs more than a status; two seconds at most. Answers
    /// whether they do.
    pub async fn caught_up(&self) -> bool {
        self.progress.reached(self.log.head(), PATIENCE).await
    }

    /// Tells when the read model has moved on.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// How far the parts of the program have come.
    ///
    /// # Errors
    /// The database is away.
    pub async fn health(&self) -> Result<Health, FollowError> {
        let count = |table: &'static str| {
            let sql = format!("SELECT COUNT(*) FROM {table}");
            async move {
                sqlx::query_scalar::<_, i64>(&sql)
                    .fetch_one(&self.pool)
                    .await
            }
        };
        Ok(Health {
            head: self.log.committed_head().await?,
            projected: self.progress.position(),
            parked: count("parked_events").await?,
            mails_waiting: count("outbox").await?,
        })
    }
}

async fn stored_status(
    pool: &Connections,
    member: MemberId,
) -> Result<Option<MemberStatus>, ApplyError> {
    let stored: Option<String> =
        sqlx::query_scalar("SELECT status FROM member_status WHERE member_id = $1")
            .bind(member.to_string())
            .fetch_optional(pool)
            .await?;
    Ok(stored.as_deref().and_then(parse))
}
