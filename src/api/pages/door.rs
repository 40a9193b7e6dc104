//! In and out: signing in, logging out, and help for those who cannot.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::answers::{Told, notice_of, onward, outside, page, see, with_notice};
use super::forms::{FormToken, Nothing, Sent};
use super::messages::{Notice, Trouble};
use super::public_views::Help;
use super::standing::{Standing, steps};
use super::views::{CredentialSource, SignIn};
use crate::api::Api;
use crate::api::members::{Credentials, SignedIn, end_of_session};
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::Step;
use crate::domain::values::Language;

/// `GET /sign-in`: whoever is signed in goes on, but a code that is not at hand must not keep anybody from signing in anew.
pub(super) async fn sign_in_page(
    State(api): State<Api>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    let notice = notice_of(query.as_deref());
    let mut again = notice.is_some_and(|it| it.asks_for_new_password());
    if let Ok(session) = api.session_of(&visit).await {
        let who = SignedIn {
            visit: visit.clone(),
            session,
        };
        if let Ok(standing) = Standing::of(&api, who).await {
            if !standing.pending() {
                return standing.to_due_page(&api, None);
            }
            again = true;
        }
    }
    sign_in_form(&api, &visit, Told::noticed(notice), again)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInForm {
    user_id: String,
    password: String,
    again: String,
}

/// Steps 2 and 13.
pub(super) async fn sign_in(
    State(api): State<Api>,
    visit: Visit,
    Sent(form): Sent<SignInForm>,
) -> Response {
    let typed = Credentials {
        user_id: form.user_id,
        password: form.password,
    };
    let problem = match api.sign_in(&visit, &typed).await {
        Ok(done) => return onward(&api, &done, None).await,
        Err(problem) => problem,
    };
    match Trouble::of(&problem, &api.limits) {
        Some(trouble) => {
            let told = Told::of(problem, trouble, &typed.user_id);
            sign_in_form(&api, &visit, told, !form.again.is_empty())
        }
        // A second sign-in of the same member was faster; its session, if this browser has it, leads on.
        None if problem == Problem::NoSession => see("/", Some(Notice::SessionEnded)),
        None => super::problem(&api, &visit, &problem),
    }
}

fn sign_in_form(api: &Api, visit: &Visit, told: Told, again: bool) -> Response {
    let form = FormToken::of(api, visit);
    let at = if again {
        Step::SignInAgain
    } else {
        Step::SignIn
    };
    let has_terms = api.policy.terms.is_some();
    let all = Step::ALL
        .into_iter()
        .filter(|step| *step != Step::Terms || has_terms);
    let mut surroundings = outside(api, visit, &form, with_notice("/sign-in", told.notice));
    surroundings.steps = steps(visit.language, all, at, |step| step < at);
    surroundings.notice = told.notice;
    surroundings.troubles = told.trouble.into_iter().collect();
    let view = SignIn {
        page: surroundings,
        user_id: told.typed,
        again,
        sources: sources(api, visit.language),
    };
    page(&view, form, told.problem.as_ref())
}

/// Step 11, and at any other time; whoever has no session is logged out already.
pub(super) async fn log_out(
    State(api): State<Api>,
    visit: Visit,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    let notice = if is_to_try(&api, &visit).await {
        Notice::LoggedOutToTry
    } else {
        Notice::LoggedOut
    };
    match api.log_out(&visit).await {
        Ok(()) => (end_of_session(&api), see("/sign-in", Some(notice))).into_response(),
        Err(problem) => super::problem(&api, &visit, &problem),
    }
}

/// Whether step 13 is what comes after logging out.
async fn is_to_try(api: &Api, visit: &Visit) -> bool {
    let Ok(session) = api.session_of(visit).await else {
        return false;
    };
    let status = api.member_status(&session).await;
    status.is_ok_and(|it| it.state.password.is_some() && !it.state.signed_in_again)
}

/// `GET /help`.
pub(super) async fn help(State(api): State<Api>, visit: Visit) -> Response {
    let form = FormToken::none();
    let view = Help {
        page: outside(&api, &visit, &form, "/help".to_owned()),
        sources: sources(&api, visit.language),
    };
    page(&view, form, None)
}

fn sources(api: &Api, language: Language) -> Vec<CredentialSource> {
    let source = |cohort: &crate::domain::policy::Cohort| CredentialSource {
        who: cohort.who.in_language(language).to_owned(),
        user_id_from: cohort.user_id_from.in_language(language).to_owned(),
        password_from: cohort.password_from.in_language(language).to_owned(),
    };
    api.policy.cohorts.iter().map(source).collect()
}
