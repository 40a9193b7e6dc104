//! The members' pages: one address a step, Japanese first, whole without JavaScript.

pub(in crate::api) mod answers;
pub mod assets;
mod door;
mod forgotten;
pub(in crate::api) mod forms;
pub mod frame;
mod link;
mod live;
pub mod messages;
mod notice;
mod phrase;
pub mod public_views;
mod screens;
mod standing;
mod steps;
mod story;
pub mod views;
pub mod words;

#[cfg(test)]
mod tests;

pub use live::Streams;
pub(in crate::api) use live::{KEEP_ALIVE, Seat};
pub(in crate::api) use steps::DOUBLE_PRESS_SECONDS;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header;
use axum::middleware::Next;
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use jiff::SignedDuration;

use self::forms::FormToken;
use self::public_views::ProblemKind;
use self::screens::Screen;
use self::standing::Reader;
use super::Api;
use super::problem::Problem;
use super::visit::{CookieName, Visit, set_cookie};

/// How long a chosen language is remembered.
const LANGUAGE_AGE: SignedDuration = SignedDuration::from_hours(24 * 365);

/// The pages' routes.
pub fn routes() -> Router<Api> {
    let page = |screen: Screen| -> MethodRouter<Api> {
        get(move |State(api): State<Api>, reader: Reader| screens::get(api, reader, screen))
    };
    let step = |router: Router<Api>, screen: Screen, form: Option<MethodRouter<Api>>| {
        let route = match form {
            Some(form) => page(screen).merge(form),
            None => page(screen),
        };
        router.route(screen.path(), route)
    };
    let router = [
        (Screen::BirthDate, Some(post(steps::birth_date))),
        (Screen::Terms, Some(post(steps::terms))),
        (Screen::Email, Some(post(steps::email))),
        (Screen::EmailLink, Some(post(steps::update_email))),
        (Screen::OtpMethod, Some(post(steps::otp_method))),
        (Screen::Password, Some(post(steps::password))),
        (Screen::FirstLoginCompleted, None),
        (Screen::LogOut, Some(post(door::log_out))),
        (Screen::Otp, Some(post(steps::otp))),
        (Screen::Completed, None),
        (Screen::EmailChange, Some(post(steps::change_email))),
        (Screen::PasswordChange, Some(post(steps::replace_password))),
        (Screen::History, None),
    ]
    .into_iter()
    .fold(Router::new(), |router, (screen, form)| {
        step(router, screen, form)
    });
    router
        .route("/", get(screens::root))
        .route("/sign-in", get(door::sign_in_page).post(door::sign_in))
        .route("/help", get(door::help))
        .route("/email-link/resend", post(steps::resend_link))
        .route("/otp/resend", post(steps::resend_otp))
        .route("/email-change/confirm", post(steps::confirm_email_change))
        .route("/email-change/cancel", post(steps::cancel_email_change))
        .route("/email/{token}", get(link::look).post(link::follow))
        .route(
            "/email/{token}/disown",
            get(link::ask_to_disown).post(link::disown),
        )
        .route(
            "/forgotten-password",
            get(forgotten::ask).post(forgotten::request),
        )
        .route(
            "/forgotten-password/{token}",
            get(forgotten::look).post(forgotten::set),
        )
        .route("/password-reset/cancel", post(steps::cancel_password_reset))
        .route("/not-me/{token}", get(notice::look).post(notice::report))
        .route("/events", get(live::events))
        .merge(assets::routes())
}

/// A problem as a page.
#[must_use]
pub fn problem(api: &Api, visit: &Visit, problem: &Problem) -> Response {
    let kind = match problem {
        Problem::NotFound | Problem::Method | Problem::LinkUnknown => ProblemKind::NotFound,
        Problem::Foreign | Problem::FormToken => ProblemKind::FormTooOld,
        Problem::TooSoon(wait)
        | Problem::BudgetSpent(wait)
        | Problem::Waiting(wait)
        | Problem::NeedsSupport(wait) => ProblemKind::Waiting { until: wait.until },
        Problem::Misdirected => ProblemKind::Elsewhere,
        Problem::Busy | Problem::Crowded(_) => ProblemKind::Busy,
        Problem::NotSignedIn
        | Problem::PasswordDue
        | Problem::Forbidden
        | Problem::UnknownMember
        | Problem::UnknownReport
        | Problem::Malformed
        | Problem::MediaType
        | Problem::TooLarge
        | Problem::SignInFailed
        | Problem::NoSession
        | Problem::SessionRotated
        | Problem::Mismatch { .. }
        | Problem::Invalid { .. }
        | Problem::CodeExpired
        | Problem::CodeDead
        | Problem::CodeUsed
        | Problem::FormUsed
        | Problem::LinkExpired
        | Problem::LinkReplaced
        | Problem::LinkDisowned
        | Problem::NoticeReplaced
        | Problem::NothingToConfirm
        | Problem::Desk(_)
        | Problem::Rows(_)
        | Problem::ManyLeave { .. }
        | Problem::OutOfOrder(_)
        | Problem::AlreadySet
        | Problem::Internal => ProblemKind::Unexpected,
    };
    let form = FormToken::none();
    let view = public_views::Problem {
        page: answers::outside(api, visit, &form, "/".to_owned()),
        kind,
        origin: api.public_url.origin.clone(),
    };
    answers::page(&view, form, Some(problem))
}

/// Remembers the language that an address asks for (`?lang=`).
pub async fn remember_language(State(api): State<Api>, request: Request, next: Next) -> Response {
    let query = request.uri().query().unwrap_or_default();
    let chosen = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))
        .and_then(|tag| ["ja", "en"].into_iter().find(|known| *known == tag));
    let mut response = next.run(request).await;
    if let Some(tag) = chosen {
        let secure = api.public_url.secure;
        let cookie = set_cookie(CookieName::Language, tag, Some(LANGUAGE_AGE), secure);
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}
