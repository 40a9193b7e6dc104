//! What is remembered of a member to tell what their next event counts for.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::counting::{day_of, span, whole_days};
use super::counts::{Count, Topic};
use crate::database::fixed_width;
use crate::domain::delivery::MailKind;
use crate::domain::ids::ProposalId;
use crate::domain::onboarding::{Event, Grounds, Intervention, Reason, Step};

/// Where a member is on the way, and since when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something that happened or did not"
)]
pub struct Track {
    /// The cohort.
    pub cohort: String,
    /// The month of joining, `YYYY-MM`; empty, where the roster does not tell it.
    joined: String,
    has_terms: bool,
    valid_from: Timestamp,
    /// The end of the initial password, until the member has another.
    expires_at: Option<Timestamp>,
    signed_in_at: Option<Timestamp>,
    /// The step that the member is at: what [`Onboarding::due`](crate::domain::onboarding::Onboarding::due) says of them without their
    /// session. With one that waits for a code, that says step 14, also to somebody who has come to the end.
    at: Step,
    /// Since when. Another address begins the wait for its link anew.
    since: Timestamp,
    /// Steps that were due once.
    entered: Steps,
    /// Steps that were done once.
    done: Steps,
    frozen: bool,
    /// When a link was last asked for, and not used since.
    link_asked: Option<Timestamp>,
    /// When a link to another address was last asked for, and not used since.
    #[serde(default)]
    change_link_asked: Option<Timestamp>,
    /// When a link for a forgotten password was last asked for, and not used since.
    #[serde(default)]
    reset_link_asked: Option<Timestamp>,
    /// When a code was last asked for, and not used since.
    code_asked: Option<Timestamp>,
    /// When a mail of each kind was last asked for.
    mail_asked: BTreeMap<String, Timestamp>,
    /// The last day on which a try of that type came to nothing.
    failed_on: BTreeMap<String, Date>,
    /// What staff proposed and nobody has decided on.
    #[serde(default)]
    proposed: BTreeMap<ProposalId, (Intervention, Reason)>,
    #[serde(default)]
    erased: bool,
    #[serde(default)]
    left: bool,
}

/// A set of steps, a bit for each by the manual's number: rows of the read model are written with every event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Steps(u16);

impl Steps {
    const fn has(self, step: Step) -> bool {
        self.0 & (1 << step.number()) != 0
    }

    const fn with(self, step: Step) -> Self {
        Self(self.0 | (1 << step.number()))
    }
}

/// Where a member stands for the reconciliation. Whether an initial password has expired depends on the moment, so reports tell that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    NotStarted,
    InProgress,
    Completed,
    Frozen,
    Left,
    Erased,
}

impl State {
    pub(super) const ALL: [Self; 6] = [
        Self::NotStarted,
        Self::InProgress,
        Self::Completed,
        Self::Frozen,
        Self::Left,
        Self::Erased,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NotStarted => "not_started",
            Self::InProgress => "in_progress",
            Self::Completed => "completed",
            Self::Frozen => "frozen",
            Self::Left => "left",
            Self::Erased => "erased",
        }
    }
}

impl Track {
    /// A member who is enrolled; none, if the event is another.
    pub(super) fn begin(event: &Event, at: Timestamp) -> Option<Self> {
        let Event::MemberEnrolled {
            cohort,
            joined_month,
            terms,
            valid_from,
            expires_at,
            ..
        } = event
        else {
            return None;
        };
        Some(Self {
            cohort: cohort.clone(),
            joined: joined_month.clone().unwrap_or_default(),
            has_terms: terms.is_some(),
            valid_from: *valid_from,
            expires_at: Some(*expires_at),
            signed_in_at: None,
            at: Step::SignIn,
            since: at,
            entered: Steps::default().with(Step::SignIn),
            done: Steps::default(),
            frozen: false,
            link_asked: None,
            change_link_asked: None,
            reset_link_asked: None,
            code_asked: None,
            mail_asked: BTreeMap::new(),
            failed_on: BTreeMap::new(),
            proposed: BTreeMap::new(),
            erased: false,
            left: false,
        })
    }

    /// What the enrolment counts for.
    pub(super) fn enrolled(&self, import: &str) -> Vec<Count> {
        let mut counts = vec![
            self.one(Topic::Enrolled, [&self.joined, "", ""]),
            self.one(Topic::Imported, [import, "", ""]),
            self.one(Topic::Entered, [Step::SignIn.name(), "", ""]),
        ];
        self.stands(1, &mut counts);
        counts
    }

