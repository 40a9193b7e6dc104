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
    joined_on: Option<Date>,
) -> Result<&Cohort, CohortFault> {
    policy
        .cohorts
        .iter()
        .find(|cohort| cohort.fits(registered_on_old_portal, joined_on))
        .ok_or(match joined_on {
            None => CohortFault::JoiningDateNeeded,
            Some(_) if registered_on_old_portal => CohortFault::JoinedAfterRegistration,
            Some(_) => CohortFault::NoneFits,
        })
}

/// Why no cohort fits a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CohortFault {
    /// The row has no joining date, and cannot be placed without.
    #[error("the joining date is needed to place this member")]
    JoiningDateNeeded,
    /// Who joined that late cannot have registered on the old portal.
    #[error("a member who joined on that day cannot have registered on the old portal")]
    JoinedAfterRegistration,
    /// The policy has no cohort for such a row.
    #[error("no cohort of the policy fits this joining date")]
    NoneFits,
}

impl Cohort {
    /// Whether a member belongs here. Without a joining date, only a cohort of registered members can be told.
    fn fits(&self, registered: bool, joined_on: Option<Date>) -> bool {
        if self
            .registered_on_old_portal
            .is_some_and(|asked| asked != registered)
        {
            return false;
        }
        match joined_on {
            Some(day) => {
                self.joined_from.is_none_or(|from| from <= day)
                    && self.joined_to.is_none_or(|to| day <= to)
            }
            None => {
                self.registered_on_old_portal == Some(true)
                    || (self.joined_from.is_none() && self.joined_to.is_none())
            }
        }
    }
}

#[cfg(test)]
mod tests;
