//! The link of a notice, in any browser: looking changes nothing, pressing stops all use of the account.

use axum::extract::State;
use axum::response::Response;

use super::answers::{outside, page, see};
use super::forms::{FormToken, Nothing, Sent};
use super::public_views::{NotMe, NotMeOutcome, NotMeResult};
use crate::api::Api;
use crate::api::members::Token;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::NoticeState;

/// `GET /not-me/{token}`.
pub(super) async fn look(State(api): State<Api>, visit: Visit, Token(token): Token) -> Response {
    match api.look_at_notice(&token).await {
        Ok(NoticeState::Open) => {
            let form = FormToken::of(&api, &visit);
            let view = NotMe {
                page: outside(&api, &visit, &form, format!("/not-me/{token}")),
                token,
            };
            page(&view, form, None)
        }
        Ok(NoticeState::Reported) => {
            let path = format!("/not-me/{token}");
            result(&api, &visit, path, NotMeOutcome::Stopped, None)
        }
        Err(problem) => wrong(&api, &visit, &token, &problem),
    }
}

/// `POST /not-me/{token}`.
pub(super) async fn report(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    match api.report_not_me(&visit, &token).await {
        Ok(()) => see(&format!("/not-me/{token}"), None),
        Err(problem) => wrong(&api, &visit, &token, &problem),
    }
}

fn wrong(api: &Api, visit: &Visit, token: &str, problem: &Problem) -> Response {
    if matches!(problem, Problem::NoticeReplaced) {
        let path = format!("/not-me/{token}");
        result(api, visit, path, NotMeOutcome::Replaced, Some(problem))
    } else if matches!(problem, Problem::LinkUnknown) {
        // A token that is none of ours is not repeated in the page's own links, which lead to the present address without it.
        let path = String::new();
        result(api, visit, path, NotMeOutcome::Unknown, Some(problem))
    } else {
        super::problem(api, visit, problem)
    }
}

fn result(
    api: &Api,
    visit: &Visit,
    path: String,
    outcome: NotMeOutcome,
    problem: Option<&Problem>,
) -> Response {
    let form = FormToken::none();
    let view = NotMeResult {
        page: outside(api, visit, &form, path),
        outcome,
    };
    page(&view, form, problem)
}
