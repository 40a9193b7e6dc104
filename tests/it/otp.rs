//! Step 14: the one-time password, its tries, its time, its mails, and that it counts once and for one session.

use kadode::domain::ids::MemberId;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, policy_with, profile,
};

async fn submit(client: &Client, code: &str) -> Answer {
    client
        .post("/sessions/current/otp", json!({"code": code}))
        .await
}

async fn resend(client: &Client) -> Answer {
    client.post("/sessions/current/otp/resend", json!({})).await
}

async fn at_the_code() -> (App, MemberId, Client) {
    let (app, member) = App::with_member().await;
    let client = app.client_at("otp").await;
    (app, member, client)
}

fn assert_retry(answer: Answer, name: &str, seconds: i64) {
    assert_eq!(answer.headers["retry-after"], seconds.to_string().as_str());
    let body = answer.problem(429, name);
    assert_eq!(body["retry_after"], seconds);
}

#[tokio::test]
async fn a_wrong_code_tells_the_tries_left_until_the_code_is_dead() {
    let (app, member, client) = at_the_code().await;
    let wrong = app.wrong_code(member).await;
    for tries_left in [4, 3, 2, 1, 0] {
        let body = submit(&client, &wrong).await.problem(422, "mismatch");
        assert_eq!(body["tries_left"], tries_left);
    }
    submit(&client, &wrong).await.problem(410, "code-dead");
    let right = app.present_code(member).await;
    submit(&client, &right).await.problem(410, "code-dead");
    submit(&client, "1").await.problem(410, "code-dead");
    app.wait(60);
    resend(&client).await.problem(410, "code-dead");
    assert_eq!(app.payloads(member, "OtpRejected").await.len(), 5);
}

