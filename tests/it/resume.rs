//! Whoever stops anywhere, even because the program died, continues at the due step, on any device.

use jiff::SignedDuration;
use kadode::ambient::Clock;
use kadode::domain::ids::{ImportId, MemberId};
use kadode::vault::VaultError;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{
    App, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, eventually, profile,
};

/// Kills the program when `step` is due, starts it again, and signs in elsewhere with `password`.
async fn due_after_a_kill_at(step: &str, password: &str) -> String {
    // On the heap: a program being started is large, and there are two.
    let (app, member) = Box::pin(App::with_member()).await;
    app.client_at(step).await;
    let before = app.events(member).await;
    let app = Box::pin(App::start_in(app.kill().await, Setup::default())).await;
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
    if password == INITIAL_PASSWORD && elsewhere.due().await == "otp" {
        // There is an address: a browser that nobody knows needs a code.
        let code = json!({"code": app.code().await});
        let confirmed = elsewhere.post("/sessions/current/otp", code).await;
        confirmed.expect(StatusCode::OK);
    }
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

#[tokio::test]
async fn a_program_that_stood_still_for_long_removes_what_no_event_ever_named() {
    let app = App::start().await;
    let (member, import) = (
        MemberId(app.society.entropy.id()),
        ImportId(app.society.entropy.id()),
    );
    let rows = [(member, profile(USER_ID))];
    let profiles = &app.society.vault.profiles;
    let inserted = profiles.insert(import, &rows, &[], app.clock.now()).await;
    inserted.unwrap();
    let later = app.clock.now() + SignedDuration::from_hours(24 * 60);
    let setup = Setup {
        clock: Clock::standing_at(later),
        ..Setup::default()
    };
    let app = App::start_in(app.kill().await, setup).await;
    eventually("the sweep", async || {
        let found = app.society.vault.profiles.get(member).await;
        matches!(found, Err(VaultError::Missing(_))).then_some(())
    })
    .await;
}
