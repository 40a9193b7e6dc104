//! The notices that a password was set, or that an address or a password is to change: what their links come to, and that it was not
//! the member.

use super::{Decision, NOTHING_NEW};
use crate::domain::ids::NoticeId;
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
    /// What the link of a notice about that password, or about a change to another address or password, comes to now.
    ///
    /// # Errors
    /// [`Refusal::NoticeReplaced`], if neither that password counts nor one that was set with it, or the member has started over since.
    pub fn notice_state(&self, about: NoticeId) -> Result<NoticeState, Refusal> {
        let password = self.password.map(|own| own.notice());
        // Whatever became of the change: whoever asked for it must not be able to end what tells of them.
        let is_told = self.told_of.contains(&about);
        if self.not_me_reported {
            Ok(NoticeState::Reported)
        } else if password == Some(about) || is_told {
            Ok(NoticeState::Open)
        } else {
            Err(Refusal::NoticeReplaced)
        }
    }

    pub(super) fn report_not_me(&self, about: NoticeId) -> Decision {
        match self.notice_state(about)? {
            NoticeState::Open => Ok(vec![Event::NotMeReported {}]),
            NoticeState::Reported => NOTHING_NEW,
        }
    }
}
