//! What every answer carries, whatever it answers.

use reqwest::Method;

use crate::support::app::{App, INITIAL_PASSWORD};
use crate::support::browser::{Browser, Shown};

fn check(path: &str, answer: &Shown) {
    let headers = &answer.headers;
    let policy = headers["content-security-policy"].to_str().unwrap();
    for part in [
        "default-src 'none'",
        "script-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ] {
        assert!(policy.contains(part), "{path}: {policy}");
    }
    assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    assert_eq!(headers["referrer-policy"], "same-origin", "{path}");
    assert_eq!(
        headers["cross-origin-opener-policy"], "same-origin",
        "{path}"
    );
    assert!(headers.contains_key("x-request-id"), "{path}");
    if !path.starts_with("/assets/") {
        assert_eq!(headers["cache-control"], "no-store", "{path}");
    }
}

#[tokio::test]
async fn every_page_and_every_error_carries_the_security_headers() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let link = format!("/email/{}", app.link_token().await);
    let disown = format!("{link}/disown");
    let stranger = Browser::new(&app);
    for path in [
        "/",
        "/sign-in",
        "/birth-date",
        "/terms",
        "/email",
        "/email-link",
        "/otp-method",
        "/password",
        "/first-login-completed",
        "/log-out",
        "/otp",
        "/completed",
        "/history",
        "/help",
        "/email-link/resend",
        "/otp/resend",
        "/email/nothing",
        "/nowhere",
        "/events",
        "/assets/pages.css",
        "/assets/nothing",
        &link,
        &disown,
    ] {
        for method in [Method::HEAD, Method::POST, Method::DELETE] {
            for who in [&browser, &stranger] {
                let answer = who.send(who.request(method.clone(), path)).await;
                check(path, &answer);
            }
        }
        check(path, &stranger.get(path).await);
    }
}

#[tokio::test]
async fn a_missing_page_and_a_wrong_method_are_answered_with_a_page() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    let page = browser.get("/nowhere").await;
    page.is(404)
        .says("お探しの画面が見つかりません")
        .says("<html lang=\"ja\">");
    let page = browser
        .send(browser.request(Method::DELETE, "/email"))
        .await;
    page.is(405).says("お探しの画面が見つかりません");
    let page = browser.get("/email-link/resend").await;
    page.is(405);
}

#[tokio::test]
async fn another_host_is_answered_with_a_page_that_leads_to_the_right_one() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    let request = browser
        .request(Method::GET, "/sign-in")
        .header("host", "evil.example");
    let page = browser.send(request).await;
    page.is(421)
        .says(&format!("href=\"{}/\"", app.url))
        .is_silent_on("evil.example");
}

#[tokio::test]
async fn the_session_cookie_is_for_this_sites_own_requests_alone() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    let page = browser.sign_in(INITIAL_PASSWORD).await;
    let cookie = page.cookie("kadode").unwrap();
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Strict; Path=/"),
        "{cookie}"
    );
    let fields = [("birth_date", "1980-01-01")];
    let page = browser.post("/birth-date", &fields).await;
    let device = page.cookie("kadode-device").unwrap();
    assert!(device.contains("SameSite=Strict"), "{device}");
}

#[tokio::test]
async fn no_page_names_another_site_but_the_portal() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/birth-date").await;
    for due in [
        "/birth-date",
        "/email",
        "/email-link",
        "/password",
        "/otp",
        "/completed",
    ] {
        browser.walk_to(&app, due).await;
        let page = browser.get(due).await;
        let html = page.html.replace("https://portal.kenpo.example.jp/", "");
        assert!(
            !html.contains("http://") && !html.contains("https://"),
            "{due}"
        );
    }
}
