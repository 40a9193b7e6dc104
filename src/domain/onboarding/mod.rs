//! The onboarding aggregate: what is known of one member from their events, and which step is due.

mod budget;
mod command;
mod decide;
mod event;
mod refusal;
mod step;
#[cfg(test)]
mod tests;

pub use command::{CodeCheck, Command, CredentialInForce, Issued, NewCode, NewLink, PasswordCheck};
pub use decide::LinkState;
pub use event::{CredentialFault, Event, LogOutReason, OtpMethod};
pub use refusal::Refusal;
pub use step::Step;

use cqrs_es::{Aggregate, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ChallengeId, ContactId, CredentialId, FormId, IssueId, SessionId};
use super::policy::PolicyVersion;
use super::values::KeyId;

/// One member, folded from the events of stream `onboarding-{member id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a step of the manual, done or not"
)]
pub struct Onboarding {
    /// How the member came in; none before `MemberEnrolled`.
    pub enrolment: Option<Enrolment>,
    /// The present session.
    pub session: Option<Session>,
    /// Whether step 2 was ever done.
    pub signed_in: bool,
    /// Whether step 3 is done.
    pub birth_date_confirmed: bool,
    /// Whether step 4 is done.
    pub terms_accepted: bool,
    /// The address of step 5, until it is replaced or disowned.
    pub contact: Option<Contact>,
    /// Addresses whose readers disowned them.
    pub disowned: Vec<ContactId>,
    /// When links were mailed, in the last day.
    pub links_sent: Vec<Timestamp>,
    /// The method of step 8.
    pub otp_method: Option<OtpMethod>,
    /// The password of step 9.
    pub password: Option<OwnPassword>,
    /// Whether step 11 is done.
    pub logged_out: bool,
    /// Whether step 13 is done.
    pub signed_in_again: bool,
    /// The one-time password of the present session.
    pub challenge: Option<Challenge>,
    /// The challenge that the last completed sign-in spent.
    pub spent_challenge: Option<SpentChallenge>,
    /// When codes were mailed, in the last day.
    pub codes_sent: Vec<Timestamp>,
    /// Whether step 15 is reached.
    pub completed: bool,
    /// Whether the account is frozen.
    pub frozen: bool,
}

/// How a member came in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// The cohort, by its name in the policy.
    pub cohort: String,
    /// The policy whose steps the member follows.
    pub policy: PolicyVersion,
    /// The version of the notes on use to accept, where the policy has step 4.
    pub terms: Option<String>,
    /// The first moment of the initial credentials.
    pub valid_from: Timestamp,
    /// The end of the initial credentials.
    pub expires_at: Timestamp,
}

/// The member's present session, as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it may do.
    pub kind: SessionKind,
    /// When it began.
    pub began: Timestamp,
}

/// What a session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// Take the steps of the first login; it never becomes a full one.
    Onboarding,
    /// Enter the one-time password.
    OtpPending,
    /// See the portal.
    Full,
}

/// The present address and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// Its id in the vault.
    pub id: ContactId,
    /// The links mailed to it.
    pub links: Vec<Link>,
    /// Whether one was followed.
    pub followed: bool,
    /// Whether 更新 was pressed afterwards.
    pub verified: bool,
}

/// A link that was mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub issue: IssueId,
    /// When it was mailed.
    pub sent_at: Timestamp,
    /// Its end.
    pub expires_at: Timestamp,
}

/// The member's own password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnPassword {
    /// Its verifier in the vault.
    pub credential: CredentialId,
    /// The form that brought it.
    pub form: FormId,
}

/// A one-time password that was mailed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// What it is derived from.
    pub id: ChallengeId,
    /// The key it is derived with.
    pub key: KeyId,
    /// Its end.
    pub expires_at: Timestamp,
    /// How many mails carried a code in this sign-in.
    pub mails: u32,
    /// When the last of them left.
    pub last_mail_at: Timestamp,
    /// Wrong tries in this sign-in, over all its codes.
    pub wrong: u32,
}

/// A one-time password that a sign-in has used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpentChallenge {
    /// What it is derived from.
    pub id: ChallengeId,
    /// The key it is derived with.
    pub key: KeyId,
}

impl Onboarding {
    /// The step that is due.
    #[must_use]
    pub fn due(&self) -> Step {
        if self.session_kind() == Some(SessionKind::OtpPending) {
            return Step::Otp;
        }
        if !self.signed_in {
            return Step::SignIn;
        }
        if !self.birth_date_confirmed {
            return Step::BirthDate;
        }
        let has_terms = self.enrolment.as_ref().is_some_and(|it| it.terms.is_some());
        if has_terms && !self.terms_accepted {
            return Step::Terms;
        }
        match &self.contact {
            None => return Step::Email,
            Some(contact) if !contact.followed => return Step::EmailLink,
            Some(contact) if !contact.verified => return Step::EmailUpdate,
            Some(_) => {}
        }
        if self.otp_method.is_none() {
            return Step::OtpMethod;
        }
        if self.password.is_none() {
            return Step::Password;
        }
        if !self.logged_out {
            return Step::LogOut;
        }
        if !self.signed_in_again {
            return Step::SignInAgain;
        }
        if self.completed {
            Step::Completed
        } else {
            Step::Otp
        }
    }

