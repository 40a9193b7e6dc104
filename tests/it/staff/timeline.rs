//! A member's timeline tells why, by whom and with whose approval, in the reader's words; and what differs between two moments.

use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::{ImportId, MemberId};
use kadode::domain::onboarding::{Command, ProfileField};
use kadode::domain::staff::Role;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{approves, at_work, hire, unmask};
use crate::email_change::{DELAY, pending};
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID};
use crate::support::browser::Browser;

async fn auditor(app: &App) -> Browser {
    let auditor = hire(app, "監査", Role::Auditor).await;
    at_work(app, &auditor).await
}

fn path_of(member: MemberId) -> String {
    format!("/audit/members/{member}")
}

async fn ask(browser: &Browser, member: MemberId, query: &str) -> Value {
    let path = format!("/api/v1{}?{query}", path_of(member));
    let shown = browser.send(browser.request(Method::GET, &path)).await;
    shown.is(200);
    serde_json::from_str(&shown.html).unwrap()
}

/// What a page tells of the newest event of that type.
fn entry<'a>(html: &'a str, event_type: &str) -> &'a str {
    let mut entries = html.split("<li").filter(|it| it.contains("class=\"when\""));
    let mark = format!(">{event_type} #");
    entries.find(|it| it.contains(&mark)).unwrap()
}

fn says(told: &str, all: &[&str]) {
    for text in all {
        assert!(told.contains(text), "{text} is not in {told}");
    }
}

/// Somebody at the desk does or proposes something for the member, on the grounds of ticket HD-1.
async fn intervenes(desk: &Browser, member: MemberId, of: [&str; 2], proposal: &str) {
    let path = format!("/support/members/{member}");
    desk.get(&path).await.is(200);
    let fields = [
        ("intervention", of[0]),
        ("reason", of[1]),
        ("ticket", "HD-1"),
        ("proposal", proposal),
    ];
    let done = desk.post(&format!("{path}/interventions"), &fields).await;
    done.is(303);
}

#[tokio::test]
async fn what_staff_did_is_told_with_its_grounds() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤", Role::Support).await;
    let sato = at_work(&app, &sato).await;
    intervenes(&sato, member, ["freeze", "suspected_misuse"], "").await;
    let browser = auditor(&app).await;
    let page = browser.get(&path_of(member)).await;
    let told = entry(&page.html, "Intervened");
    says(
        told,
        &[
            "操作: 利用を停止する (freeze)",
            "理由: 第三者による利用の疑い (suspected_misuse)",
            "問い合わせ番号: HD-1",
            "担当者: 佐藤",
            "担当者の操作 (Intervene)",
        ],
    );
}

#[tokio::test]
async fn an_approval_tells_what_was_proposed_by_whom_and_who_approved_it() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤", Role::Support).await;
    let sato = at_work(&app, &sato).await;
    let proposal = Uuid::from_u128(7).to_string();
    let letter = ["reissue_credentials", "letter_lost"];
    intervenes(&sato, member, letter, &proposal).await;
    let suzuki = hire(&app, "鈴木", Role::Support).await;
    let suzuki = at_work(&app, &suzuki).await;
    let address = format!("/approvals/{member}/{proposal}");
    approves(&suzuki, &address).await;
    let browser = auditor(&app).await;
    let history = browser.get(&path_of(member)).await;
    let list = browser.get("/audit/events?type=InterventionApproved").await;
    for page in [history, list] {
        says(
            entry(&page.html, "InterventionApproved"),
            &[
                "新しい案内の紙を発行する（最初からやり直し） (reissue_credentials)",
                "理由: 案内の紙の紛失・不着 (letter_lost)",
                "問い合わせ番号: HD-1",
                "申請者: 佐藤",
                "担当者: 鈴木",
            ],
        );
    }
}

#[tokio::test]
async fn a_failure_is_told_in_the_readers_language_beside_its_code() {
    let (app, member) = App::with_member().await;
    app.client().sign_in(USER_ID, "wrong").await;
    let browser = auditor(&app).await;
    let page = browser.get(&path_of(member)).await;
    says(
        entry(&page.html, "CredentialsRejected"),
        &[
            "理由: パスワードが違う (wrong_password)",
            "ログイン (SignIn)",
        ],
    );
    let page = browser.get(&format!("{}?lang=en", path_of(member))).await;
    says(
        entry(&page.html, "CredentialsRejected"),
        &[
            "A sign-in failed",
            "Why: Wrong password (wrong_password)",
            "Sign in (SignIn)",
        ],
    );
}

