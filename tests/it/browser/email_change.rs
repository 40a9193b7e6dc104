//! Another address after completion, in a real browser: entered with the password, confirmed on a telephone, waiting, taken back.

use crate::support::app::{App, NEW_PASSWORD, USER_ID};
use crate::support::chromium::Driver;

#[tokio::test]
async fn a_member_enters_another_address_confirms_it_sees_when_it_counts_and_takes_it_back() {
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
    browser.presses("メールアドレスの変更").await;
    browser.arrives_at("メールアドレスの変更").await;
    browser.looks_both("change-01-form").await;
    browser.types("email", "hanako@new.example.jp").await;
    browser.types("password", "wrong").await;
    browser.presses("確認のメールを送る").await;
    browser.shows("パスワードが違います").await;
    browser.glances("change-02-trouble").await;
    browser.types("password", NEW_PASSWORD).await;
    browser.presses("確認のメールを送る").await;
    browser.shows("新しいアドレス：").await;
    browser.looks_both("change-03-mailed").await;

    let phone = driver.window_without_scripts().await;
    let link = format!("{}/email/{}", app.url, app.link_token().await);
    phone.open(&link).await;
    phone.presses("メールアドレスの確認").await;
    phone.arrives_at("メールのリンクを確認しました").await;

    browser.presses("更新").await;
    browser.shows("変更を受け付けました").await;
    browser.looks_both("change-05-waiting").await;
    browser.presses("変更を取りやめる").await;
    browser.shows("取りやめました").await;
    browser.glances("change-06-taken-back").await;
}
