//! Step 14: the one-time password.

use std::sync::Arc;

use super::SignedIn;
use super::done::{Done, happened};
use crate::api::Api;
use crate::api::input;
use crate::api::problem::{Problem, Wait};
use crate::api::status::tries_left;
use crate::domain::ids::{MemberId, SessionId};
use crate::domain::onboarding::{CodeCheck, Command, Event, Onboarding, SessionKind};

impl Api {
    /// Step 14: 再送信.
    ///
    /// # Errors
    /// [`Problem::TooSoon`], [`Problem::BudgetSpent`], [`Problem::CodeDead`], and those of all steps.
    pub async fn resend_otp(&self, who: &SignedIn) -> Result<Done, Problem> {
        let (session, member) = (who.session.id, who.session.member);
        let (api, language) = (self.clone(), who.visit.language);
        let outcome = self
            .carry_out(
                "ResendOtp",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let api = api.clone();
                    async move {
                        let contact = state.contact.as_ref().map(|contact| contact.id);
                        let code = api.new_code(contact, language).await?;
                        Ok(Command::ResendOtp { session, code })
                    }
                },
            )
            .await?;
        Ok(Self::done(who, &outcome))
    }

    /// Step 14: 実行.
    ///
    /// # Errors
    /// [`Problem::Mismatch`], [`Problem::CodeExpired`], [`Problem::CodeDead`], [`Problem::CodeUsed`], [`Problem::Waiting`],
    /// [`Problem::SessionRotated`], and those of all steps.
    pub async fn submit_otp(&self, who: &SignedIn, typed: &str) -> Result<Done, Problem> {
        let code = input::normalise_digits(typed);
        let why = match (
            code.is_empty(),
            code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()),
        ) {
            (true, _) => Some("required"),
            (false, false) => Some("not_six_digits"),
            (false, true) => None,
        };
        let (session, member) = (who.session.id, who.session.member);
        let counted_for = self.begin_confirmation(who).await?;
        let form = who.visit.form.as_deref();
        let api = self.clone();
        let outcome = self
            .carry_out(
                "SubmitOtp",
                member,
                &who.visit,
                move |state: Arc<Onboarding>| {
                    let (api, code) = (api.clone(), code.clone());
                    async move {
                        let fault = why.filter(|_| api.code_counts(&state, session));
                        if let Some(why) = fault {
                            return Err(Problem::Invalid { field: "code", why });
                        }
                        let against = state.challenge.as_ref().map(|challenge| challenge.id);
                        let check = api.check_code(member, &state, &code)?;
                        Ok(Command::SubmitOtp {
                            session,
                            against,
                            check,
                        })
                    }
                },
            )
            .await;
        let rejected = |event: &Event| matches!(event, Event::OtpRejected { .. });
        let was_wrong = outcome.as_ref().is_ok_and(|it| happened(it, rejected));
        if let Some(user_id) = counted_for.filter(|_| !was_wrong)
            && let Err(error) = self
                .vault
                .waits
                .take_confirmation_back(&user_id, form)
                .await
        {
            tracing::error!(%error, "a code that was not wrong stays counted as such");
        }
        let outcome = outcome?;
        for event in &outcome.events {
            if let Event::OtpRejected { tries_left } = event {
                return Err(Problem::Mismatch {
                    field: "code",
                    tries_left: *tries_left,
                });
            }
        }
        let mut done = self.done_rotating(who, &outcome).await?;
        let confirmed = |event: &Event| matches!(event, Event::SignInConfirmed { .. });
        if happened(&outcome, confirmed) {
            let lanes = self.lanes_of(who).await?;
            let lanes = self.vault.waits.in_browser(lanes, form);
            self.vault.waits.succeeded(&lanes).await?;
        }
        if done.secret.is_some() {
            done.device = self.browser_remembered(who).await;
        }
        Ok(done)
    }

    /// Before step 9, counts a code before it is looked at: whoever waits for one may have come by the formula, and go on to the next member.
    /// Answers with the user ID that it counts for.
    async fn begin_confirmation(&self, who: &SignedIn) -> Result<Option<String>, Problem> {
        let state = self.as_of_now(who.session.member).await?;
        let waits = state.session_kind() == Some(SessionKind::OtpPending);
        if state.password.is_some() || !waits || !state.has_session(who.session.id) {
            return Ok(None);
        }
        let profile = self.vault.profiles.get(who.session.member).await?.profile;
        let now = self.clock.now();
        let form = who.visit.form.as_deref();
        let waits = &self.vault.waits;
        let closed = waits.begin_confirmation(&profile.user_id, form, now);
        if let Some(until) = closed.await? {
            self.tallies.count("confirmation-closed");
            return Err(Problem::Waiting(Wait { until, now }));
        }
        Ok(Some(profile.user_id))
    }

    /// Whether a code would be looked at: what was typed is at fault only where nothing else stands against it.
    fn code_counts(&self, state: &Onboarding, session: SessionId) -> bool {
        state.has_session(session)
            && state.challenge.as_ref().is_some_and(|present| {
                tries_left(present, &self.limits) > 0 && self.clock.now() < present.expires_at
            })
    }

    fn check_code(
        &self,
        member: MemberId,
        state: &Onboarding,
        code: &str,
    ) -> Result<CodeCheck, Problem> {
        let one_time = &self.vault.one_time;
        if let Some(present) = &state.challenge
            && one_time.matches(&present.key, member, present.id, code)?
        {
            return Ok(CodeCheck::Match);
        }
        if let Some(spent) = &state.spent_challenge
            && one_time.matches(&spent.key, member, spent.id, code)?
        {
            return Ok(CodeCheck::Spent);
        }
        Ok(CodeCheck::Mismatch)
    }
}
