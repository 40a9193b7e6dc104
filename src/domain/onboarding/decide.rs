//! The rules: from what is known and what is asked to what happens. The order of the steps lives here and nowhere else.

mod change;
mod email;
mod forgotten;
mod notice;
mod otp;
mod password;
mod reminder;
mod roster;
mod spent;
mod support;

pub use email::LinkState;
pub use forgotten::ResetState;
pub use notice::NoticeState;
pub use spent::{Budget, ToAddress};
pub use support::Offer;

use jiff::{SignedDuration, Timestamp};

use super::budget;
use super::command::{Command, Issued, NewCode, PasswordCheck};
use super::event::{CredentialFault, Event, LogOutReason};
use super::{Intervention, Onboarding, Refusal, Session, Step, later};
use crate::domain::ids::SessionId;
use crate::domain::policy::{Limits, MailLimits};

type Decision = Result<Vec<Event>, Refusal>;

/// The answer to a command whose effect already stands.
const NOTHING_NEW: Decision = Ok(Vec::new());

impl Onboarding {
    /// Decides on a command. What has come due of itself by then is told first, wherever anything is stored.
    ///
    /// # Errors
    /// Answers with the [`Refusal`] that stands against it; nothing is stored then.
    pub fn decide(&self, issued: &Issued) -> Decision {
        let Some(due) = self.came_due(issued.at) else {
            return self.decide_now(issued);
        };
        let mut events = self.after(due.clone()).decide_now(issued)?;
        if !events.is_empty() {
            events.insert(0, due);
        }
        Ok(events)
    }