#[tokio::test]
async fn a_look_tells_which_report_was_looked_at() {
    let (app, _) = App::with_member().await;
    let browser = auditor(&app).await;
    let report = "/audit/reports/completion?as_of=2026-04-10T09:00:10";
    browser.get(report).await.is(200);
    let page = browser.get("/audit/events?type=AuditDataViewed").await;
    says(
        entry(&page.html, "AuditDataViewed"),
        &[
            "見たもの: レポート (report)",
            "レポート 完了の状況 (completion), 時点 2026年4月10日 9時00分10秒",
        ],
    );
}

/// A member who signed in at 9:01, confirmed the date of birth at 9:02 and entered an address at 9:03; and an auditor.
async fn on_the_way() -> (App, MemberId, Browser) {
    let (app, member) = App::with_member().await;
    let client = app.client();
    app.wait(60);
    client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    app.wait(60);
    let birth_date = json!({"birth_date": "1980-01-01"});
    client.step("birth-date", birth_date).await;
    app.wait(60);
    let email = json!({"email": "hanako@example.jp"});
    client.step("email", email).await;
    app.wait(120);
    let email = json!({"email": "hiroko@elsewhere.jp"});
    client.step("email", email).await;
    app.settled().await;
    app.wait(60);
    let browser = auditor(&app).await;
    (app, member, browser)
}

fn change<'a>(body: &'a Value, field: &str) -> Option<&'a Value> {
    let changes = body["changes"].as_array().unwrap();
    changes.iter().find(|it| it["field"] == field)
}

#[tokio::test]
async fn between_two_moments_each_field_that_differs_is_told_and_no_other() {
    let (_app, member, browser) = on_the_way().await;
    let query = "since=2026-04-10T09:01:30&at=2026-04-10T09:03:30";
    let body = ask(&browser, member, query).await;
    assert_eq!(
        body["changes"],
        json!([
            {"field": "step", "before": "birth_date", "after": "email_link", "is_another": false},
            {"field": "at_step_since", "before": "2026-04-10T00:01:00Z", "after": "2026-04-10T00:03:00Z", "is_another": false},
            {"field": "email", "before": null, "after": "registered", "is_another": false},
            {"field": "address", "before": null, "after": "h***@e***.jp", "is_another": false},
        ])
    );
    let page = browser.get(&format!("{}?{query}", path_of(member))).await;
    let (_, table) = page.html.split_once("<table").unwrap();
    let (table, _) = table.split_once("</table>").unwrap();
    says(
        table,
        &[
            "次の手順",
            "生年月日",
            "メールアドレスの状態",
            "なし",
            "入力済み・未確認",
        ],
    );
    let whole = ask(&browser, member, "").await;
    assert_eq!(whole["changes"], Value::Null);
}

#[tokio::test]
async fn nothing_differs_where_nothing_happened() {
    let (_app, member, browser) = on_the_way().await;
    let query = "since=2026-04-10T09:03:10&at=2026-04-10T09:03:30";
    let body = ask(&browser, member, query).await;
    assert_eq!(body["changes"], json!([]));
    let page = browser.get(&format!("{}?{query}", path_of(member))).await;
    page.says("会員の状態は変わっていません");
}

#[tokio::test]
async fn another_address_is_told_though_both_look_alike_when_masked() {
    let (_app, member, browser) = on_the_way().await;
    let query = "since=2026-04-10T09:03:30&at=2026-04-10T09:05:30";
    let body = ask(&browser, member, query).await;
    let address = change(&body, "address").unwrap();
    assert_eq!(address["before"], "h***@e***.jp");
    assert_eq!(address["after"], "h***@e***.jp");
    assert_eq!(address["is_another"], true);
    let page = browser.get(&format!("{}?{query}", path_of(member))).await;
    page.says("h***@e***.jp（別のもの）")
        .is_silent_on("elsewhere");
}

