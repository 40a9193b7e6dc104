//! A forgotten password in a real browser: asked for, set on a telephone without scripts, waited for, and signed in with.

use crate::forgotten_password::{DELAY, RESET_PASSWORD, mailed_token};
use crate::support::app::{App, NEW_PASSWORD, USER_ID};
use crate::support::chromium::Driver;

#[tokio::test]
async fn a_member_who_has_forgotten_the_password_sets_another_and_signs_in_with_it_a_day_later() {
    let (app, _) = App::with_member().await;
    let completed = app.client_at("completed").await;
    completed.delete("/sessions/current").await;
    let driver = Driver::start();
    let browser = driver.window().await;
    browser.open(&app.url).await;
    browser.looks_both("forgotten-01-door").await;
    browser.presses("パスワードを忘れた方は、こちら").await;
    browser.arrives_at("パスワードを忘れた方へ").await;
    browser.looks_both("forgotten-02-form").await;
    browser.types("user_id", USER_ID).await;
    browser.types("birth_date", "1980-13-01").await;
    browser.presses("メールを受け取る").await;
    browser.shows("日付として読み取れませんでした").await;
    browser.glances("forgotten-03-trouble").await;
    browser.types("birth_date", "昭和55年1月1日").await;
    browser.presses("メールを受け取る").await;
    browser.shows("受け付けました").await;
    browser.looks_both("forgotten-04-asked").await;

    let link = format!(
        "{}/forgotten-password/{}",
        app.url,
        mailed_token(&app).await
    );
    let phone = driver.window().await;
    phone.open(&link).await;
    phone.arrives_at("新しいパスワードの設定").await;
    phone.looks_both("forgotten-05-link").await;
    let plain = driver.window_without_scripts().await;
    plain.open(&link).await;
    plain.types("new_password", RESET_PASSWORD).await;
    plain.presses("このパスワードに決める").await;
    plain.arrives_at("新しいパスワードを受け付けました").await;
    phone.open(&link).await;
    phone.looks_both("forgotten-06-set").await;

    browser.open(&app.url).await;
    browser.types("user_id", USER_ID).await;
    browser.types("password", NEW_PASSWORD).await;
    browser.presses("ログイン").await;
    browser.arrives_at("ワンタイムパスワードの入力").await;
    browser.types("code", &app.code().await).await;
    browser.presses("実行").await;
    browser.shows("新しく決めたものに切り替わります").await;
    browser.looks_both("forgotten-07-waiting").await;

    app.wait(DELAY);
    browser.open(&app.url).await;
    browser.arrives_at("ログイン").await;
    browser.types("user_id", USER_ID).await;
    browser.types("password", RESET_PASSWORD).await;
    browser.presses("ログイン").await;
    browser.arrives_at("ワンタイムパスワードの入力").await;
    browser.types("code", &app.code().await).await;
    browser.presses("実行").await;
    browser.arrives_at("以上で設定が完了しました").await;
}
