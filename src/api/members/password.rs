//! Step 9: a password of the member's own.

use std::sync::Arc;

use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use super::SignedIn;
use super::done::Done;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::ids::{CredentialId, FormId, MemberId};
use crate::domain::onboarding::{Command, Onboarding, Step};
use crate::domain::password::{self, Forbidden};

impl Api {
    /// Step 9. `form` names one showing of the form, so that a repeated one is recognised.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::AlreadySet`], [`Problem::SessionRotated`], and those of all steps.
    pub async fn change_password(
        &self,
        who: &SignedIn,
        typed: &str,
        form: Option<&str>,
    ) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let form = FormId(form.map_or_else(
            || self.entropy.id(),
            |text| Uuid::new_v5(&member.0, text.as_bytes()),
        ));
        let state = self.member_status(&who.session).await?.state;
        if state.due() == Step::Password {
            let hasher = &self.vault.hasher;
            hasher.has_room().map_err(|full| self.crowded(full))?;
            self.check_password(&state, member, typed).await?;
        }
        let credential = CredentialId(self.entropy.id());
        if state.due() == Step::Password {
            let slot = self
                .vault
                .hasher
                .acquire()
                .await
                .map_err(|full| self.crowded(full))?;
            let password: String = typed.nfc().collect();
            let now = self.clock.now();
            self.vault
                .credentials
                .store(slot, credential, member, &password, now)
                .await?;
        }
        let due_before = state.due() == Step::Password;
        let outcome = self
            .carry_out(
                "ChangePassword",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    // Without a verifier in the vault, nothing may point at it: look again with the state as it is.
                    let unprepared = !due_before && state.due() == Step::Password;
                    async move {
                        if unprepared {
                            return Err(Problem::Busy);
                        }
                        Ok(Command::ChangePassword {
                            session,
                            credential,
                            form,
                        })
                    }
                },
            )
            .await?;
        self.watch(&who.visit, member, &outcome).await;
        self.done_rotating(who, &outcome).await
    }

    async fn check_password(
        &self,
        state: &Onboarding,
        member: MemberId,
        typed: &str,
    ) -> Result<(), Problem> {
        let invalid = |why| Problem::Invalid {
            field: "new_password",
            why,
        };
        if typed.is_empty() {
            return Err(invalid("required"));
        }
        if typed.contains('\0') {
            return Err(invalid("too_simple"));
        }
        let profile = self.vault.profiles.get(member).await?.profile;
        let address = self.address(state.contact.as_ref().map(|it| it.id)).await?;
        let mut own_data = vec![profile.user_id, profile.name.clone()];
        own_data.extend(profile.name.split_whitespace().map(str::to_owned));
        // Digits count for nothing in the check: a 記号 matters only where it has letters.
        own_data.extend(
            [
                Some(profile.symbol),
                profile.symbol_at_migration,
                profile.gid,
            ]
            .into_iter()
            .flatten(),
        );
        if let Some(address) = address {
            own_data.extend(address.as_str().split(['@', '.']).map(str::to_owned));
        }
        let password: String = typed.nfc().collect();
        let forbidden = Forbidden {
            blocklist: &self.blocklist,
            context_words: &self.policy.society.context_words,
            own_data: &own_data,
        };
        password::check(&password, self.limits.password, &forbidden)
            .map_err(|fault| invalid(fault.why()))?;
        if self.is_initial(member, state, typed).await? {
            // The paper must not stay valid for ever (ASVS 5.0.0, 6.4.1).
            return Err(invalid("initial_password"));
        }
        Ok(())
    }
}
