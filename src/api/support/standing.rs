//! How a member stands, as whoever decides on a proposal is shown it, and the mark by which an approval names what was seen.

use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::desk::EmailState;
use crate::api::problem::{Problem, StepBody};
use crate::domain::onboarding::{Onboarding, Proofing};
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

    /// The mark of what is shown, and of which address it is. Of a state that an approval is decided on, it is the same as of that which was
    /// shown, or something that matters has changed between.
    ///
    /// # Errors
    /// It cannot be written, which is a fault of the program.
    pub(super) fn mark(&self, state: &Onboarding) -> Result<String, Problem> {
        let contact = state.contact.as_ref().map(|it| it.id);
        let shown = serde_json::to_vec(&(self, contact)).map_err(|_| Problem::Internal)?;
        Ok(sha256(&shown))
    }
}
