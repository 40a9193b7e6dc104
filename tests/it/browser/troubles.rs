//! What goes wrong is as good to look at: mistakes, lapses of time, links and codes that are no longer good.

use jiff::SignedDuration;

use super::{comes_to_the_waiting_page, link_in, mail, program_with_mail, signs_in};
use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD};
use crate::support::browser::Browser;
use crate::support::chromium::{Driver, Window};

#[tokio::test]
async fn mistakes_and_lapses_at_the_door_are_as_good() {
    let (app, _server, _) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window().await;

    browser.open(&app.url).await;
    browser.presses("ログイン").await;
    browser.shows("ユーザIDを入力してください").await;
    let script = "return document.activeElement.className";
    assert_eq!(browser.ask(script).await, "troubles", "has the focus");
    browser.glances("02-sign-in-empty").await;
    let guesser = Browser::at_the_door(&app).await;
    for _ in 0..5 {
        guesser.sign_in("wrong-password").await.is(401);
    }
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser.shows("しばらくお待ちいただいています").await;
    browser.glances("02-sign-in-waiting").await;
    app.clock.advance(SignedDuration::from_secs(31));
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser.arrives_at("生年月日の入力").await;
    browser.types("birth_date", "1980年ごろ").await;
    browser.presses("次へ進む").await;
    browser.shows("日付として読み取れませんでした").await;
    browser.glances("03-birth-date-unread").await;
    browser.open(&format!("{}/log-out", app.url)).await;
    browser.shows("設定は、まだ途中です").await;
    browser.glances("11-log-out-mid-flow").await;
    app.clock.advance(SignedDuration::from_mins(20));
    browser.open(&app.url).await;
    browser.shows("この画面ではログアウトしました").await;
    browser.glances("02-sign-in-session-ended").await;
    browser.client.delete_cookie("kadode-form").await.unwrap();
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser
        .arrives_at("画面を開いてから時間がたっています")
        .await;
    browser.glances("problem-form-too-old").await;
    for (note, told) in [
        ("password-set", "新しいパスワードは、設定できました"),
        ("code-accepted", "ワンタイムパスワードは、確認できました"),
    ] {
        let door = format!("{}/sign-in?note={note}", app.url);
        browser.open(&door).await;
        browser.shows(told).await;
        browser.glances(&format!("13-sign-in-{note}")).await;
    }
    browser.open(&format!("{}/api/docs", app.url)).await;
    browser.glances("docs").await;
}

/// At step 5, or on the way to correct the address.
async fn registers(browser: &Window, address: &str) {
    browser.types("email", address).await;
    browser.presses("確認のメールを送る").await;
    browser.arrives_at("メールを開いて確認してください").await;
}

#[tokio::test]
async fn whatever_becomes_of_a_mailed_link_is_as_good() {
    let (app, server, _) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    let phone = driver.window().await;
    let step_5 = format!("{}/email", app.url);

    comes_to_the_waiting_page(&browser, &app).await;
    let link = link_in(&mail(&server, 1).await);
    phone.open(&format!("{link}/disown")).await;
    phone.presses("心当たりがないので、登録を取り消す").await;
    phone
        .arrives_at("このアドレスの登録は取り消されました")
        .await;
    phone.glances("06-link-disowned").await;
    browser.arrives_at("メールアドレスの登録").await;
    browser.shows("「心当たりがない」とのお知らせ").await;
    browser.glances("05-email-disowned").await;

    registers(&browser, "taro@example.com").await;
    let replaced = link_in(&mail(&server, 2).await);
    browser.open(&step_5).await;
    browser.shows("いま登録されているアドレス").await;
    browser.glances("05-email-correct").await;
    registers(&browser, "hanako@example.jp").await;
    let expired = link_in(&mail(&server, 3).await);
    phone.open(&replaced).await;
    phone.arrives_at("このリンクは、もう使えません").await;
    phone.glances("06-link-replaced").await;

    // With scripts, the button rests for a minute; without them it can be pressed.
    let script = "document.querySelector('[data-enable-after]').disabled = false";
    browser.ask(script).await;
    browser.presses("再送信").await;
    browser.shows("少し前にお送りしたところです").await;
    browser.glances("06-email-link-too-soon").await;
    app.clock.advance(SignedDuration::from_mins(61));
    phone.open(&expired).await;
    phone.arrives_at("このリンクは使える時間を過ぎました").await;
    phone.glances("06-link-expired").await;
    browser.open(&app.url).await;
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser.arrives_at("メールを開いて確認してください").await;
    browser.shows("リンクの時間が過ぎました").await;
    browser.glances("06-email-link-expired").await;
    browser.presses("再送信").await;
    browser.shows("もう一度送信しました").await;
    browser.glances("06-email-link-sent-again").await;

    let link = link_in(&mail(&server, 4).await);
    phone.open(&link).await;
    phone.presses("メールアドレスの確認").await;
    phone.arrives_at("メールのリンクを確認しました").await;
    browser.arrives_at("あとは「更新」を押すだけです").await;
    browser.presses("更新").await;
    browser.arrives_at("認証方法の選択").await;
    phone.open(&link).await;
    phone.arrives_at("メールアドレスの登録は済んでいます").await;
    phone.glances("06-link-verified").await;
}

#[tokio::test]
async fn a_code_that_is_too_old_or_was_guessed_at_is_as_good() {
    let (app, _) = App::with_member().await;
    Browser::at(&app, "/first-login-completed").await;
    let driver = Driver::start();
    let browser = driver.window().await;
    browser.open(&app.url).await;
    signs_in(&browser, NEW_PASSWORD).await;
    browser.arrives_at("ワンタイムパスワードの入力").await;
    let code = app.code().await;

    app.clock.advance(SignedDuration::from_mins(11));
    browser.types("code", &code).await;
    browser.presses("実行").await;
    browser.shows("使える時間を過ぎました").await;
    browser.glances("14-otp-expired").await;
    browser.presses("再送信").await;
    browser.shows("もう一度送信しました").await;
    browser.glances("14-otp-sent-again").await;
    let code = app.code().await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for left in (1..5).rev() {
        browser.types("code", wrong).await;
        browser.presses("実行").await;
        browser.shows(&format!("あと{left}回、入力できます")).await;
    }
    browser.types("code", wrong).await;
    browser.presses("実行").await;
    browser.shows("この数字は使えなくなりました").await;
    browser.glances("13-sign-in-code-dead").await;
}
