//! A member who enters the address on a computer and goes on on a telephone, in real browsers: one code more.

use crate::support::app::{App, INITIAL_PASSWORD, USER_ID};
use crate::support::chromium::{Driver, Window};

async fn signs_in(app: &App, browser: &Window) {
    browser.open(&app.url).await;
    browser.types("user_id", USER_ID).await;
    browser.types("password", INITIAL_PASSWORD).await;
    browser.presses("ログイン").await;
}

#[tokio::test]
async fn a_member_who_presses_update_in_another_browser_enters_a_code_there_and_goes_on() {
    let (app, _) = App::with_member().await;
    let driver = Driver::start();
    let computer = driver.window().await;
    signs_in(&app, &computer).await;
    computer.arrives_at("生年月日の入力").await;
    computer.types("birth_date", "1980-01-01").await;
    computer.presses("次へ進む").await;
    computer.arrives_at("メールアドレスの登録").await;
    computer.types("email", "hanako@example.jp").await;
    computer.presses("確認のメールを送る").await;
    computer.arrives_at("メールを開いて確認してください").await;
    app.wait(60);
    let telephone = driver.window().await;
    signs_in(&app, &telephone).await;
    telephone.arrives_at("メールを開いて確認してください").await;
    let token = app.link_token().await;
    let path = format!("/email-confirmations/{token}");
    app.client().post(&path, serde_json::json!({})).await;
    telephone.arrives_at("あとは「更新」を押すだけです").await;
    telephone.presses("更新").await;
    telephone.arrives_at("ワンタイムパスワードの入力").await;
    telephone.shows("メールアドレスを登録しました").await;
    telephone.looks_both("other-browser-01-code").await;
    telephone.types("code", &app.code().await).await;
    telephone.presses("実行").await;
    telephone.arrives_at("認証方法の選択").await;
}
