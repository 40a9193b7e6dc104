//! Whoever stops anywhere, even because the program died, continues at the due step, on any device.

use reqwest::StatusCode;

use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID};

/// Kills the program when `step` is due, starts it again, and signs in elsewhere with `password`.
async fn due_after_a_kill_at(step: &str, password: &str) -> String {
    let (app, member) = App::with_member().await;
    app.client_at(step).await;
    let before = app.events(member).await;
    let app = App::start_in(app.kill().await, Setup::default()).await;
    assert_eq!(
        app.events(member).await,
        before,
        "what was acknowledged is there"
    );
    let elsewhere = app.client();
    elsewhere
        .sign_in(USER_ID, password)
        .await
        .expect(StatusCode::CREATED);
    elsewhere.due().await
}

#[tokio::test]
async fn a_program_that_died_before_the_new_password_leaves_every_member_at_the_due_step() {
    for step in [
        "birth_date",
        "email",
        "email_link",
        "email_update",
        "otp_method",
        "password",
    ] {
        assert_eq!(due_after_a_kill_at(step, INITIAL_PASSWORD).await, step);
    }
}

#[tokio::test]
async fn a_member_who_never_logged_out_comes_back_at_the_second_sign_in() {
    assert_eq!(due_after_a_kill_at("log_out", NEW_PASSWORD).await, "otp");
}

#[tokio::test]
async fn a_program_that_died_before_the_code_asks_for_a_new_one() {
    assert_eq!(due_after_a_kill_at("otp", NEW_PASSWORD).await, "otp");
}
