//! The Status document: where a member stands, what may be done next, and until when.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::pages::words;
use crate::domain::email::EmailAddress;
use crate::domain::onboarding::{Challenge, Onboarding, SessionKind, Step};
use crate::domain::policy::{Limits, Terms};
use crate::domain::values::Language;
use crate::projections::status::MemberStatus;
use crate::vault::Session;

/// Where a member stands. While a one-time password is awaited, only `session`, `step`, `email`, `otp` and `actions` are
/// there.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Status {
    /// In an onboarding or a full session.
    Open(Box<OpenStatus>),
    /// Before the one-time password.
    Pending(Box<PendingStatus>),
}

/// Where a member stands, in an onboarding or a full session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OpenStatus {
    /// The member's id.
    pub member: String,
    /// The cohort's name.
    pub cohort: String,
    /// The session.
    pub session: SessionStatus,
    /// The step that is due.
    pub step: StepStatus,
    /// All steps of this member, in order.
    pub steps: Vec<StepProgress>,
    /// What may be done now.
    pub actions: Vec<&'static str>,
    /// What is to be accepted, while step 4 is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub terms: Option<TermsStatus>,
    /// The address of step 5.
    pub email: Option<EmailStatus>,
    /// The address that is to take its place, while there is one.
    pub email_change: Option<EmailChangeStatus>,
    /// The password that is to take a forgotten one's place, while there is one.
    pub password_reset: Option<PasswordResetStatus>,
    /// Always null here.
    pub otp: Option<OtpStatus>,
    /// When step 15 was reached.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub completed_at: Option<Timestamp>,
    /// Until when the portal should hold health data back, in which a notice may bring to light that somebody else set the account up.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub hold_until: Option<Timestamp>,
    /// The position in the log that this shows.
    pub position: i64,
}

/// Where a member stands before the one-time password.
// Nothing more is shown; and a document with more is an open status, which would else fit both schemas.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PendingStatus {
    /// The session.
    pub session: SessionStatus,
    /// The step that is due: 14.
    pub step: StepStatus,
    /// The address that the code went to.
    pub email: Option<EmailStatus>,
    /// The code.
    pub otp: Option<OtpStatus>,
    /// What may be done now.
    pub actions: Vec<&'static str>,
}

/// A session, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionStatus {
    /// `onboarding`, `otp_pending` or `full`.
    pub kind: &'static str,
    /// Its end if nothing is done.
    #[schema(value_type = String, format = DateTime)]
    pub idle_until: Timestamp,
    /// Its end in any case.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
}

/// A step, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepStatus {
    /// The manual's number.
    pub number: u8,
    /// The stable name.
    pub name: &'static str,
    /// The label, in the member's language.
    pub label: String,
}

/// A step with what became of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepProgress {
    /// The step.
    #[serde(flatten)]
    pub step: StepStatus,
    /// When it was done.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub done_at: Option<Timestamp>,
}

/// The notes on use of step 4, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TermsStatus {
    /// The version to accept.
    pub version: String,
    /// Their text, in the member's language.
    pub text: String,
}

/// An address, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmailStatus {
    /// Like `t***@e***.jp`.
    pub masked: String,
    /// `registered`, `followed` or `verified`.
    pub state: &'static str,
}

/// A coming address, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EmailChangeStatus {
    /// Like `t***@e***.jp`.
    pub masked: String,
    /// `registered`, `followed` or `pending`.
    pub state: &'static str,
    /// When it takes the present one's place; null until it is confirmed.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub counts_from: Option<Timestamp>,
}

/// A coming password, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PasswordResetStatus {
    /// When it takes the present one's place.
    #[schema(value_type = String, format = DateTime)]
    pub counts_from: Timestamp,
}

/// A mailed code, outwardly.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OtpStatus {
    /// Its end.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
    /// How many wrong tries are left.
    pub tries_left: u32,
    /// From when it may be mailed again.
    #[schema(value_type = String, format = DateTime)]
    pub resend_after: Timestamp,
    /// Four letters that stand in the mail too.
    pub reference: String,
}

/// What a status document is made from.
#[derive(Debug)]
pub struct Sources<'a> {
    /// The member's status as folded.
    pub member: &'a MemberStatus,
    /// The session that asks.
    pub session: &'a Session,
    /// The notes on use, while step 4 is due.
    pub terms: Option<&'a Terms>,
    /// The address, from the vault.
    pub address: Option<&'a EmailAddress>,
    /// The address that is to take its place.
    pub coming: Option<&'a EmailAddress>,
    /// The end of the hold, while there is one.
    pub hold_until: Option<Timestamp>,
    /// The mailed code's reference.
    pub reference: String,
    /// The present limits.
    pub limits: &'a Limits,
    /// The language of labels.
    pub language: Language,
}

