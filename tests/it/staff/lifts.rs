//! Lifting a member's waiting times: only where one runs, only so often in a day, and told to the member.

use kadode::domain::onboarding::Intervention;
use kadode::domain::staff::Role;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::desk::DeskOfTwo;
use super::support::{approves, at_work, hire};
use crate::support::app::{INITIAL_PASSWORD, USER_ID};
use crate::support::browser::Browser;

/// Asks for it as a program does; the status, and the name of the problem, if there is one.
async fn lifts(staff: &Browser, desk: &DeskOfTwo) -> (u16, String) {
    let path = format!("/api/v1/support/members/{}/interventions", desk.member);
    let body = json!({"intervention": "lift_wait", "reason": "locked_out", "ticket": "HD-1"});
    let shown = staff
        .send(staff.request(Method::POST, &path).json(&body))
        .await;
    let body: Value = serde_json::from_str(&shown.html).unwrap();
    let name = body["type"].as_str().unwrap_or_default();
    let name = name.trim_start_matches("/api/docs#").to_owned();
    (shown.status.as_u16(), name)
}

/// Strangers fail until nobody who comes from there may try.
async fn lock_out(desk: &DeskOfTwo) {
    let stranger = desk.app.client();
    for _ in 0..5 {
        stranger.sign_in(USER_ID, "not the password").await;
    }
    let waiting = stranger.sign_in(USER_ID, INITIAL_PASSWORD).await;
    waiting.problem(429, "waiting");
}

#[tokio::test]
async fn where_no_waiting_time_runs_none_is_offered_or_lifted() {
    let desk = DeskOfTwo::open().await;
    let page = desk.sato.get(&desk.path()).await;
    page.is(200).is_silent_on("value=\"lift_wait\"");
    let nothing = (409, "nothing-to-do".to_owned());
    assert_eq!(lifts(&desk.sato, &desk).await, nothing);
    assert_eq!(desk.app.events(desk.member).await, ["MemberEnrolled"]);
}

#[tokio::test]
async fn of_somebody_who_is_forgotten_there_is_nothing_to_lift() {
    let desk = DeskOfTwo::open().await;
    lock_out(&desk).await;
    desk.app.erase(desk.member).await;
    let nothing = (409, "nothing-to-do".to_owned());
    assert_eq!(lifts(&desk.sato, &desk).await, nothing);
}

#[tokio::test]
async fn after_three_in_a_day_no_one_of_the_staff_lifts_any_more() {
    let desk = DeskOfTwo::open().await;
    for staff in [&desk.sato, &desk.suzuki, &desk.sato] {
        lock_out(&desk).await;
        assert_eq!(lifts(staff, &desk).await.0, 200);
    }
    lock_out(&desk).await;
    let spent = (409, "lifts-spent".to_owned());
    for staff in [&desk.sato, &desk.suzuki] {
        assert_eq!(lifts(staff, &desk).await, spent);
    }
    let page = desk.sato.get(&desk.path()).await;
    page.is(200)
        .says("1日に解除できる回数に達しました")
        .is_silent_on("value=\"lift_wait\"");
}

/// A press and its repetition, one after the other and at the same moment.
#[tokio::test]
async fn a_double_press_spends_one_of_the_days_lifts() {
    let desk = DeskOfTwo::open().await;
    lock_out(&desk).await;
    desk.app.wait(1);
    let (one, two) = tokio::join!(lifts(&desk.sato, &desk), lifts(&desk.sato, &desk));
    let three = lifts(&desk.sato, &desk).await;
    assert_eq!([one.0, two.0, three.0], [200; 3]);
    let stored = desk.app.payloads(desk.member, "Intervened").await;
    assert_eq!(stored.len(), 1);
}

#[tokio::test]
async fn a_repetition_makes_no_later_failure_forgotten() {
    let desk = DeskOfTwo::open().await;
    lock_out(&desk).await;
    desk.app.wait(1);
    assert_eq!(lifts(&desk.sato, &desk).await.0, 200);
    let stranger = desk.app.client();
    for _ in 0..4 {
        stranger.sign_in(USER_ID, "not the password").await;
    }
    assert_eq!(lifts(&desk.sato, &desk).await.0, 200);
    stranger.sign_in(USER_ID, "not the password").await;
    let waiting = stranger.sign_in(USER_ID, INITIAL_PASSWORD).await;
    waiting.problem(429, "waiting");
}

