//! What staff do for a member, propose or approve: the commands behind pages and JSON alike.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::standing::Standing;
use crate::api::Api;
use crate::api::pages::DOUBLE_PRESS_SECONDS;
use crate::api::problem::{DeskProblem, Problem};
use crate::api::staff::StaffIn;
use crate::api::staff::rights::may_intervene;
use crate::commands::Outcome;
use crate::domain::delivery::MailKind;
use crate::domain::ids::{MemberId, PrintId, ProposalId};
use crate::domain::onboarding::{
    Command, Grounds, Intervention, Onboarding, Proposal, Reason, Ticket,
};
use crate::domain::values::Language;
use crate::projections::history::search::{Filter, Page, position_at, search};
use crate::vault::Kept;

/// Proposals read at once, when those that are open are looked for.
const AT_ONCE: i64 = 500;

/// An intervention as it was asked for.
#[derive(Clone, Debug)]
pub(in crate::api) struct Wanted {
    pub(in crate::api) intervention: Intervention,
    pub(in crate::api) grounds: Grounds,
}

impl Wanted {
    /// Reads what a form or a program sent.
    ///
    /// # Errors
    /// [`Problem::Invalid`] for the first field that cannot be taken.
    pub(in crate::api) fn read(
        intervention: &str,
        reason: &str,
        ticket: &str,
    ) -> Result<Self, Problem> {
        let invalid = |field, why| Problem::Invalid { field, why };
        let intervention =
            Intervention::named(intervention).ok_or(invalid("intervention", "unknown"))?;
        let reason = Reason::named(reason);
        Ok(Self {
            intervention,
            grounds: Grounds {
                reason: reason.ok_or(invalid("reason", "not_of_this"))?,
                ticket: Ticket::from_str(ticket.trim())
                    .map_err(|_| invalid("ticket", "not_a_ticket"))?,
            },
        })
    }
}

impl Api {
    /// Does something for a member.
    ///
    /// # Errors
    /// [`Problem::Forbidden`], [`Problem::UnknownMember`], [`DeskProblem::NothingToDo`] where nothing waits that could be lifted, or what else
    /// stands against it.
    pub(in crate::api) async fn intervene(
        &self,
        who: &StaffIn,
        member: MemberId,
        wanted: Wanted,
    ) -> Result<Outcome<Onboarding>, Problem> {
        self.may(who, wanted.intervention)?;
        let Wanted {
            intervention,
            grounds,
        } = wanted;
        let (api, staff) = (self.clone(), who.staff);
        let outcome = self
            .by_staff("Intervene", who, member, move |state| {
                let (api, grounds) = (api.clone(), grounds.clone());
                async move {
                    let failed_at = if intervention == Intervention::LiftWait {
                        Some(api.waits_since(member, &state).await?)
                    } else {
                        None
                    };
                    let contact = state.contact.as_ref();
                    let language = contact.map_or(Language::Ja, |contact| contact.language);
                    let contact = contact.map(|contact| contact.id);
                    let sent = api.sent_to_address(contact, MailKind::EmailLink).await?;
                    Ok(Command::Intervene {
                        intervention,
                        grounds,
                        staff,
                        failed_at,
                        link: api.new_link(sent, language),
                    })
                }
            })
            .await?;
        // Event first: should the program end here, the same once more ends the waiting times, and spends no other lift. Where what runs began
        // since, a repetition must not make a guesser's next failures forgotten.
        if intervention == Intervention::LiftWait
            && let Some((user_id, kept)) = self.kept(member).await?
            && (!outcome.events.is_empty() || outcome.state.lift_stands(Some(kept.failed_at)))
        {
            self.vault.waits.lift(&user_id).await?;
        }
        Ok(outcome)
    }

    /// What keeps a member waiting and can be lifted, with their user ID; none, if nothing does, or the person was erased.
    pub(super) async fn kept(&self, member: MemberId) -> Result<Option<(String, Kept)>, Problem> {
        let Some(user_id) = self.user_id_of(member).await? else {
            return Ok(None);
        };
        let kept = self.vault.waits.kept(&user_id, self.clock.now()).await?;
        Ok(kept.map(|kept| (user_id, kept)))
    }

    /// When the last failure was that a member waits for. Somebody who presses twice may find it lifted already.
    async fn waits_since(
        &self,
        member: MemberId,
        state: &Onboarding,
    ) -> Result<Timestamp, Problem> {
        let nothing = Problem::Desk(DeskProblem::NothingToDo);
        if state.erased {
            return Err(nothing);
        }
        if let Some((_, kept)) = self.kept(member).await? {
            return Ok(kept.failed_at);
        }
        let lately = self.clock.now() - SignedDuration::from_secs(DOUBLE_PRESS_SECONDS);
        let lifted = state.lifts.last().filter(|lifted| **lifted > lately);
        lifted.map(|_| lately).ok_or(nothing)
    }

    /// Proposes it.
    ///
    /// # Errors
    /// See [`Api::intervene`].
    pub(in crate::api) async fn propose(
        &self,
        who: &StaffIn,
        member: MemberId,
        proposal: ProposalId,
        wanted: Wanted,
    ) -> Result<Outcome<Onboarding>, Problem> {
        self.may(who, wanted.intervention)?;
        let staff = who.staff;
        self.by_staff("ProposeIntervention", who, member, move |_| {
            let command = Command::ProposeIntervention {
                proposal,
                intervention: wanted.intervention,
                grounds: wanted.grounds.clone(),
                staff,
            };
            std::future::ready(Ok(command))
        })
        .await
    }

