//! What staff do for a member, alone or by two.

use kadode::domain::ids::{PrintId, ProposalId, StaffId};
use kadode::domain::onboarding::{Command, Grounds, Intervention};
use rand::Rng;
use uuid::Uuid;

use super::Walk;

const FIRST: u64 = 1;
const SECOND: u64 = 2;

/// The number of who of the staff gives a command; none, if no staff give it.
pub(in super::super) fn giver_of(command: &str) -> Option<u64> {
    match command {
        "Intervene" | "ProposeIntervention" => Some(FIRST),
        "ApproveIntervention" | "DeclineIntervention" => Some(SECOND),
        _ => None,
    }
}

impl Walk<'_> {
    /// One intervention, its proposal, or what becomes of that.
    pub(super) fn helped(&mut self) -> (&'static str, Command) {
        let open = self.state.proposals.iter().find(|it| it.is_open(self.at));
        if let Some(proposal) = open.map(|it| it.id) {
            let staff = staff(SECOND);
            return if self.slips(0.3) {
                let command = Command::DeclineIntervention { proposal, staff };
                ("DeclineIntervention", command)
            } else {
                let command = Command::ApproveIntervention {
                    proposal,
                    staff,
                    print: Some(PrintId(self.fresh())),
                };
                ("ApproveIntervention", command)
            };
        }
        let any = self.random.random_range(0..Intervention::ALL.len());
        let intervention = match self.state.frozen {
            true if self.state.proofing.is_some() || !self.state.not_me_reported => {
                Intervention::Release
            }
            true => Intervention::RecordProofing,
            false => Intervention::ALL[any],
        };
        let reasons = intervention.reasons();
        let grounds = Grounds {
            reason: reasons[self.random.random_range(0..reasons.len())],
            ticket: self.ticket.clone(),
        };
        let staff = staff(FIRST);
        if self
            .state
            .needs_approval(intervention, &self.policy.policy.limits)
        {
            let proposal = ProposalId(self.fresh());
            let command = Command::ProposeIntervention {
                proposal,
                intervention,
                grounds,
                staff,
            };
            return ("ProposeIntervention", command);
        }
        let link = self.new_link();
        let command = Command::Intervene {
            intervention,
            grounds,
            staff,
            failed_at: None,
            link,
        };
        ("Intervene", command)
    }
}

fn staff(number: u64) -> StaffId {
    StaffId(Uuid::from_u128(number.into()))
}
