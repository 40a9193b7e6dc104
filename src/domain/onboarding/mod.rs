//! The onboarding aggregate: what is known of one member from their events, and which step is due.

mod apply;
mod browsers;
mod budget;
mod command;
mod decide;
mod event;
mod refusal;
mod retrace;
mod state;
mod step;
mod support;
#[cfg(test)]
mod tests;

pub use command::{CodeCheck, Command, CredentialInForce, Issued, NewCode, NewLink, PasswordCheck};
pub use decide::{Budget, LinkState, NoticeState, Offer, ResetState, ToAddress};
pub use event::{CredentialFault, Event, LogOutReason, OtpMethod, ProfileField};
pub use refusal::Refusal;
pub use retrace::{Append, Illegal};
pub use state::{
    Challenge, ComingPassword, Contact, Enrolment, Link, Mailbox, Onboarding, OwnPassword,
    Reminded, Replaces, Reset, Session, SessionKind, SpentChallenge,
};
pub use step::Step;
pub use support::{Grounds, Intervention, NoTicket, Proofing, Proposal, Reason, Ticket, Verdict};
#[cfg(test)]
pub(crate) use tests::random_history;

use jiff::{SignedDuration, Timestamp};

use crate::domain::ids::SessionId;

impl Onboarding {
    /// The step that is due.
    #[must_use]
    pub fn due(&self) -> Step {
        if self.session_kind() == Some(SessionKind::OtpPending) {
            Step::Otp
        } else {
            self.stands_at()
        }
    }

    /// The step that the member has come to on the way, whatever session is open.
    #[must_use]
    pub fn stands_at(&self) -> Step {
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
        match self.password {
            Some(own) => CredentialInForce::Own(own.credential),
            None => CredentialInForce::Initial(self.reissues),
        }
    }

    /// Whether this is the member's present session.
    #[must_use]
    pub fn has_session(&self, id: SessionId) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.id == id)
    }

    /// What the present session may do.
    #[must_use]
    pub fn session_kind(&self) -> Option<SessionKind> {
        self.session.as_ref().map(|session| session.kind)
    }
}

/// The moment `by` after `at`; the end of time where there is none, so that no stored moment can make the arithmetic panic.
fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.saturating_add(by).unwrap_or(Timestamp::MAX)
}
