//! Only forms of our own pages in the same browser count.

use reqwest::Method;

use crate::support::app::{App, INITIAL_PASSWORD, USER_ID};
use crate::support::browser::Browser;

const FORMS: [&str; 11] = [
    "/sign-in",
    "/birth-date",
    "/terms",
    "/email",
    "/email-link",
    "/email-link/resend",
    "/otp-method",
    "/password",
    "/log-out",
    "/otp",
    "/otp/resend",
];

#[tokio::test]
async fn a_form_without_its_token_is_refused() {
    let (app, member) = App::with_member().await;
    let browser = Browser::at(&app, "/email-link").await;
    let link = format!("/email/{}", app.link_token().await);
    let before = app.events(member).await;
    let links = [link.clone(), format!("{link}/disown")];
    for path in FORMS.into_iter().chain(links.iter().map(String::as_str)) {
        let request = browser.request(Method::POST, path);
        let page = browser.send(request.form(&[("a", "b")])).await;
        page.is(403).says("画面を開いてから時間がたっています");
    }
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn a_token_of_another_browser_is_refused() {
    let (app, _) = App::with_member().await;
    let other = Browser::at_the_door(&app).await;
    let browser = Browser::at_the_door(&app).await;
    let fields = [
        ("form_token", other.token()),
        ("user_id", USER_ID.to_owned()),
        ("password", INITIAL_PASSWORD.to_owned()),
    ];
    let request = browser.request(Method::POST, "/sign-in").form(&fields);
    browser.send(request).await.is(403);
}

#[tokio::test]
async fn a_token_without_its_cookie_is_refused() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    browser.lose("kadode-form");
    browser.sign_in(INITIAL_PASSWORD).await.is(403);
}

#[tokio::test]
async fn a_form_from_another_site_is_refused() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    let token = browser.token();
    for (name, value) in [
        ("origin", "https://evil.example"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
    ] {
        let request = browser
            .request(Method::POST, "/log-out")
            .header(name, value)
            .form(&[("form_token", &token)]);
        browser.send(request).await.is(403).says("<html");
    }
}

#[tokio::test]
async fn the_form_cookie_is_set_once_and_lasts() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    let page = browser.get("/sign-in").await;
    let cookie = page.cookie("kadode-form").unwrap();
    // Links from a mail program's site bring it along; otherwise the link's page would replace it.
    assert!(
        cookie.ends_with("; HttpOnly; SameSite=Lax; Path=/"),
        "{cookie}"
    );
    let again = browser.get("/sign-in").await;
    assert_eq!(again.cookie("kadode-form"), None);
    assert_eq!(page.field("form_token"), again.field("form_token"));
}

#[tokio::test]
async fn what_is_no_form_is_refused_with_a_page() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at_the_door(&app).await;
    let post = || browser.request(Method::POST, "/sign-in");
    let json = post().header("content-type", "application/json").body("{}");
    browser.send(json).await.is(415).says("<html");
    let form = "application/x-www-form-urlencoded";
    let large = post()
        .header("content-type", form)
        .body("a=".to_owned() + &"b".repeat(5000));
    browser.send(large).await.is(413).says("<html");
    let twice = format!("form_token={0}&user_id=a&user_id=b", browser.token());
    let twice = post().header("content-type", form).body(twice);
    browser.send(twice).await.is(400).says("<html");
}

#[tokio::test]
async fn the_offered_phrase_stays_the_same_for_whoever_has_written_it_down() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/password").await;
    let phrase = browser.get("/password").await.field("new_password");
    let fields = [("new_password", "short")];
    let refused = browser.post("/password", &fields).await;
    assert_eq!(refused.is(422).field("new_password"), phrase);
    let again = browser.get("/password?lang=en").await;
    assert_eq!(again.field("new_password"), phrase);
    let elsewhere = Browser::at(&app, "/password").await;
    let other = elsewhere.get("/password").await.field("new_password");
    assert_ne!(other, phrase);
}
