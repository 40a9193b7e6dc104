//! The rules: from what is known and what is asked to what happens. The order of the steps lives here and nowhere else.

use jiff::{SignedDuration, Timestamp};

use super::budget;
use super::command::{
    CodeCheck, Command, CredentialInForce, Issued, NewCode, NewLink, PasswordCheck,
};
use super::event::{CredentialFault, Event, LogOutReason};
use super::{Onboarding, Refusal, Session, SessionKind, Step};
use crate::domain::ids::{ChallengeId, ContactId, IssueId, SessionId};
use crate::domain::policy::{Limits, MailLimits};

type Decision = Result<Vec<Event>, Refusal>;

/// The answer to a command whose effect already stands.
const NOTHING_NEW: Decision = Ok(Vec::new());

impl Onboarding {
    /// Decides on a command.
    ///
    /// # Errors
    /// Answers with the [`Refusal`] that stands against it; nothing is stored then.
    #[expect(clippy::too_many_lines, reason = "one arm a command")]
    pub fn decide(&self, issued: &Issued) -> Decision {
        let Issued {
            at,
            limits,
            command,
        } = issued;
        let at = *at;
        let enrolled = self.enrolment.is_some();
        if enrolled == matches!(command, Command::Enrol { .. }) {
            return Err(if enrolled {
                Refusal::AlreadyEnrolled
            } else {
                Refusal::NotEnrolled
            });
        }
        match command {
            Command::Enrol {
                cohort,
                policy,
                import,
                joined_month,
                terms,
                valid_from,
                expires_at,
            } => Ok(vec![Event::MemberEnrolled {
                cohort: cohort.clone(),
                policy: policy.clone(),
                import: *import,
                joined_month: joined_month.clone(),
                terms: terms.clone(),
                valid_from: *valid_from,
                expires_at: *expires_at,
            }]),
            Command::SignIn {
                session,
                against,
                check,
                lapsed,
                code,
            } => {
                if *against != self.credential_in_force() {
                    return Err(Refusal::StaleFacts);
                }
                self.sign_in(at, limits, *session, *check, *lapsed, code)
            }
            Command::ConfirmBirthDate {
                session,
                matches,
                waiting_until,
            } => {
                self.in_session(*session)?;
                self.confirm_birth_date(*matches, *waiting_until)
            }
            Command::AcceptTerms { session, version } => {
                self.in_session(*session)?;
                self.accept_terms(version)
            }
            Command::RegisterEmail {
                session,
                contact,
                same_as,
                link,
            } => {
                self.in_session(*session)?;
                self.register_email(at, limits, *contact, *same_as, link)
            }
            Command::ResendEmailLink { session, link } => {
                self.in_session(*session)?;
                self.resend_email_link(at, limits, link)
            }
            Command::FollowEmailLink { contact, issue } => self.follow_link(at, *contact, *issue),
            Command::DisownEmail { contact, issue } => self.disown_email(at, *contact, *issue),
            Command::UpdateEmail { session } => {
                self.in_session(*session)?;
                self.update_email()
            }
            Command::ChooseOtpMethod { session, method } => {
                self.in_session(*session)?;
                if self.otp_method == Some(*method) {
                    return NOTHING_NEW;
                }
                self.require(Step::OtpMethod)?;
                Ok(vec![Event::OtpMethodChosen { method: *method }])
            }
            Command::ChangePassword {
                session,
                credential,
                form,
            } => {
                self.in_session(*session)?;
                match self.password {
                    Some(own) if own.form == *form => return NOTHING_NEW,
                    Some(_) => return Err(Refusal::AlreadySet),
                    None => self.require(Step::Password)?,
                }
                Ok(vec![
                    Event::PasswordChanged {
                        credential: *credential,
                        form: *form,
                    },
                    Event::FirstLoginCompleted {},
                ])
            }
            Command::LogOut { session, why } => {
                self.in_session(*session)?;
                Ok(vec![Event::LoggedOut {
                    session: *session,
                    why: *why,
                }])
            }
            Command::ResendOtp { session, code } => {
                let open = self.in_session(*session)?;
                self.resend_otp(at, limits, open, code)
            }
            Command::SubmitOtp {
                session,
                against,
                check,
            } => {
                let open = self.in_session(*session)?;
                self.submit_otp(at, limits, open, *against, *check)
            }
            Command::ReportNotMe if self.frozen => NOTHING_NEW,
            Command::ReportNotMe => Ok(vec![Event::NotMeReported {}]),
        }
    }

