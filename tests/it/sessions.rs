//! Sessions: their cookies, the exchange of their secrets, their time-outs and their ends.

use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, profile, seconds,
};

const MINUTE: i64 = 60;

async fn get_with(client: &Client, cookie: &str) -> Answer {
    client
        .send(Method::GET, "/onboarding", None, &[("cookie", cookie)])
        .await
}

fn moment(value: &Value) -> Timestamp {
    value.as_str().unwrap().parse().unwrap()
}

/// A client with the step due, and the cookie that it holds there.
async fn at(app: &App, step: &str) -> (Client, String) {
    let client = app.client();
    let mut cookie = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    if step == "log_out" {
        app.advance_client(&client, "password").await;
        cookie = change_password(&client).await.session_cookie();
    } else if step == "otp" {
        app.advance_client(&client, "log_out").await;
        cookie = client.sign_in(USER_ID, NEW_PASSWORD).await.session_cookie();
    } else {
        app.advance_client(&client, step).await;
    }
    (client, cookie)
}

async fn change_password(client: &Client) -> Answer {
    let body = json!({"new_password": NEW_PASSWORD});
    client
        .post("/onboarding/password", body)
        .await
        .expect(StatusCode::OK)
}

async fn submit_code(app: &App, client: &Client, member: kadode::domain::ids::MemberId) -> Answer {
    let code = app.present_code(member).await;
    client
        .post("/sessions/current/otp", json!({"code": code}))
        .await
        .expect(StatusCode::OK)
}

#[tokio::test]
async fn on_http_the_cookie_is_for_this_host_alone_and_for_no_script() {
    let (app, _) = App::with_member().await;
    let answer = app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    let cookies = answer.cookies();
    let [cookie] = cookies.as_slice() else {
        panic!("{cookies:?}")
    };
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    let secret = pair.strip_prefix("kadode=").unwrap();
    assert!(secret.len() >= 43, "256 bits in base64url");
    let mut attributes: Vec<&str> = attributes.split("; ").collect();
    attributes.sort_unstable();
    assert_eq!(attributes, ["HttpOnly", "Path=/", "SameSite=Strict"]);
}

