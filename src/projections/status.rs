//! Where each member stands: the folded state and when each step was done.

mod reader;

pub use reader::{Health, StatusReader};

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event;
use crate::database::{Cell, Insert, fixed_width};
use crate::domain::onboarding::{Event, Intervention, Onboarding, Step};
use crate::subscription::{ApplyError, Before, EventLog, Position, Projection, Recorded};

/// Where one member stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberStatus {
    /// The state, as the domain folds it.
    pub state: Onboarding,
    /// When each step was done.
    pub done: BTreeMap<Step, Timestamp>,
    /// Since when the member has been at the present step: when they came to it, or when staff last did something for them.
    #[serde(default)]
    pub since: Option<Timestamp>,
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
        let stood_at = self.state.stands_at();
        // What came due of itself did so then, however late the log tells it.
        let came = self.state.moved_on(at).unwrap_or(at);
        let begins_anew = begins_anew(&self.state, &event);
        self.state.apply(event.clone());
        if self.since.is_none() || self.state.stands_at() != stood_at || begins_anew {
            self.since = Some(came);
        }
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
            | Event::PasswordReplaced { .. }
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
            | Event::MemberReminded { .. }
            | Event::ProfileChanged { .. }
            | Event::MemberLeft { .. }
            | Event::MemberReturned { .. }
            | Event::PersonalDataErased {} => {}
        }
        self.position = recorded.position;
        Ok(())
    }

    /// Where the member stands at that moment: what has come due of itself counts, though no event may say so yet.
    #[must_use]
    pub fn as_of(mut self, at: Timestamp) -> Self {
        self.since = self.state.moved_on(at).or(self.since);
        if let Cow::Owned(state) = self.state.as_of(at) {
            self.state = state;
        }
        self
    }

    /// Since when a wait at the present step counts; at the first one, not before the password on paper does.
    #[must_use]
    pub fn waits_since(&self) -> Option<Timestamp> {
        let paper = self.state.enrolment.as_ref().map(|it| it.valid_from);
        let paper = paper.filter(|_| self.state.stands_at() == Step::SignIn);
        self.since
            .map(|since| paper.map_or(since, |it| since.max(it)))
    }

    fn first(&mut self, step: Step, at: Timestamp) {
        self.done.entry(step).or_insert(at);
    }

    fn undo(&mut self, steps: &[Step]) {
        self.done.retain(|step, _| !steps.contains(step));
    }
}

/// Whether a wait begins anew with it, though the step is the same: before, the member could not go on, or was being helped.
fn begins_anew(before: &Onboarding, event: &Event) -> bool {
    // Whoever sees more of a member has not done anything for them.
    let helps = |it: Intervention| it != Intervention::Unmask;
    if let Event::InterventionApproved { proposal, .. } = event {
        let proposed = before.proposals.iter().find(|it| it.id == *proposal);
        return proposed.is_some_and(|it| helps(it.intervention));
    }
    if let Event::Intervened { intervention, .. } = event {
        return helps(*intervention);
    }
    matches!(
        event,
        Event::AccountReleased {}
            | Event::CredentialsReissued { .. }
            | Event::MemberReturned { .. }
    )
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
                let since = status.waits_since();
                let since = since.filter(|_| status.state.may_be_reminded());
                let until = status.state.may_be_reminded_until();
                let reminded = since.map_or(0, |since| status.state.reminded_after(since));
                rows.push([
                    Cell::from(member),
                    Cell::from(text),
                    Cell::from(since.map(fixed_width)),
                    Cell::from(until.map(fixed_width)),
                    Cell::from(i64::from(reminded)),
                ]);
            }
            Ok(vec![Insert::new(
                before.dialect(),
                format!(
                    "INSERT INTO member_status{suffix} (member_id, status, waits_since, waits_until, reminded_after)"
                ),
                &rows,
                "ON CONFLICT (member_id) DO UPDATE SET status = excluded.status, \
                 waits_since = excluded.waits_since, waits_until = excluded.waits_until, \
                 reminded_after = excluded.reminded_after",
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
            // No event is to blame.
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

/// None, if the row is damaged or of another version of the program: whoever asks has to ask the log instead.
fn parse(status: &str) -> Option<MemberStatus> {
    serde_json::from_str(status)
        .inspect_err(|error| tracing::warn!(%error, "a row of member_status cannot be read; the log is asked instead"))
        .ok()
}