    /// The present session, if it is the one that asks.
    fn in_session(&self, asking: SessionId) -> Result<&Session, Refusal> {
        self.session
            .as_ref()
            .filter(|open| open.id == asking)
            .ok_or(Refusal::SessionEnded)
    }

    fn require(&self, step: Step) -> Result<(), Refusal> {
        let due = self.due();
        if due == step {
            Ok(())
        } else {
            Err(Refusal::OutOfOrder { due })
        }
    }

    fn sign_in(
        &self,
        at: Timestamp,
        limits: &Limits,
        session: SessionId,
        check: PasswordCheck,
        lapsed: Option<SessionId>,
        code: &NewCode,
    ) -> Decision {
        if self.frozen {
            return Err(Refusal::Frozen);
        }
        let own = self.credential_in_force() != CredentialInForce::Initial;
        if !own && !self.initial_credentials_count(at) {
            return Err(Refusal::WindowClosed);
        }
        let why = match check {
            PasswordCheck::Match => None,
            PasswordCheck::Mismatch => Some(CredentialFault::WrongPassword),
            PasswordCheck::Replaced => Some(CredentialFault::InitialPasswordReplaced),
        };
        if let Some(why) = why {
            return Ok(vec![Event::CredentialsRejected { why }]);
        }
        if own {
            self.room_for_sign_in_code(at, limits, &code.sent_to_address)?;
        }
        let mut events = Vec::new();
        if let Some(open) = &self.session {
            let why = if lapsed == Some(open.id) {
                LogOutReason::Expiry
            } else {
                LogOutReason::Superseded
            };
            events.push(Event::LoggedOut {
                session: open.id,
                why,
            });
        }
        events.push(Event::CredentialsAccepted { session, at });
        if own {
            events.push(Event::OtpIssued {
                session,
                challenge: code.challenge,
                key: code.key.clone(),
                language: code.language,
                at,
                expires_at: at + minutes(limits.otp.lifetime_minutes),
            });
        }
        Ok(events)
    }

    /// Whether the initial credentials count at `at`.
    fn initial_credentials_count(&self, at: Timestamp) -> bool {
        self.enrolment
            .as_ref()
            .is_some_and(|it| it.valid_from <= at && at < it.expires_at)
    }

    /// Whether the limits leave room for the code that a sign-in mails; asked before the password is looked at, so
    /// that the answer tells nothing about it.
    ///
    /// # Errors
    /// [`Refusal::BudgetSpent`] where they do not.
    pub fn room_for_sign_in_code(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent_to_address: &[Timestamp],
    ) -> Result<(), Refusal> {
        if self.password.is_none() {
            return Ok(());
        }
        within_budget(&self.codes_sent, sent_to_address, at, &limits.otp.mails)
    }

    fn confirm_birth_date(&self, matches: bool, waiting_until: Option<Timestamp>) -> Decision {
        if self.birth_date_confirmed {
            return NOTHING_NEW;
        }
        self.require(Step::BirthDate)?;
        if let Some(until) = waiting_until {
            return Err(Refusal::Waiting { until });
        }
        Ok(vec![if matches {
            Event::BirthDateConfirmed {}
        } else {
            Event::BirthDateRejected {}
        }])
    }

    fn accept_terms(&self, version: &str) -> Decision {
        if self.terms_accepted {
            return NOTHING_NEW;
        }
        self.require(Step::Terms)?;
        if self.enrolment.as_ref().and_then(|it| it.terms.as_deref()) != Some(version) {
            return Err(Refusal::OtherTerms);
        }
        Ok(vec![Event::TermsAccepted {
            version: version.to_owned(),
        }])
    }

