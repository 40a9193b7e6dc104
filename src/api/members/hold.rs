//! Until when the portal should hold health data back: whoever set an account up by a formula, or set a forgotten password anew, may not be
//! the member, and the notice has to have time.

use jiff::{SignedDuration, Timestamp};

use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::onboarding::Step;
use crate::projections::status::MemberStatus;

impl Api {
    /// The end of the hold; none, if there is none, or it is over.
    ///
    /// # Errors
    /// The member's policy cannot be had.
    pub async fn hold_until(&self, member: &MemberStatus) -> Result<Option<Timestamp>, Problem> {
        let hours = self.limits.hold.hours_after_formula;
        let reset_at = member
            .state
            .password
            .and_then(|own| Some(own.reset?.counts_from));
        let set_at = reset_at.or_else(|| member.done.get(&Step::Password).copied());
        let Some(set_at) = set_at.filter(|_| hours > 0) else {
            return Ok(None);
        };
        let until = set_at + SignedDuration::from_hours(hours.into());
        // A mailbox and a date of birth prove no more than a formula.
        let holds = self.clock.now() < until
            && (reset_at.is_some() || self.starts_by_formula(&member.state).await?);
        Ok(holds.then_some(until))
    }
}
