//! The notice that a password was set: what its link comes to, and that it was not the member.

use super::{Decision, NOTHING_NEW};
use crate::domain::ids::CredentialId;
use crate::domain::onboarding::event::Event;
use crate::domain::onboarding::{Onboarding, Refusal};

/// What the link of a notice comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoticeState {
    /// It can be reported that it was not the member.
    Open,
    /// That was reported, and nobody can sign in.
    Reported,
}

impl Onboarding {
    /// What the link of a notice about that password comes to now.
    ///
    /// # Errors
    /// [`Refusal::NoticeReplaced`], if that password counts no more.
    pub fn notice_state(&self, about: CredentialId) -> Result<NoticeState, Refusal> {
        match self.password {
            _ if self.not_me_reported => Ok(NoticeState::Reported),
            Some(own) if own.credential == about => Ok(NoticeState::Open),
            Some(_) | None => Err(Refusal::NoticeReplaced),
        }
    }

    pub(super) fn report_not_me(&self, about: CredentialId) -> Decision {
        match self.notice_state(about)? {
            NoticeState::Open => Ok(vec![Event::NotMeReported {}]),
            NoticeState::Reported => NOTHING_NEW,
        }
    }
}
