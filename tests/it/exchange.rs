//! Between an event and the session's new secret: what a repetition gets there, and the way on after a crash in that moment.

use kadode::domain::ids::{CredentialId, FormId, MemberId};
use kadode::domain::onboarding::{CodeCheck, Command, SessionKind};
use kadode::vault::{Found, Session};
use reqwest::{Method, StatusCode};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};
use crate::support::browser::Browser;

/// The `Idempotency-Key` of the one showing of the password form.
const KEY: &str = "one-showing";

/// A client at step 9 or 14, and its cookie.
async fn at(app: &App, step: &str) -> (Client, String) {
    let client = app.client();
    let cookie = if step == "password" {
        let answer = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
        app.advance_client(&client, step).await;
        answer.session_cookie()
    } else {
        client
            .sign_in(USER_ID, INITIAL_PASSWORD)
            .await
            .expect(StatusCode::CREATED);
        app.advance_client(&client, "log_out").await;
        client.sign_in(USER_ID, NEW_PASSWORD).await.session_cookie()
    };
    (client, cookie)
}

async fn session(app: &App, cookie: &str) -> Session {
    let secret = cookie.strip_prefix("kadode=").unwrap();
    let sessions = &app.society.vault.sessions;
    let found = sessions.find(secret, "Test Browser", app.clock.now()).await;
    let Found::Current(session) = found.unwrap() else {
        panic!("no session")
    };
    session
}

/// Stores what step 9 stores, and stops there.
async fn password_without_new_secret(app: &App, member: MemberId, cookie: &str) {
    let credential = CredentialId(app.society.entropy.id());
    let vault = &app.society.vault;
    let slot = vault.hasher.acquire().await.unwrap();
    vault
        .credentials
        .store(slot, credential, member, NEW_PASSWORD, app.clock.now())
        .await
        .unwrap();
    let command = Command::ChangePassword {
        session: session(app, cookie).await.id,
        credential,
        form: FormId(Uuid::new_v5(&member.0, KEY.as_bytes())),
    };
    app.command(member, command).await.unwrap();
}

/// Stores what step 14 stores, and stops there.
async fn code_without_new_secret(app: &App, member: MemberId, cookie: &str) {
    let issued = app.payloads(member, "OtpIssued").await;
    let challenge = issued.last().unwrap()["challenge"].as_str().unwrap();
    let command = Command::SubmitOtp {
        session: session(app, cookie).await.id,
        against: Some(challenge.parse().unwrap()),
        check: CodeCheck::Match,
    };
    app.command(member, command).await.unwrap();
}

async fn repeat(client: &Client, path: &str, body: &Value, cookie: &str) -> Answer {
    let headers = [("cookie", cookie), ("idempotency-key", KEY)];
    let body = Some(body.clone());
    client.send(Method::POST, path, body, &headers).await
}

/// A repetition before and after the exchange: with the old cookie nothing is granted, with the new one all is well, and
/// no cookie is set in any case.
async fn repetitions(
    app: &App,
    kind: SessionKind,
    path: &str,
    body: Value,
    (client, old): (Client, String),
) {
    let held = session(app, &old).await;
    let early = repeat(&client, path, &body, &old).await;
    assert_eq!(early.cookies(), Vec::<&str>::new());
    early.problem(409, "session-rotated");
    let sessions = &app.society.vault.sessions;
    let fresh = sessions.rotate(&held, kind, app.clock.now()).await;
    let fresh = fresh.unwrap().unwrap();
    let late = repeat(&client, path, &body, &old).await;
    assert_eq!(late.cookies(), Vec::<&str>::new());
    late.problem(409, "session-rotated");
    let new = format!("kadode={}", fresh.secret.expose_secret());
    let well = repeat(&client, path, &body, &new)
        .await
        .expect(StatusCode::OK);
    assert_eq!(well.cookies(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_password_form_repeated_between_event_and_new_secret_grants_nothing() {
    let (app, member) = App::with_member().await;
    let held = at(&app, "password").await;
    password_without_new_secret(&app, member, &held.1).await;
    let body = json!({"new_password": NEW_PASSWORD});
    let path = "/onboarding/password";
    repetitions(&app, SessionKind::Onboarding, path, body, held).await;
}

#[tokio::test]
async fn a_code_repeated_between_event_and_new_secret_grants_nothing() {
    let (app, member) = App::with_member().await;
    let held = at(&app, "otp").await;
    let code = app.present_code(member).await;
    code_without_new_secret(&app, member, &held.1).await;
    let body = json!({"code": code});
    let path = "/sessions/current/otp";
    repetitions(&app, SessionKind::Full, path, body, held).await;
}

#[tokio::test]
async fn after_a_crash_between_the_password_and_its_new_secret_the_member_signs_in_again() {
    let (app, member) = App::with_member().await;
    let (client, old) = at(&app, "password").await;
    password_without_new_secret(&app, member, &old).await;
    let status = client.sign_in(USER_ID, NEW_PASSWORD).await;
    let status = status.expect(StatusCode::CREATED);
    assert_eq!(status.body["step"]["name"], "otp");
    let new = status.session_cookie();
    let looking = |cookie: String| {
        let client = client.clone();
        async move {
            let headers = [("cookie", cookie.as_str())];
            client
                .send(Method::GET, "/onboarding", None, &headers)
                .await
        }
    };
    looking(old).await.problem(401, "no-session");
    looking(new).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn after_a_crash_between_the_code_and_its_new_secret_the_member_signs_in_again() {
    let (app, member) = App::with_member().await;
    let (client, old) = at(&app, "otp").await;
    code_without_new_secret(&app, member, &old).await;
    client.get("/onboarding").await.problem(401, "no-session");
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let body = json!({"code": app.present_code(member).await});
    let full = client.post("/sessions/current/otp", body).await;
    let full = full.expect(StatusCode::OK);
    assert_eq!(full.body["session"]["kind"], "full");
}

#[tokio::test]
async fn on_the_pages_whoever_repeats_a_form_after_such_a_crash_is_led_on() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    let cookie = format!("kadode={}", browser.secret());
    password_without_new_secret(&app, member, &cookie).await;
    let fields = [("new_password", NEW_PASSWORD), ("idempotency_key", KEY)];
    browser.post("/password", &fields).await.leads_to("/");
    browser.walk_to(&app, "/otp").await;
    let code = app.code().await;
    let cookie = format!("kadode={}", browser.secret());
    code_without_new_secret(&app, member, &cookie).await;
    let fields = [("code", code.as_str())];
    browser.post("/otp", &fields).await.leads_to("/");
    let (door, _) = browser.open("/").await;
    assert_eq!(door, "/sign-in?note=session-ended");
    browser.sign_in(NEW_PASSWORD).await.leads_to("/otp");
}
