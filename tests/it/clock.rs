//! The machine's clock is set back an hour: everything comes in its time all the same.

use jiff::SignedDuration;
use kadode::ambient::Clock;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, INITIAL_PASSWORD, Setup, USER_ID};

const HOUR: SignedDuration = SignedDuration::from_hours(1);

#[tokio::test]
async fn a_mail_leaves_at_once() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("email").await;
    app.clock.set_back(HOUR);
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    app.mails_at_least(1).await;
}

#[tokio::test]
async fn a_mail_may_be_asked_for_again_after_a_minute() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("email_link").await;
    app.clock.set_back(HOUR);
    let again = client.post("/onboarding/email/resend", json!({})).await;
    assert_eq!(again.problem(429, "too-soon")["retry_after"], 60);
    app.wait(60);
    client.step("email/resend", json!({})).await;
    app.mails_at_least(2).await;
}

#[tokio::test]
async fn a_waiting_time_ends_after_its_seconds() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    for _ in 0..5 {
        client
            .sign_in(USER_ID, "wrong")
            .await
            .problem(401, "sign-in-failed");
    }
    app.clock.set_back(HOUR);
    let refused = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    assert_eq!(refused.problem(429, "waiting")["retry_after"], 30);
    app.wait(30);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_session_that_rests_ends_after_its_minutes() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("email").await;
    app.clock.set_back(HOUR);
    app.wait(20 * 60 - 1);
    client.get("/onboarding").await.expect(StatusCode::OK);
    app.wait(20 * 60);
    client.get("/onboarding").await.problem(401, "no-session");
}

#[tokio::test]
async fn a_start_with_the_clock_behind_goes_on_from_the_log() {
    let (app, _) = App::with_member().await;
    app.client_at("email").await;
    let behind = Clock::standing_at(app.clock.now() - HOUR);
    let setup = Setup {
        clock: behind,
        ..Setup::default()
    };
    let app = App::start_in(app.kill().await, setup).await;
    // The paper counts from its import on, which the machine's clock has not reached yet.
    let client = app.client_at("email_link").await;
    app.wait(60);
    client.step("email/resend", json!({})).await;
    app.mails_at_least(2).await;
}
