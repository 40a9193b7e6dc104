//! Until when the portal should hold health data back: whoever set an account up by a formula may not be the member, and the notice has
//! to have time.

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
        let Some(set_at) = member.done.get(&Step::Password).filter(|_| hours > 0) else {
            return Ok(None);
        };
        let until = *set_at + SignedDuration::from_hours(hours.into());
        let holds = self.clock.now() < until && self.starts_by_formula(&member.state).await?;
        Ok(holds.then_some(until))
    }
}
