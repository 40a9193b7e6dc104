//! The desk shows which limits keep a member, when each opens again, and what helps.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::desk::{DeskOfTwo, reads};
use crate::defences::guessing::{close_the_formula, society};
use crate::support::app::{INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, profile};

/// The limits that a program of the desk reads.
async fn limits(desk: &DeskOfTwo) -> Value {
    let path = format!("/api/v1/support/members/{}", desk.member);
    reads(&desk.sato, &path).await["limits"].take()
}

/// Seconds from now until a moment.
fn from_now(desk: &DeskOfTwo, moment: &Value) -> i64 {
    let moment: Timestamp = moment.as_str().unwrap().parse().unwrap();
    moment.duration_since(desk.app.clock.now()).as_secs()
}

#[tokio::test]
async fn that_the_formula_is_closed_is_told_with_when_it_opens_and_what_helps() {
    let app = society(10, 1000).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let desk = DeskOfTwo::of(app, member).await;
    assert_eq!(limits(&desk).await, json!([]));
    close_the_formula(&desk.app).await;
    let told = limits(&desk).await;
    assert_eq!(told[0]["limit"], "formula");
    let page = desk.sato.get(&desk.path()).await;
    page.is(200)
        .says("初期パスワードを、受け付けていません")
        .says("また使えます")
        .says("新しい案内の紙を発行する」を申請してください")
        .is_silent_on("11111");
    let opens_in = from_now(&desk, &told[0]["opens_at"]);
    desk.app.wait(opens_in - 1);
    let client = desk.app.client();
    let refused = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    refused.problem(401, "sign-in-failed");
    desk.app.wait(1);
    let let_in = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    let_in.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_closed_formula_is_no_matter_of_whoever_has_a_password_of_their_own() {
    let app = society(10, 1000).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app.client_at("log_out").await;
    let desk = DeskOfTwo::of(app, member).await;
    close_the_formula(&desk.app).await;
    assert_eq!(limits(&desk).await, json!([]));
}

#[tokio::test]
async fn that_no_more_codes_are_mailed_is_told_until_the_member_is_no_longer_refused() {
    let desk = DeskOfTwo::open().await;
    let client = desk.app.client_at("log_out").await;
    for _ in 0..10 {
        let accepted = client.sign_in(USER_ID, NEW_PASSWORD).await;
        accepted.expect(StatusCode::CREATED);
    }
    let refused = client.sign_in(USER_ID, NEW_PASSWORD).await;
    let wait = refused.problem(429, "budget-spent")["retry_after"].clone();
    let told = limits(&desk).await;
    assert_eq!(told[0]["limit"], "codes");
    assert_eq!(json!(from_now(&desk, &told[0]["opens_at"])), wait);
    let page = desk.sato.get(&desk.path()).await;
    page.is(200)
        .says("ワンタイムパスワードのメールを、送れる回数の上限までお送りしました");
}
