//! Steps 5 and 7: the e-mail address, its link, and 更新.

use std::sync::Arc;

use super::SignedIn;
use super::done::Done;
use crate::api::Api;
use crate::api::input;
use crate::api::problem::Problem;
use crate::domain::delivery::MailKind;
use crate::domain::email::{EmailAddress, EmailFault};
use crate::domain::ids::ContactId;
use crate::domain::onboarding::{Command, NewCode, Onboarding, Step};

impl Api {
    /// Step 5, and its correction.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::BudgetSpent`], and those of all steps.
    pub async fn register_email(&self, who: &SignedIn, typed: &str) -> Result<Done, Problem> {
        let typed = parse(typed);
        let (session, member) = (who.session.id, who.session.member);
        let contact = ContactId(self.entropy.id());
        let (api, language) = (self.clone(), who.visit.language);
        let outcome = self
            .carry_out(
                "RegisterEmail",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let (api, typed) = (api.clone(), typed.clone());
                    async move {
                        // What the rules refuse is neither read nor stored: no fault of it is told, and it leaves no trace.
                        let taken = takes_address(&state) && state.has_session(session);
                        let address = match typed {
                            Err(fault) if taken => return Err(fault),
                            typed => typed.ok(),
                        };
                        let contacts = &api.vault.contacts;
                        let present = state.contact.as_ref().map(|contact| contact.id);
                        let (mut same_as, mut sent) = (None, Vec::new());
                        if let Some(address) = address {
                            if let Some(present) = present {
                                let same = contacts.same_address(present, address.as_str()).await?;
                                same_as = same.then_some(present);
                            }
                            let sharing = contacts.of_address(address.as_str()).await?;
                            sent = api.sent_to(&sharing, present, MailKind::EmailLink).await?;
                            // A row only where the rules will take it.
                            if same_as.is_none() && taken {
                                let now = api.clock.now();
                                state
                                    .room_for_link(now, &api.limits, &sent)
                                    .map_err(|refusal| Problem::of_refusal(&refusal, now))?;
                                // Vault first, event second: an event never points at nothing.
                                contacts
                                    .store(contact, member, address.as_str(), now)
                                    .await?;
                            }
                        }
                        let link = api.new_link(sent, language);
                        Ok(Command::RegisterEmail {
                            session,
                            contact,
                            same_as,
                            link,
                        })
                    }
                },
            )
            .await?;
        let mut done = Self::done(who, &outcome);
        done.device = if done.stored {
            self.browser_remembered(who).await
        } else {
            self.browser_remembered_again(who).await
        };
        Ok(done)
    }

    /// Step 5: 再送信.
    ///
    /// # Errors
    /// [`Problem::TooSoon`], [`Problem::BudgetSpent`], and those of all steps.
    pub async fn resend_email_link(&self, who: &SignedIn) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let (api, language) = (self.clone(), who.visit.language);
        let outcome = self
            .carry_out(
                "ResendEmailLink",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let api = api.clone();
                    async move {
                        let contact = state.contact.as_ref().map(|contact| contact.id);
                        let sent = api.sent_to_address(contact, MailKind::EmailLink).await?;
                        let link = api.new_link(sent, language);
                        Ok(Command::ResendEmailLink { session, link })
                    }
                },
            )
            .await?;
        Ok(Self::done(who, &outcome))
    }

    /// Step 7: 更新. In a browser that neither the address nor a code to it was entered in, the session then waits for a code.
    ///
    /// # Errors
    /// [`Problem::BudgetSpent`], [`Problem::SessionRotated`], and those of all steps.
    pub async fn update_email(&self, who: &SignedIn) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let (api, asking) = (self.clone(), who.clone());
        let outcome = self
            .carry_out(
                "UpdateEmail",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let (api, asking) = (api.clone(), asking.clone());
                    async move {
                        let code = if state.has_session(session) {
                            api.code_for_update(&asking, &state).await?
                        } else {
                            None
                        };
                        Ok(Command::UpdateEmail { session, code })
                    }
                },
            )
            .await?;
        if outcome.state.session_kind() == Some(who.session.kind) {
            Ok(Self::done(who, &outcome))
        } else {
            self.done_rotating(who, &outcome).await
        }
    }

    /// The code without which a browser that is not known as the member's does not get past 更新.
    async fn code_for_update(
        &self,
        who: &SignedIn,
        state: &Onboarding,
    ) -> Result<Option<NewCode>, Problem> {
        let shown = self.lanes_of(who).await?.shown();
        if shown.is_some_and(|it| state.knows_browser_of(it)) {
            return Ok(None);
        }
        let contact = state.contact.as_ref().map(|contact| contact.id);
        self.new_code(contact, who.visit.language).await.map(Some)
    }
}

/// The address as typed, in its normal form.
pub(super) fn parse(typed: &str) -> Result<EmailAddress, Problem> {
    let invalid = |why| Problem::Invalid {
        field: "email",
        why,
    };
    let normal = input::normalise_email(typed);
    if normal.is_empty() {
        return Err(invalid("required"));
    }
    EmailAddress::parse(&normal).map_err(|fault| match fault {
        EmailFault::NotAnAddress => invalid("not_an_address"),
        EmailFault::NotSupported => invalid("not_supported"),
    })
}

/// Whether an address may be entered or corrected now (steps 5 to 8).
fn takes_address(state: &Onboarding) -> bool {
    matches!(
        state.due(),
        Step::Email | Step::EmailLink | Step::EmailUpdate | Step::OtpMethod
    )
}
