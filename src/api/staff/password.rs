//! A password of one's own, in place of the printed one.

use secrecy::SecretString;
use unicode_normalization::UnicodeNormalization;

use super::StaffIn;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::ids::CredentialId;
use crate::domain::password::{self, Forbidden};
use crate::domain::staff::{Command, Password};
use crate::vault::keys_of;

impl Api {
    /// Sets one's own password in place of the printed one; answers with the session's new secret.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::AlreadySet`], [`Problem::NotSignedIn`], [`Problem::Crowded`] or [`Problem::Busy`].
    pub(super) async fn change_staff_password(
        &self,
        who: &StaffIn,
        typed: &str,
    ) -> Result<SecretString, Problem> {
        let session = who.session.as_ref().ok_or(Problem::NotSignedIn)?.id;
        let state = self.staff_state(who.staff).await?;
        let Some(Password::Initial(initial)) = state.account.map(|account| account.password) else {
            return Err(Problem::AlreadySet);
        };
        let invalid = |why| Problem::Invalid {
            field: "new_password",
            why,
        };
        if typed.is_empty() {
            return Err(invalid("required"));
        }
        let names = self.vault.staff.names(&[who.staff]).await?;
        let own_data: Vec<String> = names.into_values().collect();
        let forbidden = Forbidden {
            blocklist: &self.blocklist,
            context_words: &self.policy.society.context_words,
            own_data: &own_data,
        };
        let password: String = typed.nfc().collect();
        password::check(&password, self.limits.password, &forbidden)
            .map_err(|fault| invalid(fault.why()))?;
        let secrets = &self.vault.staff_secrets;
        if secrets.matches_initial(who.staff, &initial, typed)? {
            return Err(invalid("initial_password"));
        }
        let slot = self.vault.hasher.acquire().await;
        let slot = slot.map_err(|full| self.crowded(full))?;
        let credential = CredentialId(self.entropy.id());
        let (owner, now) = (keys_of(who.staff), self.clock.now());
        self.vault
            .credentials
            .store(slot, credential, owner, &password, now)
            .await?;
        self.carry_out_for_staff("ChangeStaffPassword", who.staff, &who.visit, move |_| {
            Ok(Command::ChangePassword {
                session,
                credential,
            })
        })
        .await?;
        let rotated = self.vault.staff_access.rotate(session).await?;
        rotated.ok_or(Problem::NotSignedIn)
    }
}
