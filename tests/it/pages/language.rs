//! Two languages: chosen by address, remembered by cookie, else Japanese.

use reqwest::Method;

use crate::support::app::App;
use crate::support::browser::Browser;

#[tokio::test]
async fn a_chosen_language_is_remembered() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    browser.get("/sign-in").await.says("<html lang=\"ja\">");
    let page = browser.get("/sign-in?lang=en").await;
    page.says("<html lang=\"en\">")
        .says("href=\"/sign-in?lang=ja\"");
    let cookie = page.cookie("kadode-lang").unwrap();
    assert!(
        cookie.contains("kadode-lang=en; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000"),
        "{cookie}"
    );
    browser.get("/help").await.says("<html lang=\"en\">");
    browser
        .get("/help?lang=ja")
        .await
        .says("<html lang=\"ja\">");
    browser.get("/sign-in").await.says("<html lang=\"ja\">");
}

#[tokio::test]
async fn a_language_is_remembered_over_a_redirect_and_on_a_missing_page() {
    let (app, _) = App::with_member().await;
    for path in ["/?lang=en", "/nowhere?lang=en"] {
        let browser = Browser::new(&app);
        browser.get(path).await;
        browser.get("/sign-in").await.says("<html lang=\"en\">");
    }
}

#[tokio::test]
async fn an_unknown_language_is_not_remembered() {
    let (app, _) = App::with_member().await;
    let page = Browser::new(&app).get("/sign-in?lang=fr").await;
    assert_eq!(page.cookie("kadode-lang"), None);
}

#[tokio::test]
async fn the_switch_keeps_the_notice() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    let page = browser.get("/sign-in?note=session-ended").await;
    page.says("href=\"/sign-in?note=session-ended&#38;lang=en\"");
    let page = browser.get("/sign-in?note=session-ended&lang=en").await;
    page.says("time ran out");
}

#[tokio::test]
async fn pages_are_japanese_until_somebody_switches_whatever_the_browser_prefers() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    let request = browser
        .request(Method::GET, "/sign-in")
        .header("accept-language", "en-GB,en;q=0.9");
    browser.send(request).await.says("<html lang=\"ja\">");
}

#[tokio::test]
async fn mails_and_troubles_come_in_the_language_of_the_page() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    browser.get("/sign-in?lang=en").await;
    browser
        .sign_in("wrong-password")
        .await
        .is(401)
        .says("We could not log you in");
    browser.sign_in(crate::support::app::INITIAL_PASSWORD).await;
    browser.walk_to(&app, "/email-link").await;
    let mails = app.mails_at_least(1).await;
    assert!(mails[0].contains("email address"), "{}", mails[0]);
}

#[tokio::test]
async fn an_english_mail_leads_to_an_english_page_on_a_device_that_was_never_here() {
    let (app, _) = App::with_member().await;
    let browser = Browser::new(&app);
    browser.get("/sign-in?lang=en").await;
    browser.sign_in(crate::support::app::INITIAL_PASSWORD).await;
    browser.walk_to(&app, "/email-link").await;
    let mail = app.mails_at_least(1).await.remove(0);
    let link = mail
        .split_whitespace()
        .find_map(|word| word.strip_prefix(&app.url));
    let phone = Browser::new(&app);
    let page = phone.get(link.unwrap()).await;
    page.is(200).says("Confirm your email address");
    let link = format!("/email/{}", app.link_token().await);
    phone.post(&link, &[]).await.leads_to(&link);
    phone.get(&link).await.says("Email link confirmed");
}