#[tokio::test]
async fn before_the_enrolment_there_was_nothing() {
    let (_app, member, browser) = on_the_way().await;
    let query = "since=2026-04-09&at=2026-04-10T09:00:30";
    let body = ask(&browser, member, query).await;
    for change in body["changes"].as_array().unwrap() {
        assert_eq!(change["before"], Value::Null, "{change}");
    }
    assert_eq!(
        change(&body, "cohort").unwrap()["after"],
        "joined-to-2024-12-01"
    );
    assert_eq!(change(&body, "letter").unwrap()["after"], "1");
    assert_eq!(change(&body, "password").unwrap()["after"], "initial");
    let policy = change(&body, "policy").unwrap()["after"].as_str().unwrap();
    assert!(policy.contains('@'), "{policy}");
}

#[tokio::test]
async fn a_stopped_account_differs_in_use_and_session() {
    let (app, member, browser) = on_the_way().await;
    app.wait(60);
    app.freeze(member).await;
    let body = ask(&browser, member, "since=2026-04-10T09:06:00").await;
    let frozen = change(&body, "frozen").unwrap();
    assert_eq!(
        (&frozen["before"], &frozen["after"]),
        (&json!("no"), &json!("by_staff"))
    );
    let session = change(&body, "session").unwrap();
    assert_eq!(
        (&session["before"], &session["after"]),
        (&json!("onboarding"), &json!(null))
    );
}

#[tokio::test]
async fn an_address_whose_delay_is_over_is_the_present_one_though_no_event_says_so_yet() {
    let (app, member, _client) = pending().await;
    let confirmed = app.clock.now();
    app.wait(DELAY + 120);
    let browser = auditor(&app).await;
    let body = ask(&browser, member, &format!("since={confirmed}")).await;
    let change_of = change(&body, "email_change").unwrap();
    assert_eq!(
        (&change_of["before"], &change_of["after"]),
        (&json!("pending"), &json!(null))
    );
    assert_eq!(change(&body, "address").unwrap()["is_another"], true);
}

#[tokio::test]
async fn of_a_moment_yet_to_come_all_there_is_is_told_and_as_of_when() {
    let (app, member, browser) = on_the_way().await;
    app.wait(600);
    let minute_ago = app.clock.now() - SignedDuration::from_mins(1);
    let later = ask(&browser, member, "at=2099-01-01").await;
    let at: Timestamp = later["as_of"]["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, minute_ago);
    let page = browser
        .get(&format!("{}?at=2099-01-01", path_of(member)))
        .await;
    page.is(200).says("いままでの出来事").is_silent_on("2099年");
}

#[tokio::test]
async fn whoever_asks_again_for_the_moment_that_counted_gets_the_same() {
    let (app, member, browser) = on_the_way().await;
    let now = ask(&browser, member, "").await;
    let at = now["as_of"]["at"].as_str().unwrap();
    app.wait(60);
    app.freeze(member).await;
    let again = ask(&browser, member, &format!("at={at}")).await;
    assert_eq!(again["as_of"], now["as_of"]);
    assert_eq!(again["entries"], now["entries"]);
}

#[tokio::test]
async fn personal_data_are_shown_on_every_page_of_a_long_history() {
    let (app, member) = App::with_member().await;
    for number in 0..205 {
        let command = Command::ChangeProfile {
            import: ImportId(Uuid::from_u128(number)),
            fields: vec![ProfileField::Name],
        };
        app.command(member, command).await.unwrap();
    }
    let browser = auditor(&app).await;
    unmask(&app, &browser, member).await;
    let path = format!("{}/unmask", path_of(member));
    let first = browser.post(&path, &[]).await;
    first
        .is(200)
        .says("1980-01-01")
        .is_silent_on(">MemberEnrolled #");
    let before = first.field("before").unwrap();
    let second = browser.post(&path, &[("before", &before)]).await;
    second.is(200).says("1980-01-01").says(">MemberEnrolled #");
    assert!(
        !second.html.contains(">InterventionApproved #"),
        "that is on the first page"
    );
}

#[tokio::test]
async fn who_asks_for_personal_data_of_an_older_page_gets_that_page() {
    let (app, member, browser) = on_the_way().await;
    let masked = browser.get(&format!("{}?before=2", path_of(member))).await;
    assert_eq!(masked.field("before").as_deref(), Some("2"));
    unmask(&app, &browser, member).await;
    let path = format!("{}/unmask", path_of(member));
    let shown = browser.post(&path, &[("before", "2")]).await;
    shown
        .is(200)
        .says("1980-01-01")
        .is_silent_on(">CredentialsAccepted #");
}
