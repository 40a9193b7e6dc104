//! A forgotten password: asked for with user ID and date of birth, at the same cost and with the same words whatever is known of them; set
//! by the mailed link on any device, which neither needs nor makes a session; and taken back from a full session.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::bodies::{Body, ForgottenBody, PasswordBody};
use super::done::Done;
use super::grid::Grid;
use super::json::form_of;
use super::{SignedIn, Token, birth_date};
use crate::api::Api;
use crate::api::input;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::birth_date::BirthDate;
use crate::domain::delivery::MailKind;
use crate::domain::ids::{CredentialId, MemberId};
use crate::domain::onboarding::{Command, Onboarding, ResetState};
use crate::vault::Link;

impl Api {
    /// Asks for a link, which is mailed if user ID and date of birth belong together and the member may set another password.
    ///
    /// Whatever comes of it, it counts as a failing sign-in and costs one argon2 run in the same queue: else a right date would be told
    /// from a wrong one by the waiting time that does not begin, and guesses here would be cheaper than there.
    ///
    /// # Errors
    /// [`Problem::Invalid`], [`Problem::Waiting`], [`Problem::NeedsSupport`], [`Problem::Crowded`] or [`Problem::Busy`].
    pub async fn forgot_password(
        &self,
        visit: &Visit,
        user_id: &str,
        typed: &str,
    ) -> Result<(), Problem> {
        let user_id = input::normalise_id(user_id);
        if user_id.is_empty() || user_id.contains('\0') {
            return Err(Problem::Invalid {
                field: "user_id",
                why: "required",
            });
        }
        let date = birth_date::parse(typed, self.clock.now())?;
        let mut grid = Grid::begin();
        let asked = self.try_to_reset(visit, &user_id, date, &mut grid).await;
        if asked.is_ok() {
            grid.next_line().await;
        }
        asked
    }

    async fn try_to_reset(
        &self,
        visit: &Visit,
        user_id: &str,
        date: BirthDate,
        grid: &mut Grid,
    ) -> Result<(), Problem> {
        let hasher = &self.vault.hasher;
        hasher.has_room().map_err(|full| self.crowded(full))?;
        let (member, stored) = self.vault.profiles.find_by_user_id(user_id).await?;
        let profile = stored.map(|stored| stored.profile);
        let symbol = profile.as_ref().map(|profile| profile.symbol.as_str());
        let (waits, device) = (&self.vault.waits, visit.device.as_deref());
        let lanes = waits.lanes(user_id, symbol, visit.address, device).await?;
        let (slot, _) = self.take_turn(&lanes, Some(grid)).await?;
        slot.dummy().await?;
        if let Some((member, profile)) = member.zip(profile) {
            let state = self.as_of_now(member).await?;
            self.forget_browser_of_before(visit, user_id, &state)
                .await?;
            let matches = profile.birth_date == date.date();
            self.mail_a_link(visit, member, matches).await?;
        } else {
            self.tallies.count("unknown-id");
        }
        Ok(waits.failed(&lanes, self.clock.now()).await?)
    }

    /// Gives the command; that the rules refuse it is told to nobody.
    async fn mail_a_link(
        &self,
        visit: &Visit,
        member: MemberId,
        matches: bool,
    ) -> Result<(), Problem> {
        let (api, language) = (self.clone(), visit.language);
        let asked = self
            .carry_out(
                "RequestPasswordReset",
                member,
                visit,
                move |state: Arc<Onboarding>| {
                    let api = api.clone();
                    async move {
                        let contact = state.contact.as_ref().map(|contact| contact.id);
                        let sent = api.sent_to_address(contact, MailKind::PasswordResetLink);
                        // In the member's language: whoever asks may be a stranger.
                        let own = state.mailbox.as_ref().map(|it| it.language);
                        let link = api.new_link(sent.await?, own.unwrap_or(language));
                        Ok(Command::RequestPasswordReset { matches, link })
                    }
                },
            )
            .await;
        match asked {
            Ok(_)
            | Err(
                Problem::SignInFailed
                | Problem::OutOfOrder(_)
                | Problem::TooSoon(_)
                | Problem::BudgetSpent(_),
            ) => Ok(()),
            Err(problem) => Err(problem),
        }
    }

    /// What the link comes to, however often it is asked; nothing changes.
    ///
    /// # Errors
    /// [`Problem::LinkUnknown`], [`Problem::LinkExpired`], [`Problem::LinkReplaced`], or the log is away.
    pub async fn look_at_reset(&self, token: &str) -> Result<ResetState, Problem> {
        let Link { member, issue, .. } = self.link(token)?;
        let state = self.as_of_now(member).await?;
        let now = self.clock.now();
        let came_to = state.reset_state(now, &self.limits, issue);
        came_to.map_err(|refusal| Problem::of_refusal(&refusal, now))
    }

