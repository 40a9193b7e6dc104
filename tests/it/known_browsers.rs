//! Which browsers are the member's: by what they did themselves, and no longer than that says anything.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID};

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
    assert!(!remembers(&begun));
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

/// Whether an answer makes the browser known.
fn remembers(answer: &Answer) -> bool {
    let device = |cookie: &&str| cookie.starts_with("kadode-device=");
    answer.cookies().iter().any(device)
}

#[tokio::test]
async fn a_browser_that_drops_the_answer_to_the_first_of_two_presses_is_known_all_the_same() {
    let (app, _) = App::with_member().await;
    let own = app.client();
    let session = own
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    let dropped = || Client::new(&app.url, &[("cookie", &session)]);
    for (step, body) in [
        ("birth-date", json!({"birth_date": "1980-01-01"})),
        ("email", json!({"email": "hanako@example.jp"})),
    ] {
        dropped().step(step, body.clone()).await;
        own.step(step, body).await;
    }
    app.advance_client(&own, "otp_method").await;
    app.wait(60);
    assert!(!needs_a_code(&own).await);
}

#[tokio::test]
async fn a_date_of_birth_that_was_given_elsewhere_or_long_ago_makes_no_browser_known() {
    let (app, _) = App::with_member().await;
    let date = json!({"birth_date": "1980-01-01"});
    let own = app.client();
    let session = own
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    let without_device = || Client::new(&app.url, &[("cookie", &session)]);
    own.step("birth-date", date.clone()).await;
    let give = async |client: &Client| client.post("/onboarding/birth-date", date.clone()).await;
    assert!(!remembers(&give(&own).await));
    assert!(remembers(&give(&without_device()).await));
    app.wait(31);
    assert!(!remembers(&give(&without_device()).await));
    let another = app.client();
    assert!(!needs_a_code(&another).await);
    assert!(!remembers(&give(&another).await));
}

/// The member enters the address; somebody else who has the paper signs in; the link is followed.
async fn another_comes_before_the_update(app: &App) -> (Client, Client) {
    let member = app.client_at("email_link").await;
    app.wait(60);
    let another = app.client();
    assert!(!needs_a_code(&another).await);
    app.advance_client(&another, "email_update").await;
    (member, another)
}

#[tokio::test]
async fn whoever_signs_in_between_the_address_and_its_confirmation_gets_no_further_without_its_code()
 {
    let (app, _) = App::with_member().await;
    let (member, attacker) = another_comes_before_the_update(&app).await;
    let status = attacker.step("email/update", json!({})).await;
    assert_eq!(status["session"]["kind"], "otp_pending");
    let method = json!({"method": "email"});
    let method = attacker.post("/onboarding/otp-method", method).await;
    method.problem(409, "out-of-order");
    // The member goes on where the address was entered, and needs none.
    assert!(!needs_a_code(&member).await);
    app.advance_client(&member, "password").await;
}

#[tokio::test]
async fn a_member_who_goes_on_in_another_browser_after_entering_the_address_enters_one_code_there()
{
    let (app, _) = App::with_member().await;
    let (_, telephone) = another_comes_before_the_update(&app).await;
    telephone.step("email/update", json!({})).await;
    let code = json!({"code": app.code().await});
    let status = telephone.post("/sessions/current/otp", code).await;
    let status = status.expect(StatusCode::OK).body;
    assert_eq!(status["step"]["name"], "otp_method");
    assert!(!needs_a_code(&telephone).await);
}

#[tokio::test]
async fn the_update_pressed_twice_in_another_browser_mails_one_code() {
    let (app, member) = App::with_member().await;
    let (_, telephone) = another_comes_before_the_update(&app).await;
    let press = || telephone.post("/onboarding/email/update", json!({}));
    let (one, two) = tokio::join!(press(), press());
    let fine = [one, two].map(|it| it.status);
    assert!(fine.contains(&StatusCode::OK), "{fine:?}");
    let mailed = app.payloads(member, "OtpIssued").await;
    assert_eq!(mailed.len(), 1);
}

/// The date of birth was given elsewhere, so that this one knows it by the address alone.
#[tokio::test]
async fn a_fresh_browser_in_which_the_address_is_entered_and_confirmed_needs_no_code() {
    let (app, _) = App::with_member().await;
    app.client_at("email").await;
    app.wait(60);
    let fresh = app.client();
    assert!(!needs_a_code(&fresh).await);
    app.advance_client(&fresh, "otp_method").await;
    assert!(!needs_a_code(&fresh).await);
}

/// Whoever has the paper may know the member's address too.
#[tokio::test]
async fn entering_the_same_address_once_more_makes_no_other_browser_known() {
    let (app, _) = App::with_member().await;
    app.client_at("email_link").await;
    app.wait(60);
    let another = app.client();
    assert!(!needs_a_code(&another).await);
    let same = json!({"email": "hanako@example.jp"});
    another.step("email", same).await;
    app.advance_client(&another, "email_update").await;
    let status = another.step("email/update", json!({})).await;
    assert_eq!(status["session"]["kind"], "otp_pending");
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
    let right = another.post("/sessions/current/otp", json!({"code": code}));
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
