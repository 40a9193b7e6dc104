//! The members' JSON API, `/api/v1`: one handler a route, each a line or two over what the step does.

use std::convert::Infallible;
use std::iter;

use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{AppendHeaders, IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use secrecy::ExposeSecret;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use super::bodies::{
    BirthDateBody, Body, CodeBody, EmailBody, EmailChangeBody, LinkBody, MethodBody, PasswordBody,
    SignIn, TermsBody,
};
use super::{Credentials, Done, SignedIn, forgotten, notice, password_change};
use crate::api::Api;
use crate::api::audit;
use crate::api::operations;
use crate::api::problem::{Problem, ProblemBody};
use crate::api::reports;
use crate::api::rosters;
use crate::api::status::Status;
use crate::api::support;
use crate::api::visit::{CookieName, Visit, clear_cookie, set_cookie};
use crate::vault::DEVICE_AGE;

/// The OpenAPI document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kadode",
        description = "From a sheet of paper to the portal: the first login of a member, step by step; and its history, for \
            those who review it. A session is a cookie; times are RFC 3339 in UTC; errors are RFC 9457 problems.",
    ),
    paths(
        sign_in,
        sign_out,
        session,
        onboarding,
        birth_date,
        terms,
        email,
        email_resend,
        email_update,
        otp_method,
        password,
        otp,
        otp_resend,
        email_change,
        email_change_confirm,
        email_change_cancel,
        look_at_link,
        follow_link,
        forgotten::forgot_password,
        forgotten::look_at_reset,
        forgotten::reset_password,
        password_reset_cancel,
        password_change::password_change,
        notice::report_not_me,
        audit::audit_search,
        audit::audit_history,
        support::support_reminders,
        support::support_search,
        support::support_member,
        support::support_history,
        support::support_mails,
        support::support_proposals,
        support::support_intervene,
        support::support_propose,
        support::support_proposal,
        support::support_judge,
        rosters::roster_list,
        rosters::roster_bring,
        rosters::roster_plan,
        rosters::roster_judge,
        audit::audit_events,
        audit::audit_stream,
        reports::audit_reports,
        reports::audit_report,
        operations::alive,
        operations::ready,
        operations::openapi,
        operations::docs,
    ),
    components(schemas(ProblemBody))
)]
pub struct Document;

/// The routes under `/api/v1`.
pub fn routes() -> Router<Api> {
    Router::new()
        .route("/sessions", post(sign_in))
        .route("/sessions/current", delete(sign_out))
        .route("/session", get(session))
        .route("/onboarding", get(onboarding))
        .route("/onboarding/birth-date", post(birth_date))
        .route("/onboarding/terms", post(terms))
        .route("/onboarding/email", post(email))
        .route("/onboarding/email/resend", post(email_resend))
        .route("/onboarding/email/update", post(email_update))
        .route("/onboarding/otp-method", post(otp_method))
        .route("/onboarding/password", post(password))
        .route("/sessions/current/otp", post(otp))
        .route("/sessions/current/otp/resend", post(otp_resend))
        .route("/email-change", post(email_change))
        .route("/email-change/confirm", post(email_change_confirm))
        .route("/email-change/cancel", post(email_change_cancel))
        .route(
            "/email-confirmations/{token}",
            get(look_at_link).post(follow_link),
        )
        .route("/forgotten-password", post(forgotten::forgot_password))
        .route(
            "/forgotten-password/{token}",
            get(forgotten::look_at_reset).post(forgotten::reset_password),
        )
        .route("/password-reset/cancel", post(password_reset_cancel))
        .route("/password-change", post(password_change::password_change))
        .route("/not-me/{token}", post(notice::report_not_me))
}

/// The token of a mailed link or a notice; what cannot be one is as unknown as a forged one.
pub(in crate::api) struct Token(pub(in crate::api) String);

impl FromRequestParts<Api> for Token {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        let token = Path::from_request_parts(parts, api).await;
        Ok(Self(token.map(|Path(token)| token).unwrap_or_default()))
    }
}

/// What became of a mailed link.
#[derive(Serialize, ToSchema)]
struct LinkState {
    /// `open`, `followed`, `verified` or `disowned`.
    state: &'static str,
}

/// The cookies that an answer sets.
pub(in crate::api) fn cookies(api: &Api, done: &Done) -> HeaderMap {
    let secure = api.public_url.secure;
    let mut headers = HeaderMap::new();
    if let Some(secret) = &done.secret {
        headers.append(
            header::SET_COOKIE,
            set_cookie(CookieName::Session, secret.expose_secret(), None, secure),
        );
    }
    if let Some(device) = &done.device {
        let cookie = set_cookie(
            CookieName::Device,
            device.expose_secret(),
            Some(DEVICE_AGE),
            secure,
        );
        headers.append(header::SET_COOKIE, cookie);
    }
    headers
}

