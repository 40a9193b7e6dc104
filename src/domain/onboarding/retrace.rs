//! Whether a stored append is one that the rules make: the command that could have yielded it is put together again, and must yield it
//! again from the state before.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::command::{CodeCheck, Command, Issued, NewCode, NewLink, PasswordCheck};
use super::event::{CredentialFault, Event, LogOutReason};
use super::{CredentialInForce, Link, Onboarding, Refusal};
use crate::domain::ids::{ChallengeId, ContactId, ImportId, IssueId, PrintId, SessionId};
use crate::domain::policy::Limits;
use crate::domain::values::{KeyId, Language};

/// An append as it is stored, and what is known of the moment it was decided on.
#[derive(Clone, Copy, Debug)]
pub struct Append<'a> {
    /// Its events, in their order.
    pub events: &'a [Event],
    /// The earliest and the latest moment of the decision. Events that hold their moment themselves are believed.
    pub between: (Timestamp, Timestamp),
    /// The limits it was decided under.
    pub limits: &'a Arc<Limits>,
    /// Whether its last events may be missing, since nobody has read further.
    pub may_go_on: bool,
}

/// Why no command can have yielded an append.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Illegal {
    /// There is no command that yields such events together.
    #[error("no command yields {}", names(.0))]
    NoCommand(Vec<Event>),
    /// The rules stand against the command.
    #[error("the rules refuse {}: {}", names(.0), .1)]
    Refused(Vec<Event>, Refusal),
    /// The command yields something else.
    #[error("the rules yield something else than this {}", names(.0))]
    Other(Vec<Event>),
}

fn names(events: &[Event]) -> String {
    let names: Vec<&str> = events.iter().map(Event::name).collect();
    names.join(" and ")
}

