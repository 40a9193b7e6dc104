//! What programs of the desk read as its pages show it: mails and what came of them, what happened lately, proposals and rosters.

use kadode::domain::staff::Role;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::desk::{DeskOfTwo, reads};
use super::support::{at_work, hire, views};

/// What a program of the desk reads about the member.
async fn of_member(desk: &DeskOfTwo, what: &str) -> Value {
    let path = format!("/api/v1/support/members/{}/{what}", desk.member);
    reads(&desk.sato, &path).await
}

#[tokio::test]
async fn what_was_mailed_and_what_came_of_it_is_told_without_an_address() {
    let desk = DeskOfTwo::open().await;
    desk.app.client_at("email_link").await;
    desk.app.settled().await;
    let told = of_member(&desk, "mails").await;
    let mail = &told["mails"][0];
    let of = ["kind", "outcome", "smtp_code", "why"].map(|name| mail[name].clone());
    assert_eq!(
        of,
        [
            json!("email_link"),
            json!("accepted"),
            json!(250),
            json!(null)
        ]
    );
    assert!(!told.to_string().contains('@'), "{told}");
    let page = desk.sato.get(&desk.path()).await;
    page.is(200)
        .says("お送りしたメール")
        .says("確認のリンク")
        .says("メールサーバが受け取った");
}

#[tokio::test]
async fn what_happened_lately_is_told_with_names_and_without_payloads() {
    let desk = DeskOfTwo::open().await;
    desk.does("freeze", "suspected_misuse").await;
    let told = of_member(&desk, "history").await;
    let events = told["events"].as_array().unwrap();
    let types: Vec<&str> = events
        .iter()
        .map(|it| it["type"].as_str().unwrap())
        .collect();
    assert_eq!(types, ["AccountFrozen", "Intervened", "MemberEnrolled"]);
    assert_eq!(events[0]["by"], "佐藤");
    assert_eq!(events[0]["payload"], json!(null));
}

#[tokio::test]
async fn each_of_them_is_a_look_that_the_next_auditor_sees() {
    let desk = DeskOfTwo::open().await;
    let before = views(&desk.app).await.len();
    of_member(&desk, "mails").await;
    of_member(&desk, "history").await;
    reads(&desk.sato, "/api/v1/support/proposals").await;
    let views = views(&desk.app).await;
    let seen = views[before..].iter().map(|it| it["view"].clone());
    assert_eq!(
        seen.collect::<Vec<_>>(),
        ["member_history", "member_history", "approvals"]
    );
    assert_eq!(views[before]["member"], desk.member.to_string());
}

#[tokio::test]
async fn of_nobody_there_is_nothing_to_read() {
    let desk = DeskOfTwo::open().await;
    for what in ["mails", "history"] {
        let nobody = "01900000-0000-7000-8000-000000000000";
        let path = format!("/api/v1/support/members/{nobody}/{what}");
        desk.sato.get(&path).await.is(404);
    }
}

#[tokio::test]
async fn what_waits_and_what_was_decided_are_two_lists() {
    let desk = DeskOfTwo::open().await;
    let list = async |state: &str| {
        let path = format!("/api/v1/support/proposals?state={state}");
        reads(&desk.suzuki, &path).await["proposals"].take()
    };
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    let waiting = list("waiting").await;
    let of = ["intervention", "reason", "ticket", "verdict"].map(|name| waiting[0][name].clone());
    assert_eq!(of, ["reissue_credentials", "letter_lost", "HD-1", "open"]);
    assert!(address.ends_with(waiting[0]["proposal"].as_str().unwrap()));
    assert_eq!(waiting[0]["person"]["name"], "見***");
    assert_eq!(list("decided").await, json!([]));
    desk.approves(&address).await;
    assert_eq!(list("waiting").await, json!([]));
    let decided = list("decided").await;
    assert_eq!(decided[0]["proposal"], waiting[0]["proposal"]);
    assert_eq!(decided[0]["verdict"], "approved");
    assert_ne!(decided[0]["decided_by"], decided[0]["by"]);
    let again = desk.proposes("reissue_credentials", "letter_lost").await;
    desk.suzuki.get(&again).await.is(200);
    let decline = [("verdict", "decline")];
    desk.suzuki.post(&again, &decline).await.leads_to(&again);
    let decided = list("decided").await;
    let verdicts = [0, 1].map(|at: usize| decided[at]["verdict"].clone());
    assert_eq!(verdicts, ["declined", "approved"]);
}

#[tokio::test]
async fn a_list_holds_only_what_the_role_may_decide_on() {
    let desk = DeskOfTwo::open().await;
    let address = desk.proposes("reissue_credentials", "letter_lost").await;
    let auditor = hire(&desk.app, "高橋", Role::Auditor).await;
    let auditor = at_work(&desk.app, &auditor).await;
    let path = "/api/v1/support/proposals";
    assert_eq!(reads(&auditor, path).await["proposals"], json!([]));
    desk.approves(&address).await;
    let decided = reads(&auditor, &format!("{path}?state=decided")).await;
    assert_eq!(decided["proposals"], json!([]));
}

#[tokio::test]
async fn a_list_that_there_is_not_is_refused_with_the_field() {
    let desk = DeskOfTwo::open().await;
    let refused = desk.sato.get("/api/v1/support/proposals?state=lost").await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    refused.says("\"state\"").says("unknown");
}