#[tokio::test]
async fn on_https_the_cookies_are_secure_and_bound_to_the_host() {
    let setup = Setup {
        public_url: Some("https://kenpo.example.jp"),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = app.client_with(&[
        ("host", "kenpo.example.jp"),
        ("origin", "https://kenpo.example.jp"),
    ]);
    let answer = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let cookies = answer.cookies();
    let (pair, _) = cookies[0].split_once(';').unwrap();
    let body = json!({"birth_date": "1980-01-01"});
    let headers = [("cookie", pair)];
    let confirmed = client
        .send(Method::POST, "/onboarding/birth-date", Some(body), &headers)
        .await;
    let confirmed = confirmed.expect(StatusCode::OK);
    let ended = client
        .send(Method::DELETE, "/sessions/current", None, &headers)
        .await;
    for (answer, name) in [
        (&answer, "__Host-kadode="),
        (&confirmed, "__Host-kadode-device="),
        (&ended, "__Host-kadode="),
    ] {
        let cookies = answer.cookies();
        let [cookie] = cookies.as_slice() else {
            panic!("{cookies:?}")
        };
        assert!(cookie.starts_with(name), "{cookie}");
        let attributes: Vec<&str> = cookie.split("; ").collect();
        for attribute in ["HttpOnly", "Path=/", "SameSite=Strict", "Secure"] {
            assert!(attributes.contains(&attribute), "{cookie}");
        }
        assert!(!cookie.contains("Domain"), "{cookie}");
    }
}

#[tokio::test]
async fn on_https_a_cookie_without_the_prefix_counts_for_nothing() {
    let setup = Setup {
        public_url: Some("https://kenpo.example.jp"),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = app.client_with(&[("host", "kenpo.example.jp")]);
    let answer = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let cookies = answer.cookies();
    let (pair, _) = cookies[0].split_once(';').unwrap();
    get_with(&client, pair).await.expect(StatusCode::OK);
    let plain = pair.replace("__Host-", "");
    get_with(&client, &plain).await.problem(401, "no-session");
}

#[tokio::test]
async fn a_sign_in_takes_no_secret_that_it_was_sent() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    let body = json!({"user_id": USER_ID, "password": INITIAL_PASSWORD});
    let planted = "kadode=planted";
    let answer = client
        .send(
            Method::POST,
            "/sessions",
            Some(body),
            &[("cookie", planted)],
        )
        .await;
    assert_ne!(answer.session_cookie(), planted);
    get_with(&app.client(), planted)
        .await
        .problem(401, "no-session");
}

#[tokio::test]
async fn every_sign_in_brings_a_new_secret_and_ends_the_old_one() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    let first = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    let second = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    assert_ne!(first, second);
    get_with(&client, &first).await.problem(401, "no-session");
    get_with(&client, &second).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_new_password_brings_a_new_secret_and_the_old_one_grants_nothing() {
    let (app, member) = App::with_member().await;
    let (client, old) = at(&app, "password").await;
    let new = change_password(&client).await.session_cookie();
    assert_ne!(old, new);
    get_with(&client, &new).await.expect(StatusCode::OK);
    old_secret_grants_nothing(&app, member, &client, &old).await;
}

#[tokio::test]
async fn the_right_code_brings_a_new_secret_and_the_old_one_grants_nothing() {
    let (app, member) = App::with_member().await;
    let (client, old) = at(&app, "otp").await;
    let new = submit_code(&app, &client, member).await.session_cookie();
    assert_ne!(old, new);
    let status = get_with(&client, &new).await.expect(StatusCode::OK).body;
    assert_eq!(status["session"]["kind"], "full");
    old_secret_grants_nothing(&app, member, &client, &old).await;
}

async fn change_tables(app: &App, statement: &str) {
    let database = &app.society.database.write;
    sqlx::query(statement).execute(database).await.unwrap();
}

#[tokio::test]
async fn the_new_secret_is_sent_even_if_the_status_cannot_be_read() {
    let (app, member) = App::with_member().await;
    let (client, _) = at(&app, "otp").await;
    let code = app.present_code(member).await;
    change_tables(&app, "ALTER TABLE contacts RENAME TO contacts_away").await;
    let answer = client
        .post("/sessions/current/otp", json!({"code": code}))
        .await;
    change_tables(&app, "ALTER TABLE contacts_away RENAME TO contacts").await;
    let new = answer.session_cookie();
    answer.problem(503, "busy");
    let status = get_with(&client, &new).await.expect(StatusCode::OK).body;
    assert_eq!(status["session"]["kind"], "full");
}

async fn old_secret_grants_nothing(
    app: &App,
    member: kadode::domain::ids::MemberId,
    client: &Client,
    old: &str,
) {
    let before = app.events(member).await;
    for (method, path, body) in [
        (Method::GET, "/onboarding", None),
        (Method::GET, "/session", None),
        (Method::POST, "/onboarding/email/update", None),
        (
            Method::POST,
            "/onboarding/password",
            Some(json!({"new_password": NEW_PASSWORD})),
        ),
        (
            Method::POST,
            "/sessions/current/otp",
            Some(json!({"code": "000000"})),
        ),
    ] {
        let same = client
            .send(method.clone(), path, body.clone(), &[("cookie", old)])
            .await;
        assert_eq!(same.cookies(), Vec::<&str>::new());
        // A proxy that asks for a full session understands no other refusal.
        if path == "/session" {
            same.problem(401, "no-session");
        } else {
            same.problem(409, "session-rotated");
        }
        let headers = [("cookie", old), ("user-agent", "Another Browser")];
        let other = client.send(method, path, body, &headers).await;
        assert_eq!(other.cookies(), Vec::<&str>::new());
        other.problem(401, "no-session");
    }
    app.wait(29);
    get_with(client, old).await.problem(409, "session-rotated");
    app.wait(2);
    get_with(client, old).await.problem(401, "no-session");
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn steps_without_a_new_level_keep_the_secret() {
    let (app, _) = App::with_member().await;
    let (client, cookie) = at(&app, "password").await;
    get_with(&client, &cookie).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn an_onboarding_session_rests_twenty_minutes_at_most() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    app.wait(20 * MINUTE - 1);
    client.get("/onboarding").await.expect(StatusCode::OK);
    app.wait(20 * MINUTE);
    client.get("/onboarding").await.problem(401, "no-session");
}

#[tokio::test]
async fn an_onboarding_session_lasts_sixty_minutes_at_most() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    lasts_and_no_longer(&app, &client, 60 * MINUTE, 15 * MINUTE).await;
}

#[tokio::test]
async fn a_session_that_awaits_its_code_lasts_fifteen_minutes() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("otp").await;
    lasts_and_no_longer(&app, &client, 15 * MINUTE, 4 * MINUTE).await;
}

