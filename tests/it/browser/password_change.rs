//! Another password in a real browser: the link on the last page, both passwords, what is wrong with one, and the notice that it counts.

use crate::password_change::CHANGED_PASSWORD;
use crate::support::app::{App, NEW_PASSWORD, USER_ID};
use crate::support::chromium::Driver;

#[tokio::test]
async fn a_member_changes_the_password_and_signs_in_with_the_new_one() {
    let (app, _) = App::with_member().await;
    let completed = app.client_at("completed").await;
    completed.delete("/sessions/current").await;
    let driver = Driver::start();
    let browser = driver.window().await;
    browser.open(&app.url).await;
    browser.types("user_id", USER_ID).await;
    browser.types("password", NEW_PASSWORD).await;
    browser.presses("ログイン").await;
    browser.arrives_at("ワンタイムパスワードの入力").await;
    browser.types("code", &app.code().await).await;
    browser.presses("実行").await;
    browser.arrives_at("以上で設定が完了しました").await;
    browser.looks_both("password-change-01-link").await;
    browser.presses("パスワードの変更").await;
    browser.arrives_at("パスワードの変更").await;
    browser.looks_both("password-change-02-form").await;
    browser.types("password", "wrong").await;
    browser.types("new_password", CHANGED_PASSWORD).await;
    browser.presses("パスワードを変更する").await;
    browser.shows("パスワードが違います").await;
    browser.looks_both("password-change-03-trouble").await;
    browser.types("password", NEW_PASSWORD).await;
    browser.types("new_password", CHANGED_PASSWORD).await;
    browser.presses("パスワードを変更する").await;
    browser.arrives_at("以上で設定が完了しました").await;
    browser.shows("パスワードを変更しました").await;
    browser.looks_both("password-change-04-changed").await;

    app.wait(60);
    let phone = driver.window_without_scripts().await;
    phone.open(&app.url).await;
    phone.types("user_id", USER_ID).await;
    phone.types("password", CHANGED_PASSWORD).await;
    phone.presses("ログイン").await;
    phone.arrives_at("ワンタイムパスワードの入力").await;
}