    /// What the member's next event counts for.
    pub(super) fn take(&mut self, event: &Event, at: Timestamp) -> Vec<Count> {
        let before = self.clone();
        let mut counts = self.note(event, at);
        if self.stand() != before.stand() {
            before.stands(-1, &mut counts);
            self.stands(1, &mut counts);
        }
        counts
    }

    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    fn note(&mut self, event: &Event, at: Timestamp) -> Vec<Count> {
        let mut counts = Vec::new();
        if let Some(notice) = event.notice() {
            self.mail_asked.insert(notice.name().to_owned(), at);
        }
        match event {
            Event::CredentialsAccepted { .. } if self.expires_at.is_none() => {
                self.does(Step::SignInAgain, at, &mut counts);
                if self.at == Step::SignInAgain {
                    self.goes_to(Step::Otp, at, &mut counts);
                }
            }
            Event::CredentialsAccepted { .. } => {
                self.signed_in_at.get_or_insert(at);
                self.does(Step::SignIn, at, &mut counts);
                if self.at == Step::SignIn {
                    self.goes_to(Step::BirthDate, at, &mut counts);
                }
            }
            Event::BirthDateConfirmed {} => {
                self.does(Step::BirthDate, at, &mut counts);
                let next = if self.has_terms {
                    Step::Terms
                } else {
                    Step::Email
                };
                if self.at == Step::BirthDate {
                    self.goes_to(next, at, &mut counts);
                }
            }
            Event::TermsAccepted { .. } => {
                self.does(Step::Terms, at, &mut counts);
                self.goes_to(Step::Email, at, &mut counts);
            }
            Event::EmailRegistered { .. } => {
                self.does(Step::Email, at, &mut counts);
                self.goes_to(Step::EmailLink, at, &mut counts);
                counts.push(self.asks(MailKind::EmailLink, "issued", at));
            }
            Event::EmailLinkReissued { .. } => {
                counts.push(self.asks(MailKind::EmailLink, "reissued", at));
            }
            Event::EmailLinkFollowed { .. } => {
                self.does(Step::EmailLink, at, &mut counts);
                self.goes_to(Step::EmailUpdate, at, &mut counts);
                self.uses(MailKind::EmailLink, at, &mut counts);
            }
            Event::EmailDisowned { .. } => {
                self.goes_to(Step::Email, at, &mut counts);
                counts.push(self.one(Topic::Codes, [MailKind::EmailLink.name(), "disowned", ""]));
            }
            Event::EmailVerified { .. } => {
                self.does(Step::EmailUpdate, at, &mut counts);
                self.goes_to(Step::OtpMethod, at, &mut counts);
            }
            Event::EmailChangeRequested { .. } => {
                counts.push(self.asks(MailKind::EmailChangeLink, "issued", at));
            }
            Event::EmailChangeLinkFollowed { .. } => {
                self.uses(MailKind::EmailChangeLink, at, &mut counts);
            }
            Event::EmailChangeDisowned { .. } => {
                let kind = MailKind::EmailChangeLink.name();
                counts.push(self.one(Topic::Codes, [kind, "disowned", ""]));
            }
            Event::PasswordResetRequested { .. } => {
                counts.push(self.asks(MailKind::PasswordResetLink, "issued", at));
            }
            Event::PasswordResetConfirmed { .. } => {
                self.uses(MailKind::PasswordResetLink, at, &mut counts);
            }
            Event::OtpMethodChosen { .. } => {
                self.does(Step::OtpMethod, at, &mut counts);
                self.goes_to(Step::Password, at, &mut counts);
            }
            Event::PasswordChanged { .. } => {
                self.does(Step::Password, at, &mut counts);
                self.expires_at = None;
                if self.at == Step::Password {
                    self.goes_to(Step::LogOut, at, &mut counts);
                }
            }
            Event::FirstLoginCompleted {} => {
                self.does(Step::FirstLoginCompleted, at, &mut counts);
            }
            Event::LoggedOut { .. } | Event::PasswordReset { .. } if self.at == Step::LogOut => {
                self.does(Step::LogOut, at, &mut counts);
                self.goes_to(Step::SignInAgain, at, &mut counts);
            }
            Event::OtpIssued { .. } => counts.push(self.asks(MailKind::Otp, "issued", at)),
            Event::OtpReissued { .. } => counts.push(self.asks(MailKind::Otp, "reissued", at)),
            Event::OtpLoginSucceeded { .. } => {
                self.does(Step::Otp, at, &mut counts);
                self.uses(MailKind::Otp, at, &mut counts);
            }
            Event::OnboardingCompleted {} => self.completes(at, &mut counts),
            Event::NotMeReported {} | Event::AccountFrozen {} => {
                self.frozen = true;
                counts.push(self.one(Topic::Frozen, [event.name(), "", ""]));
            }
            Event::AccountReleased {} => self.frozen = false,
            Event::PersonalDataErased {} => {
                self.erased = true;
                counts.push(self.one(Topic::Custody, [event.name(), "", ""]));
                self.goes_to(Step::SignIn, at, &mut counts);
            }
            Event::MemberLeft { .. } => self.left = true,
            Event::MemberReturned { .. } => self.left = false,
            Event::EmailCleared { .. } => self.goes_to(Step::Email, at, &mut counts),
            Event::CredentialsReissued { expires_at, .. } => {
                self.expires_at = Some(*expires_at);
                self.goes_to(Step::SignIn, at, &mut counts);
            }
            Event::SignInConfirmed { .. } => self.uses(MailKind::Otp, at, &mut counts),
            Event::CredentialsRejected { why } => {
                let why = serde_json::to_value(why).unwrap_or_default();
                self.fails(event, why.as_str().unwrap_or_default(), at, &mut counts);
            }
            Event::BirthDateRejected {} | Event::PasswordResetRejected {} => {
                self.fails(event, "", at, &mut counts);
            }
            Event::OtpRejected { .. } => {
                self.fails(event, "", at, &mut counts);
                counts.push(self.one(Topic::Codes, [MailKind::Otp.name(), "wrong", ""]));
            }
            Event::Intervened {
                intervention,
                grounds,
                ..
            } => counts.push(self.intervenes(event, *intervention, grounds.reason)),
            Event::InterventionProposed {
                proposal,
                intervention,
                grounds: Grounds { reason, .. },
                ..
            } => {
                self.proposed.insert(*proposal, (*intervention, *reason));
                counts.push(self.intervenes(event, *intervention, *reason));
            }
            Event::InterventionApproved { proposal, .. }
            | Event::InterventionDeclined { proposal, .. } => {
                if let Some((intervention, reason)) = self.proposed.remove(proposal) {
                    counts.push(self.intervenes(event, intervention, reason));
                }
            }
            Event::MemberEnrolled { .. }
            | Event::LoggedOut { .. }
            | Event::MemberReminded { .. }
            | Event::ProfileChanged { .. }
            | Event::EmailChangeConfirmed { .. }
            | Event::EmailChangeCancelled { .. }
            | Event::EmailChanged { .. }
            | Event::PasswordReplaced { .. }
            | Event::PasswordResetCancelled { .. }
            | Event::PasswordReset { .. } => {}
        }
        counts
    }

