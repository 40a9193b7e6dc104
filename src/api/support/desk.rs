//! What the support desk knows of a member: where they stand, what keeps them, and what can be done.

use jiff::Timestamp;

use super::limits::Limit;
use super::mails::MailBody;
use crate::api::Api;
use crate::api::audit::entries::Entry;
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
use crate::vault::{Kept, VaultError};

/// Events that the desk shows; the rest is for those who review the history.
const LAST: usize = 30;

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
    /// What keeps the member waiting; none, if nothing does.
    pub(super) kept: Option<Kept>,
    /// When that can be lifted; none, if it can be now.
    pub(super) lifts_from: Option<Timestamp>,
    /// The limits that keep the member now.
    pub(super) reached: Vec<(Limit, Option<Timestamp>)>,
    /// The last mails, newest first.
    pub(super) mails: Vec<MailBody>,
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
        let mut timeline = self.timeline(member, &Span::default(), Mask::On).await?;
        // Who looked is for those who review.
        let is_told = |entry: &Entry| entry.line.event_type != "AuditDataViewed";
        timeline.entries.retain(is_told);
        timeline.entries.truncate(LAST);
        let status = self.statuses.of(member).await?;
        let status = status.ok_or(Problem::UnknownMember)?;
        let showing = Showing {
            member: Some(member),
            ..Showing::of(View::MemberHistory, None)
        };
        self.note_look(who, showing).await?;
        let now = self.clock.now();
        let (state, limits) = (&status.state, &self.limits);
        let kept = self.kept(member).await?.map(|(_, kept)| kept);
        // One that came to nothing can be had again, however many there were.
        let anew = kept.filter(|it| !state.lift_stands(Some(it.failed_at)));
        let lifts_from = anew.and_then(|_| state.lifts_from(now, limits));
        let can_lift = kept.is_some() && lifts_from.is_none();
        let offer = |it: Intervention| {
            if it == Intervention::LiftWait {
                can_lift.then_some(Offer::AtOnce)
            } else {
                state.offer(now, limits, it)
            }
        };
        let reached = self.limits_reached(member, &status.state).await?;
        let mails = self.mails_to(member).await?;
        let offers = Intervention::ALL
            .into_iter()
            .filter(|it| *it != Intervention::Unmask && may_intervene(who.role, *it))
            .filter_map(|it| Some((it, offer(it)?)))
            .collect();
        let waits = |it: &Intervention| {
            may_intervene(who.role, *it) && status.state.waits_for_proof(now, &self.limits, *it)
        };
        let wait_for_proof = Intervention::ALL.into_iter().filter(waits).collect();
        Ok(Shown {
            timeline,
            status,
            kept,
            lifts_from,
            reached,
            mails,
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
