//! A forgotten password: the form that asks for a link, and the link in any browser, where looking changes nothing.

use axum::extract::{RawQuery, State};
use axum::response::Response;
use serde::Deserialize;

use super::answers::{Told, notice_of, outside, page, see, with_notice};
use super::forms::{FormToken, Sent};
use super::messages::{Notice, Trouble};
use super::phrase;
use super::public_views::{Forgotten, NewPassword, ResetOutcome, ResetResult};
use super::steps::PasswordForm;
use crate::api::Api;
use crate::api::members::Token;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::ResetState;
use crate::vault::Purpose;

const PATH: &str = "/forgotten-password";

/// `GET /forgotten-password`.
pub(super) async fn ask(
    State(api): State<Api>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    let told = Told::noticed(notice_of(query.as_deref()));
    asking(&api, &visit, told, String::new())
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct ForgottenForm {
    user_id: String,
    birth_date: String,
}

/// `POST /forgotten-password`.
pub(super) async fn request(
    State(api): State<Api>,
    visit: Visit,
    Sent(form): Sent<ForgottenForm>,
) -> Response {
    let asked = api.forgot_password(&visit, &form.user_id, &form.birth_date);
    let problem = match asked.await {
        Ok(()) => return see(PATH, Some(Notice::PasswordResetRequested)),
        Err(problem) => problem,
    };
    match Trouble::of(&problem, &api.limits) {
        Some(trouble) => {
            let told = Told::of(problem, trouble, &form.user_id);
            asking(&api, &visit, told, form.birth_date)
        }
        None => super::problem(&api, &visit, &problem),
    }
}

fn asking(api: &Api, visit: &Visit, told: Told, birth_date: String) -> Response {
    let form = FormToken::of(api, visit);
    let mut surroundings = outside(api, visit, &form, with_notice(PATH, told.notice));
    surroundings.notice = told.notice;
    surroundings.troubles = told.trouble.into_iter().collect();
    let view = Forgotten {
        asked: told.notice == Some(Notice::PasswordResetRequested),
        page: surroundings,
        user_id: told.typed,
        birth_date,
        hours: api.limits.later.password_hours,
    };
    page(&view, form, told.problem.as_ref())
}

/// `GET /forgotten-password/{token}`.
pub(super) async fn look(State(api): State<Api>, visit: Visit, Token(token): Token) -> Response {
    match api.look_at_reset(&token).await {
        Ok(ResetState::Open) => setting(&api, &visit, &token, &Told::default()),
        other => result(&api, &visit, &token, other),
    }
}

/// `POST /forgotten-password/{token}`.
pub(super) async fn set(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    Sent(form): Sent<PasswordForm>,
) -> Response {
    let set = api.reset_password(&visit, &token, &form.new_password, form.showing());
    let problem = match set.await {
        // Another form had set one already: what it came to is told.
        Ok(_) | Err(Problem::AlreadySet) => return see(&format!("{PATH}/{token}"), None),
        Err(problem) => problem,
    };
    match Trouble::of(&problem, &api.limits) {
        Some(trouble) => setting(&api, &visit, &token, &Told::of(problem, trouble, "")),
        None => result(&api, &visit, &token, Err(problem)),
    }
}

fn setting(api: &Api, visit: &Visit, token: &str, told: &Told) -> Response {
    let form = FormToken::of(api, visit);
    let mut surroundings = outside(api, visit, &form, format!("{PATH}/{token}"));
    surroundings.troubles = told.trouble.into_iter().collect();
    let keys = &api.vault.keys;
    let phrase = keys.tag(Purpose::Forms, &[b"phrase", form.text.as_bytes()]);
    let minimum = api.limits.password.min_length;
    let view = NewPassword {
        page: surroundings,
        user_id: String::new(),
        action: format!("{PATH}/{token}"),
        minimum,
        phrase: phrase::generate(&phrase, minimum),
        idempotency_key: api.entropy.id().to_string(),
        hours: api.limits.later.password_hours,
    };
    page(&view, form, told.problem.as_ref())
}

/// What a link came to, where there is nothing left to set.
fn result(api: &Api, visit: &Visit, token: &str, came_to: Result<ResetState, Problem>) -> Response {
    let mut path = format!("{PATH}/{token}");
    let (outcome, problem) = match came_to {
        Ok(ResetState::Set { counts_from }) => (ResetOutcome::Set { counts_from }, None),
        Ok(ResetState::AddressChanges { from }) => (ResetOutcome::AddressChanges { from }, None),
        Err(problem @ Problem::LinkExpired) => (ResetOutcome::Expired, Some(problem)),
        Err(problem @ Problem::LinkReplaced) => (ResetOutcome::Replaced, Some(problem)),
        Err(problem @ Problem::LinkUnknown) => {
            // A token that is none of ours is not repeated in the page's own links, which lead to the present address without it.
            path = String::new();
            (ResetOutcome::Unknown, Some(problem))
        }
        Ok(ResetState::Open) => return super::problem(api, visit, &Problem::Busy),
        Err(problem) => return super::problem(api, visit, &problem),
    };
    let form = FormToken::none();
    let view = ResetResult {
        page: outside(api, visit, &form, path),
        outcome,
    };
    page(&view, form, problem.as_ref())
}
