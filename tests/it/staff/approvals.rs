//! An approval is of what was seen, and everything that waits for one is listed.

use kadode::domain::ids::{ProposalId, StaffId};
use kadode::domain::onboarding::{Command, Grounds, Intervention};
use kadode::domain::staff::Role;
use kadode::vault::Profile;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::desk::DeskOfTwo;
use super::support::{approves, at_work, hire};
use crate::support::app::{App, USER_ID, profile};
use crate::support::browser::Browser;

const CHANGED: &str = "会員の状況が変わりました";

async fn asks(staff: &Browser, method: Method, path: &str, body: Option<Value>) -> (u16, Value) {
    let mut request = staff.request(method, path);
    if let Some(body) = body {
        request = request.json(&body);
    }
    let shown = staff.send(request).await;
    let body = serde_json::from_str(&shown.html).unwrap();
    (shown.status.as_u16(), body)
}

#[tokio::test]
async fn a_letter_proposed_on_the_way_is_not_approved_from_a_page_of_then_once_the_member_has_arrived()
 {
    let desk = DeskOfTwo::open().await;
    let member = desk.app.client_at("email").await;
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    let stale = desk.suzuki.get(&address).await;
    let seen = stale.field("seen").unwrap();
    desk.app.advance_client(&member, "completed").await;
    let approve = [("verdict", "approve"), ("seen", seen.as_str())];
    let refused = desk.suzuki.post(&address, &approve).await;
    refused
        .is(409)
        .says(CHANGED)
        .says("申請時の手順")
        .says("5 メールアドレス")
        .says("いまの手順")
        .says("15 ");
    assert_eq!(member.due().await, "completed");
    // Whoever has looked again may, once it is known who asks.
    let seen = desk.suzuki.get(&address).await.field("seen").unwrap();
    let approve = [("verdict", "approve"), ("seen", seen.as_str())];
    let unproven = desk.suzuki.post(&address, &approve).await;
    unproven.is(409).says("本人確認の結果を記録");
    desk.does("record_proofing", "in_person").await;
    approves(&desk.suzuki, &address).await;
    member.get("/onboarding").await.problem(401, "no-session");
}

#[tokio::test]
async fn a_form_that_does_not_say_what_was_seen_approves_nothing() {
    let desk = DeskOfTwo::open().await;
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    desk.suzuki.get(&address).await.is(200);
    let refused = desk.suzuki.post(&address, &[("verdict", "approve")]).await;
    refused.is(409).says(CHANGED);
}

#[tokio::test]
async fn what_strangers_or_the_member_do_meanwhile_that_is_not_shown_stands_against_no_approval() {
    let desk = DeskOfTwo::open().await;
    let member = desk.app.client_at("email").await;
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    let seen = desk.suzuki.get(&address).await.field("seen").unwrap();
    let stranger = desk.app.client();
    stranger.sign_in(USER_ID, "not the password").await;
    member.delete("/sessions/current").await;
    let approve = [("verdict", "approve"), ("seen", seen.as_str())];
    let approved = desk.suzuki.post(&address, &approve).await;
    approved.leads_to(&address);
}

#[tokio::test]
async fn a_program_reads_how_the_member_stands_and_repeats_the_mark_of_it() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("otp_method").await;
    let path = format!("/api/v1/support/members/{}", desk.member);
    desk.does("record_proofing", "by_callback").await;
    let wanted = json!({"intervention": "clear_email", "reason": "mailbox_lost", "ticket": "HD-1"});
    let proposals = format!("{path}/proposals");
    let (status, proposed) = asks(&desk.sato, Method::POST, &proposals, Some(wanted)).await;
    assert_eq!(status, 200, "{proposed}");
    let one = format!("{proposals}/{}", proposed["proposal"].as_str().unwrap());
    let (status, shown) = asks(&desk.suzuki, Method::GET, &one, None).await;
    assert_eq!(status, 200, "{shown}");
    let stands = &shown["member"];
    assert_eq!(stands["step"]["name"], "otp_method");
    assert_eq!(stands["email_state"], "verified");
    assert_eq!(stands["proofing"]["reason"], "by_callback");
    assert_eq!(stands["proofing"]["counts"], true);
    assert_eq!(shown["step_then"]["name"], "otp_method");
    let approve = |seen: &Value| Some(json!({"verdict": "approve", "seen": seen}));
    let other = approve(&json!("0".repeat(64)));
    let (status, problem) = asks(&desk.suzuki, Method::POST, &one, other).await;
    assert_eq!(
        (status, &problem["type"]),
        (409, &json!("/api/docs#changed-since"))
    );
    let as_seen = approve(&shown["seen"]);
    let (status, approved) = asks(&desk.suzuki, Method::POST, &one, as_seen).await;
    assert_eq!((status, &approved["verdict"]), (200, &json!("approved")));
    assert_eq!(approved["member"]["proofing"]["counts"], false);
}

