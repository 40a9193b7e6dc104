//! Step 9: a password of the member's own; and what holds for each that takes its place.

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
        let form = self.form_id(&member.0, form);
        let state = self.member_status(&who.session).await?.state;
        let due_before = state.due() == Step::Password;
        let credential = if due_before {
            self.keep_password(&state, member, typed).await?
        } else {
            CredentialId(self.entropy.id())
        };
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

    /// One showing of the form that sets a password, by the name that it gives itself among those of a member or of a session.
    pub(super) fn form_id(&self, among: &Uuid, form: Option<&str>) -> FormId {
        FormId(form.map_or_else(
            || self.entropy.id(),
            |text| Uuid::new_v5(among, text.as_bytes()),
        ))
    }

    /// Holds a password against the rules, and puts its verifier into the vault. Vault first, event second: an event never points at
    /// nothing.
    pub(super) async fn keep_password(
        &self,
        state: &Onboarding,
        member: MemberId,
        typed: &str,
    ) -> Result<CredentialId, Problem> {
        let hasher = &self.vault.hasher;
        hasher.has_room().map_err(|full| self.crowded(full))?;
        self.check_password(state, member, typed).await?;
        let slot = hasher.acquire().await.map_err(|full| self.crowded(full))?;
        let credential = CredentialId(self.entropy.id());
        let password: String = typed.nfc().collect();
        let credentials = &self.vault.credentials;
        let now = self.clock.now();
        credentials
            .store(slot, credential, member, &password, now)
            .await?;
        Ok(credential)
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
        let stored = self.vault.profiles.get(member).await?;
        let address = self.address(state.contact.as_ref().map(|it| it.id)).await?;
        let profile = &stored.profile;
        let mut own_data = vec![profile.user_id.clone(), profile.name.clone()];
        own_data.extend(profile.name.split_whitespace().map(str::to_owned));
        // Digits count for nothing in the check: a 記号 matters only where it has letters.
        own_data.extend(
            [
                Some(profile.symbol.clone()),
                profile.symbol_at_migration.clone(),
                profile.gid.clone(),
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
        if self.is_initial(&stored, state, typed).await? {
            // The paper must not stay valid for ever (ASVS 5.0.0, 6.4.1).
            return Err(invalid("initial_password"));
        }
        Ok(())
    }
}