#[tokio::test]
async fn a_new_sign_in_brings_new_tries() {
    let (app, member, client) = at_the_code().await;
    let wrong = app.wrong_code(member).await;
    for _ in 0..5 {
        submit(&client, &wrong).await.problem(422, "mismatch");
    }
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let code = app.present_code(member).await;
    submit(&client, &code).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_resend_brings_no_new_tries() {
    let (app, member, client) = at_the_code().await;
    let wrong = app.wrong_code(member).await;
    submit(&client, &wrong).await.problem(422, "mismatch");
    for wait in [60, 6 * 60] {
        app.wait(wait);
        let status = resend(&client).await.expect(StatusCode::OK).body;
        assert_eq!(status["otp"]["tries_left"], 4);
    }
    let wrong = app.wrong_code(member).await;
    let body = submit(&client, &wrong).await.problem(422, "mismatch");
    assert_eq!(body["tries_left"], 3);
}

#[tokio::test]
async fn the_code_may_be_typed_in_full_width_and_with_a_hyphen() {
    let (app, member, client) = at_the_code().await;
    let code = app.present_code(member).await;
    let (first, last) = code.split_at(3);
    let typed: String = format!("{first}ー{last} ")
        .chars()
        .map(|c| {
            c.to_digit(10)
                .map_or(c, |digit| char::from_u32(0xff10 + digit).unwrap())
        })
        .collect();
    submit(&client, &typed).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn the_code_counts_for_ten_minutes() {
    let (app, member, client) = at_the_code().await;
    let code = app.present_code(member).await;
    app.wait(10 * 60 - 1);
    submit(&client, &code).await.expect(StatusCode::OK);
    let other = app.client();
    other
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let code = app.present_code(member).await;
    app.wait(10 * 60);
    submit(&other, &code).await.problem(410, "code-expired");
    submit(&other, "1").await.problem(410, "code-expired");
}

#[tokio::test]
async fn an_expired_code_can_be_mailed_anew() {
    let (app, member, client) = at_the_code().await;
    let old = app.present_code(member).await;
    app.wait(11 * 60);
    let status = resend(&client).await.expect(StatusCode::OK).body;
    assert_eq!(status["otp"]["expires_at"], "2026-04-10T00:21:00Z");
    let new = app.present_code(member).await;
    assert_ne!(old, new);
    submit(&client, &new).await.expect(StatusCode::OK);
}

#[tokio::test]
async fn a_new_code_kills_the_old_one() {
    let (app, member, client) = at_the_code().await;
    let old = app.present_code(member).await;
    app.wait(6 * 60);
    resend(&client).await.expect(StatusCode::OK);
    submit(&client, &old).await.problem(422, "mismatch");
}

#[tokio::test]
async fn a_resend_in_the_first_half_of_its_life_sends_the_same_code() {
    let (app, member, client) = at_the_code().await;
    let code = app.present_code(member).await;
    app.wait(5 * 60);
    resend(&client).await.expect(StatusCode::OK);
    assert_eq!(app.present_code(member).await, code);
    app.wait(1);
    assert_retry(resend(&client).await, "too-soon", 59);
}

#[tokio::test]
async fn a_resend_waits_for_sixty_seconds() {
    let (app, member, client) = at_the_code().await;
    assert_retry(resend(&client).await, "too-soon", 60);
    app.wait(59);
    assert_retry(resend(&client).await, "too-soon", 1);
    app.wait(1);
    resend(&client).await.expect(StatusCode::OK);
    assert_retry(resend(&client).await, "too-soon", 60);
    assert_eq!(app.payloads(member, "OtpReissued").await.len(), 1);
}

#[tokio::test]
async fn five_mails_a_sign_in_are_the_most() {
    let (app, _, client) = at_the_code().await;
    for _ in 0..4 {
        app.wait(60);
        resend(&client).await.expect(StatusCode::OK);
    }
    app.wait(60);
    // Until the session's end, 15 minutes after its beginning.
    assert_retry(resend(&client).await, "budget-spent", 10 * 60);
}

#[tokio::test]
async fn ten_mails_an_hour_and_twenty_a_day_are_the_most_for_a_member() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("log_out").await;
    let sign_in = async || client.sign_in(USER_ID, NEW_PASSWORD).await;
    for _ in 0..10 {
        sign_in().await.expect(StatusCode::CREATED);
    }
    assert_retry(resend_later(&app, &client).await, "budget-spent", 3600 - 60);
    assert_retry(sign_in().await, "budget-spent", 3600 - 60);
    app.wait(3600 - 60);
    for _ in 0..10 {
        sign_in().await.expect(StatusCode::CREATED);
    }
    app.wait(3600);
    assert_retry(sign_in().await, "budget-spent", 22 * 3600);
}

async fn resend_later(app: &App, client: &Client) -> Answer {
    app.wait(60);
    resend(client).await
}

#[tokio::test]
async fn members_who_share_an_address_share_its_budget_of_codes() {
    let setup = Setup {
        policy: policy_with(&[("per_hour = 10", "per_hour = 3")]),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let first = app.client_at("log_out").await;
    let mut spouse = profile("jiro0001");
    "22222".clone_into(&mut spouse.number);
    app.enrol(spouse, "joined-to-2024-12-01").await;
    let second = app.client();
    second
        .sign_in("jiro0001", "12222219800101")
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&second, "log_out").await;
    first
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    first
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    second
        .sign_in("jiro0001", NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    app.wait(60);
    assert_retry(resend(&second).await, "budget-spent", 3540);
    assert_retry(resend(&first).await, "budget-spent", 3540);
}

#[tokio::test]
async fn a_used_code_is_well_with_the_new_cookie_and_grants_nothing_with_the_old_one() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("log_out").await;
    let old = client.sign_in(USER_ID, NEW_PASSWORD).await.session_cookie();
    let code = app.present_code(member).await;
    let first = submit(&client, &code).await.expect(StatusCode::OK);
    assert!(first.session_cookie().starts_with("kadode="));
    let before = app.events(member).await;
    let again = submit(&client, &code).await.expect(StatusCode::OK);
    assert_eq!(again.cookies(), Vec::<&str>::new());
    assert_eq!(again.body["session"]["kind"], "full");
    let body = Some(json!({"code": code}));
    let headers = [("cookie", old.as_str())];
    let with_old = client
        .send(
            reqwest::Method::POST,
            "/sessions/current/otp",
            body,
            &headers,
        )
        .await;
    assert_eq!(with_old.cookies(), Vec::<&str>::new());
    with_old.problem(409, "session-rotated");
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn a_used_code_is_gone_for_another_session_and_is_no_try() {
    let (app, member, client) = at_the_code().await;
    let code = app.present_code(member).await;
    submit(&client, &code).await.expect(StatusCode::OK);
    client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    submit(&client, &code).await.problem(410, "code-used");
    let status = client.get("/onboarding").await.body;
    assert_eq!(status["otp"]["tries_left"], 5);
}

#[tokio::test]
async fn a_code_counts_only_for_the_sign_in_that_asked_for_it() {
    let (app, member, client) = at_the_code().await;
    let code = app.present_code(member).await;
    let other = app.client();
    other
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    submit(&other, &code).await.problem(422, "mismatch");
    submit(&client, &code).await.problem(401, "no-session");
}

#[tokio::test]
async fn before_the_code_nothing_of_the_member_is_shown() {
    let (_app, _, client) = at_the_code().await;
    let status = client.get("/onboarding").await.expect(StatusCode::OK).body;
    let mut keys: Vec<&String> = status.as_object().unwrap().keys().collect();
    keys.sort_unstable();
    assert_eq!(keys, ["actions", "email", "otp", "session", "step"]);
    assert_eq!(
        status["email"],
        json!({"masked": "h***@e***.jp", "state": "verified"})
    );
    assert_eq!(status["otp"]["expires_at"], "2026-04-10T00:10:00Z");
    assert_eq!(status["otp"]["resend_after"], "2026-04-10T00:01:00Z");
    assert_eq!(status["otp"]["tries_left"], 5);
    assert_eq!(
        status["actions"],
        json!(["submit_otp", "resend_otp", "log_out"])
    );
}

#[tokio::test]
async fn a_dead_code_leaves_nothing_to_do_but_to_log_out() {
    let (app, member, client) = at_the_code().await;
    let wrong = app.wrong_code(member).await;
    for _ in 0..5 {
        submit(&client, &wrong).await.problem(422, "mismatch");
    }
    let status = client.get("/onboarding").await.body;
    assert_eq!(status["otp"]["tries_left"], 0);
    assert_eq!(status["actions"], json!(["log_out"]));
}

#[tokio::test]
async fn the_paper_no_longer_signs_in_once_a_password_is_set() {
    let (app, member) = App::with_member().await;
    app.client_at("log_out").await;
    app.client()
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .problem(401, "sign-in-failed");
    let rejected = app.payloads(member, "CredentialsRejected").await;
    assert_eq!(rejected[0]["why"], "initial_password_replaced");
}