#[tokio::test]
async fn the_member_is_told_at_the_confirmed_address_that_it_was_taken_away() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("otp_method").await;
    desk.does("record_proofing", "in_person").await;
    let address = desk.proposes("clear_email", "mailbox_lost").await;
    desk.app.settled().await;
    let before = desk.app.mails().len();
    approves(&desk.suzuki, &address).await;
    desk.app.settled().await;
    let mails = desk.app.mails();
    assert_eq!(mails.len(), before + 1);
    assert!(
        mails[before].contains("手続きを行いました"),
        "{}",
        mails[before]
    );
}

#[tokio::test]
async fn the_member_is_told_that_personal_data_are_shown_and_before_they_are_erased() {
    let (app, member) = App::with_member().await;
    app.client_at("otp_method").await;
    let mut staff = Vec::new();
    for name in ["高橋", "田中"] {
        let clerk = hire(&app, name, Role::Administrator).await;
        staff.push(at_work(&app, &clerk).await);
    }
    let told = async || {
        app.settled().await;
        let mails = app.mails();
        let of_staff = mails.iter().filter(|it| it.contains("手続きを行いました"));
        of_staff.count()
    };
    let proposals = format!("/api/v1/support/members/{member}/proposals");
    let proposes = async |intervention: &str| {
        let wanted =
            json!({"intervention": intervention, "reason": "member_asked", "ticket": "HD-1"});
        let (status, body) = asks(&staff[0], Method::POST, &proposals, Some(wanted)).await;
        assert_eq!(status, 200, "{body}");
        body
    };
    let approves = async |proposed: Value| {
        let one = format!("{proposals}/{}", proposed["proposal"].as_str().unwrap());
        let approve = json!({"verdict": "approve", "seen": proposed["seen"]});
        let (status, body) = asks(&staff[1], Method::POST, &one, Some(approve)).await;
        assert_eq!(status, 200, "{body}");
    };
    let shown = proposes("unmask").await;
    assert_eq!(told().await, 0, "nothing is shown yet");
    approves(shown).await;
    assert_eq!(told().await, 1);
    let erased = proposes("erase").await;
    assert_eq!(told().await, 2);
    approves(erased).await;
    assert_eq!(told().await, 2);
}

#[tokio::test]
async fn whoever_approves_sees_by_whom_and_when_the_identity_was_proven() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("otp_method").await;
    desk.does("record_proofing", "in_person").await;
    let address = desk.proposes("clear_email", "mailbox_lost").await;
    let page = desk.suzuki.get(&address).await;
    page.is(200)
        .says("本人確認の記録")
        .says("記録した担当者：佐藤")
        .says("停止していません");
}

#[tokio::test]
async fn what_waits_longest_is_listed_first_however_much_came_after_it() {
    let desk = DeskOfTwo::open().await;
    let first = desk.proposes("reissue_credentials", "letter_lost").await;
    desk.app.wait(60);
    flood(&desk.app).await;
    let list = desk.suzuki.get("/approvals").await;
    list.is(200).says(&first);
}

/// More proposals than are read at once, of another member.
async fn flood(app: &App) {
    let other = Profile {
        number: "22222".to_owned(),
        ..profile("other001")
    };
    let other = app.enrol(other, "joined-to-2024-12-01").await;
    for n in 0..501 {
        let propose = Command::ProposeIntervention {
            proposal: ProposalId(Uuid::from_u128(n)),
            intervention: Intervention::Unmask,
            grounds: Grounds {
                reason: Intervention::Unmask.reasons()[0],
                ticket: "HD-1".parse().unwrap(),
            },
            staff: StaffId(Uuid::from_u128(n)),
        };
        app.command(other, propose).await.unwrap();
    }
}
