//! Where each member stands: the folded state and when each step was done.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event;
use crate::ambient::Clock;
use crate::database::{Cell, Connections, Insert};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Event, Onboarding, Step};
use crate::subscription::{
    ApplyError, Before, EventLog, FollowError, Position, Progress, Projection, Recorded,
};

/// Where one member stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The state, as the domain folds it.
    pub state: Onboarding,
    /// When each step was done.
    pub done: BTreeMap<Step, Timestamp>,
    /// The position of the member's last event.
    pub position: Position,
}

impl MemberStatus {
    /// Folds one event; the same for the read model and for a single stream.
    ///
    /// # Errors
    /// The event cannot be read.
    pub fn fold(&mut self, recorded: &Recorded) -> Result<(), ApplyError> {
        let event: Event = event(recorded)?;
        let at = recorded.recorded_at;
        let logged_out_before = self.state.logged_out;
        self.state.apply(event.clone());
        match event {
            Event::CredentialsAccepted { .. } if self.state.password.is_some() => {
                self.first(Step::SignInAgain, at);
            }
            Event::CredentialsAccepted { .. } => self.first(Step::SignIn, at),
            Event::BirthDateConfirmed {} => self.first(Step::BirthDate, at),
            Event::TermsAccepted { .. } => self.first(Step::Terms, at),
            Event::EmailRegistered { .. } => {
                self.undo(&[Step::EmailLink, Step::EmailUpdate]);
                self.done.insert(Step::Email, at);
            }
            Event::EmailLinkFollowed { .. } => self.first(Step::EmailLink, at),
            Event::CredentialsReissued { .. } => self.done.clear(),
            Event::EmailCleared { .. } => self.undo(&[
                Step::Email,
                Step::EmailLink,
                Step::EmailUpdate,
                Step::OtpMethod,
            ]),
            Event::EmailDisowned { .. } => {
                self.undo(&[Step::Email, Step::EmailLink, Step::EmailUpdate]);
            }
            Event::EmailVerified { .. } => self.first(Step::EmailUpdate, at),
            Event::OtpMethodChosen { .. } => self.first(Step::OtpMethod, at),
            Event::PasswordChanged { .. } => self.first(Step::Password, at),
            Event::FirstLoginCompleted {} => self.first(Step::FirstLoginCompleted, at),
            Event::LoggedOut { .. } | Event::PasswordReset { .. }
                if self.state.logged_out && !logged_out_before =>
            {
                self.first(Step::LogOut, at);
            }
            Event::OtpLoginSucceeded { .. } => self.first(Step::Otp, at),
            Event::OnboardingCompleted {} => self.first(Step::Completed, at),
            Event::MemberEnrolled { .. }
            | Event::CredentialsRejected { .. }
            | Event::BirthDateRejected {}
            | Event::EmailLinkReissued { .. }
            | Event::EmailChangeRequested { .. }
            | Event::EmailChangeLinkFollowed { .. }
            | Event::EmailChangeDisowned { .. }
            | Event::EmailChangeConfirmed { .. }
            | Event::EmailChangeCancelled { .. }
            | Event::EmailChanged { .. }
            | Event::PasswordResetRequested { .. }
            | Event::PasswordResetRejected {}
            | Event::PasswordResetConfirmed { .. }
            | Event::PasswordResetCancelled { .. }
            | Event::PasswordReset { .. }
            | Event::LoggedOut { .. }
            | Event::OtpIssued { .. }
            | Event::OtpReissued { .. }
            | Event::OtpRejected { .. }
            | Event::NotMeReported {}
            | Event::SignInConfirmed { .. }
            | Event::Intervened { .. }
            | Event::InterventionProposed { .. }
            | Event::InterventionApproved { .. }
            | Event::InterventionDeclined { .. }
            | Event::AccountFrozen {}
            | Event::AccountReleased {}
            | Event::ProfileChanged { .. }
            | Event::MemberLeft { .. }
            | Event::MemberReturned { .. }
            | Event::PersonalDataErased {} => {}
        }
        self.position = recorded.position;
        Ok(())
    }

    fn first(&mut self, step: Step, at: Timestamp) {
        self.done.entry(step).or_insert(at);
    }

    fn undo(&mut self, steps: &[Step]) {
        self.done.retain(|step, _| !steps.contains(step));
    }
}

/// The read model `member_status`; the log is asked where a row of it is damaged.
pub struct StatusProjection(pub EventLog);

impl Projection for StatusProjection {
    fn name(&self) -> &'static str {
        "member_status"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["member_status"]
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let events: Vec<&Recorded> = batch
                .iter()
                .filter(|event| event.stream_kind == Onboarding::TYPE)
                .collect();
            let mut known = stored(&self.0, &events, suffix, before).await?;
            for event in &events {
                known
                    .entry(event.stream_id.clone())
                    .or_default()
                    .fold(event)?;
            }
            let mut rows = Vec::with_capacity(known.len());
            for (member, status) in known {
                let text = serde_json::to_string(&status)
                    .map_err(|error| ApplyError::Unreadable(error.to_string()))?;
                rows.push([Cell::from(member), Cell::from(text)]);
            }
            Ok(vec![Insert::new(
                format!("INSERT INTO member_status{suffix} (member_id, status)"),
                &rows,
                "ON CONFLICT (member_id) DO UPDATE SET status = excluded.status",
            )?])
        })
    }
}

async fn stored(
    log: &EventLog,
    events: &[&Recorded],
    suffix: &str,
    before: &mut Before<'_>,
) -> Result<HashMap<String, MemberStatus>, ApplyError> {
    // A stream that begins in this batch has no row yet.
    let began: HashSet<&str> = events
        .iter()
        .filter(|event| event.sequence == 1)
        .map(|event| event.stream_id.as_str())
        .collect();
    let members: HashSet<&str> = events
        .iter()
        .map(|event| event.stream_id.as_str())
        .collect();
    let members = members.difference(&began).copied().collect();
    let table = format!("member_status{suffix}");
    let mut known = HashMap::new();
    for (member, status) in before.of_members(&table, "status", &members).await? {
        let status = match parse(&status) {
            Some(status) => status,
            // No event is to blame: what came before is folded from the log.
            None => folded_before(log, &member, events).await?,
        };
        known.insert(member, status);
    }
    Ok(known)
}

/// Where a member stood before the first of these events that is theirs.
async fn folded_before(
    log: &EventLog,
    member: &str,
    events: &[&Recorded],
) -> Result<MemberStatus, ApplyError> {
    let first = events.iter().find(|event| event.stream_id == member);
    let stream = log.read_stream(Onboarding::TYPE, member).await?;
    let mut status = MemberStatus::default();
    for event in stream
        .iter()
        .take_while(|event| first.is_some_and(|first| event.position < first.position))
    {
        status.fold(event)?;
    }
    Ok(status)
}

/// None, if the row is damaged or of another version of the program.
fn parse(status: &str) -> Option<MemberStatus> {
    serde_json::from_str(status)
        .inspect_err(|error| tracing::warn!(%error, "a row of member_status cannot be read; the log is asked instead"))
        .ok()
}

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
        if let Cow::Owned(state) = status.state.as_of(self.clock.now()) {
            status.state = state;
        }
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
