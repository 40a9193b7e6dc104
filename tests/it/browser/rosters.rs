//! A roster in a real browser: brought by one, refused for a wrong row, seen and approved by another.

use std::fs;

use kadode::domain::staff::Role;

use super::support::{chooses, signs_in};
use crate::staff::support::hire;
use crate::support::app::{App, eventually};
use crate::support::chromium::Driver;

const HEADER: &str = "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal";
const HANAKO: &str = "hanako01,1,12345,1980-01-01,見本 華子,,2020-04-01,0,1,11111";
const TARO: &str = "taro01,1,22222,1975-05-05,見本 太郎,,2020-04-01,0,,";

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
    for (name, taro) in [("wrong.csv", wrong.as_str()), ("right.csv", TARO)] {
        let text = format!("{header}\n{HANAKO}\n{taro}\n");
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
    browser.attaches("file", &path("right.csv")).await;
    chooses(&browser, "reason", "regular_update").await;
    browser.types("ticket", "HD-2048").await;
    browser.presses("内容を確かめる").await;
    browser.arrives_at("名簿の内容").await;
    browser.shows("別の担当者の承認を待っています").await;
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