    /// How long ago a mail of this kind was last asked for.
    pub(super) fn mail_took(&self, kind: MailKind, at: Timestamp) -> Option<String> {
        let asked = self.mail_asked.get(kind.name())?;
        Some(span(*asked, at))
    }

    fn one(&self, topic: Topic, of: [&str; 3]) -> Count {
        Count::new(topic, &self.cohort, of, 1)
    }

    fn does(&mut self, step: Step, at: Timestamp, counts: &mut Vec<Count>) {
        if self.done.has(step) {
            return;
        }
        self.done = self.done.with(step);
        counts.push(self.one(Topic::Done, [step.name(), "", ""]));
        counts.push(self.one(Topic::DoneByJoined, [step.name(), &self.joined, ""]));
        // Step 10 is done with step 9; the time of a step counts from when it became due.
        if self.at == step {
            let took = span(self.since, at);
            counts.push(self.one(Topic::Dwell, [step.name(), &took, ""]));
        }
    }

    fn goes_to(&mut self, step: Step, at: Timestamp, counts: &mut Vec<Count>) {
        self.at = step;
        self.since = at;
        if !self.entered.has(step) {
            self.entered = self.entered.with(step);
            counts.push(self.one(Topic::Entered, [step.name(), "", ""]));
        }
    }

