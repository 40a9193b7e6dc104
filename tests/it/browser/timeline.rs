//! A member's timeline in a real browser: what staff did and why, and what changed between two moments, in both languages.

use kadode::domain::staff::Role;
use serde_json::json;

use super::support::signs_in;
use crate::staff::support::{approves, at_work, hire};
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID};
use crate::support::chromium::Driver;

#[tokio::test]
async fn an_auditor_reads_why_staff_acted_and_what_changed_since() {
    let (app, member) = App::with_member().await;
    let client = app.client();
    client.sign_in(USER_ID, "wrong").await;
    app.wait(60);
    client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    app.wait(60);
    let birth_date = json!({"birth_date": "1980-01-01"});
    client.step("birth-date", birth_date).await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let desk = at_work(&app, &sato).await;
    let path = format!("/support/members/{member}");
    let proposal = uuid::Uuid::from_u128(7).to_string();
    for (intervention, reason, proposal) in [
        ("freeze", "suspected_misuse", ""),
        ("reissue_credentials", "letter_lost", proposal.as_str()),
    ] {
        desk.get(&path).await.is(200);
        let fields = [
            ("intervention", intervention),
            ("reason", reason),
            ("ticket", "HD-1234"),
            ("proposal", proposal),
        ];
        let done = desk.post(&format!("{path}/interventions"), &fields).await;
        done.is(303);
    }
    let suzuki = hire(&app, "鈴木 次郎", Role::Support).await;
    let desk = at_work(&app, &suzuki).await;
    let address = format!("/approvals/{member}/{proposal}");
    approves(&desk, &address).await;

    let auditor = hire(&app, "監査 花", Role::Auditor).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &auditor).await;
    browser
        .open(&format!("{}/audit/members/{member}", app.url))
        .await;
    browser.arrives_at("会員の履歴").await;
    browser
        .shows("理由: 第三者による利用の疑い (suspected_misuse)")
        .await;
    browser.shows("申請者: 佐藤 明子").await;
    browser.looks_both("timeline-01-history").await;
    browser.types("since", "2026-04-10T09:00:30").await;
    browser.presses("表示する").await;
    browser.shows("前の時点").await;
    browser.looks_both("timeline-02-changes").await;
    browser.presses("English").await;
    browser.shows("Letter number").await;
    browser.looks("timeline-02-changes").await;
    browser.presses("日本語").await;
    browser.presses("出来事の一覧").await;
    browser.arrives_at("出来事の一覧").await;
    browser.shows("問い合わせ番号: HD-1234").await;
    browser.looks_both("timeline-03-events").await;
}
