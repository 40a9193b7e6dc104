//! The password on the member's paper: printed, or by the formula, of which only so many wrong ones are looked at.

use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::onboarding::{Onboarding, PasswordCheck};
use crate::domain::policy::InitialPassword;
use crate::vault::{FIRST_ISSUE, Lanes, Stored};

impl Api {
    /// Compares it with the password on the member's paper, but for one by the formula where too many of those were wrong lately.
    pub(super) async fn check_initial(
        &self,
        stored: &Stored,
        state: &Onboarding,
        password: &str,
        lanes: &Lanes,
    ) -> Result<PasswordCheck, Problem> {
        let by_formula = self.starts_by_formula(state).await?;
        let (waits, now) = (&self.vault.waits, self.clock.now());
        if by_formula && !waits.formula_counts(lanes, now).await? {
            self.tallies.count("formula-closed");
            return Err(Problem::SignInFailed);
        }
        if self.is_initial(stored, state, password).await? {
            return Ok(PasswordCheck::Match);
        }
        if by_formula {
            waits.formula_was_wrong(lanes, now).await?;
        }
        Ok(PasswordCheck::Mismatch)
    }

    /// Whether the password on the member's paper follows a formula: no letter has taken its place.
    pub(in crate::api) async fn starts_by_formula(
        &self,
        state: &Onboarding,
    ) -> Result<bool, Problem> {
        let policy = self.policy_of(state).await?;
        let name = state.enrolment.as_ref().map(|it| it.cohort.as_str());
        let cohort = name.and_then(|name| policy.cohort(name));
        let password = cohort.map(|cohort| &cohort.initial_password);
        let formula = matches!(password, Some(InitialPassword::Formula(_)));
        Ok(formula && state.reissues == 0)
    }

    /// Whether it is the password on the member's paper.
    pub(super) async fn is_initial(
        &self,
        stored: &Stored,
        state: &Onboarding,
        password: &str,
    ) -> Result<bool, Problem> {
        let passwords = &self.vault.initial_passwords;
        if state.reissues > 0 {
            let issue = FIRST_ISSUE.saturating_add(state.reissues);
            return Ok(passwords.matches_printed(stored, issue, state.print, password)?);
        }
        let policy = self.policy_of(state).await?;
        let name = state.enrolment.as_ref().map(|it| it.cohort.as_str());
        let cohort = name.and_then(|name| policy.cohort(name));
        match cohort.map(|cohort| &cohort.initial_password) {
            Some(InitialPassword::Formula(parts)) => {
                Ok(passwords.matches_formula(&stored.profile, parts, password))
            }
            Some(InitialPassword::Printed) => {
                Ok(passwords.matches_printed(stored, FIRST_ISSUE, None, password)?)
            }
            None => {
                tracing::error!("a member's cohort is not in their own policy");
                Ok(false)
            }
        }
    }
}
