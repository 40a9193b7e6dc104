//! How a request for a page is answered: a page, or a redirect to another.

use std::time::Duration;

use askama::Template;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};

use super::forms::FormToken;
use super::frame::{Page, Society};
use super::messages::{Notice, Trouble};
use super::screens::Screen;
use crate::api::Api;
use crate::api::members::{Done, cookies};
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::{SessionKind, Step};
use crate::domain::values::Language;
use crate::vault::{Found, VaultError};

/// How often, and how far apart, a page looks for the end of an exchange of secrets: two seconds in all, as for any read.
const LOOKS_AT_AN_EXCHANGE: u32 = 40;
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// What a page has to say besides itself.
#[derive(Default)]
pub(super) struct Told {
    /// What has just happened.
    pub(super) notice: Option<Notice>,
    /// What was wrong with the form just sent.
    pub(super) trouble: Option<Trouble>,
    /// What was typed into the form; never a password or a code.
    pub(super) typed: String,
    /// The problem that the answer's status and headers come from.
    pub(super) problem: Option<Problem>,
}

impl Told {
    /// A form that was not taken: what was typed, and why not.
    pub(super) fn of(problem: Problem, trouble: Trouble, typed: &str) -> Self {
        Self {
            notice: None,
            trouble: Some(trouble),
            typed: typed.to_owned(),
            problem: Some(problem),
        }
    }

    /// A page with a notice, if there is one.
    pub(super) fn noticed(notice: Option<Notice>) -> Self {
        Self {
            notice,
            ..Self::default()
        }
    }
}

/// Sends the browser on with GET (303).
pub(super) fn see(path: &str, notice: Option<Notice>) -> Response {
    Redirect::to(&with_notice(path, notice)).into_response()
}

/// The address that shows a page with a notice.
pub(super) fn with_notice(path: &str, notice: Option<Notice>) -> String {
    match notice {
        Some(notice) => format!("{path}?note={}", notice.code()),
        None => path.to_owned(),
    }
}

/// The notice that an address asks for.
pub(super) fn notice_of(query: Option<&str>) -> Option<Notice> {
    query?
        .split('&')
        .find_map(|pair| Notice::named(pair.strip_prefix("note=")?))
}

/// Where the page of a due step is, for a member in a session.
pub(super) const fn path_of(due: Step) -> &'static str {
    match due {
        Step::SignIn | Step::SignInAgain => "/sign-in",
        Step::BirthDate => "/birth-date",
        Step::Terms => "/terms",
        Step::Email => "/email",
        Step::EmailLink | Step::EmailUpdate => "/email-link",
        Step::OtpMethod => "/otp-method",
        Step::Password => "/password",
        Step::FirstLoginCompleted | Step::LogOut => "/first-login-completed",
        Step::Otp => "/otp",
        Step::Completed => "/completed",
    }
}

/// A page, with the status and headers of the problem it tells of and the cookie that its form needs.
pub(in crate::api) fn page(
    view: &impl Template,
    form: FormToken,
    problem: Option<&Problem>,
) -> Response {
    let status = problem.map_or(StatusCode::OK, |problem| problem.row().0);
    if let Some(problem) = problem.filter(|_| status.is_server_error()) {
        tracing::error!(problem = problem.name(), "a page answers with a problem");
    }
    let html = match view.render() {
        Ok(html) => html,
        Err(error) => {
            tracing::error!(%error, "a page could not be rendered");
            return StatusCode::INTERNAL_SERVER_ERROR.into_response();
        }
    };
    let mut response = (status, Html(html)).into_response();
    let headers = response.headers_mut();
    if let Some(cookie) = form.cookie {
        headers.append(header::SET_COOKIE, cookie);
    }
    if let Some(seconds) = problem.and_then(Problem::retry_after) {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// Where a member without a session that counts is sent.
pub(super) async fn astray(
    api: &Api,
    visit: &Visit,
    problem: &Problem,
    path: &str,
    query: Option<&str>,
) -> Response {
    if !matches!(problem, Problem::NoSession | Problem::SessionRotated) {
        return super::problem(api, visit, problem);
    }
    let Some(secret) = visit.secret.as_deref() else {
        return see("/sign-in", notice_of(query));
    };
    match settled(api, visit, secret, problem).await {
        // With the new cookie, `/` leads on; without it, only what was done can be told.
        Ok(Found::Rotated(session)) if path == Screen::PasswordChange.path() => {
            let changed = api.came_with_password(&session).await;
            see("/", changed.then_some(Notice::PasswordReplaced))
        }
        Ok(Found::Rotated(_) | Found::Current(_)) if path != "/" => see("/", None),
        Ok(Found::Rotated(session)) => {
            let by_code =
                session.kind == SessionKind::Full && !api.came_with_password(&session).await;
            let notice = if by_code {
                Notice::CodeAccepted
            } else {
                Notice::PasswordSet
            };
            see("/sign-in", Some(notice))
        }
        Ok(Found::Current(_) | Found::Lapsed(_) | Found::None) => {
            see("/sign-in", Some(Notice::SessionEnded))
        }
        Err(error) => super::problem(api, visit, &error.into()),
    }
}

/// What the secret stands for by now: it may have been exchanged since the request began. Where another request is about to
/// exchange it, that is waited for.
async fn settled(
    api: &Api,
    visit: &Visit,
    secret: &str,
    problem: &Problem,
) -> Result<Found, VaultError> {
    let mut looks = LOOKS_AT_AN_EXCHANGE;
    loop {
        let sessions = &api.vault.sessions;
        let found = sessions.find(secret, &visit.agent, api.clock.now()).await?;
        looks -= 1;
        let under_way = matches!(found, Found::Current(_)) && *problem == Problem::SessionRotated;
        if !under_way || looks == 0 {
            return Ok(found);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

/// After a step that went well: the cookies it brought, and on to the page of the step that is due now.
pub(super) async fn onward(api: &Api, done: &Done, notice: Option<Notice>) -> Response {
    // What was done is stored: if the status cannot be read now, the browser asks again with its new cookies.
    let path = match api.member_status(&done.session).await {
        Ok(status) => path_of(status.state.due()),
        Err(_) => "/",
    };
    (cookies(api, done), see(path, notice)).into_response()
}

/// What surrounds a page that knows nothing of a member.
pub(in crate::api) fn outside(api: &Api, visit: &Visit, form: &FormToken, path: String) -> Page {
    Page {
        language: visit.language,
        path,
        now: api.clock.now(),
        society: society(api, visit.language),
        steps: Vec::new(),
        member: None,
        session: None,
        form_token: form.text.clone(),
        notice: None,
        troubles: Vec::new(),
    }
}

fn society(api: &Api, language: Language) -> Society {
    let society = &api.policy.society;
    Society {
        name: society.name.in_language(language).to_owned(),
        email: society.email.clone(),
        telephone: society.telephone.clone(),
        hours: society.hours.in_language(language).to_owned(),
        address: society.address.in_language(language).to_owned(),
    }
}
