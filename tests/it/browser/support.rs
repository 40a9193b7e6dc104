//! Support's day in a real browser: a stuck member found and helped, a new letter proposed by one and approved by another.

use kadode::domain::onboarding::Intervention;
use kadode::domain::staff::Role;
use reqwest::StatusCode;
use serde_json::json;

use crate::defences::guessing::{close_the_formula, society};
use crate::staff::support::{Clerk, at_work, code, hire};
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID, profile};
use crate::support::chromium::{Driver, Window};

/// What a new letter is called.
const LETTER: &str = "新しい案内の紙を発行する（最初からやり直し）";

const OWN_PASSWORD: &str = crate::staff::support::OWN_PASSWORD;

/// Signs in somebody who has a password of their own.
pub(super) async fn signs_in(app: &App, browser: &Window, clerk: &Clerk) {
    at_work(app, clerk).await;
    browser.open(&format!("{}/staff", app.url)).await;
    browser.arrives_at("担当者のログイン").await;
    browser.types("name", &clerk.name).await;
    browser.types("password", OWN_PASSWORD).await;
    browser.types("code", &code(app, clerk.id).await).await;
    browser.presses("ログイン").await;
    browser.arrives_at("担当者の画面").await;
}

/// Chooses from a list, as a mouse does.
pub(super) async fn chooses(browser: &Window, id: &str, value: &str) {
    let script = format!("document.getElementById('{id}').value = '{value}'; return ''");
    browser.ask(&script).await;
}

#[tokio::test]
async fn support_finds_a_stuck_member_helps_at_once_and_with_a_colleague_issues_a_new_letter() {
    let (app, _) = App::with_member().await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let suzuki = hire(&app, "鈴木 次郎", Role::Support).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &sato).await;
    let member = app.client();
    for _ in 0..5 {
        member.sign_in(USER_ID, "wrong").await;
    }
    browser.looks_both("support-01-home").await;
    browser.presses("会員のサポート").await;
    browser.arrives_at("会員のサポート").await;
    browser.types("user_id", USER_ID).await;
    browser.presses("ユーザIDで探す").await;
    browser.arrives_at("会員のサポート").await;
    browser.shows("ログインできません").await;
    browser.hides("11111").await;
    browser.looks_both("support-02-member").await;

    browser.presses("待ち時間を解除する").await;
    browser.glances("support-03-lift").await;
    chooses(&browser, "lift_wait-reason", "locked_out").await;
    browser.types("lift_wait-ticket", "見本 花子").await;
    browser.presses("実行する").await;
    browser.shows("問い合わせ番号を、英字で始まる").await;
    browser.glances("support-04-trouble").await;
    browser.types("lift_wait-ticket", "HD-1024").await;
    browser.presses("実行する").await;
    browser.shows("操作を実行しました").await;
    browser.hides("までログインできません").await;
    let let_in = member.sign_in(USER_ID, INITIAL_PASSWORD).await;
    assert_eq!(let_in.status.as_u16(), 201);

    browser.presses(LETTER).await;
    browser.shows("別の担当者の承認が必要です").await;
    chooses(&browser, "reissue_credentials-reason", "letter_lost").await;
    browser.types("reissue_credentials-ticket", "HD-1024").await;
    browser.presses("承認を申請する").await;
    browser.shows("申請しました").await;
    browser.looks_both("support-05-proposed").await;
    browser.presses("ログアウト").await;
    browser.arrives_at("担当者のログイン").await;

    signs_in(&app, &browser, &suzuki).await;
    browser.presses("承認待ちの申請").await;
    browser.arrives_at("承認待ちの申請").await;
    browser.looks_both("support-06-approvals").await;
    browser.presses(&format!("{LETTER}: 見*** ha***")).await;
    browser.arrives_at("申請の確認").await;
    browser.shows("最初からやり直します").await;
    browser.shows("佐藤 明子").await;
    browser.looks_both("support-07-approval").await;
    browser.presses("承認して実行する").await;
    browser.shows("承認され、実行されました").await;
    browser.glances("support-08-approved").await;
}

#[tokio::test]
async fn support_sees_which_limits_keep_a_member_and_what_was_mailed() {
    let app = society(10, 1000).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = app.client_at("email_link").await;
    for _ in 0..4 {
        app.wait(60);
        let again = client.post("/onboarding/email/resend", json!({})).await;
        again.expect(StatusCode::OK);
    }
    close_the_formula(&app).await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &sato).await;
    app.settled().await;
    browser
        .open(&format!("{}/support/members/{member}", app.url))
        .await;
    browser.arrives_at("会員のサポート").await;
    browser.shows("初期パスワードを、受け付けていません").await;
    browser
        .shows("確認メールを、送れる回数の上限までお送りしました")
        .await;
    browser.shows("メールサーバが受け取った").await;
    browser.hides("11111").await;
    browser.looks_both("support-09-limits").await;
}

#[tokio::test]
async fn once_no_lift_is_left_the_desk_says_when_there_is_one_and_what_helps_until_then() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    for _ in 0..3 {
        let lift = app.intervene(member, Intervention::LiftWait);
        lift.await.unwrap();
    }
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &sato).await;
    let stranger = app.client();
    for _ in 0..5 {
        stranger.sign_in(USER_ID, "wrong").await;
    }
    browser
        .open(&format!("{}/support/members/{member}", app.url))
        .await;
    browser.shows("ほかからは、いまもログインできます").await;
    browser.shows("次に解除できるのは").await;
    browser.looks_both("support-10-no-lift-left").await;
}

#[tokio::test]
async fn a_colleague_approves_a_letter_with_neither_scripts_nor_a_mouse() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let suzuki = hire(&app, "鈴木 次郎", Role::Support).await;
    let desk = at_work(&app, &sato).await;
    let path = format!("/support/members/{member}");
    desk.get(&path).await.is(200);
    let proposal = uuid::Uuid::from_u128(7).to_string();
    let fields = [
        ("intervention", "reissue_credentials"),
        ("reason", "letter_lost"),
        ("ticket", "HD-1024"),
        ("proposal", proposal.as_str()),
    ];
    let proposed = desk.post(&format!("{path}/interventions"), &fields).await;
    proposed.is(303);
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;
    signs_in(&app, &browser, &suzuki).await;
    browser.tabs_to("承認待ちの申請").await;
    browser.enters().await;
    browser.arrives_at("承認待ちの申請").await;
    browser.tabs_to(&format!("{LETTER}: 見*** ha***")).await;
    browser.enters().await;
    browser.arrives_at("申請の確認").await;
    browser.shows("最初からやり直します").await;
    browser.tabs_to("承認して実行する").await;
    browser.enters().await;
    browser.shows("承認され、実行されました").await;
    assert!(
        app.events(member)
            .await
            .contains(&"CredentialsReissued".to_owned())
    );
}

#[tokio::test]
async fn the_desk_needs_neither_scripts_nor_a_mouse() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;
    signs_in(&app, &browser, &sato).await;
    browser
        .open(&format!("{}/support/members/{member}", app.url))
        .await;
    browser.arrives_at("会員のサポート").await;
    browser.tabs_to("利用を停止する").await;
    browser.enters().await;
    browser.tabs_to("freeze-reason").await;
    browser.strikes("第").await;
    browser.tabs_to("freeze-ticket").await;
    browser.strikes("HD-7").await;
    browser.enters().await;
    browser.shows("操作を実行しました").await;
    browser.shows("利用を停止しています").await;
    assert_eq!(
        app.events(member).await,
        ["MemberEnrolled", "Intervened", "AccountFrozen"]
    );
}