    /// Approves or declines what somebody proposed; `seen` is the mark of how the member stood when whoever decides looked.
    ///
    /// # Errors
    /// See [`Api::intervene`]; [`DeskProblem::UnknownProposal`] also for one that the role may not see; [`DeskProblem::ChangedSince`] where an
    /// approval is of something else than what was seen.
    pub(in crate::api) async fn judge(
        &self,
        who: &StaffIn,
        member: MemberId,
        proposal: ProposalId,
        approves: bool,
        seen: &str,
    ) -> Result<Outcome<Onboarding>, Problem> {
        let (_, proposed) = self.proposal(who, member, proposal).await?;
        // Whoever proposed it counts as one of two only while they could propose it still.
        let state = self.staff_state(proposed.by).await?;
        let counts = state
            .in_force()
            .is_some_and(|account| may_intervene(account.role, proposed.intervention));
        if approves && !counts {
            return Err(Problem::Desk(DeskProblem::ProposalOver));
        }
        let (name, staff) = if approves {
            ("ApproveIntervention", who.staff)
        } else {
            ("DeclineIntervention", who.staff)
        };
        let (api, seen) = (self.clone(), seen.to_owned());
        self.by_staff(name, who, member, move |state| {
            std::future::ready(if approves {
                api.as_seen(&state, proposal, &seen)
                    .map(|()| Command::ApproveIntervention {
                        proposal,
                        staff,
                        print: Some(PrintId(api.random_id())),
                    })
            } else {
                Ok(Command::DeclineIntervention { proposal, staff })
            })
        })
        .await
    }

    /// Whether a member stands as somebody has seen it, as long as that matters: what was decided already is decided.
    fn as_seen(&self, state: &Onboarding, proposal: ProposalId, seen: &str) -> Result<(), Problem> {
        let is_open = |it: &&Proposal| it.verdict.is_none();
        let standing = Standing::of(state, self.clock.now(), &self.limits);
        match state.proposal(proposal).filter(is_open) {
            Some(open) if standing.mark(state, open)? != seen => {
                Err(Problem::Desk(DeskProblem::ChangedSince))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// A proposal that the role may see, and its member as the log has them.
    ///
    /// # Errors
    /// [`Problem::UnknownMember`], [`DeskProblem::UnknownProposal`], or a store is away.
    pub(in crate::api) async fn proposal(
        &self,
        who: &StaffIn,
        member: MemberId,
        proposal: ProposalId,
    ) -> Result<(Onboarding, Proposal), Problem> {
        let state = self.as_of_now(member).await?;
        if state.enrolment.is_none() {
            return Err(Problem::UnknownMember);
        }
        let found = state.proposal(proposal).cloned();
        let found = found.filter(|found| may_intervene(who.role, found.intervention));
        let found = found.ok_or(Problem::Desk(DeskProblem::UnknownProposal))?;
        Ok((state, found))
    }

    /// All proposals that can be approved now and that the role may see, first those that end first.
    ///
    /// # Errors
    /// A store is away.
    pub(in crate::api) async fn open_proposals(
        &self,
        who: &StaffIn,
    ) -> Result<Vec<(MemberId, Proposal)>, Problem> {
        let now = self.clock.now();
        self.statuses.caught_up().await;
        let hours = SignedDuration::from_hours(self.limits.support.proposal_hours.into());
        let mut since = position_at(&self.read, now - hours).await?;
        let filter = Filter {
            event_type: Some("InterventionProposed".to_owned()),
            ..Filter::default()
        };
        let shown = self.statuses.progress().position();
        let mut members = BTreeSet::new();
        loop {
            let page = Page::Forward(since, shown);
            let found = search(&self.read, &filter, page, AT_ONCE).await?;
            let Some(last) = found.last() else { break };
            since = last.recorded.position;
            members.extend(found.iter().filter_map(|it| it.member));
        }
        let mut open = Vec::new();
        for member in members {
            let Some(status) = self.statuses.of(member).await? else {
                continue;
            };
            for proposal in status.state.proposals {
                if proposal.is_open(now) && may_intervene(who.role, proposal.intervention) {
                    open.push((member, proposal));
                }
            }
        }
        open.sort_by_key(|(_, proposal)| proposal.expires_at);
        Ok(open)
    }

    fn may(&self, who: &StaffIn, intervention: Intervention) -> Result<(), Problem> {
        if may_intervene(who.role, intervention) {
            Ok(())
        } else {
            self.tallies.count(Problem::Forbidden.name());
            Err(Problem::Forbidden)
        }
    }

    async fn by_staff<F, Fut>(
        &self,
        name: &'static str,
        who: &StaffIn,
        member: MemberId,
        settle: F,
    ) -> Result<Outcome<Onboarding>, Problem>
    where
        F: FnMut(Arc<Onboarding>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Command, Problem>> + Send + 'static,
    {
        if self.statuses.of(member).await?.is_none() {
            return Err(Problem::UnknownMember);
        }
        let attribution = self
            .attribution_of_staff(name, who.staff, &who.visit)
            .await?;
        let outcome = self.carry_out_as(attribution, member, settle).await;
        // What a member is told of a frozen account says nothing to staff.
        outcome.map_err(|problem| {
            if problem == Problem::SignInFailed {
                Problem::Desk(DeskProblem::NothingToDo)
            } else {
                problem
            }
        })
    }
}