    /// The password that counts now.
    #[must_use]
    pub fn credential_in_force(&self) -> CredentialInForce {
        self.password.map_or(CredentialInForce::Initial, |own| {
            CredentialInForce::Own(own.credential)
        })
    }

    /// What the present session may do.
    #[must_use]
    pub fn session_kind(&self) -> Option<SessionKind> {
        self.session.as_ref().map(|session| session.kind)
    }
}

impl Aggregate for Onboarding {
    const TYPE: &'static str = "onboarding";
    type Command = Issued;
    type Event = Event;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Issued,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    #[expect(clippy::too_many_lines, reason = "one arm an event")]
    fn apply(&mut self, event: Event) {
        match event {
            Event::MemberEnrolled {
                cohort,
                policy,
                terms,
                valid_from,
                expires_at,
                ..
            } => {
                self.enrolment = Some(Enrolment {
                    cohort,
                    policy,
                    terms,
                    valid_from,
                    expires_at,
                });
            }
            Event::CredentialsAccepted { session, at } => {
                let kind = if self.password.is_some() {
                    self.signed_in_again = true;
                    SessionKind::OtpPending
                } else {
                    SessionKind::Onboarding
                };
                self.signed_in = true;
                self.session = Some(Session {
                    id: session,
                    kind,
                    began: at,
                });
            }
            Event::BirthDateConfirmed {} => self.birth_date_confirmed = true,
            Event::TermsAccepted { .. } => self.terms_accepted = true,
            Event::EmailRegistered {
                contact,
                issue,
                at,
                expires_at,
                ..
            } => {
                self.contact = Some(Contact {
                    id: contact,
                    links: vec![Link {
                        issue,
                        sent_at: at,
                        expires_at,
                    }],
                    followed: false,
                    verified: false,
                });
                budget::note(&mut self.links_sent, at);
            }
            Event::EmailLinkReissued {
                issue,
                at,
                expires_at,
                ..
            } => {
                if let Some(contact) = &mut self.contact {
                    contact.links.push(Link {
                        issue,
                        sent_at: at,
                        expires_at,
                    });
                }
                budget::note(&mut self.links_sent, at);
            }
            Event::EmailLinkFollowed { .. } => {
                if let Some(contact) = &mut self.contact {
                    contact.followed = true;
                }
            }
            Event::EmailDisowned { contact } => {
                self.contact = None;
                self.disowned.push(contact);
            }
            Event::EmailVerified { .. } => {
                if let Some(contact) = &mut self.contact {
                    contact.verified = true;
                }
            }
            Event::OtpMethodChosen { method } => self.otp_method = Some(method),
            Event::PasswordChanged { credential, form } => {
                self.password = Some(OwnPassword { credential, form });
            }
            Event::LoggedOut { .. } => {
                self.logged_out |= self.password.is_some();
                self.session = None;
                self.challenge = None;
            }
            Event::OtpIssued {
                challenge,
                key,
                at,
                expires_at,
                ..
            } => {
                self.challenge = Some(Challenge {
                    id: challenge,
                    key,
                    expires_at,
                    mails: 1,
                    last_mail_at: at,
                    wrong: 0,
                });
                budget::note(&mut self.codes_sent, at);
            }
            Event::OtpReissued {
                challenge,
                key,
                at,
                expires_at,
                ..
            } => {
                if let Some(present) = &mut self.challenge {
                    present.id = challenge;
                    present.key = key;
                    present.expires_at = expires_at;
                    present.mails += 1;
                    present.last_mail_at = at;
                }
                budget::note(&mut self.codes_sent, at);
            }
            Event::OtpRejected { .. } => {
                if let Some(challenge) = &mut self.challenge {
                    challenge.wrong += 1;
                }
            }
            Event::OtpLoginSucceeded { challenge, .. } => {
                if let Some(session) = &mut self.session {
                    session.kind = SessionKind::Full;
                }
                let spent = self
                    .challenge
                    .take()
                    .filter(|present| present.id == challenge);
                self.spent_challenge = spent.map(|present| SpentChallenge {
                    id: challenge,
                    key: present.key,
                });
            }
            Event::OnboardingCompleted {} => self.completed = true,
            Event::NotMeReported {} => {
                self.frozen = true;
                self.session = None;
                self.challenge = None;
            }
            Event::CredentialsRejected { .. }
            | Event::BirthDateRejected {}
            | Event::FirstLoginCompleted {} => {}
        }
    }
}
