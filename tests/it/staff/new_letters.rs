//! A new letter ends the waiting times of a member whom strangers keep out everywhere, and gives strangers nothing else.

use kadode::domain::onboarding::{Intervention, Reason};
use reqwest::StatusCode;

use super::desk::DeskOfTwo;
use crate::support::app::{App, Client, INITIAL_PASSWORD, Setup, USER_ID, profile};

/// Two people at the desk of a society whose members come from many networks.
async fn desk() -> DeskOfTwo {
    let behind_proxy = true;
    let app = App::start_as(Setup {
        behind_proxy,
        ..Setup::default()
    })
    .await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    DeskOfTwo::of(app, member).await
}

/// A browser in a network of its own.
fn from_network(desk: &DeskOfTwo, number: u8) -> Client {
    let address = format!("10.0.{number}.1");
    desk.app
        .client_with(&[("x-forwarded-for", address.as_str())])
}

/// The member, who has not failed anywhere.
fn home(desk: &DeskOfTwo) -> Client {
    from_network(desk, 200)
}

/// Strangers fail in ten networks, five times in each, until the member waits in all networks.
async fn locked_out_everywhere(desk: &DeskOfTwo) {
    for network in 0..10 {
        fails(desk, network, 5).await;
    }
    let waiting = home(desk).sign_in(USER_ID, INITIAL_PASSWORD).await;
    waiting.problem(429, "waiting");
}

async fn fails(desk: &DeskOfTwo, network: u8, times: u8) {
    for _ in 0..times {
        let failed = from_network(desk, network);
        let failed = failed.sign_in(USER_ID, "not the password").await;
        failed.problem(401, "sign-in-failed");
    }
}

/// Waits until what follows from a new letter was done.
async fn is_lifted(app: &App) {
    app.followed("CredentialsReissued", "lifts").await;
}

async fn gets_a_new_letter(desk: &DeskOfTwo) {
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    desk.approves(&address).await;
    is_lifted(&desk.app).await;
}

async fn gets_in_with_the_letter(desk: &DeskOfTwo) {
    let let_in = home(desk).sign_in(USER_ID, &desk.letter().await).await;
    let_in.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn locked_out_in_all_networks_and_never_signed_in_a_member_gets_in_with_the_new_letter() {
    let desk = desk().await;
    locked_out_everywhere(&desk).await;
    for _ in 0..3 {
        desk.does("lift_wait", "locked_out").await;
        desk.app.wait(1);
        fails(&desk, 100, 5).await;
    }
    let page = desk.sato.get(&desk.path()).await;
    page.says("1日に解除できる回数に達しました");
    gets_a_new_letter(&desk).await;
    gets_in_with_the_letter(&desk).await;
}

#[tokio::test]
async fn whoever_goes_on_guessing_after_a_new_letter_has_as_many_tries_as_after_a_lift() {
    let desk = desk().await;
    locked_out_everywhere(&desk).await;
    gets_a_new_letter(&desk).await;
    for network in 100..105 {
        fails(&desk, network, 1).await;
    }
    let waiting = home(&desk).sign_in(USER_ID, &desk.letter().await).await;
    waiting.problem(429, "waiting");
}

#[tokio::test]
async fn the_right_password_wins_where_it_comes_before_the_last_of_these_tries() {
    let desk = desk().await;
    locked_out_everywhere(&desk).await;
    gets_a_new_letter(&desk).await;
    for network in 100..104 {
        fails(&desk, network, 1).await;
    }
    gets_in_with_the_letter(&desk).await;
}

/// The program ended, or the database was away, between the event and what it is for.
#[tokio::test]
async fn a_new_letter_whose_effect_was_cut_off_has_it_when_the_event_comes_again() {
    let desk = desk().await;
    locked_out_everywhere(&desk).await;
    // Without it, what moves it is not committed the first time.
    sqlx::query("DELETE FROM checkpoints WHERE reader = 'lifts'")
        .execute(&desk.app.society.database.write)
        .await
        .unwrap();
    let reissue = Intervention::ReissueCredentials;
    desk.app
        .by_two(desk.member, reissue, Reason::LetterLost)
        .await;
    is_lifted(&desk.app).await;
    gets_in_with_the_letter(&desk).await;
}

#[tokio::test]
async fn a_failure_after_a_new_letter_is_forgotten_by_nothing_that_follows_later() {
    let desk = desk().await;
    gets_a_new_letter(&desk).await;
    locked_out_everywhere(&desk).await;
    desk.does("record_proofing", "in_person").await;
    is_lifted(&desk.app).await;
    let waiting = home(&desk).sign_in(USER_ID, INITIAL_PASSWORD).await;
    waiting.problem(429, "waiting");
}
