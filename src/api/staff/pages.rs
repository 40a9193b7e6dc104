//! The staff's own pages: signing in and out, the first password, and what comes after.

use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use secrecy::ExposeSecret;
use serde::Deserialize;

use super::StaffIn;
use super::sign_in::Typed;
use super::views::{Badge, Desk, Home, OwnPassword, Problem as ProblemPage, SignIn, Told};
use crate::api::Api;
use crate::api::pages::answers::{outside, page};
use crate::api::pages::forms::{FormToken, Nothing, Sent};
use crate::api::pages::messages::Trouble;
use crate::api::pages::words::{self, Text};
use crate::api::problem::{DeskProblem, Problem};
use crate::api::visit::{CookieName, Visit, clear_cookie, set_cookie};
use crate::vault::DEVICE_AGE;

/// Where staff begin.
const DOOR: &str = "/staff/sign-in";

/// What the door says to whom it was shown in place of another page.
const SESSION_ENDED: &str = "session-ended";
const SIGNED_OUT: &str = "signed-out";

/// `GET /staff/sign-in`; whoever is signed in goes on.
pub(super) async fn sign_in_page(
    State(api): State<Api>,
    visit: Visit,
    RawQuery(query): RawQuery,
) -> Response {
    if api.staff_session(&visit).await.is_ok() {
        return Redirect::to("/staff").into_response();
    }
    let note = query
        .as_deref()
        .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("note=")));
    let text = |key| Text::of(visit.language, key);
    let told = match note {
        Some(SESSION_ENDED) => Some(Told::Ill(text("staff.session_ended"))),
        Some(SIGNED_OUT) => Some(Told::Well(text("staff.signed_out"))),
        Some(_) | None => None,
    };
    door(&api, &visit, String::new(), told, None)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct SignInForm {
    name: String,
    password: String,
    code: String,
}

/// `POST /staff/sign-in`.
pub(super) async fn sign_in(
    State(api): State<Api>,
    visit: Visit,
    Sent(form): Sent<SignInForm>,
) -> Response {
    let SignInForm {
        name,
        password,
        code,
    } = form;
    let typed = Typed {
        name,
        password,
        code,
    };
    match api.sign_in_staff(&visit, &typed).await {
        Ok(entered) => {
            let secure = api.public_url.secure;
            let mut headers = HeaderMap::new();
            for (cookie, secret, age) in [
                (CookieName::Staff, &entered.secret, None),
                (CookieName::Device, &entered.device, Some(DEVICE_AGE)),
            ] {
                let cookie = set_cookie(cookie, secret.expose_secret(), age, secure);
                headers.append(header::SET_COOKIE, cookie);
            }
            (headers, Redirect::to("/staff")).into_response()
        }
        Err(problem) => {
            let told = Told::Ill(what_to_do(&api, &visit, &problem));
            door(&api, &visit, typed.name, Some(told), Some(&problem))
        }
    }
}

/// What somebody who could not sign in is told.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other problems are the program's own"
)]
fn what_to_do(api: &Api, visit: &Visit, problem: &Problem) -> Text {
    let text = |key| Text::of(visit.language, key);
    match problem {
        Problem::Invalid { .. } => text("staff.fill_in"),
        Problem::SignInFailed => text("staff.failed"),
        Problem::Waiting(wait) => text("staff.waiting").with(
            "from",
            words::from(visit.language, wait.until, api.clock.now()),
        ),
        Problem::NeedsSupport(_) => text("staff.locked"),
        _ => text("staff.busy"),
    }
}

fn door(
    api: &Api,
    visit: &Visit,
    name: String,
    told: Option<Told>,
    problem: Option<&Problem>,
) -> Response {
    let form = FormToken::of(api, visit);
    let view = SignIn {
        desk: Desk {
            page: outside(api, visit, &form, DOOR.to_owned()),
            badge: None,
            told,
        },
        name,
    };
    page(&view, form, problem)
}

/// `POST /staff/sign-out`; whoever has no session is signed out already.
pub(super) async fn sign_out(
    State(api): State<Api>,
    visit: Visit,
    Sent(Nothing {}): Sent<Nothing>,
) -> Response {
    if let Err(problem) = api.sign_out_staff(&visit).await {
        return turned_away(&api, &visit, &problem);
    }
    let headers = HeaderMap::from_iter([
        (
            header::SET_COOKIE,
            clear_cookie(CookieName::Staff, api.public_url.secure),
        ),
        (
            HeaderName::from_static("clear-site-data"),
            HeaderValue::from_static("\"cache\""),
        ),
    ]);
    (headers, at_the_door(SIGNED_OUT)).into_response()
}

