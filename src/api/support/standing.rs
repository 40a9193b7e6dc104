//! How a member stands, as whoever decides on a proposal is shown it, and the mark by which an approval names what was seen.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::desk::EmailState;
use crate::api::problem::{Problem, StepBody};
use crate::domain::onboarding::{Intervention, Onboarding, Proofing, Proposal};
use crate::domain::policy::Limits;
use crate::rosters::sha256;

/// How a member stands.
#[derive(Serialize, ToSchema)]
pub struct Standing {
    /// The step that the member has come to, whatever session is open.
    step: StepBody,
    /// `registered`, `followed` or `verified`; none, if no address was entered.
    email_state: Option<&'static str>,
    frozen: bool,
    /// Whether that is since somebody reported that it was not the member.
    not_me_reported: bool,
    /// Whether the society's roster has the member no more.
    left: bool,
    /// How the identity was proven last, since then; none, if it was not.
    proofing: Option<ProofingBody>,
}

/// That the member's identity was proven.
#[derive(Serialize, ToSchema)]
pub struct ProofingBody {
    /// How: `in_person`, `by_document` or `by_callback`.
    reason: &'static str,
    /// Who of the staff recorded it.
    by: String,
    /// When; none, if that was not recorded.
    #[schema(value_type = Option<String>, format = DateTime)]
    at: Option<Timestamp>,
    /// Whether it counts still: it is not too old, and no act has used it up.
    counts: bool,
}

impl Standing {
    /// How a member stands at that moment.
    pub(super) fn of(state: &Onboarding, at: Timestamp, limits: &Limits) -> Self {
        let proofing = |it: &Proofing| ProofingBody {
            reason: it.reason.name(),
            by: it.by.to_string(),
            at: it.at,
            counts: state.proven(at, limits).is_some(),
        };
        Self {
            step: StepBody::of(state.stands_at()),
            email_state: EmailState::of(state).map(EmailState::name),
            frozen: state.frozen,
            not_me_reported: state.not_me_reported,
            left: state.left,
            proofing: state.proofing.as_ref().map(proofing),
        }
    }

    /// The mark of a proposal, of what is shown beside it, and of which address that is. Of a state that an approval is decided on, it is
    /// the same as of that which was shown, or something that matters has changed between: a proof of identity does where it is asked for.
    ///
    /// # Errors
    /// It cannot be written, which is a fault of the program.
    pub(super) fn mark(&self, state: &Onboarding, of: &Proposal) -> Result<String, Problem> {
        let asks = [
            Intervention::ClearEmail,
            Intervention::Release,
            Intervention::ReissueCredentials,
        ];
        let proofing = self.proofing.as_ref();
        let proofing = proofing.filter(|_| asks.contains(&of.intervention));
        let contact = state.contact.as_ref().map(|it| it.id);
        let address = (self.email_state, contact);
        let account = (&self.step, self.frozen, self.not_me_reported, self.left);
        let shown = serde_json::to_vec(&(of.id, account, address, proofing));
        Ok(sha256(&shown.map_err(|_| Problem::Internal)?))
    }
}
