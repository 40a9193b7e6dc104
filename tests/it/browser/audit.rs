//! An auditor in a real browser: in with an authenticator, to a member, back in time, to a report and its file, and out again.

use kadode::domain::ids::{MemberId, StaffId};
use kadode::domain::onboarding::Command;
use kadode::domain::staff::Role;
use serde_json::{Value, json};

use crate::reports::printed;
use crate::staff::support::{Clerk, OWN_PASSWORD, code, hire};
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID, eventually};
use crate::support::chromium::{Driver, Window};

async fn signs_in(browser: &Window, password: &str, code: &str) {
    browser.types("name", "佐藤 明子").await;
    browser.types("password", password).await;
    browser.types("code", code).await;
    browser.presses("ログイン").await;
}

/// A second person approves what was proposed for the member.
async fn approves(app: &App, member: MemberId) {
    let proposed = app.payloads(member, "InterventionProposed").await;
    let command = Command::ApproveIntervention {
        proposal: proposed[0]["proposal"].as_str().unwrap().parse().unwrap(),
        staff: StaffId(uuid::Uuid::nil()),
        print: None,
    };
    app.command(member, command).await.unwrap();
}

/// Signs in for the first time, and comes to the staff's own page.
async fn begins(app: &App, browser: &Window, auditor: &Clerk) {
    let present = code(app, auditor.id).await;
    signs_in(browser, "wrong", &present).await;
    browser.shows("ログインできませんでした").await;
    browser.glances("audit-01-sign-in-trouble").await;
    signs_in(browser, &auditor.printed, &present).await;
    browser.arrives_at("自分のパスワードの設定").await;
    browser.looks_both("audit-02-password").await;
    browser.types("new_password", "short").await;
    browser.presses("このパスワードに決める").await;
    browser.shows("パスワードが短すぎます").await;
    browser.glances("audit-02-password-trouble").await;
    browser.types("new_password", OWN_PASSWORD).await;
    browser.presses("このパスワードに決める").await;
    browser.arrives_at("担当者の画面").await;
    browser.looks_both("audit-03-home").await;
}