    /// Once: who started over by a new letter has completed before.
    fn completes(&mut self, at: Timestamp, counts: &mut Vec<Count>) {
        if self.done.has(Step::Completed) {
            self.goes_to(Step::Completed, at, counts);
            return;
        }
        self.does(Step::Completed, at, counts);
        self.goes_to(Step::Completed, at, counts);
        counts.push(self.one(Topic::Completed, ["", "", ""]));
        let began = [
            ("valid_from", Some(self.valid_from)),
            ("first_sign_in", self.signed_in_at),
        ];
        for (name, began) in began {
            let Some(began) = began else { continue };
            counts.push(self.one(Topic::Took, [name, &span(began, at), ""]));
        }
        let days = whole_days(self.valid_from, at);
        counts.push(self.one(Topic::TookByJoined, [&days, &self.joined, ""]));
    }

    fn asks(&mut self, kind: MailKind, what: &str, at: Timestamp) -> Count {
        if let Some(open) = self.open(kind) {
            *open = Some(at);
        }
        self.mail_asked.insert(kind.name().to_owned(), at);
        self.one(Topic::Codes, [kind.name(), what, ""])
    }

    fn uses(&mut self, kind: MailKind, at: Timestamp, counts: &mut Vec<Count>) {
        let Some(asked) = self.open(kind).and_then(Option::take) else {
            return;
        };
        let took = span(asked, at);
        counts.push(self.one(Topic::Codes, [kind.name(), "used", ""]));
        counts.push(self.one(Topic::CodeTook, [kind.name(), &took, ""]));
    }

    /// When a mail of this kind was last asked for, until it is used; a notice is not for use.
    const fn open(&mut self, kind: MailKind) -> Option<&mut Option<Timestamp>> {
        match kind {
            MailKind::EmailLink => Some(&mut self.link_asked),
            MailKind::Otp => Some(&mut self.code_asked),
            MailKind::EmailChangeLink => Some(&mut self.change_link_asked),
            MailKind::PasswordResetLink => Some(&mut self.reset_link_asked),
            MailKind::AccountSetUp
            | MailKind::SupportActed
            | MailKind::EmailChangeNotice
            | MailKind::PasswordResetNotice
            | MailKind::PasswordChangeNotice
            | MailKind::Reminder => None,
        }
    }

    fn intervenes(&self, event: &Event, intervention: Intervention, reason: Reason) -> Count {
        let of = [intervention.name(), reason.name(), event.name()];
        self.one(Topic::Interventions, of)
    }

    fn fails(&mut self, event: &Event, why: &str, at: Timestamp, counts: &mut Vec<Count>) {
        let (name, day) = (event.name(), day_of(at));
        counts.push(self.one(Topic::Stumbled, [self.at.name(), name, ""]));
        counts.push(self.one(Topic::Failed, [name, why, ""]));
        if self.failed_on.insert(name.to_owned(), day) != Some(day) {
            counts.push(self.one(Topic::Failing, [name, "", ""]));
        }
    }

    const fn state(&self) -> State {
        if self.erased {
            State::Erased
        } else if self.left {
            State::Left
        } else if self.frozen {
            State::Frozen
        } else if matches!(self.at, Step::Completed) {
            State::Completed
        } else if self.signed_in_at.is_some() {
            State::InProgress
        } else {
            State::NotStarted
        }
    }

    /// All that the counts of states and of waiting members depend on.
    fn stand(&self) -> (State, Option<Timestamp>, Step, Date) {
        (self.state(), self.expires_at, self.at, day_of(self.since))
    }

    /// Counts where the member stands, or takes it back.
    fn stands(&self, number: i64, counts: &mut Vec<Count>) {
        let (state, expires_at, at, since) = self.stand();
        let expires_at = match state {
            State::NotStarted | State::InProgress => expires_at.map(fixed_width),
            State::Completed | State::Frozen | State::Left | State::Erased => None,
        };
        let expires_at = expires_at.unwrap_or_default();
        let count = |topic, of| Count::new(topic, &self.cohort, of, number);
        counts.push(count(Topic::InState, [state.name(), &expires_at, ""]));
        if matches!(state, State::NotStarted | State::InProgress) {
            counts.push(count(Topic::Waiting, [at.name(), &since.to_string(), ""]));
        }
    }

    /// The step that the member is at.
    #[cfg(test)]
    pub(super) const fn at(&self) -> Step {
        self.at
    }
}

#[cfg(test)]
mod tests;
