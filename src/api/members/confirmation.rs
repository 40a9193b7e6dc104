//! Step 6: the mailed link, followed or disowned on any device; it neither needs nor makes a session.

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::{Command, LinkState};
use crate::vault::Link;

/// What became of a mailed link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirmation {
    /// It can be followed.
    Open,
    /// It was followed.
    Followed,
    /// Its address is verified.
    Verified,
    /// Its address was disowned.
    Disowned,
}

impl Confirmation {
    /// The stable word that programs see.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Followed => "followed",
            Self::Verified => "verified",
            Self::Disowned => "disowned",
        }
    }
}

impl Api {
    /// Where a link leads, however often it is asked; nothing changes.
    ///
    /// # Errors
    /// What following it would meet.
    pub async fn look_at_link(&self, token: &str) -> Result<Confirmation, Problem> {
        let link = self.link(token)?;
        let state = self.as_of_now(link.member).await?;
        let now = self.clock.now();
        match state.link_state(now, link.contact, link.issue) {
            Ok(LinkState::Open) => Ok(Confirmation::Open),
            Ok(LinkState::Followed) => Ok(Confirmation::Followed),
            Ok(LinkState::Verified) => Ok(Confirmation::Verified),
            Err(refusal) => Err(Problem::of_refusal(&refusal, now)),
        }
    }

    /// Follows a link.
    ///
    /// # Errors
    /// [`Problem::LinkUnknown`], [`Problem::LinkExpired`], [`Problem::LinkReplaced`], [`Problem::LinkDisowned`].
    pub async fn follow_link(&self, visit: &Visit, token: &str) -> Result<Confirmation, Problem> {
        let Link {
            member,
            contact,
            issue,
        } = self.link(token)?;
        self.carry_out("FollowEmailLink", member, visit, move |_| async move {
            Ok(Command::FollowEmailLink { contact, issue })
        })
        .await?;
        Ok(Confirmation::Followed)
    }

    /// Disowns the address of a link: 心当たりがない.
    ///
    /// # Errors
    /// As [`Api::follow_link`], and [`Problem::OutOfOrder`] after step 7.
    pub async fn disown_link(&self, visit: &Visit, token: &str) -> Result<Confirmation, Problem> {
        let Link {
            member,
            contact,
            issue,
        } = self.link(token)?;
        self.carry_out("DisownEmail", member, visit, move |_| async move {
            Ok(Command::DisownEmail { contact, issue })
        })
        .await?;
        Ok(Confirmation::Disowned)
    }

    /// What a mailed link names.
    pub(super) fn link(&self, token: &str) -> Result<Link, Problem> {
        self.vault.one_time.open_link(token).ok_or_else(|| {
            self.tallies.count(Problem::LinkUnknown.name());
            Problem::LinkUnknown
        })
    }
}
