//! Which browsers are the member's: by what they did themselves, and no longer than that says anything.

use reqwest::StatusCode;

use crate::support::app::{App, Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};

/// Signs in with the paper; whether a code is asked for.
async fn needs_a_code(browser: &Client) -> bool {
    let signed_in = browser.sign_in(USER_ID, INITIAL_PASSWORD).await;
    let status = signed_in.expect(StatusCode::CREATED).body;
    status["session"]["kind"] == "otp_pending"
}

#[tokio::test]
async fn whoever_signs_in_by_paper_while_the_member_is_on_the_way_needs_a_code_once_there_is_an_address()
 {
    let (app, _) = App::with_member().await;
    let member = app.client_at("email_link").await;
    let attacker = app.client();
    let begun = attacker.sign_in(USER_ID, INITIAL_PASSWORD).await;
    let remembers = |cookie: &&str| cookie.starts_with("kadode-device=");
    assert!(!begun.cookies().iter().any(remembers));
    app.wait(60);
    assert!(!needs_a_code(&member).await);
    app.advance_client(&member, "otp_method").await;
    assert!(needs_a_code(&attacker).await);
}

#[tokio::test]
async fn whoever_gave_the_date_of_birth_before_the_member_came_needs_a_code_once_there_is_an_address()
 {
    let (app, _) = App::with_member().await;
    let attacker = app.client_at("email").await;
    app.wait(60);
    let member = app.client();
    assert!(!needs_a_code(&member).await);
    app.advance_client(&member, "otp_method").await;
    assert!(needs_a_code(&attacker).await);
}

#[tokio::test]
async fn the_browser_that_gave_the_date_of_birth_and_confirmed_the_address_needs_none() {
    let (app, _) = App::with_member().await;
    let own = app.client_at("email").await;
    app.wait(60);
    app.advance_client(&own, "otp_method").await;
    assert!(!needs_a_code(&own).await);
}

#[tokio::test]
async fn a_browser_that_entered_a_code_needs_no_other() {
    let (app, _) = App::with_member().await;
    let own = app.client_at("email").await;
    app.wait(60);
    app.advance_client(&own, "otp_method").await;
    let another = app.client();
    assert!(needs_a_code(&another).await);
    let code = app.code().await;
    let right = another.post("/sessions/current/otp", serde_json::json!({"code": code}));
    right.await.expect(StatusCode::OK);
    assert!(!needs_a_code(&another).await);
    assert!(!needs_a_code(&own).await);
}

/// A member whom strangers keep waiting everywhere gets in from where the date of birth was given, and from where a full session was.
#[tokio::test]
async fn strangers_guesses_keep_nobody_out_of_a_browser_that_is_known() {
    let (app, _) = App::with_member().await;
    let own = app.client_at("email").await;
    fails(&app).await;
    assert!(!needs_a_code(&own).await);
    app.wait(3600);
    assert!(!needs_a_code(&own).await);
    app.advance_client(&own, "completed").await;
    fails(&app).await;
    let signed_in = own.sign_in(USER_ID, NEW_PASSWORD).await;
    signed_in.expect(StatusCode::CREATED);
}

/// Fails until nobody who comes from there may try.
async fn fails(app: &App) {
    let stranger = app.client();
    for _ in 0..5 {
        stranger.sign_in(USER_ID, "not the password").await;
    }
    let waits = stranger.sign_in(USER_ID, INITIAL_PASSWORD).await;
    waits.problem(429, "waiting");
}
