//! A password of the member's own: the first one at step 9, and another in its place, set by whoever is signed in and gives both.

use jiff::Timestamp;

use super::{Decision, NOTHING_NEW, fault_of, within_budget};
use crate::domain::ids::{CredentialId, FormId};
use crate::domain::onboarding::command::{CredentialInForce, PasswordCheck};
use crate::domain::onboarding::event::Event;
use crate::domain::onboarding::{Onboarding, Refusal, Session, SessionKind, Step};
use crate::domain::policy::Limits;

impl Onboarding {
    pub(super) fn change_password(
        &self,
        open: &Session,
        credential: CredentialId,
        form: FormId,
    ) -> Decision {
        match self.password {
            Some(own) if own.form != form => return Err(Refusal::AlreadySet),
            // The session that sets the password is the last one of the first login's kind.
            Some(_) => {
                return match open.kind {
                    SessionKind::Onboarding => NOTHING_NEW,
                    SessionKind::OtpPending | SessionKind::Full => Err(Refusal::FormUsed),
                };
            }
            None => self.require(Step::Password)?,
        }
        Ok(vec![
            Event::PasswordChanged { credential, form },
            Event::FirstLoginCompleted {},
        ])
    }

    /// Whether that form has set the password that counts, so that it comes once more.
    #[must_use]
    pub fn is_set_by(&self, form: FormId) -> bool {
        self.password.is_some_and(|own| own.form == form)
    }

    pub(super) fn replace_password(
        &self,
        at: Timestamp,
        limits: &Limits,
        (against, check): (CredentialInForce, PasswordCheck),
        (credential, form): (CredentialId, FormId),
    ) -> Decision {
        self.require(Step::Completed)?;
        // Before the comparison, which was with the password that this very form has replaced.
        if self.is_set_by(form) {
            return NOTHING_NEW;
        }
        if against != self.credential_in_force() {
            return Err(Refusal::StaleFacts);
        }
        if let Some(why) = fault_of(check) {
            return Ok(vec![Event::CredentialsRejected { why }]);
        }
        self.room_for_password(at, limits)?;
        Ok(vec![Event::PasswordReplaced {
            credential,
            form,
            at,
        }])
    }

    /// Whether another password may take the present one's place now. Each is told by a mail, so the budget is that of links.
    ///
    /// # Errors
    /// [`Refusal::BudgetSpent`].
    pub fn room_for_password(&self, at: Timestamp, limits: &Limits) -> Result<(), Refusal> {
        within_budget(&self.passwords_replaced, &[], at, &limits.email_link.mails)
    }
}