impl Onboarding {
    /// Whether the append can follow this state. What only the vault and other members know is taken to have been in its favour: that
    /// a comparison came out as it is told, and that no other member had mails sent to the same address.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn retrace(&self, append: Append<'_>) -> Result<(), Illegal> {
        let events = append.events;
        // What came due of itself stands before what was asked for.
        let (then, asked) = match events {
            [
                due @ (Event::EmailChanged { .. } | Event::PasswordReset { .. }),
                asked @ ..,
            ] => (Cow::Owned(self.after(due.clone())), asked),
            asked => (Cow::Borrowed(self), asked),
        };
        if asked.is_empty() && append.may_go_on && !events.is_empty() {
            // What was asked for is not here yet: only what came due can be judged.
            let due = self.came_due(self.moment_of(append));
            let is_due = due.as_ref() == events.first();
            return is_due
                .then_some(())
                .ok_or_else(|| Illegal::Other(events.to_vec()));
        }
        let Some(command) = then.command_of(asked, append.may_go_on) else {
            return Err(Illegal::NoCommand(events.to_vec()));
        };
        let issued = Issued {
            at: self.moment_of(append),
            limits: Arc::clone(append.limits),
            command,
        };
        let mut decided = self.decide(&issued);
        if let Ok(yielded) = &mut decided
            && !append.limits.support.ask_for_moments()
        {
            untold_as_stored(yielded, events);
        }
        match decided {
            Ok(yielded) if yielded == events => Ok(()),
            Ok(yielded) if append.may_go_on && yielded.starts_with(events) => Ok(()),
            Ok(_) => Err(Illegal::Other(events.to_vec())),
            Err(refusal) => Err(Illegal::Refused(events.to_vec(), refusal)),
        }
    }

    /// The moment that an event tells; else the latest one at which what the append needs was still in force.
    fn moment_of(&self, append: Append<'_>) -> Timestamp {
        let (mut earliest, latest) = append.between;
        if let Some(told) = append.events.iter().find_map(Event::at) {
            return told;
        }
        let comes = self.comes().map(|(from, _)| from);
        let end = match append.events {
            [
                Event::EmailChanged { .. } | Event::PasswordReset { .. },
                asked @ ..,
            ] => {
                earliest = comes.map_or(earliest, |comes| earliest.max(comes));
                asked.first().and_then(|event| self.end_for(event))
            }
            asked => {
                let end = asked.first().and_then(|event| self.end_for(event));
                end.into_iter().chain(comes).min()
            }
        };
        match end {
            Some(end) if end <= latest => {
                let before = end.saturating_sub(SignedDuration::from_micros(1));
                before.unwrap_or(Timestamp::MIN).max(earliest)
            }
            Some(_) | None => latest,
        }
    }

    /// When that ends which the event needs to be in force.
    fn end_for(&self, event: &Event) -> Option<Timestamp> {
        match event {
            Event::CredentialsRejected { .. } => match self.credential_in_force() {
                CredentialInForce::Initial(_) => self.enrolment.as_ref().map(|it| it.expires_at),
                CredentialInForce::Own(_) => None,
            },
            Event::EmailLinkFollowed { contact }
            | Event::EmailDisowned { contact }
            | Event::EmailChangeLinkFollowed { contact }
            | Event::EmailChangeDisowned { contact } => {
                self.last_link(*contact).map(|link| link.expires_at)
            }
            Event::OtpRejected { .. }
            | Event::OtpLoginSucceeded { .. }
            | Event::SignInConfirmed { .. } => self.challenge.as_ref().map(|it| it.expires_at),
            Event::MemberEnrolled { .. }
            | Event::CredentialsAccepted { .. }
            | Event::BirthDateConfirmed {}
            | Event::BirthDateRejected {}
            | Event::TermsAccepted { .. }
            | Event::EmailRegistered { .. }
            | Event::EmailLinkReissued { .. }
            | Event::EmailVerified { .. }
            | Event::EmailChangeRequested { .. }
            | Event::EmailChangeConfirmed { .. }
            | Event::EmailChangeCancelled { .. }
            | Event::EmailChanged { .. }
            | Event::OtpMethodChosen { .. }
            | Event::PasswordChanged { .. }
            | Event::PasswordReplaced { .. }
            | Event::PasswordResetRequested { .. }
            | Event::PasswordResetRejected {}
            | Event::PasswordResetConfirmed { .. }
            | Event::PasswordResetCancelled { .. }
            | Event::PasswordReset { .. }
            | Event::FirstLoginCompleted {}
            | Event::LoggedOut { .. }
            | Event::OtpIssued { .. }
            | Event::OtpReissued { .. }
            | Event::OnboardingCompleted {}
            | Event::NotMeReported {}
            | Event::Intervened { .. }
            | Event::InterventionProposed { .. }
            | Event::InterventionApproved { .. }
            | Event::InterventionDeclined { .. }
            | Event::EmailCleared { .. }
            | Event::AccountFrozen {}
            | Event::AccountReleased {}
            | Event::PersonalDataErased {}
            | Event::MemberReminded { .. }
            | Event::ProfileChanged { .. }
            | Event::MemberLeft { .. }
            | Event::MemberReturned { .. }
            | Event::CredentialsReissued { .. } => None,
        }
    }

    /// The one command that can have yielded these events.
    #[expect(clippy::too_many_lines, reason = "one arm a command")]
    fn command_of(&self, events: &[Event], may_go_on: bool) -> Option<Command> {
        let present = self.session.as_ref().map(|open| open.id);
        let session = present.unwrap_or(SessionId(Uuid::nil()));
        Some(match events {
            [
                Event::MemberEnrolled {
                    cohort,
                    policy,
                    import,
                    joined_month,
                    terms,
                    valid_from,
                    expires_at,
                },
            ] => Command::Enrol {
                cohort: cohort.clone(),
                policy: policy.clone(),
                import: *import,
                joined_month: joined_month.clone(),
                terms: terms.clone(),
                valid_from: *valid_from,
                expires_at: *expires_at,
            },
            [Event::CredentialsRejected { why }] => Command::SignIn {
                session,
                against: self.credential_in_force(),
                check: match why {
                    CredentialFault::WrongPassword => PasswordCheck::Mismatch,
                    CredentialFault::InitialPasswordReplaced => PasswordCheck::Replaced,
                },
                lapsed: None,
                known_browser: true,
                code: no_code(),
            },
            [Event::BirthDateConfirmed {}] => confirm_birth_date(session, true),
            [Event::BirthDateRejected {}] => confirm_birth_date(session, false),
            [Event::TermsAccepted { version }] => Command::AcceptTerms {
                session,
                version: version.clone(),
            },
            [
                Event::EmailRegistered {
                    contact,
                    issue,
                    key,
                    language,
                    ..
                },
            ] => Command::RegisterEmail {
                session,
                contact: *contact,
                same_as: None,
                link: link(*issue, key, *language),
            },
            [
                Event::EmailLinkReissued {
                    issue,
                    key,
                    language,
                    ..
                },
            ] => Command::ResendEmailLink {
                session,
                link: link(*issue, key, *language),
            },
            [Event::EmailLinkFollowed { contact } | Event::EmailChangeLinkFollowed { contact }] => {
                Command::FollowEmailLink {
                    contact: *contact,
                    issue: self.last_issue(*contact),
                }
            }
            [Event::EmailDisowned { contact } | Event::EmailChangeDisowned { contact }] => {
                Command::DisownEmail {
                    contact: *contact,
                    issue: self.last_issue(*contact),
                }
            }
            [
                Event::EmailChangeRequested {
                    contact,
                    issue,
                    key,
                    language,
                    ..
                },
            ] => Command::ChangeEmail {
                session,
                against: self.credential_in_force(),
                check: PasswordCheck::Match,
                contact: *contact,
                same_as: None,
                link: link(*issue, key, *language),
            },
            [Event::EmailChangeConfirmed { .. }] => Command::ConfirmEmailChange { session },
            [Event::EmailChangeCancelled { .. }] => Command::CancelEmailChange { session },
            [
                Event::PasswordResetRequested {
                    issue,
                    key,
                    language,
                    ..
                },
            ] => Command::RequestPasswordReset {
                matches: true,
                link: link(*issue, key, *language),
            },
            [Event::PasswordResetRejected {}] => Command::RequestPasswordReset {
                matches: false,
                link: no_link(),
            },
            [
                Event::PasswordResetConfirmed {
                    issue,
                    credential,
                    form,
                    ..
                },
            ] => Command::ResetPassword {
                issue: *issue,
                credential: *credential,
                form: *form,
            },
            [
                Event::PasswordReplaced {
                    credential, form, ..
                },
            ] => Command::ReplacePassword {
                session,
                against: self.credential_in_force(),
                check: PasswordCheck::Match,
                credential: *credential,
                form: *form,
            },
            [Event::PasswordResetCancelled { .. }] => Command::CancelPasswordReset { session },
            [Event::EmailVerified { .. }] => Command::UpdateEmail {
                session,
                code: None,
            },
            [
                Event::EmailVerified { .. },
                Event::OtpIssued {
                    challenge,
                    key,
                    language,
                    ..
                },
            ] => Command::UpdateEmail {
                session,
                code: Some(code(*challenge, key, *language)),
            },
            [Event::OtpMethodChosen { method }] => Command::ChooseOtpMethod {
                session,
                method: *method,
            },
            [
                Event::PasswordChanged { credential, form },
                Event::FirstLoginCompleted {},
            ] => Command::ChangePassword {
                session,
                credential: *credential,
                form: *form,
            },
            [Event::LoggedOut { session, why }]
                if matches!(why, LogOutReason::Member | LogOutReason::Expiry) =>
            {
                Command::LogOut {
                    session: *session,
                    why: *why,
                }
            }
            [
                Event::OtpReissued {
                    session,
                    challenge,
                    key,
                    language,
                    ..
                },
            ] => Command::ResendOtp {
                session: *session,
                code: code(*challenge, key, *language),
            },
            [Event::OtpRejected { .. }] => Command::SubmitOtp {
                session,
                against: self.challenge.as_ref().map(|it| it.id),
                check: CodeCheck::Mismatch,
            },
            [
                Event::OtpLoginSucceeded { session, challenge }
                | Event::SignInConfirmed { session, challenge },
            ]
            | [
                Event::OtpLoginSucceeded { session, challenge },
                Event::OnboardingCompleted {},
            ] => Command::SubmitOtp {
                session: *session,
                against: Some(*challenge),
                check: CodeCheck::Match,
            },
            [Event::NotMeReported {}] => Command::ReportNotMe {
                about: self.password?.notice(),
            },
            [
                Event::Intervened {
                    intervention,
                    grounds,
                    staff,
                    ..
                },
                effects @ ..,
            ] => Command::Intervene {
                intervention: *intervention,
                grounds: grounds.clone(),
                staff: *staff,
                failed_at: None,
                link: link_of(effects),
            },
            [
                Event::InterventionProposed {
                    proposal,
                    intervention,
                    grounds,
                    staff,
                    ..
                },
            ] => Command::ProposeIntervention {
                proposal: *proposal,
                intervention: *intervention,
                grounds: grounds.clone(),
                staff: *staff,
            },
            [
                Event::InterventionApproved {
                    proposal, staff, ..
                },
                effects @ ..,
            ] => Command::ApproveIntervention {
                proposal: *proposal,
                staff: *staff,
                print: print_of(effects),
            },
            [Event::InterventionDeclined { proposal, staff }] => Command::DeclineIntervention {
                proposal: *proposal,
                staff: *staff,
            },
            [Event::PasswordChanged { credential, form }] if may_go_on => Command::ChangePassword {
                session,
                credential: *credential,
                form: *form,
            },
            [Event::MemberReminded { step, since, .. }] => Command::Remind {
                step: *step,
                since: *since,
            },
            [Event::ProfileChanged { import, fields }] => Command::ChangeProfile {
                import: *import,
                fields: fields.clone(),
            },
            [
                Event::LoggedOut {
                    why: LogOutReason::Left,
                    ..
                },
            ] if may_go_on => Command::Leave {
                import: ImportId(Uuid::nil()),
            },
            [Event::MemberLeft { import }]
            | [
                Event::LoggedOut {
                    why: LogOutReason::Left,
                    ..
                },
                Event::MemberLeft { import },
            ] => Command::Leave { import: *import },
            [Event::MemberReturned { import }] => Command::Return { import: *import },
            // After what came due of itself, or before the sign-in that ends another session, all the rest may be missing.
            [] | [Event::LoggedOut { .. }] if may_go_on => {
                self.retraced_sign_in(session, None, true, no_code())
            }
            [Event::LoggedOut { session, why }, signed_in @ ..] => {
                let lapsed = (*why == LogOutReason::Expiry).then_some(*session);
                self.sign_in_of(signed_in, lapsed)?
            }
            signed_in => self.sign_in_of(signed_in, None)?,
        })
    }

    fn sign_in_of(&self, events: &[Event], lapsed: Option<SessionId>) -> Option<Command> {
        let (session, known_browser, code) = match events {
            [Event::CredentialsAccepted { session, .. }] => (session, true, no_code()),
            [
                Event::CredentialsAccepted { session, .. },
                Event::OtpIssued {
                    challenge,
                    key,
                    language,
                    ..
                },
            ] => (session, false, code(*challenge, key, *language)),
            _ => return None,
        };
        Some(self.retraced_sign_in(*session, lapsed, known_browser, code))
    }

    fn retraced_sign_in(
        &self,
        session: SessionId,
        lapsed: Option<SessionId>,
        known_browser: bool,
        code: NewCode,
    ) -> Command {
        Command::SignIn {
            session,
            against: self.credential_in_force(),
            check: PasswordCheck::Match,
            lapsed,
            known_browser,
            code,
        }
    }

    /// Of the links to an address, the one that counts longest: which one was followed is not stored.
    fn last_link(&self, to: ContactId) -> Option<&Link> {
        let addresses = [&self.contact, &self.coming].into_iter().flatten();
        let address = addresses.filter(|it| it.id == to);
        address
            .flat_map(|it| &it.links)
            .max_by_key(|link| link.expires_at)
    }

    fn last_issue(&self, to: ContactId) -> IssueId {
        self.last_link(to)
            .map_or(IssueId(Uuid::nil()), |link| link.issue)
    }
}