#[tokio::test]
async fn an_auditor_finds_a_member_goes_back_in_time_saves_a_report_and_proves_the_history() {
    let (app, member_id) = App::with_member().await;
    let member = app.client();
    member.sign_in(USER_ID, "wrong").await;
    app.wait(60);
    member.sign_in(USER_ID, INITIAL_PASSWORD).await;
    app.wait(60);
    let birth_date = json!({"birth_date": "1980-01-01"});
    member.step("birth-date", birth_date).await;
    let auditor = hire(&app, "佐藤 明子", Role::Auditor).await;
    let driver = Driver::start();
    let browser = driver.window().await;

    browser.open(&format!("{}/audit", app.url)).await;
    browser.arrives_at("担当者のログイン").await;
    browser.looks_both("audit-01-sign-in").await;
    begins(&app, &browser, &auditor).await;

    browser.presses("会員の履歴を調べる").await;
    browser.arrives_at("会員の履歴を調べる").await;
    browser.looks_both("audit-04-search").await;
    browser.types("user_id", "nobody").await;
    browser.presses("ユーザIDで探す").await;
    browser.shows("見つかりませんでした").await;
    browser.glances("audit-04-search-nobody").await;
    browser.tabs_to("user_id").await;
    browser.strikes(USER_ID).await;
    browser.enters().await;
    browser.arrives_at("会員の履歴").await;
    browser.shows("生年月日が確認されました").await;
    browser.hides(USER_ID).await;
    browser.looks_both("audit-05-member").await;

    browser.types("at", "2026-04-10T09:01:00").await;
    browser.presses("表示する").await;
    browser.shows("の時点の履歴").await;
    browser.hides("生年月日が確認されました").await;
    browser.glances("audit-06-as-of").await;
    browser.presses("伏せた個人情報を表示する").await;
    browser.glances("audit-07-unmask").await;
    let choose = "document.getElementById('reason').value = 'review'; return ''";
    browser.ask(choose).await;
    browser.types("ticket", "AU-1").await;
    browser.presses("承認を申請する").await;
    browser.shows("申請しました").await;
    browser.hides("1980-01-01").await;
    browser.glances("audit-07-proposed").await;
    approves(&app, member_id).await;
    let page = format!("{}/audit/members/{member_id}", app.url);
    browser.open(&page).await;
    browser.presses("伏せた個人情報を表示する").await;
    browser.presses("表示する（記録に残ります）").await;
    browser.shows("1980-01-01").await;
    browser.shows(USER_ID).await;
    browser.looks("audit-08-unmasked").await;
    let address = browser.client.current_url().await.unwrap();
    assert!(!address.as_str().contains(USER_ID), "{address}");

    browser.presses("出来事の一覧").await;
    browser.arrives_at("出来事の一覧").await;
    browser.shows("担当者が記録を閲覧しました").await;
    browser.looks_both("audit-09-events").await;
    browser.presses("この担当者が行ったこと 佐藤 明子").await;
    eventually("the list of one account", || async {
        let chosen = "return document.getElementById('actor_id')?.value ?? ''";
        let chosen = browser.client.execute(chosen, Vec::new()).await.ok()?;
        (chosen == auditor.id.to_string()).then_some(())
    })
    .await;
    browser.hides("MemberEnrolled #").await;
    browser.shows("StaffSignedIn #").await;
    browser.looks("audit-09-of-one-account").await;

    browser.presses("レポート").await;
    browser.arrives_at("レポート").await;
    browser.looks_both("audit-10-reports").await;
    browser.presses("完了の状況").await;
    browser.arrives_at("完了の状況").await;
    browser.types("as_of", "2026-04-10T09:01:00").await;
    browser.presses("表示する").await;
    browser.shows("2026年4月10日 9時01分00秒 の時点").await;
    browser.looks_both("audit-11-report").await;
    let files = tempfile::tempdir().unwrap();
    browser.saves_into(files.path()).await;
    browser.presses("CSV（表計算・集計用）").await;
    let saved = files.path().join("kadode-completion-2026-04-10.csv");
    let asked = ["report", "completion", "--as-of", "2026-04-10T09:01:00"];
    let printed_by_the_program = printed(&app, &asked).await;
    eventually("the whole file, the same as the program prints", || async {
        let saved = std::fs::read(&saved).ok()?;
        (saved == printed_by_the_program).then_some(())
    })
    .await;

    // What the pages show can be proved without them.
    let package = files.path().join("package").display().to_string();
    printed(&app, &["ledger", "export", &package]).await;
    let verified = printed(&app, &["ledger", "verify", &package]).await;
    let verified: Value = serde_json::from_slice(&verified).unwrap();
    assert_eq!(verified["ok"], true);

    browser.presses("ログアウト").await;
    browser.arrives_at("担当者のログイン").await;
    browser.shows("ログアウトしました").await;
    browser.client.back().await.unwrap();
    browser.arrives_at("担当者のログイン").await;
}

#[tokio::test]
async fn an_auditor_needs_neither_scripts_nor_a_mouse() {
    let (app, _) = App::with_member().await;
    let auditor = hire(&app, "佐藤 明子", Role::Auditor).await;
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;
    browser.open(&format!("{}/staff", app.url)).await;
    let present = code(&app, auditor.id).await;
    browser.arrives_at("担当者のログイン").await;
    for (field, text) in [
        ("name", "佐藤 明子"),
        ("password", &auditor.printed),
        ("code", &present),
    ] {
        browser.tabs_to(field).await;
        browser.strikes(text).await;
    }
    browser.enters().await;
    browser.arrives_at("自分のパスワードの設定").await;
    browser.tabs_to("new_password").await;
    browser.strikes(OWN_PASSWORD).await;
    browser.enters().await;
    browser.arrives_at("担当者の画面").await;
    browser.tabs_to("会員の履歴を調べる").await;
    browser.enters().await;
    browser.arrives_at("会員の履歴を調べる").await;
    browser.tabs_to("symbol").await;
    browser.strikes("1").await;
    browser.tabs_to("number").await;
    browser.strikes("11111").await;
    browser.enters().await;
    browser.arrives_at("会員の履歴").await;
    browser.tabs_to("ログアウト").await;
    browser.enters().await;
    browser.arrives_at("担当者のログイン").await;
}
