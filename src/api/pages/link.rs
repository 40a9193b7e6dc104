//! Step 6 in the browser that reads the mail: looking changes nothing, pressing confirms or gives the address back.

use axum::extract::State;
use axum::response::Response;

use super::answers::{outside, page, see};
use super::forms::{FormToken, Nothing, Sent};
use super::public_views::{ConfirmEmail, DisownEmail, LinkOutcome, LinkResult};
use crate::api::Api;
use crate::api::members::{Confirmation, Token};
use crate::api::problem::Problem;
use crate::api::visit::Visit;

/// `GET /email/{token}`.
pub(super) async fn look(State(api): State<Api>, visit: Visit, Token(token): Token) -> Response {
    match api.look_at_link(&token).await {
        Ok(Confirmation::Open) => {
            let form = FormToken::of(&api, &visit);
            let surroundings = outside(&api, &visit, &form, format!("/email/{token}"));
            let view = ConfirmEmail {
                page: surroundings,
                token,
            };
            page(&view, form, None)
        }
        other => result(&api, &visit, &token, other),
    }
}

/// `POST /email/{token}`.
pub(super) async fn follow(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    match api.follow_link(&visit, &token).await {
        Ok(_) => see(&format!("/email/{token}"), None),
        Err(problem) => result(&api, &visit, &token, Err(problem)),
    }
}

/// `GET /email/{token}/disown`: asks once more.
pub(super) async fn ask_to_disown(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
) -> Response {
    match api.look_at_link(&token).await {
        Ok(Confirmation::Open | Confirmation::Followed) => {
            let form = FormToken::of(&api, &visit);
            let surroundings = outside(&api, &visit, &form, format!("/email/{token}/disown"));
            let view = DisownEmail {
                page: surroundings,
                token,
            };
            page(&view, form, None)
        }
        other => result(&api, &visit, &token, other),
    }
}

/// `POST /email/{token}/disown`: 心当たりがない.
pub(super) async fn disown(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    match api.disown_link(&visit, &token).await {
        Ok(_) => see(&format!("/email/{token}"), None),
        Err(problem) => result(&api, &visit, &token, Err(problem)),
    }
}

/// What a link came to, where there is nothing left to press.
fn result(
    api: &Api,
    visit: &Visit,
    token: &str,
    came_to: Result<Confirmation, Problem>,
) -> Response {
    let (outcome, problem) = match came_to {
        Ok(Confirmation::Open | Confirmation::Followed) => (LinkOutcome::Followed, None),
        Ok(Confirmation::Verified) => (LinkOutcome::Verified, None),
        Ok(Confirmation::Disowned) => (LinkOutcome::Disowned, None),
        Err(problem) => match outcome_of(&problem) {
            Some(outcome) => (outcome, Some(problem)),
            None => return super::problem(api, visit, &problem),
        },
    };
    // A token that is none of ours is not repeated in the page's own links, which lead to the present address without it.
    let path = if outcome == LinkOutcome::Unknown {
        String::new()
    } else {
        format!("/email/{token}")
    };
    let form = FormToken::none();
    let view = LinkResult {
        page: outside(api, visit, &form, path),
        outcome,
    };
    page(&view, form, problem.as_ref())
}

const fn outcome_of(problem: &Problem) -> Option<LinkOutcome> {
    match problem {
        Problem::LinkExpired => Some(LinkOutcome::Expired),
        Problem::LinkReplaced => Some(LinkOutcome::Replaced),
        Problem::LinkDisowned => Some(LinkOutcome::Disowned),
        Problem::LinkUnknown => Some(LinkOutcome::Unknown),
        // Only disowning is ever out of order: the address is verified.
        Problem::OutOfOrder(_) => Some(LinkOutcome::Verified),
        Problem::Malformed
        | Problem::MediaType
        | Problem::TooLarge
        | Problem::NotFound
        | Problem::Method
        | Problem::Misdirected
        | Problem::Foreign
        | Problem::FormToken
        | Problem::SignInFailed
        | Problem::NoSession
        | Problem::SessionRotated
        | Problem::Mismatch { .. }
        | Problem::Invalid { .. }
        | Problem::CodeExpired
        | Problem::CodeDead
        | Problem::CodeUsed
        | Problem::FormUsed
        | Problem::AlreadySet
        | Problem::TooSoon(_)
        | Problem::BudgetSpent(_)
        | Problem::Waiting(_)
        | Problem::NeedsSupport(_)
        | Problem::Busy
        | Problem::Crowded(_)
        | Problem::NotSignedIn
        | Problem::PasswordDue
        | Problem::Forbidden
        | Problem::UnknownMember
        | Problem::UnknownReport
        | Problem::NoticeReplaced
        | Problem::Rows(_)
        | Problem::ManyLeave { .. }
        | Problem::NothingToConfirm
        | Problem::Desk(_)
        | Problem::Internal => None,
    }
}
