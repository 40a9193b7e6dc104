//! Every button pressed twice: both answers lead on, and what is stored is stored once.

use crate::support::app::{App, INITIAL_PASSWORD, NEW_PASSWORD};
use crate::support::browser::{Browser, Shown};
use jiff::SignedDuration;
use reqwest::Method;
use reqwest::header::{HeaderMap, HeaderValue, USER_AGENT};

/// Sends the same form twice from the same page, one after the other.
async fn twice(browser: &Browser, path: &str, fields: &[(&str, &str)]) -> (Shown, Shown) {
    let twin = browser.twin();
    let first = browser.post(path, fields).await;
    let second = twin.post(path, fields).await;
    (first, second)
}

async fn count(app: &App, member: kadode::domain::ids::MemberId, name: &str) -> usize {
    let events = app.events(member).await;
    events.iter().filter(|event| *event == name).count()
}

#[tokio::test]
async fn signing_in_twice_leads_on_twice() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    let twin = browser.twin();
    browser
        .sign_in(INITIAL_PASSWORD)
        .await
        .leads_to("/birth-date");
    twin.sign_in(INITIAL_PASSWORD).await.leads_to("/birth-date");
    twin.get("/birth-date").await.is(200);
}

#[tokio::test]
async fn a_form_sent_again_with_the_new_cookie_still_counts() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    browser.sign_in(INITIAL_PASSWORD).await;
    browser
        .sign_in(INITIAL_PASSWORD)
        .await
        .leads_to("/birth-date");
}

#[tokio::test]
async fn steps_pressed_twice_are_done_once() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/birth-date").await;
    for (path, field, next, event) in [
        (
            "/birth-date",
            Some(("birth_date", "1980-01-01")),
            "/email",
            "BirthDateConfirmed",
        ),
        (
            "/email",
            Some(("email", "hanako@example.jp")),
            "/email-link",
            "EmailRegistered",
        ),
        ("/email-link", None, "/otp-method", "EmailVerified"),
        (
            "/otp-method",
            Some(("method", "email")),
            "/password",
            "OtpMethodChosen",
        ),
    ] {
        if path == "/email-link" {
            let link = format!("/email/{}", app.link_token().await);
            let phone = Browser::new(&app);
            phone.get(&link).await;
            let (first, second) = twice(&phone, &link, &[]).await;
            first.leads_to(&link);
            second.leads_to(&link);
            assert_eq!(count(&app, member, "EmailLinkFollowed").await, 1);
        }
        let fields: Vec<_> = field.into_iter().collect();
        let (first, second) = twice(&browser, path, &fields).await;
        for answer in [first, second] {
            let location = answer.is(303).headers["location"].to_str().unwrap();
            assert_eq!(location.split('?').next(), Some(next));
        }
        assert_eq!(count(&app, member, event).await, 1, "{event}");
    }
}

#[tokio::test]
async fn entering_the_address_twice_in_one_go_says_twice_that_the_mail_was_sent() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email").await;
    let (first, second) = twice(&browser, "/email", &[("email", "hanako@example.jp")]).await;
    first.leads_to("/email-link?note=link-sent");
    second.leads_to("/email-link?note=link-sent");
}

#[tokio::test]
async fn asking_for_a_mail_twice_sends_one_and_says_so_twice() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    app.clock.advance(SignedDuration::from_secs(60));
    let (first, second) = twice(&browser, "/email-link/resend", &[]).await;
    first.leads_to("/email-link?note=link-sent-again");
    second.leads_to("/email-link?note=link-sent-again");
    assert_eq!(count(&app, member, "EmailLinkReissued").await, 1);

    browser.walk_to(&app, "/otp").await;
    app.clock.advance(SignedDuration::from_secs(60));
    let (first, second) = twice(&browser, "/otp/resend", &[]).await;
    first.leads_to("/otp?note=code-sent-again");
    second.leads_to("/otp?note=code-sent-again");
    assert_eq!(count(&app, member, "OtpReissued").await, 1);
}