/// `GET /staff/password`, while the printed one counts.
pub(super) async fn password_page(State(api): State<Api>, who: StaffIn) -> Response {
    match api.staff_state(who.staff).await {
        Ok(state) if state.password_is_due() => password_form(&api, &who, None).await,
        Ok(_) => Redirect::to("/staff").into_response(),
        Err(problem) => turned_away(&api, &who.visit, &problem),
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct PasswordForm {
    new_password: String,
}

/// `POST /staff/password`.
pub(super) async fn change_password(
    State(api): State<Api>,
    who: StaffIn,
    Sent(form): Sent<PasswordForm>,
) -> Response {
    match api.change_staff_password(&who, &form.new_password).await {
        Ok(secret) => {
            let secure = api.public_url.secure;
            let cookie = set_cookie(CookieName::Staff, secret.expose_secret(), None, secure);
            ([(header::SET_COOKIE, cookie)], Redirect::to("/staff")).into_response()
        }
        Err(Problem::AlreadySet) => Redirect::to("/staff").into_response(),
        Err(problem) => match Trouble::of(&problem, &api.limits) {
            Some(trouble) => password_form(&api, &who, Some((trouble, &problem))).await,
            None => turned_away(&api, &who.visit, &problem),
        },
    }
}

async fn password_form(api: &Api, who: &StaffIn, trouble: Option<(Trouble, &Problem)>) -> Response {
    let form = FormToken::of(api, &who.visit);
    let mut desk = match desk(api, who, &form, "/staff/password".to_owned()).await {
        Ok(desk) => desk,
        Err(problem) => return turned_away(api, &who.visit, &problem),
    };
    desk.told = trouble
        .as_ref()
        .map(|(trouble, _)| Told::Ill(trouble.text(&desk.page)));
    let name = desk.badge.as_ref().map(|badge| badge.name.clone());
    let view = OwnPassword {
        desk,
        name: name.unwrap_or_default(),
        minimum: api.limits.password.min_length,
    };
    page(&view, form, trouble.map(|(_, problem)| problem))
}

/// `GET /staff`.
pub(super) async fn home(State(api): State<Api>, who: StaffIn) -> Response {
    let form = FormToken::of(&api, &who.visit);
    match desk(&api, &who, &form, "/staff".to_owned()).await {
        Ok(desk) => page(&Home { desk }, form, None),
        Err(problem) => turned_away(&api, &who.visit, &problem),
    }
}

/// What surrounds a page of somebody who is signed in.
pub(in crate::api) async fn desk(
    api: &Api,
    who: &StaffIn,
    form: &FormToken,
    path: String,
) -> Result<Desk, Problem> {
    let name = api.vault.staff.names(&[who.staff]).await?;
    Ok(Desk {
        page: outside(api, &who.visit, form, path),
        badge: Some(Badge {
            name: name.into_values().next().unwrap_or_default(),
            role: who.role,
        }),
        told: None,
    })
}

/// In place of a page that is not shown: to the door, to the password, or why not.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other problems look as they do to members"
)]
pub(in crate::api) fn turned_away(api: &Api, visit: &Visit, problem: &Problem) -> Response {
    let (title, next) = match problem {
        Problem::NotSignedIn if visit.staff.is_some() => {
            return at_the_door(SESSION_ENDED).into_response();
        }
        Problem::NotSignedIn => return Redirect::to(DOOR).into_response(),
        Problem::PasswordDue => return Redirect::to("/staff/password").into_response(),
        Problem::Forbidden => ("staff.forbidden", "staff.forbidden_next"),
        Problem::UnknownMember => ("staff.unknown_member", "staff.unknown_member_next"),
        Problem::Desk(DeskProblem::UnknownProposal) => {
            ("support.unknown_proposal", "support.unknown_proposal_next")
        }
        Problem::UnknownReport => ("staff.unknown_report", "staff.unknown_report_next"),
        Problem::Busy | Problem::Crowded(_) => ("staff.away", "staff.busy"),
        _ => return crate::api::pages::problem(api, visit, problem),
    };
    let form = FormToken::none();
    let view = ProblemPage {
        desk: Desk {
            page: outside(api, visit, &form, "/staff".to_owned()),
            badge: None,
            told: None,
        },
        title: Text::of(visit.language, title),
        next: Text::of(visit.language, next),
    };
    page(&view, form, Some(problem))
}

fn at_the_door(note: &str) -> Redirect {
    Redirect::to(&format!("{DOOR}?note={note}"))
}