/// What leaves nothing of an ended session in the browser.
pub(in crate::api) fn end_of_session(api: &Api) -> HeaderMap {
    let cookie = clear_cookie(CookieName::Session, api.public_url.secure);
    HeaderMap::from_iter([
        (header::SET_COOKIE, cookie),
        (
            HeaderName::from_static("clear-site-data"),
            HeaderValue::from_static("\"cache\""),
        ),
    ])
}

/// After a step: the status, or why it cannot be read now. In either case with the cookies: what was done is stored, and a new
/// secret that did not reach its browser would be lost.
pub(super) async fn answer(
    api: &Api,
    visit: &Visit,
    well: StatusCode,
    done: Result<Done, Problem>,
) -> Result<Response, Problem> {
    let done = done?;
    let status = api.status(visit, &done.session).await;
    let status = status.map(|status| (well, Json(status)));
    Ok((cookies(api, &done), status).into_response())
}

/// Steps 2 and 13: sign in.
#[utoipa::path(post, path = "/api/v1/sessions", tag = "members", request_body = SignIn,
    responses((status = 201, description = "a session began", body = Status)))]
async fn sign_in(
    State(api): State<Api>,
    visit: Visit,
    Body(body): Body<SignIn>,
) -> Result<Response, Problem> {
    let typed = Credentials {
        user_id: body.user_id,
        password: body.password,
    };
    let done = api.sign_in(&visit, &typed).await;
    answer(&api, &visit, StatusCode::CREATED, done).await
}

/// Step 11: log out; at any step, with or without a session.
#[utoipa::path(delete, path = "/api/v1/sessions/current", tag = "members",
    responses((status = 204, description = "there is no session now")))]
async fn sign_out(State(api): State<Api>, visit: Visit) -> Result<Response, Problem> {
    api.log_out(&visit).await?;
    Ok((StatusCode::NO_CONTENT, end_of_session(&api)).into_response())
}

/// Whether the session is a full one, for a proxy that asks before it lets a request through.
#[utoipa::path(get, path = "/api/v1/session", tag = "members",
    responses((status = 204, description = "a full session",
        headers(("X-Kadode-Member" = String, description = "the member's id"),
            ("X-Kadode-Hold-Until" = Option<String>, description = "until when health data should be held back, while they should")))))]
async fn session(
    State(api): State<Api>,
    who: Result<SignedIn, Problem>,
) -> Result<Response, Problem> {
    use crate::domain::onboarding::SessionKind;
    let who = match who {
        // A proxy knows 401 and 403 alone; to nginx, anything else is a fault of its own.
        Err(Problem::SessionRotated) => return Err(Problem::NoSession),
        who => who?,
    };
    if who.session.kind != SessionKind::Full {
        return Err(Problem::NoSession);
    }
    let status = api.member_status(&who.session).await?;
    let member = who.session.member.to_string();
    let hold_until = api.hold_until(&status).await?;
    let hold_until = hold_until.map(|until| ("x-kadode-hold-until", until.to_string()));
    let headers = iter::once(("x-kadode-member", member)).chain(hold_until);
    Ok((StatusCode::NO_CONTENT, AppendHeaders(headers)).into_response())
}

/// Where the member stands.
#[utoipa::path(get, path = "/api/v1/onboarding", tag = "members",
    responses((status = 200, description = "the status", body = Status)))]
async fn onboarding(State(api): State<Api>, who: SignedIn) -> Result<Json<Status>, Problem> {
    api.status(&who.visit, &who.session).await.map(Json)
}

macro_rules! steps {
    ($($(#[doc = $doc:literal])+ $name:ident($path:literal, $body:ident) |$api:ident, $who:ident, $given:ident| $step:expr;)+) => {$(
        $(#[doc = $doc])+
        #[utoipa::path(post, path = $path, tag = "members", request_body = $body,
            responses((status = 200, description = "the status", body = Status)))]
        async fn $name(
            State($api): State<Api>,
            $who: SignedIn,
            Body($given): Body<$body>,
        ) -> Result<Response, Problem> {
            let done = $step.await;
            answer(&$api, &$who.visit, StatusCode::OK, done).await
        }
    )+};
    ($($(#[doc = $doc:literal])+ $name:ident($path:literal) |$api:ident, $who:ident| $step:expr;)+) => {$(
        $(#[doc = $doc])+
        #[utoipa::path(post, path = $path, tag = "members",
            responses((status = 200, description = "the status", body = Status)))]
        async fn $name(State($api): State<Api>, $who: SignedIn) -> Result<Response, Problem> {
            let done = $step.await;
            answer(&$api, &$who.visit, StatusCode::OK, done).await
        }
    )+};
}