#[tokio::test]
async fn the_password_form_sent_twice_leads_on_and_grants_nothing_to_the_old_cookie() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    let key = browser.get("/password").await.field("idempotency_key");
    let key = key.unwrap();
    let fields = [("new_password", NEW_PASSWORD), ("idempotency_key", &key)];
    let (first, second) = twice(&browser, "/password", &fields).await;
    first.leads_to("/first-login-completed");
    second.leads_to("/");
    assert!(second.cookie("kadode").is_none());
    browser
        .post("/password", &fields)
        .await
        .leads_to("/first-login-completed");
    assert_eq!(count(&app, member, "PasswordChanged").await, 1);
}

#[tokio::test]
async fn the_code_sent_twice_leads_on_and_grants_nothing_to_the_old_cookie() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    let code = app.code().await;
    let (first, second) = twice(&browser, "/otp", &[("code", &code)]).await;
    first.leads_to("/completed");
    second.leads_to("/");
    assert!(second.cookie("kadode").is_none());
    browser
        .post("/otp", &[("code", &code)])
        .await
        .leads_to("/completed");
    assert_eq!(count(&app, member, "OtpLoginSucceeded").await, 1);
}

#[tokio::test]
async fn whoever_missed_the_answer_to_the_password_is_told_at_the_door_that_it_is_set() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    let fields = [("new_password", NEW_PASSWORD)];
    let twin = browser.twin();
    browser.post("/password", &fields).await;
    twin.post("/password", &fields).await.leads_to("/");
    let door = "/sign-in?note=password-set";
    twin.get("/").await.leads_to(door);
    let page = twin.get(door).await;
    page.says("新しいパスワードは、設定できました")
        .says("新しく決めたパスワードで、ログインしてください");
    twin.sign_in(NEW_PASSWORD).await.leads_to("/otp");
}

#[tokio::test]
async fn whoever_missed_the_answer_to_the_code_is_told_at_the_door_that_it_counted() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/otp").await;
    let code = app.code().await;
    let twin = browser.twin();
    browser.post("/otp", &[("code", &code)]).await;
    twin.post("/otp", &[("code", &code)]).await.leads_to("/");
    let door = "/sign-in?note=code-accepted";
    twin.get("/").await.leads_to(door);
    twin.get(door)
        .await
        .says("ワンタイムパスワードは、確認できました");
    app.clock.advance(SignedDuration::from_secs(60));
    twin.sign_in(NEW_PASSWORD).await.leads_to("/otp");
}

#[tokio::test]
async fn in_another_browser_a_missed_answer_tells_nothing() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    let thief = browser.twin();
    browser
        .post("/password", &[("new_password", NEW_PASSWORD)])
        .await;
    let another = HeaderMap::from_iter([(USER_AGENT, HeaderValue::from_static("Another"))]);
    let request = thief.request(Method::GET, "/").headers(another);
    let shown = thief.send(request).await;
    shown.leads_to("/sign-in?note=session-ended");
}

#[tokio::test]
async fn logging_out_twice_leads_to_the_door_twice() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/first-login-completed").await;
    let (first, second) = twice(&browser, "/log-out", &[]).await;
    first.leads_to("/sign-in?note=logged-out-to-try");
    second.leads_to("/sign-in?note=logged-out");
    assert_eq!(count(&app, member, "LoggedOut").await, 1);
}

#[tokio::test]
async fn giving_an_address_back_twice_is_told_twice() {
    let (app, member) = App::with_member().await;
    Browser::at(&app, "/email-link").await;
    let link = format!("/email/{}", app.link_token().await);
    let phone = Browser::new(&app);
    phone.get(&format!("{link}/disown")).await.is(200);
    let (first, second) = twice(&phone, &format!("{link}/disown"), &[]).await;
    first.leads_to(&link);
    second.leads_to(&link);
    assert_eq!(count(&app, member, "EmailDisowned").await, 1);
}
