//! What staff may do for a member, alone or with a second person.

use jiff::{SignedDuration, Timestamp};

use super::{Decision, NOTHING_NEW};
use crate::domain::ids::{PrintId, ProposalId, StaffId};
use crate::domain::onboarding::command::NewLink;
use crate::domain::onboarding::event::{Event, LogOutReason};
use crate::domain::onboarding::support::{Grounds, Intervention, Verdict};
use crate::domain::onboarding::{Onboarding, Refusal, SessionKind, later};
use crate::domain::policy::Limits;

/// The link and the printing that were prepared for what an intervention does.
type Prepared<'a> = (Option<&'a NewLink>, Option<PrintId>);

/// Where it is only asked whether it would do something.
const NOT_DONE: Prepared<'static> = (None, None);

/// How an intervention can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// By one person.
    AtOnce,
    /// With a second person's approval.
    Proposal,
}

impl Onboarding {
    pub(super) fn intervene(
        &self,
        at: Timestamp,
        limits: &Limits,
        (intervention, grounds, staff): (Intervention, &Grounds, StaffId),
        link: &NewLink,
    ) -> Decision {
        reason_fits(intervention, grounds)?;
        if self.needs_approval(intervention, limits) {
            return Err(Refusal::NeedsApproval);
        }
        let Some(effects) = self.effects(at, limits, intervention, (Some(link), None))? else {
            return NOTHING_NEW;
        };
        let mut events = vec![Event::Intervened {
            intervention,
            grounds: grounds.clone(),
            staff,
            at: Some(at),
        }];
        events.extend(effects);
        Ok(events)
    }

    pub(super) fn propose(
        &self,
        at: Timestamp,
        limits: &Limits,
        proposal: ProposalId,
        (intervention, grounds, staff): (Intervention, &Grounds, StaffId),
    ) -> Decision {
        if self.proposal(proposal).is_some() {
            return NOTHING_NEW;
        }
        reason_fits(intervention, grounds)?;
        if !self.needs_approval(intervention, limits) {
            return Err(Refusal::NeedsNoApproval);
        }
        let effects = self.effects(at, limits, intervention, NOT_DONE)?;
        if effects.is_none() {
            return Err(Refusal::NothingToDo);
        }
        // What is shown to one person is no matter of another's.
        let same = |it: &&super::super::Proposal| {
            it.intervention == intervention
                && (intervention != Intervention::Unmask || it.by == staff)
        };
        if self.proposals.iter().filter(same).any(|it| it.is_open(at)) {
            return Err(Refusal::AlreadyProposed);
        }
        let hours = SignedDuration::from_hours(limits.support.proposal_hours.into());
        Ok(vec![Event::InterventionProposed {
            proposal,
            intervention,
            grounds: grounds.clone(),
            staff,
            at,
            expires_at: later(at, hours),
        }])
    }

    pub(super) fn approve(
        &self,
        at: Timestamp,
        limits: &Limits,
        proposal: ProposalId,
        staff: StaffId,
        print: Option<PrintId>,
    ) -> Decision {
        let proposed = self.proposal(proposal).ok_or(Refusal::NoProposal)?;
        if matches!(proposed.verdict, Some(Verdict::Approved { .. })) {
            return NOTHING_NEW;
        }
        if !proposed.is_open(at) {
            return Err(Refusal::ProposalOver);
        }
        if proposed.by == staff {
            return Err(Refusal::OwnProposal);
        }
        let effects = self.effects(at, limits, proposed.intervention, (None, print))?;
        let effects = effects.ok_or(Refusal::NothingToDo)?;
        let mut events = vec![Event::InterventionApproved {
            proposal,
            staff,
            at,
        }];
        events.extend(effects);
        Ok(events)
    }

    /// Whoever proposed it may take it back in the same way.
    pub(super) fn decline(&self, proposal: ProposalId, staff: StaffId) -> Decision {
        let proposed = self.proposal(proposal).ok_or(Refusal::NoProposal)?;
        match proposed.verdict {
            Some(Verdict::Declined) => NOTHING_NEW,
            Some(Verdict::Approved { .. }) => Err(Refusal::ProposalOver),
            None => Ok(vec![Event::InterventionDeclined { proposal, staff }]),
        }
    }

    /// Whether an intervention would do something now, and whether alone.
    #[must_use]
    pub fn offer(
        &self,
        at: Timestamp,
        limits: &Limits,
        intervention: Intervention,
    ) -> Option<Offer> {
        let effects = self.effects(at, limits, intervention, NOT_DONE);
        match effects {
            Ok(Some(_)) if self.needs_approval(intervention, limits) => Some(Offer::Proposal),
            Ok(Some(_)) => Some(Offer::AtOnce),
            Ok(None) | Err(_) => None,
        }
    }