    /// Sets another password by the link. `form` names one showing of the form, so that a repeated one is recognised.
    ///
    /// # Errors
    /// As [`Api::look_at_reset`], and [`Problem::Invalid`], [`Problem::AlreadySet`], [`Problem::Crowded`].
    pub async fn reset_password(
        &self,
        visit: &Visit,
        token: &str,
        typed: &str,
        form: Option<&str>,
    ) -> Result<ResetState, Problem> {
        let Link { member, issue, .. } = self.link(token)?;
        let form = self.form_id(&member.0, form);
        let state = self.as_of_now(member).await?;
        let limits = self.limits.clone();
        let is_open = move |state: &Onboarding, now| {
            state.reset_state(now, &limits, issue) == Ok(ResetState::Open)
        };
        let open_before = is_open(&state, self.clock.now());
        let credential = if open_before {
            self.keep_password(&state, member, typed).await?
        } else {
            CredentialId(self.entropy.id())
        };
        let clock = self.clock.clone();
        let outcome = self
            .carry_out("ResetPassword", member, visit, move |state| {
                // Without a verifier in the vault, nothing may point at it: look again with the state as it is.
                let unprepared = !open_before && is_open(&state, clock.now());
                async move {
                    if unprepared {
                        return Err(Problem::Busy);
                    }
                    Ok(Command::ResetPassword {
                        issue,
                        credential,
                        form,
                    })
                }
            })
            .await?;
        let now = self.clock.now();
        let came_to = outcome.state.reset_state(now, &self.limits, issue);
        came_to.map_err(|refusal| Problem::of_refusal(&refusal, now))
    }

    /// The present password is to stay.
    ///
    /// # Errors
    /// Those of all steps.
    pub async fn cancel_password_reset(&self, who: &SignedIn) -> Result<Done, Problem> {
        let session = who.session.id;
        self.simple(who, "CancelPasswordReset", move |_| {
            Command::CancelPasswordReset { session }
        })
        .await
    }
}

/// That it was asked for: the same whatever comes of it.
#[derive(Serialize, ToSchema)]
pub(super) struct Asked {
    /// `requested`
    state: &'static str,
}

/// What a link for a forgotten password came to.
#[derive(Serialize, ToSchema)]
pub(super) struct ResetLink {
    /// `open`; `set`; or `address-changes`, where another address counts before a password could, and ends the link.
    state: &'static str,
    /// When the password that was set by it counts, or that address; null before.
    #[schema(value_type = Option<String>, format = DateTime)]
    counts_from: Option<Timestamp>,
}

impl From<ResetState> for ResetLink {
    fn from(came_to: ResetState) -> Self {
        let (state, counts_from) = match came_to {
            ResetState::Open => ("open", None),
            ResetState::Set { counts_from } => ("set", Some(counts_from)),
            ResetState::AddressChanges { from } => ("address-changes", Some(from)),
        };
        Self { state, counts_from }
    }
}

/// Ask for a link to set another password in place of a forgotten one. The answer is the same whatever is known of user ID and date of
/// birth; each try counts as a failing sign-in.
#[utoipa::path(post, path = "/api/v1/forgotten-password", tag = "members", request_body = ForgottenBody,
    responses((status = 202, description = "if they belong together, a mail is on its way", body = Asked)))]
pub(super) async fn forgot_password(
    State(api): State<Api>,
    visit: Visit,
    Body(given): Body<ForgottenBody>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    api.forgot_password(&visit, &given.user_id, &given.birth_date)
        .await?;
    let asked = Asked { state: "requested" };
    Ok((StatusCode::ACCEPTED, Json(asked)))
}

/// What a link for a forgotten password comes to; asking changes nothing.
#[utoipa::path(get, path = "/api/v1/forgotten-password/{token}", tag = "members",
    params(("token" = String, Path, description = "from the mail")),
    responses((status = 200, description = "the link's state", body = ResetLink)))]
pub(super) async fn look_at_reset(
    State(api): State<Api>,
    Token(token): Token,
) -> Result<Json<ResetLink>, Problem> {
    Ok(Json(api.look_at_reset(&token).await?.into()))
}

/// Set another password by the link, on any device, without a session; it counts after a delay, and the member is told at once. An
/// `Idempotency-Key` makes a repetition harmless.
#[utoipa::path(post, path = "/api/v1/forgotten-password/{token}", tag = "members", request_body = PasswordBody,
    params(
        ("token" = String, Path, description = "from the mail"),
        ("Idempotency-Key" = Option<String>, Header, description = "names one showing of the form"),
    ),
    responses((status = 200, description = "the link's state", body = ResetLink)))]
pub(super) async fn reset_password(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    headers: HeaderMap,
    Body(given): Body<PasswordBody>,
) -> Result<Json<ResetLink>, Problem> {
    let form = form_of(&headers);
    let set = api.reset_password(&visit, &token, &given.new_password, form);
    Ok(Json(set.await?.into()))
}
