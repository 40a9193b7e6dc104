//! The whole way from step 2 to step 15 over forms and redirects.

use crate::support::app::{App, INITIAL_PASSWORD, USER_ID};
use crate::support::browser::Browser;

#[tokio::test]
async fn the_manuals_example_reaches_step_fifteen_over_forms() {
    let (app, member) = App::with_member().await;
    let browser = Browser::new(&app);
    address_confirmed(&app, &browser).await;
    let phrase = password_set(&browser).await;
    signed_in_with_code(&app, &browser, &phrase).await;
    let page = browser.get("/history").await;
    page.is(200).says("ログアウトしました").says("見本 花子");
    assert_eq!(
        app.events(member).await,
        [
            "MemberEnrolled",
            "CredentialsAccepted",
            "BirthDateConfirmed",
            "EmailRegistered",
            "EmailLinkFollowed",
            "EmailVerified",
            "OtpMethodChosen",
            "PasswordChanged",
            "FirstLoginCompleted",
            "LoggedOut",
            "CredentialsAccepted",
            "OtpIssued",
            "OtpLoginSucceeded",
            "OnboardingCompleted",
        ]
    );
}

/// Steps 2 to 7.
async fn address_confirmed(app: &App, browser: &Browser) {
    let (path, page) = browser.open("/").await;
    assert_eq!(path, "/sign-in");
    page.is(200)
        .says("資格情報のお知らせ")
        .is_silent_on("時間が過ぎた");
    browser
        .sign_in(INITIAL_PASSWORD)
        .await
        .leads_to("/birth-date");
    let page = browser.get("/birth-date").await;
    page.is(200).says("見本 花子 さん");
    browser
        .post("/birth-date", &[("birth_date", "Ｓ５５．１．１")])
        .await
        .leads_to("/email");
    browser.get("/email").await.is(200).says("kenpo.example.jp");
    browser
        .post("/email", &[("email", "hanako@example.jp")])
        .await
        .leads_to("/email-link?note=link-sent");
    let page = browser.get("/email-link?note=link-sent").await;
    page.is(200)
        .says("確認のメールを送信しました。")
        .says("h***@e***.jp")
        .is_silent_on("hanako@example.jp");

    let phone = Browser::new(app);
    let link = format!("/email/{}", app.link_token().await);
    let page = phone.get(&link).await;
    page.is(200)
        .says("メールアドレスの確認")
        .is_silent_on("hanako");
    phone.post(&link, &[]).await.leads_to(&link);
    let page = phone.get(&link).await;
    page.is(200).says("メールのリンクを確認しました");
    assert!(page.cookie("kadode").is_none(), "the link makes no session");

    browser
        .get("/email-link")
        .await
        .says("更新")
        .is_silent_on("data-events");
    browser
        .post("/email-link", &[])
        .await
        .leads_to("/otp-method");
}

/// Steps 8 to 11; answers with the offered phrase, which was taken.
async fn password_set(browser: &Browser) -> String {
    browser
        .get("/otp-method")
        .await
        .is(200)
        .says("h***@e***.jp");
    browser
        .post("/otp-method", &[("method", "email")])
        .await
        .leads_to("/password");
    let page = browser.get("/password").await;
    let phrase = page.field("new_password").unwrap();
    let key = page.field("idempotency_key").unwrap();
    assert_eq!(page.field("username").as_deref(), Some(USER_ID));
    let fields = [("new_password", phrase.as_str()), ("idempotency_key", &key)];
    browser
        .post("/password", &fields)
        .await
        .leads_to("/first-login-completed");
    let page = browser.get("/first-login-completed").await;
    page.is(200).says("初回ログインが完了しました");
    browser.get("/log-out").await.is(200);
    let page = browser.post("/log-out", &[]).await;
    page.leads_to("/sign-in?note=logged-out-to-try");
    assert_eq!(page.headers["clear-site-data"], "\"cache\"");
    assert!(page.cookie("kadode").unwrap().contains("Max-Age=0"));
    phrase
}

/// Steps 13 to 15.
async fn signed_in_with_code(app: &App, browser: &Browser, phrase: &str) {
    let page = browser.get("/sign-in?note=logged-out-to-try").await;
    page.is(200).says("新しく決めたパスワード");
    browser.sign_in(phrase).await.leads_to("/otp");
    let page = browser.get("/otp").await;
    page.is(200)
        .says("h***@e***.jp")
        .is_silent_on("見本 花子")
        .is_silent_on(USER_ID);
    let code = app.code().await;
    browser
        .post("/otp", &[("code", &code)])
        .await
        .leads_to("/completed");
    let page = browser.get("/completed").await;
    page.is(200)
        .says("以上で設定が完了しました")
        .says("https://portal.kenpo.example.jp/");
}

#[tokio::test]
async fn a_member_without_a_name_is_called_by_the_user_id() {
    let app = App::start().await;
    let profile = kadode::vault::Profile {
        name: String::new(),
        ..crate::support::app::profile(USER_ID)
    };
    app.enrol(profile, "joined-to-2024-12-01").await;
    let browser = Browser::at(&app, "/birth-date").await;
    browser.get("/birth-date").await.says("hanako01 さん");
}
