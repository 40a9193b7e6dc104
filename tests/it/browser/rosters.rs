//! A roster in a real browser: brought by one, refused for a wrong row, seen and approved by another.

use std::fs;

use kadode::domain::staff::Role;
use reqwest::Method;
use serde_json::Value;

use super::support::{chooses, signs_in};
use crate::staff::erasure::{erase, is_finished};
use crate::staff::support::{at_work, hire};
use crate::support::app::{App, eventually};
use crate::support::chromium::{Driver, Window};

const HEADER: &str = "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal";
const HANAKO: &str = "hanako01,1,12345,1980-01-01,見本 華子,,2020-04-01,0,1,11111";
const TARO: &str = "taro01,1,22222,1975-05-05,見本 太郎,,2020-04-01,0,,";

/// Chooses one of several, as a mouse does.
async fn checks(browser: &Window, id: &str) {
    let script = format!("document.getElementById('{id}').checked = true; return ''");
    browser.ask(&script).await;
}

/// Brings some 150 new members, as a program does; answers with the page of the plan.
async fn brought(app: &App) -> String {
    let sato = hire(app, "佐藤 明子", Role::Support).await;
    let desk = at_work(app, &sato).await;
    let rows: Vec<String> = (1..=150)
        .map(|n| format!("kp{n:04},1,3{n:04},1975-05-05,見本 {n}号,,2020-04-01,0\n"))
        .collect();
    let path = "/api/v1/rosters?reason=regular_update&ticket=HD-2048";
    let request = desk.request(Method::POST, path);
    let request = request.header("content-type", "text/csv");
    let answer = desk
        .send(request.body(format!("{HEADER}\n{}", rows.concat())))
        .await;
    let plan: Value = serde_json::from_str(&answer.is(201).html).unwrap();
    format!("{}/rosters/{}", app.url, plan["import"].as_str().unwrap())
}

#[tokio::test]
async fn a_long_roster_is_read_to_its_end_and_approved_with_neither_scripts_nor_a_mouse() {
    let (app, _) = App::with_member().await;
    let plan = brought(&app).await;
    let suzuki = hire(&app, "鈴木 次郎", Role::Administrator).await;
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;
    signs_in(&app, &browser, &suzuki).await;
    browser.open(&plan).await;
    browser.arrives_at("名簿の内容").await;
    browser.tabs_to("次のページ").await;
    browser.enters().await;
    browser.shows("2 / 2 ページ").await;
    browser.tabs_to("承認して実行する").await;
    browser.enters().await;
    let profiles = &app.society.vault.profiles;
    eventually("the last of the new members", || async {
        let found = profiles.find_by_symbol_number("1", "30150").await.unwrap();
        (!found.is_empty()).then_some(())
    })
    .await;
}

#[tokio::test]
async fn whoever_decides_reads_why_a_roster_is_gone_and_that_it_is_brought_again() {
    let (app, member) = App::with_member().await;
    let plan = brought(&app).await;
    erase(&app, member).await;
    is_finished(&app).await;
    let suzuki = hire(&app, "鈴木 次郎", Role::Administrator).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &suzuki).await;
    browser.open(&plan).await;
    browser.shows("この名簿は、もう反映できません").await;
    browser.hides("承認して実行する").await;
    browser.looks_both("roster-07-forgotten").await;
}

#[tokio::test]
async fn a_roster_is_mended_brought_and_approved_by_a_second_person() {
    let (app, member) = App::with_member().await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let suzuki = hire(&app, "鈴木 次郎", Role::Administrator).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &sato).await;
    browser.presses("名簿の反映").await;
    browser.arrives_at("名簿の反映").await;
    browser.looks_both("roster-01-form").await;
    let header = format!("{HEADER},symbol_at_migration,number_at_migration");
    let wrong = TARO.replace("1975-05-05", "1975-15-05");
    let many: Vec<String> = (1..=120)
        .map(|n| format!("kp{n:04},1,3{n:04},1975-05-05,見本 {n}号,,2020-04-01,0,,\n"))
        .collect();
    for (name, rows) in [
        ("wrong.csv", format!("{HANAKO}\n{wrong}\n")),
        ("few.csv", format!("{TARO}\n")),
        ("right.csv", format!("{HANAKO}\n{TARO}\n{}", many.concat())),
    ] {
        let text = format!("{header}\n{rows}");
        fs::write(app.folder.path().join(name), text).unwrap();
    }
    let path = |name: &str| app.folder.path().join(name).display().to_string();
    browser.attaches("file", &path("wrong.csv")).await;
    chooses(&browser, "reason", "regular_update").await;
    browser.types("ticket", "HD-2048").await;
    browser.presses("内容を確かめる").await;
    browser.shows("名簿を受け付けられませんでした").await;
    browser.shows("日付として読み取れません").await;
    browser.looks_both("roster-02-wrong").await;
    // The switch of the language has opened the page anew.
    browser.attaches("file", &path("few.csv")).await;
    checks(&browser, "all").await;
    chooses(&browser, "reason", "regular_update").await;
    browser.types("ticket", "HD-2048").await;
    browser.presses("内容を確かめる").await;
    browser.shows("会員 1 人のうち 1 人が脱退になります").await;
    browser.looks("roster-06-many-leave").await;
    browser.attaches("file", &path("right.csv")).await;
    checks(&browser, "some").await;
    browser.presses("内容を確かめる").await;
    browser.arrives_at("名簿の内容").await;
    browser.shows("別の担当者の承認を待っています").await;
    browser.shows("1 / 2 ページ").await;
    browser.hides("12345").await;
    browser.looks_both("roster-03-plan").await;
    browser.presses("ログアウト").await;
    browser.arrives_at("担当者のログイン").await;

    let browser = driver.window().await;
    signs_in(&app, &browser, &suzuki).await;
    browser.presses("名簿の反映").await;
    browser
        .shows("承認待ち、または反映中の名簿があります")
        .await;
    browser.glances("roster-04-open").await;
    let link = browser
        .ask("return document.querySelector('.notice a').textContent")
        .await;
    browser.presses(link.trim()).await;
    browser.arrives_at("名簿の内容").await;
    browser.tabs_to("承認して実行する").await;
    browser.enters().await;
    eventually("the end of a roster", || async {
        let events = app.events(member).await;
        events.contains(&"ProfileChanged".to_owned()).then_some(())
    })
    .await;
    let address = format!("{}{}", app.url, browser.path().await);
    eventually("the page of a roster that was carried out", || async {
        browser.open(&address).await;
        let text = browser.text().await;
        text.contains("反映が終わりました").then_some(())
    })
    .await;
    browser.glances("roster-05-applied").await;
}
