//! Which cohort a roster row belongs to.

use jiff::civil::Date;

use super::policy::{Cohort, Policy};

/// The first of the policy's cohorts that fits a member.
///
/// # Errors
/// Says why none fits.
pub fn assign(
    policy: &Policy,
    registered_on_old_portal: bool,
    joined_on: Date,
) -> Result<&Cohort, CohortFault> {
    policy
        .cohorts
        .iter()
        .find(|cohort| cohort.fits(registered_on_old_portal, joined_on))
        .ok_or(if registered_on_old_portal {
            CohortFault::JoinedAfterRegistration
        } else {
            CohortFault::NoneFits
        })
}

/// Why no cohort fits a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CohortFault {
    /// Who joined that late cannot have registered on the old portal.
    #[error("a member who joined on that day cannot have registered on the old portal")]
    JoinedAfterRegistration,
    /// The policy has no cohort for such a row.
    #[error("no cohort of the policy fits this joining date")]
    NoneFits,
}

impl Cohort {
    /// Whether a member belongs here.
    fn fits(&self, registered: bool, joined_on: Date) -> bool {
        self.registered_on_old_portal
            .is_none_or(|asked| asked == registered)
            && self.joined_from.is_none_or(|from| from <= joined_on)
            && self.joined_to.is_none_or(|to| joined_on <= to)
    }
}

#[cfg(test)]
mod tests;