steps! {
    /// Step 3: the date of birth.
    birth_date("/api/v1/onboarding/birth-date", BirthDateBody) |api, who, given| api.confirm_birth_date(&who, &given.birth_date);
    /// Step 4: the notes on use, where the policy asks for consent.
    terms("/api/v1/onboarding/terms", TermsBody) |api, who, given| api.accept_terms(&who, given.version);
    /// Step 5: the e-mail address; also to correct it, until step 8 is done.
    email("/api/v1/onboarding/email", EmailBody) |api, who, given| api.register_email(&who, &given.email);
    /// Step 8: how one-time passwords come.
    otp_method("/api/v1/onboarding/otp-method", MethodBody) |api, who, given| api.choose_otp_method(&who, &given.method);
    /// Step 14: the one-time password.
    otp("/api/v1/sessions/current/otp", CodeBody) |api, who, given| api.submit_otp(&who, &given.code);
    /// After completion: another address, with the password once more; a link is mailed there.
    email_change("/api/v1/email-change", EmailChangeBody) |api, who, given| api.change_email(&who, &given.email, &given.password);
}

steps! {
    /// Step 5: mail the link again.
    email_resend("/api/v1/onboarding/email/resend") |api, who| api.resend_email_link(&who);
    /// Step 7: 更新, once the link was followed.
    email_update("/api/v1/onboarding/email/update") |api, who| api.update_email(&who);
    /// Step 14: mail the one-time password again.
    otp_resend("/api/v1/sessions/current/otp/resend") |api, who| api.resend_otp(&who);
    /// 更新, once the link to the other address was followed: it counts after a delay, and the present one is told.
    email_change_confirm("/api/v1/email-change/confirm") |api, who| api.confirm_email_change(&who);
    /// The present address is to stay.
    email_change_cancel("/api/v1/email-change/cancel") |api, who| api.cancel_email_change(&who);
    /// The present password is to stay, though another was set in its place as forgotten.
    password_reset_cancel("/api/v1/password-reset/cancel") |api, who| api.cancel_password_reset(&who);
}

/// Step 9: a password of the member's own. An `Idempotency-Key` makes a repetition harmless.
#[utoipa::path(post, path = "/api/v1/onboarding/password", tag = "members", request_body = PasswordBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "names one showing of the form")),
    responses((status = 200, description = "the status", body = Status)))]
async fn password(
    State(api): State<Api>,
    who: SignedIn,
    headers: HeaderMap,
    Body(given): Body<PasswordBody>,
) -> Result<Response, Problem> {
    let form = form_of(&headers);
    let done = api.change_password(&who, &given.new_password, form).await;
    answer(&api, &who.visit, StatusCode::OK, done).await
}

/// The showing of a form that a program names.
pub(super) fn form_of(headers: &HeaderMap) -> Option<&str> {
    headers
        .get("idempotency-key")
        .and_then(|key| key.to_str().ok())
}

/// Step 6: where a mailed link leads; asking changes nothing.
#[utoipa::path(get, path = "/api/v1/email-confirmations/{token}", tag = "members",
    params(("token" = String, Path, description = "from the mail")),
    responses((status = 200, description = "the link's state", body = LinkState)))]
async fn look_at_link(
    State(api): State<Api>,
    Token(token): Token,
) -> Result<Json<LinkState>, Problem> {
    let state = api.look_at_link(&token).await?.name();
    Ok(Json(LinkState { state }))
}

/// Step 6: follow a mailed link, or say that one knows nothing of it; on any device, without a session.
#[utoipa::path(post, path = "/api/v1/email-confirmations/{token}", tag = "members", request_body = LinkBody,
    params(("token" = String, Path, description = "from the mail")),
    responses((status = 200, description = "the link's state", body = LinkState)))]
async fn follow_link(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    Body(body): Body<LinkBody>,
) -> Result<Json<LinkState>, Problem> {
    let confirmation = if body.disown {
        api.disown_link(&visit, &token).await?
    } else {
        api.follow_link(&visit, &token).await?
    };
    Ok(Json(LinkState {
        state: confirmation.name(),
    }))
}