/// The program ended, or the vault was away, between the event and what it is for.
#[tokio::test]
async fn a_lift_that_came_to_nothing_is_had_again_though_it_was_the_last_of_the_day() {
    let desk = DeskOfTwo::open().await;
    for _ in 0..2 {
        lock_out(&desk).await;
        assert_eq!(lifts(&desk.sato, &desk).await.0, 200);
    }
    lock_out(&desk).await;
    desk.app.wait(1);
    let lift = desk.app.intervene(desk.member, Intervention::LiftWait);
    lift.await.unwrap();
    let page = desk.sato.get(&desk.path()).await;
    page.is(200).is_silent_on("1日に解除できる回数に達しました");
    desk.does("lift_wait", "locked_out").await;
    let stored = desk.app.payloads(desk.member, "Intervened").await;
    assert_eq!(stored.len(), 3);
    let let_in = desk.app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    let_in.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn the_desk_says_whether_only_those_places_wait_where_somebody_failed() {
    let desk = DeskOfTwo::open().await;
    lock_out(&desk).await;
    let page = desk.sato.get(&desk.path()).await;
    page.is(200).says("ほかからは、いまもログインできます");
}

#[tokio::test]
async fn once_lifts_are_spent_the_desk_says_when_the_next_is_possible_and_what_else_can_be_done() {
    let desk = DeskOfTwo::open().await;
    for _ in 0..3 {
        lock_out(&desk).await;
        assert_eq!(lifts(&desk.sato, &desk).await.0, 200);
    }
    lock_out(&desk).await;
    let page = desk.sato.get(&desk.path()).await;
    page.is(200)
        .says("次に解除できるのは")
        .says("新しい案内の紙の発行を申請できます");
}

#[tokio::test]
async fn a_browser_that_only_staff_can_open_is_told_at_the_desk_though_no_waiting_time_runs() {
    let desk = DeskOfTwo::open().await;
    let own = desk.app.client_at("email").await;
    for _ in 0..50 {
        own.sign_in(USER_ID, "not the password").await;
        desk.app.wait(3600);
    }
    let takahashi = hire(&desk.app, "高橋", Role::Support).await;
    let takahashi = at_work(&desk.app, &takahashi).await;
    let page = takahashi.get(&desk.path()).await;
    page.is(200)
        .says("そのブラウザからはログインできません")
        .says("value=\"lift_wait\"");
}

#[tokio::test]
async fn the_member_is_told_that_a_waiting_time_was_lifted_and_that_a_proof_was_recorded() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("otp_method").await;
    let told = || {
        let mails = desk.app.mails();
        let of_staff = mails.iter().filter(|it| it.contains("手続きを行いました"));
        of_staff.count()
    };
    lock_out(&desk).await;
    assert_eq!(lifts(&desk.sato, &desk).await.0, 200);
    desk.app.settled().await;
    assert_eq!(told(), 1);
    desk.does("record_proofing", "in_person").await;
    desk.app.settled().await;
    assert_eq!(told(), 2);
}

#[tokio::test]
async fn a_mail_that_staff_send_again_is_in_the_language_in_which_the_address_was_entered() {
    let desk = DeskOfTwo::open().await;
    let client = desk.app.client();
    client
        .send_raw(Method::GET, "/sign-in?lang=en", "", &[])
        .await
        .expect(StatusCode::OK);
    let signed_in = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    signed_in.expect(StatusCode::CREATED);
    desk.app.advance_client(&client, "email_link").await;
    desk.app.wait(60);
    desk.does("resend_email_link", "mail_not_received").await;
    let mailed = desk.app.payloads(desk.member, "EmailLinkReissued").await;
    assert_eq!(mailed[0]["language"], "en");
}

#[tokio::test]
async fn a_new_letter_gives_back_no_browser_of_before_and_neither_does_a_freeze() {
    for intervention in ["reissue_credentials", "freeze"] {
        let desk = DeskOfTwo::open().await;
        let own = desk.app.client_at("email").await;
        desk.app.wait(60);
        let password = if intervention == "freeze" {
            desk.does("freeze", "device_lost").await;
            let address = desk.proposes("release", "identity_proven").await;
            approves(&desk.suzuki, &address).await;
            INITIAL_PASSWORD.to_owned()
        } else {
            let address = desk.proposes(intervention, "letter_lost").await;
            approves(&desk.suzuki, &address).await;
            desk.letter().await
        };
        // What it was known for is forgotten when it comes next.
        own.sign_in(USER_ID, "not the password").await;
        lock_out(&desk).await;
        let waits = own.sign_in(USER_ID, &password).await;
        waits.problem(429, "waiting");
    }
}