    /// Whether nothing but a proof of the member's identity is missing for it.
    #[must_use]
    pub fn waits_for_proof(
        &self,
        at: Timestamp,
        limits: &Limits,
        intervention: Intervention,
    ) -> bool {
        self.effects(at, limits, intervention, NOT_DONE) == Err(Refusal::NotProven)
    }

    fn must_be_proven(&self, at: Timestamp, limits: &Limits) -> Result<(), Refusal> {
        self.proven(at, limits)
            .map(|_| ())
            .ok_or(Refusal::NotProven)
    }

    /// What an intervention does to a member who stands like this; none, if it has nothing to do.
    fn effects(
        &self,
        at: Timestamp,
        limits: &Limits,
        intervention: Intervention,
        (link, print): Prepared<'_>,
    ) -> Result<Option<Vec<Event>>, Refusal> {
        if self.erased {
            return Ok(None);
        }
        let mut effects = Vec::new();
        match intervention {
            // By waiting times alone, a guesser is held off; one of the staff must not be able to open the way again and again.
            Intervention::LiftWait if self.lifts_from(at, limits).is_some() => {
                return Err(Refusal::LiftsSpent);
            }
            Intervention::LiftWait | Intervention::RecordProofing | Intervention::Unmask => {}
            Intervention::ResendEmailLink if self.left => return Ok(None),
            Intervention::ResendEmailLink => {
                let Some(link) = link else {
                    let waits = self.contact.as_ref().is_some_and(|it| !it.followed);
                    return Ok(waits.then_some(effects));
                };
                let mailed = self.resend_email_link(at, limits, link)?;
                if mailed.is_empty() {
                    return Ok(None);
                }
                effects.extend(mailed);
            }
            Intervention::ClearEmail => {
                let Some(contact) = &self.contact else {
                    return Ok(None);
                };
                // Codes go there from here on: it can only be changed together with the password.
                if self.password.is_some() {
                    return Err(Refusal::OutOfOrder { due: self.due() });
                }
                // Whoever has the letter but not the mailbox must not get past its code by a call.
                if contact.verified {
                    self.must_be_proven(at, limits)?;
                }
                // It waits for a code that nobody is to get any more.
                if self.session_kind() == Some(SessionKind::OtpPending) {
                    effects.extend(self.session_ended());
                }
                effects.push(Event::EmailCleared {
                    contact: contact.id,
                });
            }
            Intervention::EndSession => {
                effects.extend(self.session_ended());
                if effects.is_empty() {
                    return Ok(None);
                }
            }
            Intervention::Erase => {
                effects.extend(self.session_ended());
                effects.push(Event::PersonalDataErased {});
            }
            Intervention::Freeze if self.frozen => return Ok(None),
            Intervention::Freeze => {
                effects.extend(self.session_ended());
                effects.push(Event::AccountFrozen {});
            }
            Intervention::Release if !self.frozen => return Ok(None),
            Intervention::Release => {
                if self.not_me_reported {
                    self.must_be_proven(at, limits)?;
                }
                effects.push(Event::AccountReleased {});
                if self.not_me_reported {
                    effects.push(self.reissued(at, limits, print));
                }
            }
            // Its release brings a letter of its own, once the member's identity is proven.
            Intervention::ReissueCredentials if self.not_me_reported => {
                return Err(Refusal::Frozen);
            }
            Intervention::ReissueCredentials => {
                let confirmed = self.contact.as_ref().is_some_and(|it| it.verified);
                let takes_over = confirmed || self.password.is_some();
                if takes_over && limits.support.reissue_takes_proof {
                    self.must_be_proven(at, limits)?;
                }
                effects.extend(self.session_ended());
                effects.push(self.reissued(at, limits, print));
            }
        }
        Ok(Some(effects))
    }

    fn session_ended(&self) -> Option<Event> {
        self.session.as_ref().map(|open| Event::LoggedOut {
            session: open.id,
            why: LogOutReason::Staff,
        })
    }

    fn reissued(&self, at: Timestamp, limits: &Limits, print: Option<PrintId>) -> Event {
        let days = i64::from(limits.initial_credentials.days);
        let enrolment = self.enrolment.as_ref();
        let begins = enrolment.map_or(at, |it| at.max(it.valid_from));
        Event::CredentialsReissued {
            issue: self.reissues.saturating_add(1),
            print,
            at,
            expires_at: later(begins, SignedDuration::from_hours(24 * days)),
        }
    }
}

fn reason_fits(intervention: Intervention, grounds: &Grounds) -> Result<(), Refusal> {
    if intervention.reasons().contains(&grounds.reason) {
        Ok(())
    } else {
        Err(Refusal::OtherReason)
    }
}
