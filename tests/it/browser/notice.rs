//! The link of a notice in a real browser, on a telephone, pressed without scripts: what the button does, and what it did.

use crate::not_me::set_up;
use crate::support::chromium::Driver;

#[tokio::test]
async fn whoever_it_was_not_reads_what_the_button_does_presses_it_and_is_told_whom_to_call() {
    let (app, _, attacker, token) = set_up().await;
    let driver = Driver::start();
    let link = format!("{}/not-me/{token}", app.url);

    let phone = driver.window().await;
    phone.open(&link).await;
    phone.arrives_at("ご自身で手続きしていない方へ").await;
    phone.shows("すぐにアカウントの利用を停止します").await;
    phone.looks_both("not-me").await;
    phone.open(&link[..link.len() - 1]).await;
    phone.arrives_at("このアドレスは正しくありません").await;
    phone.looks_both("not-me-unknown").await;

    let without_scripts = driver.window_without_scripts().await;
    without_scripts.open(&link).await;
    without_scripts
        .presses("覚えがないので、利用を停止する")
        .await;
    without_scripts.arrives_at("利用を停止しました").await;
    without_scripts.shows("03-0000-0000").await;
    attacker.get("/onboarding").await.problem(401, "no-session");

    phone.open(&link).await;
    phone.arrives_at("利用を停止しました").await;
    phone.looks_both("not-me-stopped").await;
}
