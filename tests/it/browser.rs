//! Members and auditors in real browsers: from the paper to the portal, with and without scripts, mouse or keyboard, and past the demo's own page.

mod audit;
mod email_change;
mod fields;
mod forgotten_password;
mod notice;
mod other_browser;
mod password_change;
mod reminders;
mod reports;
mod rosters;
mod support;
mod timeline;
mod troubles;

use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use kadode::domain::ids::MemberId;
use kadode::mail::Transport;
use mail_parser::MessageParser;
use tempfile::TempDir;

use crate::support::app::{
    App, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, code_in, eventually, profile,
};
use crate::support::chromium::{Driver, Window};
use crate::support::smtp::{Protection, Received, SmtpServer};

const COHORT: &str = "joined-to-2024-12-01";

/// The sample policy with the consent step.
fn policy_with_terms() -> String {
    let text = include_str!("../../policies/sample.toml");
    text.replacen(
        "[roster_headers]",
        "[terms]
version = \"2026-04\"
text = { ja = \"ポータルサイトは、ご本人だけがお使いください。\\nパスワードは、人に教えないでください。\", en = \"The portal is for you alone.\\nTell nobody your password.\" }

[roster_headers]",
        1,
    )
}

/// A program whose mails go over STARTTLS to a server of the test's own, with the manual's example enrolled.
async fn program_with_mail(policy: Option<String>) -> (App, SmtpServer, MemberId) {
    let server = SmtpServer::start(Protection::StartTls).await;
    let url = format!("smtp://127.0.0.1:{}", server.port());
    let transport = Transport::open(&url, Some(&server.authority())).unwrap();
    let mut setup = Setup {
        transport: Some(transport),
        ..Setup::default()
    };
    if let Some(policy) = policy {
        setup.policy = policy;
    }
    let app = App::start_as(setup).await;
    let member = app.enrol(profile(USER_ID), COHORT).await;
    (app, server, member)
}

/// The text of the newest mail, once there are `count`.
async fn mail(server: &SmtpServer, count: usize) -> String {
    let mails = server.wait_for(count).await;
    let message = MessageParser::default()
        .parse(&mails[count - 1].bytes)
        .unwrap();
    message.body_text(0).unwrap().into_owned()
}

/// The code that was mailed, once it is there; a notice may come before or after.
async fn mailed_code(server: &SmtpServer) -> String {
    let code = |mail: &Received| {
        let message = MessageParser::default().parse(&mail.bytes)?;
        let text = message.body_text(0)?;
        code_in(&text).filter(|_| text.contains("ワンタイムパスワード"))
    };
    server.find(code).await
}

fn link_in(mail: &str) -> String {
    let is_link = |word: &&str| word.starts_with("http") && word.contains("/email/");
    mail.split_whitespace().find(is_link).unwrap().to_owned()
}

async fn signs_in(browser: &Window, password: &str) {
    browser.types("user_id", USER_ID).await;
    browser.types("password", password).await;
    browser.presses("ログイン").await;
}

/// At step 9, with something typed.
async fn shows_the_password(browser: &Window) {
    browser.presses("入力した文字を表示する").await;
    browser.shows("入力した文字を隠す").await;
    let script = "return document.getElementById('new_password').type";
    assert_eq!(browser.ask(script).await, "text");
    browser.glances("09-password-shown").await;
}

/// From the sign-in page to the page that waits for the link.
async fn comes_to_the_waiting_page(browser: &Window, app: &App) {
    browser.open(&app.url).await;
    signs_in(browser, INITIAL_PASSWORD).await;
    browser.arrives_at("生年月日の入力").await;
    browser.types("birth_date", "1980-01-01").await;
    browser.presses("次へ進む").await;
    browser.arrives_at("メールアドレスの登録").await;
    browser.types("email", "hanako@example.jp").await;
    browser.presses("確認のメールを送る").await;
    browser.arrives_at("メールを開いて確認してください").await;
}

#[tokio::test]
async fn the_manuals_example_goes_from_the_paper_to_the_portal() {
    let (app, server, member) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window().await;

    browser.open(&app.url).await;
    browser.arrives_at("ログイン").await;
    browser.looks_both("02-sign-in").await;
    signs_in(&browser, "11111119800102").await;
    browser.shows("ログインできませんでした").await;
    browser.looks("02-sign-in-trouble").await;
    signs_in(&browser, "１１１１１１１９８００１０１").await;

    browser.arrives_at("生年月日の入力").await;
    browser.looks_both("03-birth-date").await;
    browser.types("birth_date", "S55.1.2").await;
    browser.presses("次へ進む").await;
    browser.shows("登録されている生年月日と違います").await;
    browser.looks("03-birth-date-trouble").await;
    browser.types("birth_date", "昭和５５年１月１日").await;
    browser.presses("次へ進む").await;

    browser.arrives_at("メールアドレスの登録").await;
    browser.shows("kenpo.example.jp").await;
    browser.looks_both("05-email").await;
    browser.types("email", "hanako").await;
    browser.presses("確認のメールを送る").await;
    browser.shows("メールアドレスの形になっていません").await;
    browser.looks("05-email-trouble").await;
    browser.types("email", "hanako@example.jp").await;
    browser.presses("確認のメールを送る").await;

    browser.arrives_at("メールを開いて確認してください").await;
    browser.looks_both("06-email-link").await;
    browser.presses("更新").await;
    browser.shows("まだ開かれていません").await;
    browser.looks("06-email-link-too-early").await;

    let phone = driver.window().await;
    phone.open(&link_in(&mail(&server, 1).await)).await;
    phone.arrives_at("メールアドレスの確認").await;
    phone.looks_both("06-confirm-email").await;
    phone
        .presses("このメールに心当たりがない方は、こちら")
        .await;
    phone.arrives_at("心当たりがない方へ").await;
    phone.looks_both("06-disown-email").await;
    phone.presses("前の画面に戻る").await;
    phone.arrives_at("メールアドレスの確認").await;
    phone.presses("メールアドレスの確認").await;
    phone.arrives_at("メールのリンクを確認しました").await;
    phone.looks_both("06-link-followed").await;

    // Nobody touches the first browser: it moves on by itself.
    browser.arrives_at("あとは「更新」を押すだけです").await;
    browser.looks_both("07-email-update").await;
    browser.presses("更新").await;

    browser.arrives_at("認証方法の選択").await;
    browser.shows("ワンタイムパスワード(OTP)メール認証").await;
    browser.looks_both("08-otp-method").await;
    browser.presses("送信").await;

    browser.arrives_at("新しいパスワードの設定").await;
    browser.looks_both("09-password").await;
    browser.types("new_password", "hanako").await;
    shows_the_password(&browser).await;
    browser.presses("このパスワードに決める").await;
    browser.shows("パスワードが短すぎます").await;
    browser.looks("09-password-trouble").await;
    browser.types("new_password", NEW_PASSWORD).await;
    browser.presses("このパスワードに決める").await;

    browser.arrives_at("初回ログインが完了しました").await;
    browser.looks_both("10-first-login-completed").await;
    browser.presses("ログアウトへ進む").await;
    browser.arrives_at("ログアウト").await;
    browser.looks_both("11-log-out").await;
    browser.presses("ログアウト").await;

    browser.arrives_at("ログイン").await;
    browser.shows("ログアウトしました").await;
    browser.looks_both("13-sign-in-again").await;
    signs_in(&browser, NEW_PASSWORD).await;

    browser.arrives_at("ワンタイムパスワードの入力").await;
    browser.looks_both("14-otp").await;
    let code = mailed_code(&server).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    browser.types("code", wrong).await;
    browser.presses("実行").await;
    browser.shows("数字が違います").await;
    browser.looks("14-otp-trouble").await;
    browser.types("code", &code).await;
    browser.presses("実行").await;

    browser.arrives_at("以上で設定が完了しました").await;
    browser.looks_both("15-completed").await;
    browser.presses("これまでの記録を見る").await;
    browser.arrives_at("これまでの記録").await;
    browser.looks_both("15-history").await;

    let events = app.events(member).await;
    let named = [
        "CredentialsAccepted",
        "EmailVerified",
        "OtpMethodChosen",
        "PasswordChanged",
        "LoggedOut",
        "OtpLoginSucceeded",
    ];
    let mut rest = events.iter();
    for name in named {
        assert!(rest.any(|event| event == name), "{name} in {events:?}");
    }
}

#[tokio::test]
async fn the_pages_beside_the_way_are_as_good() {
    let (app, _server, _) = program_with_mail(Some(policy_with_terms())).await;
    let driver = Driver::start();
    let browser = driver.window().await;

    browser.open(&app.url).await;
    browser.presses("ユーザIDと初期パスワードの見つけ方").await;
    browser.looks("02-sign-in-where").await;
    browser
        .presses("案内の紙が見つからない方は、こちらをご覧ください")
        .await;
    browser
        .arrives_at("ユーザIDやパスワードがわからない方へ")
        .await;
    browser.looks_both("02-help").await;
    browser.open(&format!("{}/email/nothing", app.url)).await;
    browser.arrives_at("このリンクは正しくありません").await;
    browser.looks_both("06-link-unknown").await;
    browser.open(&format!("{}/nothing", app.url)).await;
    browser.arrives_at("お探しの画面が見つかりません").await;
    browser.looks("problem").await;

    browser.open(&app.url).await;
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser.arrives_at("生年月日の入力").await;
    browser.types("birth_date", "1980/1/1").await;
    browser.presses("次へ進む").await;
    browser.arrives_at("注意事項の確認").await;
    browser.looks_both("04-terms").await;
}

#[tokio::test]
async fn a_keyboard_is_enough_and_scripts_are_not_needed() {
    let (app, server, _) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;

    browser.open(&app.url).await;
    browser.arrives_at("ログイン").await;
    browser.tabs_to("user_id").await;
    browser.strikes(USER_ID).await;
    browser.tabs_to("password").await;
    browser.strikes(INITIAL_PASSWORD).await;
    browser.enters().await;
    browser.arrives_at("生年月日の入力").await;
    browser.tabs_to("birth_date").await;
    browser.strikes("1980/1/1").await;
    browser.enters().await;
    browser.arrives_at("メールアドレスの登録").await;
    browser.tabs_to("email").await;
    browser.strikes("hanako@example.jp").await;
    browser.tabs_to("確認のメールを送る").await;
    browser.enters().await;
    browser.arrives_at("メールを開いて確認してください").await;

    let phone = driver.window_without_scripts().await;
    phone.open(&link_in(&mail(&server, 1).await)).await;
    phone.tabs_to("メールアドレスの確認").await;
    phone.enters().await;
    phone.arrives_at("メールのリンクを確認しました").await;

    browser
        .shows("この画面に戻って、下の「更新」を押します")
        .await;
    browser.tabs_to("更新").await;
    browser.enters().await;
    browser.arrives_at("認証方法の選択").await;
    browser.tabs_to("送信").await;
    browser.enters().await;
    browser.arrives_at("新しいパスワードの設定").await;
    browser.tabs_to("new_password").await;
    browser.strikes(NEW_PASSWORD).await;
    browser.enters().await;
    browser.arrives_at("初回ログインが完了しました").await;
    browser.tabs_to("ログアウトへ進む").await;
    browser.enters().await;
    browser.arrives_at("ログアウト").await;
    browser.tabs_to("ログアウト").await;
    browser.enters().await;
    browser.arrives_at("ログイン").await;
    browser.tabs_to("user_id").await;
    browser.strikes(USER_ID).await;
    browser.tabs_to("password").await;
    browser.strikes(NEW_PASSWORD).await;
    browser.enters().await;
    browser.arrives_at("ワンタイムパスワードの入力").await;
    browser.tabs_to("code").await;
    let code = mailed_code(&server).await;
    browser.strikes(&code).await;
    browser.enters().await;
    browser.arrives_at("以上で設定が完了しました").await;
}

#[tokio::test]
async fn a_double_press_is_one_press_or_tells_what_was_done() {
    let (app, server, member) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window_without_scripts().await;

    browser.open(&app.url).await;
    browser.types("user_id", USER_ID).await;
    browser.types("password", INITIAL_PASSWORD).await;
    browser.double_presses("ログイン").await;
    // Each press is a sign-in, and the later one ends the other's session: it may be the other's that the browser has.
    let told = "この画面ではログアウトしました";
    if !browser.arrives_at_unless_told("生年月日の入力", told).await {
        signs_in(&browser, INITIAL_PASSWORD).await;
        browser.arrives_at("生年月日の入力").await;
    }
    browser.types("birth_date", "1980-01-01").await;
    browser.double_presses("次へ進む").await;
    // That shows only now, where the later sign-in was slow.
    if !browser
        .arrives_at_unless_told("メールアドレスの登録", told)
        .await
    {
        signs_in(&browser, INITIAL_PASSWORD).await;
        browser.arrives_at("生年月日の入力").await;
        browser.types("birth_date", "1980-01-01").await;
        browser.double_presses("次へ進む").await;
        browser.arrives_at("メールアドレスの登録").await;
    }
    browser.types("email", "hanako@example.jp").await;
    browser.double_presses("確認のメールを送る").await;
    browser.arrives_at("メールを開いて確認してください").await;

    let phone = driver.window_without_scripts().await;
    phone.open(&link_in(&mail(&server, 1).await)).await;
    phone.double_presses("メールアドレスの確認").await;
    phone.arrives_at("メールのリンクを確認しました").await;

    browser.double_presses("更新").await;
    browser.arrives_at("認証方法の選択").await;
    browser.double_presses("送信").await;
    browser.arrives_at("新しいパスワードの設定").await;
    browser.types("new_password", NEW_PASSWORD).await;
    browser.double_presses("このパスワードに決める").await;
    // The second press may drop the answer to the first, and with it the new cookie; at the latest, the next page tells.
    let told = "新しいパスワードは、設定できました";
    let completed = "初回ログインが完了しました";
    if browser.arrives_at_unless_told(completed, told).await {
        browser.presses("ログアウトへ進む").await;
        if browser.arrives_at_unless_told("ログアウト", told).await {
            browser.double_presses("ログアウト").await;
            browser.arrives_at("ログイン").await;
        }
    }

    signs_in(&browser, NEW_PASSWORD).await;
    browser.arrives_at("ワンタイムパスワードの入力").await;
    let code = mailed_code(&server).await;
    browser.types("code", &code).await;
    browser.double_presses("実行").await;
    let told = "ワンタイムパスワードは、確認できました";
    let completed = "以上で設定が完了しました";
    browser.arrives_at_unless_told(completed, told).await;

    let events = app.events(member).await;
    for event in [
        "EmailRegistered",
        "EmailLinkFollowed",
        "EmailVerified",
        "OtpMethodChosen",
        "PasswordChanged",
        "OtpLoginSucceeded",
        "OnboardingCompleted",
    ] {
        let times = events.iter().filter(|name| *name == event).count();
        assert_eq!(times, 1, "{event} in {events:?}");
    }
}

#[tokio::test]
async fn going_back_after_logging_out_shows_nothing_private() {
    let (app, _server, _) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    comes_to_the_waiting_page(&browser, &app).await;
    browser.shows("h***@e***.jp").await;

    browser.presses("見本 花子 さん ログアウト").await;
    browser.arrives_at("ログアウト").await;
    browser.presses("ログアウト").await;
    browser.arrives_at("ログイン").await;

    for _ in 0..3 {
        browser.client.back().await.unwrap();
        browser.arrives_at("ログイン").await;
        browser.hides("h***@e***.jp").await;
        assert_eq!(browser.path().await, "/sign-in");
    }
}

#[tokio::test]
async fn a_page_warns_before_its_session_ends_and_keeps_what_was_typed() {
    let (app, _server, _) = program_with_mail(None).await;
    let driver = Driver::start();
    let browser = driver.window().await;
    browser.hurries().await;
    browser.open(&app.url).await;
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser.arrives_at("生年月日の入力").await;
    browser.types("birth_date", "昭和55年").await;

    eventually("the warning", || async {
        let text = browser.text().await;
        text.contains("まもなく（あと2分以内に）").then_some(())
    })
    .await;
    let script = "const field = document.activeElement.getBoundingClientRect();
        const warning = document.querySelector('[role=alert]').getBoundingClientRect();
        return field.bottom <= warning.top ? 'above' : 'under'";
    assert_eq!(browser.ask(script).await, "above");
    browser.looks("session-warning").await;
    browser.presses("このまま続ける").await;
    let field = fantoccini::Locator::Id("birth_date");
    let field = browser.client.find(field).await.unwrap();
    let typed = field.prop("value").await.unwrap();
    assert_eq!(typed.as_deref(), Some("昭和55年"));
    assert_eq!(browser.path().await, "/birth-date");
}

/// A running `kadode demo`; dropping it ends it.
struct Demo {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Demo {
    async fn start() -> Self {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        let folder = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_kadode"))
            .args(["demo", "--listen", &address.to_string()])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let demo = Self {
            child,
            url: format!("http://{address}"),
            _folder: folder,
        };
        let healthy = format!("{}/healthz", demo.url);
        eventually("the demo", || async {
            reqwest::get(&healthy).await.ok().map(drop)
        })
        .await;
        demo
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn the_demo_shows_its_mails_and_their_links_work() {
    let demo = Demo::start().await;
    let driver = Driver::start();
    let browser = driver.window().await;
    browser.open(&demo.url).await;
    signs_in(&browser, INITIAL_PASSWORD).await;
    browser.arrives_at("生年月日の入力").await;
    browser.types("birth_date", "昭和55年1月1日").await;
    browser.presses("次へ進む").await;
    browser.arrives_at("メールアドレスの登録").await;
    browser.types("email", "hanako@example.jp").await;
    browser.presses("確認のメールを送る").await;
    browser.arrives_at("メールを開いて確認してください").await;

    let reader = driver.window().await;
    let mails = format!("{}/demo/mails", demo.url);
    let link = eventually("the mail on the demo's page", || async {
        reader.open(&mails).await;
        let text = reader.text().await;
        text.contains("/email/").then(|| link_in(&text))
    })
    .await;
    reader.shows("hanako@example.jp").await;
    reader.looks("demo-mails").await;
    reader.presses(&link).await;
    reader.arrives_at("メールアドレスの確認").await;
    reader.presses("メールアドレスの確認").await;
    reader.arrives_at("メールのリンクを確認しました").await;
    browser.arrives_at("あとは「更新」を押すだけです").await;
}