impl Status {
    /// The document.
    #[must_use]
    pub fn of(sources: &Sources<'_>) -> Self {
        let state = &sources.member.state;
        let session = SessionStatus {
            kind: kind_name(sources.session.kind),
            idle_until: sources.session.idle_until,
            ends_at: sources.session.ends_at,
        };
        let due = state.due();
        let step = step_status(due, sources.language);
        let email = state
            .contact
            .as_ref()
            .zip(sources.address)
            .map(|(contact, address)| {
                let state = match (contact.verified, contact.followed) {
                    (true, _) => "verified",
                    (false, true) => "followed",
                    (false, false) => "registered",
                };
                EmailStatus {
                    masked: address.masked(),
                    state,
                }
            });
        let actions = actions(state, sources.limits);
        if sources.session.kind == SessionKind::OtpPending {
            let otp = state.challenge.as_ref().map(|challenge| OtpStatus {
                expires_at: challenge.expires_at,
                tries_left: tries_left(challenge, sources.limits),
                resend_after: resend_after(challenge, sources.limits),
                reference: sources.reference.clone(),
            });
            return Self::Pending(Box::new(PendingStatus {
                session,
                step,
                email,
                otp,
                actions,
            }));
        }
        let steps = steps_of(state)
            .map(|step| StepProgress {
                step: step_status(step, sources.language),
                done_at: sources.member.done.get(&step).copied(),
            })
            .collect();
        Self::Open(Box::new(OpenStatus {
            member: sources.session.member.to_string(),
            cohort: state
                .enrolment
                .as_ref()
                .map(|it| it.cohort.clone())
                .unwrap_or_default(),
            session,
            step,
            steps,
            actions,
            terms: sources.terms.map(|terms| TermsStatus {
                version: terms.version.clone(),
                text: terms.text.in_language(sources.language).to_owned(),
            }),
            email,
            email_change: state
                .coming
                .as_ref()
                .zip(sources.coming)
                .map(|(contact, address)| EmailChangeStatus {
                    masked: address.masked(),
                    state: match (contact.verified, contact.followed) {
                        (true, _) => "pending",
                        (false, true) => "followed",
                        (false, false) => "registered",
                    },
                    counts_from: contact.counts_from,
                }),
            password_reset: state.coming_password.map(|coming| PasswordResetStatus {
                counts_from: coming.reset.counts_from,
            }),
            otp: None,
            completed_at: sources.member.done.get(&Step::Completed).copied(),
            hold_until: sources.hold_until,
            position: sources.member.position,
        }))
    }
}

/// The steps of this member: step 4 only where the member's policy has it.
pub fn steps_of(state: &Onboarding) -> impl Iterator<Item = Step> {
    let has_terms = state
        .enrolment
        .as_ref()
        .is_some_and(|it| it.terms.is_some());
    Step::ALL
        .into_iter()
        .filter(move |step| *step != Step::Terms || has_terms)
}

/// How many wrong tries a sign-in has left.
#[must_use]
pub const fn tries_left(challenge: &Challenge, limits: &Limits) -> u32 {
    limits.otp.tries.saturating_sub(challenge.wrong)
}

/// From when a code may be mailed again.
#[must_use]
pub fn resend_after(challenge: &Challenge, limits: &Limits) -> Timestamp {
    challenge.last_mail_at + SignedDuration::from_secs(limits.otp.mails.apart_seconds.into())
}

/// The name of a kind of session.
#[must_use]
pub const fn kind_name(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Onboarding => "onboarding",
        SessionKind::OtpPending => "otp_pending",
        SessionKind::Full => "full",
    }
}

fn step_status(step: Step, language: Language) -> StepStatus {
    let label = words::step_label(language, step.name()).map(|label| label.to_string());
    StepStatus {
        number: step.number(),
        name: step.name(),
        label: label.unwrap_or_default(),
    }
}

/// What may be done now; to log out is always possible.
fn actions(state: &Onboarding, limits: &Limits) -> Vec<&'static str> {
    let mut actions: Vec<&'static str> = match state.due() {
        Step::BirthDate => vec!["confirm_birth_date"],
        Step::Terms => vec!["accept_terms"],
        Step::Email => vec!["register_email"],
        Step::EmailLink => vec!["register_email", "resend_email_link"],
        Step::EmailUpdate => vec!["update_email", "register_email"],
        Step::OtpMethod => vec!["choose_otp_method", "register_email"],
        Step::Password => vec!["change_password"],
        Step::Otp => match &state.challenge {
            Some(challenge) if tries_left(challenge, limits) > 0 => {
                vec!["submit_otp", "resend_otp"]
            }
            Some(_) | None => Vec::new(),
        },
        Step::Completed => match &state.coming {
            None => vec!["change_email"],
            Some(coming) if coming.followed && !coming.verified => vec![
                "confirm_email_change",
                "change_email",
                "cancel_email_change",
            ],
            Some(_) => vec!["change_email", "cancel_email_change"],
        },
        Step::SignIn | Step::FirstLoginCompleted | Step::LogOut | Step::SignInAgain => Vec::new(),
    };
    if state.due() == Step::Completed {
        actions.push("replace_password");
        if state.coming_password.is_some() {
            actions.push("cancel_password_reset");
        }
    }
    actions.push("log_out");
    actions
}