#[tokio::test]
async fn a_full_session_rests_thirty_minutes_at_most() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("completed").await;
    app.wait(30 * MINUTE - 1);
    client.get("/session").await.expect(StatusCode::NO_CONTENT);
    app.wait(30 * MINUTE);
    client.get("/session").await.problem(401, "no-session");
}

#[tokio::test]
async fn a_full_session_lasts_twelve_hours_at_most() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("completed").await;
    lasts_and_no_longer(&app, &client, 12 * 60 * MINUTE, 25 * MINUTE).await;
}

/// Uses a session every `apart` seconds until a second before its end, and once at its end.
async fn lasts_and_no_longer(app: &App, client: &Client, longest: i64, apart: i64) {
    let began = app.clock.now();
    let end = began + SignedDuration::from_secs(longest);
    loop {
        let status = client.get("/onboarding").await.expect(StatusCode::OK).body;
        assert_eq!(moment(&status["session"]["ends_at"]), end);
        let left = end.duration_since(app.clock.now()).as_secs();
        if left == 1 {
            break;
        }
        app.wait(apart.min(left - 1));
    }
    app.wait(1);
    client.get("/onboarding").await.problem(401, "no-session");
}

#[tokio::test]
async fn the_status_tells_the_time_out_as_this_very_request_moved_it() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    app.wait(10 * MINUTE);
    let status = client.get("/onboarding").await.body;
    assert_eq!(
        moment(&status["session"]["idle_until"]),
        seconds(30 * MINUTE)
    );
    assert_eq!(moment(&status["session"]["ends_at"]), seconds(60 * MINUTE));
    app.wait(15 * MINUTE);
    client.get("/onboarding").await.expect(StatusCode::OK);
    app.wait(18 * MINUTE);
    let status = client.get("/onboarding").await.body;
    assert_eq!(
        status["session"]["idle_until"],
        status["session"]["ends_at"]
    );
}

async fn last_reason(app: &App, member: kadode::domain::ids::MemberId) -> Value {
    app.payloads(member, "LoggedOut").await.last().unwrap()["why"].clone()
}

#[tokio::test]
async fn the_end_of_a_session_is_told_with_its_reason() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(last_reason(&app, member).await, "superseded");
    app.wait(20 * MINUTE);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(last_reason(&app, member).await, "expiry");
    client
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(last_reason(&app, member).await, "member");
    assert_eq!(app.payloads(member, "LoggedOut").await.len(), 3);
}

#[tokio::test]
async fn the_end_of_a_session_and_the_next_beginning_are_one_append() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let stream = app
        .society
        .log
        .read_stream("onboarding", &member.to_string())
        .await
        .unwrap();
    let [.., ended, began] = stream.as_slice() else {
        panic!("two events at least")
    };
    assert_eq!(ended.event_type, "LoggedOut");
    assert_eq!(began.event_type, "CredentialsAccepted");
    assert_eq!(ended.metadata["command_id"], began.metadata["command_id"]);
}

#[tokio::test]
async fn whoever_closed_the_browser_at_step_ten_comes_back_at_step_thirteen() {
    let (app, _) = App::with_member().await;
    app.client_at("log_out").await;
    let status = app
        .client()
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED)
        .body;
    assert_eq!(status["step"]["name"], "otp");
    assert_eq!(status["session"]["kind"], "otp_pending");
}

#[tokio::test]
async fn a_sign_in_on_another_device_ends_the_first_one_and_goes_on_at_the_due_step() {
    let (app, _) = App::with_member().await;
    let first = app.client_at("email_update").await;
    let second = app.client();
    let status = second
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED)
        .body;
    assert_eq!(status["step"]["name"], "email_update");
    first.get("/onboarding").await.problem(401, "no-session");
    first
        .post("/onboarding/email/update", json!({}))
        .await
        .problem(401, "no-session");
}