impl Event {
    /// The moment the command was decided on, where the event holds it.
    #[must_use]
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::CredentialsAccepted { at, .. }
            | Self::EmailRegistered { at, .. }
            | Self::EmailLinkReissued { at, .. }
            | Self::EmailChangeRequested { at, .. }
            | Self::EmailChangeConfirmed { at, .. }
            | Self::PasswordReplaced { at, .. }
            | Self::PasswordResetRequested { at, .. }
            | Self::PasswordResetConfirmed { at, .. }
            | Self::OtpIssued { at, .. }
            | Self::OtpReissued { at, .. }
            | Self::InterventionProposed { at, .. }
            | Self::InterventionApproved { at, .. }
            | Self::MemberReminded { at, .. }
            | Self::CredentialsReissued { at, .. } => Some(*at),
            Self::Intervened { at, .. } => *at,
            Self::MemberEnrolled { .. }
            | Self::CredentialsRejected { .. }
            | Self::BirthDateConfirmed {}
            | Self::BirthDateRejected {}
            | Self::TermsAccepted { .. }
            | Self::EmailLinkFollowed { .. }
            | Self::EmailDisowned { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChangeLinkFollowed { .. }
            | Self::EmailChangeDisowned { .. }
            | Self::EmailChangeCancelled { .. }
            | Self::EmailChanged { .. }
            | Self::OtpMethodChosen { .. }
            | Self::PasswordChanged { .. }
            | Self::PasswordResetRejected {}
            | Self::PasswordResetCancelled { .. }
            | Self::PasswordReset { .. }
            | Self::FirstLoginCompleted {}
            | Self::LoggedOut { .. }
            | Self::OtpRejected { .. }
            | Self::OtpLoginSucceeded { .. }
            | Self::OnboardingCompleted {}
            | Self::NotMeReported {}
            | Self::SignInConfirmed { .. }
            | Self::InterventionDeclined { .. }
            | Self::EmailCleared { .. }
            | Self::AccountFrozen {}
            | Self::AccountReleased {}
            | Self::ProfileChanged { .. }
            | Self::MemberLeft { .. }
            | Self::MemberReturned { .. }
            | Self::PersonalDataErased {} => None,
        }
    }
}