    fn register_email(
        &self,
        at: Timestamp,
        limits: &Limits,
        contact: ContactId,
        same_as: Option<ContactId>,
        link: &NewLink,
    ) -> Decision {
        let present = self.contact.as_ref().map(|contact| contact.id);
        if same_as.is_some() {
            return if same_as == present {
                NOTHING_NEW
            } else {
                Err(Refusal::StaleFacts)
            };
        }
        let due = self.due();
        if !matches!(
            due,
            Step::Email | Step::EmailLink | Step::EmailUpdate | Step::OtpMethod
        ) {
            return Err(Refusal::OutOfOrder { due });
        }
        within_budget(
            &self.links_sent,
            &link.sent_to_address,
            at,
            &limits.email_link.mails,
        )?;
        Ok(vec![Event::EmailRegistered {
            contact,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: at + minutes(limits.email_link.lifetime_minutes),
        }])
    }

    fn resend_email_link(&self, at: Timestamp, limits: &Limits, link: &NewLink) -> Decision {
        let Some(contact) = &self.contact else {
            return Err(Refusal::OutOfOrder { due: self.due() });
        };
        if contact.followed {
            return NOTHING_NEW;
        }
        let mails = &limits.email_link.mails;
        not_too_soon(self.links_sent.last().copied(), at, mails)?;
        let to_contact: Vec<Timestamp> = contact.links.iter().map(|link| link.sent_at).collect();
        budget::room_in_a_day(&to_contact, at, mails.each)
            .map_err(|until| Refusal::BudgetSpent { until })?;
        within_budget(&self.links_sent, &link.sent_to_address, at, mails)?;
        Ok(vec![Event::EmailLinkReissued {
            contact: contact.id,
            issue: link.issue,
            key: link.key.clone(),
            language: link.language,
            at,
            expires_at: at + minutes(limits.email_link.lifetime_minutes),
        }])
    }

    /// Where a link leads now.
    ///
    /// # Errors
    /// The refusal that following it would meet.
    pub fn link_state(
        &self,
        at: Timestamp,
        contact: ContactId,
        issue: IssueId,
    ) -> Result<LinkState, Refusal> {
        if self.disowned.contains(&contact) {
            return Err(Refusal::LinkDisowned);
        }
        let present = self
            .contact
            .as_ref()
            .filter(|present| present.id == contact);
        let Some(present) = present else {
            return Err(Refusal::LinkReplaced);
        };
        if present.verified {
            return Ok(LinkState::Verified);
        }
        if present.followed {
            return Ok(LinkState::Followed);
        }
        match present.links.iter().find(|link| link.issue == issue) {
            Some(link) if at < link.expires_at => Ok(LinkState::Open),
            Some(_) => Err(Refusal::LinkExpired),
            None => Err(Refusal::LinkReplaced),
        }
    }

    fn follow_link(&self, at: Timestamp, contact: ContactId, issue: IssueId) -> Decision {
        match self.link_state(at, contact, issue)? {
            LinkState::Open => Ok(vec![Event::EmailLinkFollowed { contact }]),
            LinkState::Followed | LinkState::Verified => NOTHING_NEW,
        }
    }

    fn disown_email(&self, at: Timestamp, contact: ContactId, issue: IssueId) -> Decision {
        match self.link_state(at, contact, issue) {
            Ok(LinkState::Open | LinkState::Followed) => Ok(vec![Event::EmailDisowned { contact }]),
            Ok(LinkState::Verified) => Err(Refusal::OutOfOrder { due: self.due() }),
            Err(Refusal::LinkDisowned) => NOTHING_NEW,
            Err(refusal) => Err(refusal),
        }
    }

