//! Every view of the history leaves an event before it is shown.

use std::convert::Infallible;

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::commands::CommandError;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Reason;
use crate::domain::values::TOKYO;
use crate::domain::viewing::{EXPORT_GOES_ON, Look, Purpose, View, Viewings};
use crate::projections::Position;

/// What a look is for, by the reason that its proposal gave.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "the others are no reasons for it"
)]
const fn purpose_of(reason: Reason) -> Purpose {
    match reason {
        Reason::MemberAsked => Purpose::MemberRequest,
        Reason::SuspectedMisuse => Purpose::Incident,
        Reason::Legal => Purpose::Legal,
        _ => Purpose::Review,
    }
}

/// What is about to be shown.
pub(in crate::api) struct Showing {
    pub(in crate::api) view: View,
    pub(in crate::api) member: Option<MemberId>,
    pub(in crate::api) purpose: Option<Purpose>,
    pub(in crate::api) part: Option<String>,
    /// Behind which position an export begins.
    pub(in crate::api) after: Option<Position>,
}

impl Showing {
    /// A view of many members, or of none.
    pub(in crate::api) const fn of(view: View, part: Option<String>) -> Self {
        Self {
            view,
            member: None,
            purpose: None,
            part,
            after: None,
        }
    }
}

impl Api {
    /// What for whoever asks may see a member's personal data now; none, if no second person has approved it lately.
    ///
    /// # Errors
    /// [`Problem::UnknownMember`], or a store is away.
    pub(super) async fn unmasked_for(
        &self,
        who: &StaffIn,
        member: MemberId,
    ) -> Result<Option<Purpose>, Problem> {
        let status = self.statuses.of(member).await?;
        let state = status.ok_or(Problem::UnknownMember)?.state;
        let now = self.clock.now();
        let approved = state.unmasking_for(who.staff, now, &self.limits);
        Ok(approved.map(|proposal| purpose_of(proposal.grounds.reason)))
    }

    /// Stores who takes a page of an export, from behind `after` up to `next`, unless the last page of one that has its event ended there.
    ///
    /// # Errors
    /// It could not be stored; then nothing may be shown.
    pub(super) async fn note_export(
        &self,
        who: &StaffIn,
        showing: Showing,
        after: Position,
        next: Position,
    ) -> Result<(), Problem> {
        let text = |it: Option<String>| it.unwrap_or_default();
        let of_what = format!(
            "{} {} {} {}",
            who.staff,
            text(who.token.map(|it| it.to_string())),
            text(showing.member.map(|it| it.to_string())),
            text(showing.part.clone())
        );
        let (exports, now) = (&self.vault.exports, self.clock.now());
        let since = now - EXPORT_GOES_ON;
        if exports.go_on(&of_what, after, next, since).await? {
            return Ok(());
        }
        let begins = Showing {
            after: Some(after),
            ..showing
        };
        self.note_look(who, begins).await?;
        let export = self.entropy.id();
        Ok(exports.begin(export, &of_what, next, now, since).await?)
    }

    /// Stores who looks at what.
    ///
    /// # Errors
    /// It could not be stored; then nothing may be shown.
    pub(in crate::api) async fn note_look(
        &self,
        who: &StaffIn,
        showing: Showing,
    ) -> Result<(), Problem> {
        let now = self.clock.now();
        let look = Look {
            viewer: who.staff,
            token: who.token,
            view: showing.view,
            member: showing.member,
            purpose: showing.purpose,
            part: showing.part,
            after: showing.after,
            at: now,
        };
        let day = TOKYO.to_datetime(now).date();
        let attribution = self
            .attribution_of_staff("ViewAuditData", who.staff, &who.visit)
            .await?;
        let stored = self
            .commands
            .run::<Viewings, Infallible, _, _>(day.to_string(), attribution, move |_| {
                std::future::ready(Ok(look.clone()))
            })
            .await;
        match stored {
            Ok(_) => Ok(()),
            Err(CommandError::Busy) => Err(Problem::Busy),
            Err(error) => {
                tracing::error!(%error, "a look at the history could not be stored, and nothing was shown");
                Err(Problem::Busy)
            }
        }
    }
}
