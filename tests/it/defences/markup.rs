//! What members and strangers can send, looked at by an auditor: text, and never markup.

use kadode::domain::staff::Role;
use kadode::vault::Profile;
use reqwest::StatusCode;
use serde_json::json;

use crate::staff::support::{at_work, hire, unmask};
use crate::support::app::{App, INITIAL_PASSWORD, USER_ID, eventually, profile};

/// Browser names that try to be markup, in every place where a page might put them.
const AGENTS: [&str; 7] = [
    "<script>evil()</script>",
    "\"><img src=x onerror=evil()>",
    "' autofocus onfocus=evil() x='",
    "</td></tr></table><svg/onload=evil()>",
    "{{7*7}}<%= evil() %>${evil()}",
    "<!--<textarea><title><style>",
    "javascript:evil()//\\u003cscript\\u003e",
];

/// Addresses that are taken, and are as near to markup as an address can be.
const ADDRESSES: [&str; 3] = [
    "'onfocus=evil'@example.jp",
    "{{7*7}}${evil}&lt@example.jp",
    "a&amp=`x`'@example.jp",
];

/// Fails if the text stands on the page in a form that a browser would read as more than text.
fn is_text(html: &str, sent: &str) {
    for bad in [
        "<script>evil",
        "<img src=x",
        "<svg/onload",
        "<!--<textarea>",
    ] {
        assert!(!html.contains(bad), "{bad} of {sent} in {html}");
    }
    if sent.contains(['<', '"', '\'', '&']) {
        assert!(!html.contains(sent), "{sent} as it was sent in {html}");
    }
}

#[tokio::test]
async fn nothing_that_a_member_can_send_becomes_markup_on_an_auditors_page() {
    let app = App::start().await;
    let named = Profile {
        name: "<b>\"門出'&".to_owned(),
        gid: Some("<i>'\"&".to_owned()),
        ..profile(USER_ID)
    };
    let name = named.name.clone();
    let member = app.enrol(named, "joined-to-2024-12-01").await;
    for agent in AGENTS {
        let client = app.client_with(&[("user-agent", agent)]);
        client.sign_in(USER_ID, agent).await;
        app.wait(3600);
        client
            .sign_in(USER_ID, INITIAL_PASSWORD)
            .await
            .expect(StatusCode::CREATED);
    }
    let client = app.client_at("email").await;
    for address in ADDRESSES {
        client.step("email", json!({"email": address})).await;
    }
    let auditor = hire(&app, "auditor", Role::Auditor).await;
    let browser = at_work(&app, &auditor).await;
    let history = format!("/audit/members/{member}");
    eventually("the history", || async {
        let page = browser.get(&history).await;
        page.html.contains("EmailRegistered").then_some(())
    })
    .await;
    unmask(&app, &browser, member).await;
    let unmasked = browser.post(&format!("{history}/unmask"), &[]).await;
    unmasked.is(200).says("&#60;script&#62;evil()");
    let mut pages = vec![unmasked];
    for path in [
        history.clone(),
        "/audit/events".to_owned(),
        "/audit/reports/mail".to_owned(),
        "/audit/reports/attempts".to_owned(),
    ] {
        pages.push(browser.get(&path).await);
    }
    let own = crate::support::browser::Browser::at(&app, "/email-link").await;
    pages.push(own.get("/email-link").await);
    pages.push(own.get("/history").await);
    for page in &pages {
        page.is(200);
        let sent = AGENTS.iter().chain(&ADDRESSES);
        for sent in sent.copied().chain([name.as_str(), "<i>'\"&"]) {
            is_text(&page.html, sent);
        }
    }
    // Name and address are shown at all.
    pages[0].says("門出").says("a&#38;amp=`x`");
}

#[tokio::test]
async fn a_browser_name_that_is_not_plain_ascii_is_not_kept() {
    let app = App::start().await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let value = reqwest::header::HeaderValue::from_bytes("txt.\u{202e}gpj\u{200b}".as_bytes());
    let client = app.client();
    let request = client
        .http
        .post(format!("{}/api/v1/sessions", app.url))
        .header("user-agent", value.unwrap())
        .json(&json!({"user_id": USER_ID, "password": INITIAL_PASSWORD}));
    assert_eq!(request.send().await.unwrap().status(), StatusCode::CREATED);
    let log = &app.society.log;
    let stream = log.read_stream("onboarding", &member.to_string()).await;
    let metadata = &stream.unwrap().pop().unwrap().metadata;
    let command = metadata["command_id"].as_str().unwrap().parse().unwrap();
    let sealed = metadata["trace"].as_str().unwrap();
    let trace = app.society.vault.traces.open(member, command, sealed).await;
    assert_eq!(trace.unwrap().user_agent, "");
}
