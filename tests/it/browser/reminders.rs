//! Reminders in a real browser: what is due, when it goes, what it says.

use kadode::domain::staff::Role;

use super::support::signs_in;
use crate::reminders::{reminding_policy, several_stopped};
use crate::staff::support::hire;
use crate::support::app::{App, Setup};
use crate::support::chromium::Driver;

#[tokio::test]
async fn support_sees_what_is_due_and_what_the_mail_says() {
    let setup = Setup {
        policy: reminding_policy("per_hour = 1\nper_day = 2"),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    several_stopped(&app, 3).await;
    app.wait(3 * 24 * 3600);
    app.settled().await;
    let society = &app.society;
    let reminder = society.reminder(app.api.statuses.progress());
    reminder.remind().await.unwrap();
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    app.settled().await;
    let driver = Driver::start();
    let browser = driver.window().await;
    signs_in(&app, &browser, &sato).await;
    browser.tabs_to("途中の方へのお知らせ").await;
    browser.enters().await;
    browser.arrives_at("途中の方へのお知らせ").await;
    browser.shows("合わせて2名").await;
    browser.shows("認証方法の選択").await;
    browser.shows("2026年4月13日").await;
    browser.shows("初回ログインの設定が、まだ途中です").await;
    browser.hides("kadode0").await;
    browser.looks_both("reminders-01").await;
}

#[tokio::test]
async fn support_sees_without_scripts_that_none_are_sent() {
    let app = App::start().await;
    let sato = hire(&app, "佐藤 明子", Role::Support).await;
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;
    signs_in(&app, &browser, &sato).await;
    browser
        .open(&format!("{}/support/reminders", app.url))
        .await;
    browser.arrives_at("途中の方へのお知らせ").await;
    browser.shows("いまは送っていません").await;
}
