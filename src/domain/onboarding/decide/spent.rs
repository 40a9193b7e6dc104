//! Which budgets a member has spent and would be refused by, as staff are shown it: asked of the very rules that refuse.

use jiff::Timestamp;

use super::otp::room_for_another_code;
use crate::domain::onboarding::{Onboarding, Refusal, SessionKind};
use crate::domain::policy::Limits;

/// What there is only so much of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Budget {
    /// Links of step 6.
    EmailLinks,
    /// One-time passwords by mail.
    Codes,
    /// Wrong one-time passwords in the present sign-in.
    CodeTries,
    /// Links to another address.
    ChangeLinks,
    /// Links for a forgotten password.
    ResetLinks,
    /// Passwords that take the present one's place.
    Passwords,
}

impl Budget {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::EmailLinks,
        Self::Codes,
        Self::CodeTries,
        Self::ChangeLinks,
        Self::ResetLinks,
        Self::Passwords,
    ];

    /// The name that programs read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EmailLinks => "email_links",
            Self::Codes => "codes",
            Self::CodeTries => "code_tries",
            Self::ChangeLinks => "email_change_links",
            Self::ResetLinks => "password_reset_links",
            Self::Passwords => "password_changes",
        }
    }
}

/// When mails of each kind were asked for in the last day, by anybody, to the member's present address; those of `changes` to the coming one.
#[derive(Clone, Debug, Default)]
pub struct ToAddress {
    /// Links of step 6.
    pub links: Vec<Timestamp>,
    /// One-time passwords.
    pub codes: Vec<Timestamp>,
    /// Links to another address.
    pub changes: Vec<Timestamp>,
    /// Links for a forgotten password.
    pub resets: Vec<Timestamp>,
}

impl Onboarding {
    /// The budgets that are spent at that moment, as far as the member's step asks for them, each with the moment from which there is room
    /// again; none, where the next sign-in brings it.
    #[must_use]
    pub fn spent(
        &self,
        at: Timestamp,
        limits: &Limits,
        sent: &ToAddress,
    ) -> Vec<(Budget, Option<Timestamp>)> {
        if self.erased {
            return Vec::new();
        }
        Budget::ALL
            .into_iter()
            .filter_map(|budget| match self.room_in(budget, at, limits, sent) {
                Err(Refusal::BudgetSpent { until }) => Some((budget, Some(until))),
                Err(Refusal::CodeDead) => Some((budget, None)),
                Ok(()) | Err(_) => None,
            })
            .collect()
    }

    fn room_in(
        &self,
        budget: Budget,
        at: Timestamp,
        limits: &Limits,
        sent: &ToAddress,
    ) -> Result<(), Refusal> {
        let is_completed = self.completed;
        match budget {
            Budget::EmailLinks => match &self.contact {
                Some(contact) if contact.verified => Ok(()),
                Some(contact) if !contact.followed => {
                    self.room_for_another_link(contact, at, limits, &sent.links)
                }
                Some(_) | None => self.room_for_link(at, limits, &sent.links),
            },
            Budget::Codes => {
                self.room_for_code(at, limits, &sent.codes)?;
                match (&self.challenge, &self.session) {
                    (Some(present), Some(open)) => room_for_another_code(present, open, limits),
                    (None, _) | (_, None) => Ok(()),
                }
            }
            Budget::CodeTries => {
                let waits = self.session_kind() == Some(SessionKind::OtpPending);
                let dead = |wrong| wrong >= limits.otp.tries;
                match &self.challenge {
                    Some(present) if waits && dead(present.wrong) => Err(Refusal::CodeDead),
                    Some(_) | None => Ok(()),
                }
            }
            Budget::ChangeLinks if is_completed => {
                self.budget_of_changes(at, limits, &sent.changes)
            }
            Budget::ResetLinks if self.password.is_some() => {
                self.room_for_reset(at, limits, &sent.resets)
            }
            Budget::Passwords if is_completed => self.room_for_password(at, limits),
            Budget::ChangeLinks | Budget::ResetLinks | Budget::Passwords => Ok(()),
        }
    }
}