    #[expect(clippy::too_many_lines, reason = "one arm a command")]
    fn decide_now(&self, issued: &Issued) -> Decision {
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
        // Of a person who is forgotten, nothing can be asked but what is asked of all staff.
        let of_staff = matches!(
            command,
            Command::Intervene { .. }
                | Command::ProposeIntervention { .. }
                | Command::ApproveIntervention { .. }
                | Command::DeclineIntervention { .. }
        );
        if self.erased && !of_staff {
            return Err(Refusal::Erased);
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
                known_browser,
                code,
            } => {
                if *against != self.credential_in_force() {
                    return Err(Refusal::StaleFacts);
                }
                let code = self.wants_code(*known_browser).then_some(code);
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
            Command::UpdateEmail { session, code } => {
                self.in_session(*session)?;
                self.update_email(at, limits, *session, code.as_ref())
            }
            Command::ChangeEmail {
                session,
                against,
                check,
                contact,
                same_as,
                link,
            } => {
                self.in_session(*session)?;
                let (password, address) = ((*against, *check), (*contact, *same_as));
                self.change_email(at, limits, password, address, link)
            }
            Command::ConfirmEmailChange { session } => {
                self.in_session(*session)?;
                self.confirm_email_change(at, limits)
            }
            Command::CancelEmailChange { session } => {
                self.in_session(*session)?;
                self.cancel_email_change()
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
                let open = self.in_session(*session)?;
                self.change_password(open, *credential, *form)
            }
            Command::RequestPasswordReset { matches, link } => {
                self.request_password_reset(at, limits, *matches, link)
            }
            Command::ResetPassword {
                issue,
                credential,
                form,
            } => self.reset_password(at, limits, *issue, (*credential, *form)),
            Command::CancelPasswordReset { session } => {
                self.in_session(*session)?;
                self.cancel_password_reset()
            }
            Command::ReplacePassword {
                session,
                against,
                check,
                credential,
                form,
            } => {
                self.in_session(*session)?;
                let present = (*against, *check);
                self.replace_password(at, limits, present, (*credential, *form))
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
            Command::ReportNotMe { about } => self.report_not_me(*about),
            Command::Remind { step, since } => self.remind(at, limits, *step, *since),
            Command::ChangeProfile { import, fields } => self.change_profile(*import, fields),
            Command::Leave { import } => self.leave(*import),
            Command::Return { import } => self.come_back(*import),
            Command::Intervene {
                intervention,
                grounds,
                staff,
                failed_at,
                link,
            } => {
                if *intervention == Intervention::LiftWait && self.lift_stands(*failed_at) {
                    return NOTHING_NEW;
                }
                self.intervene(at, limits, (*intervention, grounds, *staff), link)
            }
            Command::ProposeIntervention {
                proposal,
                intervention,
                grounds,
                staff,
            } => self.propose(at, limits, *proposal, (*intervention, grounds, *staff)),
            Command::ApproveIntervention {
                proposal,
                staff,
                print,
            } => self.approve(at, limits, *proposal, *staff, *print),
            Command::DeclineIntervention { proposal, staff } => self.decline(*proposal, *staff),
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
        code: Option<&NewCode>,
    ) -> Decision {
        if self.frozen || self.left {
            return Err(Refusal::Frozen);
        }
        let own = self.password.is_some();
        if !own && !self.initial_credentials_count(at) {
            return Err(Refusal::WindowClosed);
        }
        if let Some(why) = fault_of(check) {
            return Ok(vec![Event::CredentialsRejected { why }]);
        }
        // Only now: whoever does not know the password must not learn that codes were mailed.
        let issued = code.map(|code| self.code_issued(at, limits, session, code));
        let issued = issued.transpose()?;
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
        events.extend(issued);
        Ok(events)
    }

    /// A code for a session, if the budgets leave room for it.
    fn code_issued(
        &self,
        at: Timestamp,
        limits: &Limits,
        session: SessionId,
        code: &NewCode,
    ) -> Result<Event, Refusal> {
        self.room_for_code(at, limits, &code.sent_to_address)?;
        Ok(Event::OtpIssued {
            session,
            challenge: code.challenge,
            key: code.key.clone(),
            language: code.language,
            at,
            expires_at: later(at, minutes(limits.otp.lifetime_minutes)),
        })
    }

    /// Whether a sign-in needs a code: with the member's own password always; before, as soon as there is an address for it, from a
    /// browser that has not shown that it is the member's. Whoever comes to the password on paper later than the member does not
    /// get past that.
    fn wants_code(&self, known_browser: bool) -> bool {
        let has_address = self.contact.as_ref().is_some_and(|it| it.verified);
        self.password.is_some() || (has_address && !known_browser)
    }

    /// Whether the initial credentials count at `at`.
    fn initial_credentials_count(&self, at: Timestamp) -> bool {
        self.enrolment
            .as_ref()
            .is_some_and(|it| it.valid_from <= at && at < it.expires_at)
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
}

/// What is wrong with a password that compared so.
const fn fault_of(check: PasswordCheck) -> Option<CredentialFault> {
    match check {
        PasswordCheck::Match => None,
        PasswordCheck::Mismatch => Some(CredentialFault::WrongPassword),
        PasswordCheck::Replaced => Some(CredentialFault::InitialPasswordReplaced),
    }
}

fn not_too_soon(
    last: Option<Timestamp>,
    at: Timestamp,
    limits: &MailLimits,
) -> Result<(), Refusal> {
    match last.map(|last| later(last, SignedDuration::from_secs(limits.apart_seconds.into()))) {
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

/// The same for links that a member seldom needs, of another address or a forgotten password: only so many in a day to one address.
fn room_for_rare_link(
    to_member: &[Timestamp],
    to_address: &[Timestamp],
    at: Timestamp,
    limits: &Limits,
) -> Result<(), Refusal> {
    let mails = &limits.email_link.mails;
    budget::room_in_a_day(to_address, at, mails.each)
        .map_err(|until| Refusal::BudgetSpent { until })?;
    within_budget(to_member, to_address, at, mails)
}

fn minutes(count: u32) -> SignedDuration {
    SignedDuration::from_mins(count.into())
}
