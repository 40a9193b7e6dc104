//! The present password, which a session is asked for once more before an address or a password changes.

use super::SignedIn;
use super::done::happened;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::commands::Outcome;
use crate::domain::onboarding::{CredentialInForce, Event, Onboarding, PasswordCheck};
use crate::vault::Lanes;

/// A password that was typed once more, compared and counted.
pub(super) struct Checked {
    pub(super) against: CredentialInForce,
    pub(super) check: PasswordCheck,
    tries_left: u32,
    lanes: Lanes,
}

impl Api {
    /// Compares a password that a session is asked for once more: in one argon2 run, through the queue and under the waiting times of
    /// signing in.
    pub(super) async fn check_once_more(
        &self,
        who: &SignedIn,
        state: &Onboarding,
        password: &str,
    ) -> Result<Checked, Problem> {
        if password.is_empty() || password.contains('\0') {
            return Err(Problem::Invalid {
                field: "password",
                why: "required",
            });
        }
        let member = who.session.member;
        let hasher = &self.vault.hasher;
        hasher.has_room().map_err(|full| self.crowded(full))?;
        let stored = self.vault.profiles.get(member).await?;
        let profile = &stored.profile;
        let (symbol, device) = (profile.symbol.as_str(), who.visit.device.as_deref());
        let waits = &self.vault.waits;
        let lanes = waits
            .lanes(&profile.user_id, Some(symbol), who.visit.address, device)
            .await?;
        let (slot, tries_left) = self.take_turn(&lanes, None).await?;
        match self.check(slot, &stored, state, password, &lanes).await {
            Ok(check) => Ok(Checked {
                against: state.credential_in_force(),
                check,
                tries_left,
                lanes,
            }),
            Err(problem) => {
                self.take_back(&lanes).await;
                Err(problem)
            }
        }
    }

    /// What came of a command that rests on it: a wrong one counts as a failing sign-in, a right one as one that went well, and where
    /// nothing was learnt it does not count.
    pub(super) async fn count_once_more(
        &self,
        checked: &Checked,
        outcome: Result<Outcome<Onboarding>, Problem>,
    ) -> Result<Outcome<Onboarding>, Problem> {
        let (lanes, waits) = (&checked.lanes, &self.vault.waits);
        let outcome = match outcome {
            Ok(outcome) => outcome,
            Err(problem) => {
                self.take_back(lanes).await;
                return Err(problem);
            }
        };
        if happened(&outcome, |event| {
            matches!(event, Event::CredentialsRejected { .. })
        }) {
            waits.failed(lanes, self.clock.now()).await?;
            return Err(Problem::Mismatch {
                field: "password",
                tries_left: checked.tries_left,
            });
        }
        // What is done is done: a failure that stays counted is no reason to lose the answer.
        if let Err(error) = waits.succeeded(lanes).await {
            tracing::error!(%error, "a right password did not end the waiting time");
        }
        Ok(outcome)
    }
}