    fn update_email(&self) -> Decision {
        match &self.contact {
            Some(contact) if contact.verified => NOTHING_NEW,
            Some(contact) if contact.followed => {
                self.require(Step::EmailUpdate)?;
                Ok(vec![Event::EmailVerified {
                    contact: contact.id,
                }])
            }
            Some(_) | None => Err(Refusal::OutOfOrder { due: self.due() }),
        }
    }

    fn resend_otp(
        &self,
        at: Timestamp,
        limits: &Limits,
        open: &Session,
        code: &NewCode,
    ) -> Decision {
        let Some(present) = &self.challenge else {
            return match open.kind {
                SessionKind::Full => NOTHING_NEW,
                SessionKind::Onboarding | SessionKind::OtpPending => {
                    Err(Refusal::OutOfOrder { due: self.due() })
                }
            };
        };
        let otp = &limits.otp;
        if present.wrong >= otp.tries {
            return Err(Refusal::CodeDead);
        }
        not_too_soon(Some(present.last_mail_at), at, &otp.mails)?;
        if present.mails >= otp.mails.each {
            return Err(Refusal::BudgetSpent {
                until: open.began + minutes(otp.pending_minutes),
            });
        }
        within_budget(&self.codes_sent, &code.sent_to_address, at, &otp.mails)?;
        let half = minutes(otp.lifetime_minutes) / 2;
        let (challenge, key, expires_at) = if at + half <= present.expires_at {
            (present.id, &present.key, present.expires_at)
        } else {
            (
                code.challenge,
                &code.key,
                at + minutes(otp.lifetime_minutes),
            )
        };
        Ok(vec![Event::OtpReissued {
            session: open.id,
            challenge,
            key: key.clone(),
            language: code.language,
            at,
            expires_at,
        }])
    }

    fn submit_otp(
        &self,
        at: Timestamp,
        limits: &Limits,
        open: &Session,
        against: Option<ChallengeId>,
        check: CodeCheck,
    ) -> Decision {
        let Some(present) = &self.challenge else {
            return match open.kind {
                SessionKind::Full => NOTHING_NEW,
                SessionKind::Onboarding | SessionKind::OtpPending => {
                    Err(Refusal::OutOfOrder { due: self.due() })
                }
            };
        };
        if against != Some(present.id) {
            return Err(Refusal::StaleFacts);
        }
        if present.wrong >= limits.otp.tries {
            return Err(Refusal::CodeDead);
        }
        if at >= present.expires_at {
            return Err(Refusal::CodeExpired);
        }
        match check {
            CodeCheck::Match => {
                let mut events = vec![Event::OtpLoginSucceeded {
                    session: open.id,
                    challenge: present.id,
                }];
                if !self.completed {
                    events.push(Event::OnboardingCompleted {});
                }
                Ok(events)
            }
            CodeCheck::Spent => Err(Refusal::CodeUsed),
            CodeCheck::Mismatch => {
                let tries_left = limits.otp.tries.saturating_sub(present.wrong + 1);
                Ok(vec![Event::OtpRejected { tries_left }])
            }
        }
    }
}

/// Where a mailed link leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It can be followed.
    Open,
    /// It, or another to the same address, was followed.
    Followed,
    /// The address is verified.
    Verified,
}

fn not_too_soon(
    last: Option<Timestamp>,
    at: Timestamp,
    limits: &MailLimits,
) -> Result<(), Refusal> {
    match last.map(|last| last + SignedDuration::from_secs(limits.apart_seconds.into())) {
        Some(until) if at < until => Err(Refusal::TooSoon { until }),
        Some(_) | None => Ok(()),
    }
}

fn within_budget(
    to_member: &[Timestamp],
    to_address: &[Timestamp],
    at: Timestamp,
    limits: &MailLimits,
) -> Result<(), Refusal> {
    for sent in [to_member, to_address] {
        budget::room(sent, at, limits).map_err(|until| Refusal::BudgetSpent { until })?;
    }
    Ok(())
}

fn minutes(count: u32) -> SignedDuration {
    SignedDuration::from_mins(count.into())
}