/// Events of before tell no moment of what staff did, and where nothing depends on it, none is missed.
fn untold_as_stored(yielded: &mut [Event], stored: &[Event]) {
    for (yielded, stored) in yielded.iter_mut().zip(stored) {
        if let Event::Intervened { at, .. } = yielded
            && matches!(stored, Event::Intervened { at: None, .. })
        {
            *at = None;
        }
    }
}

const fn confirm_birth_date(session: SessionId, matches: bool) -> Command {
    Command::ConfirmBirthDate {
        session,
        matches,
        waiting_until: None,
    }
}

fn link(issue: IssueId, key: &KeyId, language: Language) -> NewLink {
    NewLink {
        issue,
        key: key.clone(),
        language,
        sent_to_address: Vec::new(),
    }
}

fn code(challenge: ChallengeId, key: &KeyId, language: Language) -> NewCode {
    NewCode {
        challenge,
        key: key.clone(),
        language,
        sent_to_address: Vec::new(),
    }
}

/// The link that an intervention mailed; where it mailed none, any will do.
fn link_of(effects: &[Event]) -> NewLink {
    let mailed = effects.iter().find_map(|event| {
        if let Event::EmailLinkReissued {
            issue,
            key,
            language,
            ..
        } = event
        {
            Some(link(*issue, key, *language))
        } else {
            None
        }
    });
    mailed.unwrap_or_else(no_link)
}

/// The printing of the letter that an approval brought.
fn print_of(effects: &[Event]) -> Option<PrintId> {
    effects.iter().find_map(|event| {
        if let Event::CredentialsReissued { print, .. } = event {
            *print
        } else {
            None
        }
    })
}

/// Where none is mailed.
fn no_link() -> NewLink {
    link(IssueId(Uuid::nil()), &KeyId(String::new()), Language::Ja)
}

/// Where none is mailed.
fn no_code() -> NewCode {
    code(
        ChallengeId(Uuid::nil()),
        &KeyId(String::new()),
        Language::Ja,
    )
}
