//! What the support desk knows of a member: where they stand, what keeps them, and what can be done.

use jiff::Timestamp;

use crate::api::Api;
use crate::api::audit::looks::Showing;
use crate::api::audit::person::Mask;
use crate::api::audit::timeline::{Span, Timeline};
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::api::staff::rights::may_intervene;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Intervention, Offer, Onboarding};
use crate::domain::viewing::View;
use crate::projections::status::MemberStatus;
use crate::vault::VaultError;

/// What is known of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum EmailState {
    /// It was entered.
    Registered,
    /// Its link was followed.
    Followed,
    /// The member has confirmed it.
    Verified,
}

impl EmailState {
    /// What is known of a member's address; none, if none was entered.
    pub(super) fn of(state: &Onboarding) -> Option<Self> {
        let contact = state.contact.as_ref()?;
        Some(match (contact.verified, contact.followed) {
            (true, _) => Self::Verified,
            (false, true) => Self::Followed,
            (false, false) => Self::Registered,
        })
    }

    /// The name that programs use.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Registered => "registered",
            Self::Followed => "followed",
            Self::Verified => "verified",
        }
    }

    /// What it is called on the page.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Registered => "support.email_registered",
            Self::Followed => "support.email_followed",
            Self::Verified => "support.email_verified",
        }
    }
}

/// What is shown of a member.
pub(super) struct Shown {
    pub(super) timeline: Timeline,
    pub(super) status: MemberStatus,
    /// The end of the longest waiting time that runs.
    pub(super) waiting_until: Option<Timestamp>,
    /// What would do something now.
    pub(super) offers: Vec<(Intervention, Offer)>,
    /// What would, once the member's identity is proven.
    pub(super) wait_for_proof: Vec<Intervention>,
}

impl Api {
    /// What the desk shows of a member; the look is stored.
    ///
    /// # Errors
    /// [`Problem::UnknownMember`], or a store is away.
    pub(super) async fn at_the_desk(
        &self,
        who: &StaffIn,
        member: MemberId,
    ) -> Result<Shown, Problem> {
        let timeline = self.timeline(member, &Span::default(), Mask::On).await?;
        let status = self.statuses.of(member).await?;
        let status = status.ok_or(Problem::UnknownMember)?;
        let showing = Showing {
            member: Some(member),
            ..Showing::of(View::MemberHistory, None)
        };
        self.note_look(who, showing).await?;
        let now = self.clock.now();
        let waiting_until = match self.user_id_of(member).await? {
            Some(user_id) => self.vault.waits.longest(&user_id, now).await?,
            None => None,
        };
        let waits = self.waits(member).await?;
        let offers = Intervention::ALL
            .into_iter()
            .filter(|it| *it != Intervention::Unmask && may_intervene(who.role, *it))
            .filter(|it| *it != Intervention::LiftWait || waits)
            .filter_map(|it| Some((it, status.state.offer(now, &self.limits, it)?)))
            .collect();
        let waits = |it: &Intervention| {
            may_intervene(who.role, *it) && status.state.waits_for_proof(now, &self.limits, *it)
        };
        let wait_for_proof = Intervention::ALL.into_iter().filter(waits).collect();
        Ok(Shown {
            timeline,
            status,
            waiting_until,
            offers,
            wait_for_proof,
        })
    }

    /// A member's user ID; none, if the person was erased.
    ///
    /// # Errors
    /// The vault is away.
    pub(super) async fn user_id_of(&self, member: MemberId) -> Result<Option<String>, Problem> {
        match self.vault.profiles.get(member).await {
            Ok(stored) => Ok(Some(stored.profile.user_id)),
            Err(VaultError::Erased | VaultError::Missing(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }
}