#[tokio::test]
async fn logging_out_works_at_every_step_and_kills_the_session() {
    let (app, member) = App::with_member().await;
    for step in [
        "birth_date",
        "email",
        "email_link",
        "email_update",
        "otp_method",
        "password",
    ] {
        let (client, cookie) = at(&app, step).await;
        log_out(&client, &cookie).await;
        get_with(&client, &cookie).await.problem(401, "no-session");
        assert_eq!(last_reason(&app, member).await, "member");
    }
    let (client, cookie) = at(&app, "log_out").await;
    log_out(&client, &cookie).await;
    get_with(&client, &cookie).await.problem(401, "no-session");
    let pending = client.sign_in(USER_ID, NEW_PASSWORD).await.session_cookie();
    log_out(&client, &pending).await;
    get_with(&client, &pending).await.problem(401, "no-session");
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let full = submit_code(&app, &client, member).await.session_cookie();
    log_out(&client, &full).await;
    get_with(&client, &full).await.problem(401, "no-session");
    assert_eq!(app.payloads(member, "LoggedOut").await.len(), 9);
}

async fn log_out(client: &Client, cookie: &str) {
    let answer = client
        .send(
            Method::DELETE,
            "/sessions/current",
            None,
            &[("cookie", cookie)],
        )
        .await;
    let answer = answer.expect(StatusCode::NO_CONTENT);
    assert_eq!(answer.text, "");
    assert_eq!(
        answer.cookies(),
        ["kadode=; HttpOnly; SameSite=Strict; Path=/; Max-Age=0"]
    );
    assert_eq!(answer.headers["clear-site-data"], "\"cache\"");
}

#[tokio::test]
async fn logging_out_without_a_session_that_counts_answers_the_same_and_stores_nothing() {
    let (app, member) = App::with_member().await;
    let (client, old) = at(&app, "password").await;
    change_password(&client).await;
    let before = app.events(member).await;
    for cookie in ["", "kadode=invented"] {
        log_out(&app.client(), cookie).await;
    }
    app.wait(31);
    log_out(&client, &old).await;
    app.wait(20 * MINUTE);
    app.client()
        .delete("/sessions/current")
        .await
        .expect(StatusCode::NO_CONTENT);
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn logging_out_with_a_cookie_exchanged_a_moment_ago_ends_the_session() {
    let (app, member) = App::with_member().await;
    let (client, old) = at(&app, "password").await;
    change_password(&client).await;
    log_out(&client, &old).await;
    assert_eq!(app.events(member).await.last().unwrap(), "LoggedOut");
    client.get("/onboarding").await.problem(401, "no-session");
}

#[tokio::test]
async fn only_a_full_session_opens_the_portal_behind_a_proxy() {
    let (app, member) = App::with_member().await;
    let client = app.client();
    client.get("/session").await.problem(401, "no-session");
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    client.get("/session").await.problem(401, "no-session");
    app.advance_client(&client, "otp").await;
    let pending = client.get("/session").await;
    assert!(!pending.headers.contains_key("x-kadode-member"));
    pending.problem(401, "no-session");
    app.advance_client(&client, "completed").await;
    let answer = client.get("/session").await.expect(StatusCode::NO_CONTENT);
    assert_eq!(
        answer.headers["x-kadode-member"],
        member.to_string().as_str()
    );
    assert_eq!(answer.text, "");
}

#[tokio::test]
async fn a_freeze_ends_the_session_at_once() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("email").await;
    app.freeze(member).await;
    client.get("/onboarding").await.problem(401, "no-session");
    client
        .post("/onboarding/email", json!({"email": "x@example.jp"}))
        .await
        .problem(401, "no-session");
}

#[tokio::test]
async fn a_session_and_its_step_outlive_the_program() {
    let (app, _) = App::with_member().await;
    let (client, cookie) = at(&app, "email_update").await;
    let before = get_with(&client, &cookie).await.body;
    let folder = app.kill().await;
    let again = App::start_in(folder, Setup::default()).await;
    let after = get_with(&again.client(), &cookie).await;
    assert_eq!(after.expect(StatusCode::OK).body, before);
}
