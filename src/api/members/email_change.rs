//! A changed address: entered with the password once more, confirmed once its link was followed, or cancelled.

use std::sync::Arc;

use super::SignedIn;
use super::done::Done;
use super::email::parse;
use super::once_more::Checked;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::delivery::MailKind;
use crate::domain::email::EmailAddress;
use crate::domain::ids::{ContactId, MemberId};
use crate::domain::onboarding::{Command, Event, Issued, Onboarding, Step};

impl Api {
    /// Asks for another address; a wrong password counts as a failing sign-in.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::Mismatch`], [`Problem::Waiting`], [`Problem::NeedsSupport`], [`Problem::Crowded`],
    /// [`Problem::TooSoon`], [`Problem::BudgetSpent`], and those of all steps.
    pub async fn change_email(
        &self,
        who: &SignedIn,
        typed: &str,
        password: &str,
    ) -> Result<Done, Problem> {
        let state = self.member_status(&who.session).await?.state;
        if state.due() != Step::Completed {
            return Err(Problem::OutOfOrder(state.due()));
        }
        let address = parse(typed)?;
        let checked = self.check_once_more(who, &state, password).await?;
        let outcome = self.request_change(who, address, &checked).await;
        let outcome = self.count_once_more(&checked, outcome).await?;
        Ok(Self::done(who, &outcome))
    }

    /// 更新: the other address is to count.
    ///
    /// # Errors
    /// [`Problem::NothingToConfirm`], and those of all steps.
    pub async fn confirm_email_change(&self, who: &SignedIn) -> Result<Done, Problem> {
        let session = who.session.id;
        self.simple(who, "ConfirmEmailChange", move |_| {
            Command::ConfirmEmailChange { session }
        })
        .await
    }

    /// The present address is to stay.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn cancel_email_change(&self, who: &SignedIn) -> Result<Done, Problem> {
        let session = who.session.id;
        self.simple(who, "CancelEmailChange", move |_| {
            Command::CancelEmailChange { session }
        })
        .await
    }

    async fn request_change(
        &self,
        who: &SignedIn,
        address: EmailAddress,
        checked: &Checked,
    ) -> Result<crate::commands::Outcome<Onboarding>, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let contact = ContactId(self.entropy.id());
        let (against, check) = (checked.against, checked.check);
        let (api, language) = (self.clone(), who.visit.language);
        self.carry_out(
            "ChangeEmail",
            member,
            &who.visit,
            move |state: Arc<Onboarding>| {
                let (api, address) = (api.clone(), address.clone());
                async move {
                    if state.credential_in_force() != against {
                        // It was replaced meanwhile; no further comparison, for each try is one.
                        return Err(Problem::Busy);
                    }
                    let same_as = api.same_as(&state, &address).await?;
                    let sharing = api.vault.contacts.of_address(address.as_str()).await?;
                    let coming = state.coming.as_ref().map(|it| it.id);
                    let sent = api.sent_to(&sharing, coming, MailKind::EmailChangeLink);
                    let command = Command::ChangeEmail {
                        session,
                        against,
                        check,
                        contact,
                        same_as,
                        link: api.new_link(sent.await?, language),
                    };
                    api.keep_if_taken(member, &state, &command, &address)
                        .await?;
                    Ok(command)
                }
            },
        )
        .await
    }

    /// Which of the member's addresses this is.
    async fn same_as(
        &self,
        state: &Onboarding,
        address: &EmailAddress,
    ) -> Result<Option<ContactId>, Problem> {
        for known in [&state.contact, &state.coming].into_iter().flatten() {
            let contacts = &self.vault.contacts;
            if contacts.same_address(known.id, address.as_str()).await? {
                return Ok(Some(known.id));
            }
        }
        Ok(None)
    }

    /// Stores the address where the rules will take it, and nowhere else. Vault first, event second: an event never points at nothing.
    async fn keep_if_taken(
        &self,
        member: MemberId,
        state: &Onboarding,
        command: &Command,
        address: &EmailAddress,
    ) -> Result<(), Problem> {
        let now = self.clock.now();
        let decided = state.decide(&Issued {
            at: now,
            limits: self.limits.clone(),
            command: command.clone(),
        });
        for event in decided.unwrap_or_default() {
            if let Event::EmailChangeRequested { contact, .. } = event {
                self.vault
                    .contacts
                    .store(contact, member, address.as_str(), now)
                    .await?;
            }
        }
        Ok(())
    }
}
