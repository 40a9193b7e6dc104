//! Ways into what is not theirs: an old password, another site behind a parameter, a line in the log.

use reqwest::{Method, StatusCode};
use serde_json::json;

use crate::hostile::log::Log;
use crate::hostile::routes;
use crate::support::app::{App, NEW_PASSWORD, USER_ID};
use crate::support::browser::Browser;

#[tokio::test]
async fn an_own_password_counts_after_five_years() {
    let (app, _) = App::with_member().await;
    app.client_at("completed").await;
    app.wait(5 * 366 * 24 * 3600);
    let client = app.client();
    let status = client
        .sign_in(USER_ID, NEW_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    // Nothing but the code is asked for.
    assert_eq!(status.body["step"]["name"], "otp");
}

/// Another site, in every way that has fooled somebody.
const ELSEWHERE: [&str; 9] = [
    "https://evil.example/",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "https:evil.example",
    "/%2f%2fevil.example",
    "javascript:alert(document.domain)",
    "/sign-in@evil.example",
    "https://evil.example%23@127.0.0.1/",
];

/// Names under which others take where to go next.
const NAMES: [&str; 8] = [
    "next",
    "url",
    "return",
    "return_to",
    "redirect",
    "redirect_uri",
    "continue",
    "lang",
];

#[tokio::test]
async fn no_parameter_leads_anybody_to_another_site() {
    let (app, _) = App::with_member().await;
    let signed_in = Browser::at(&app, "/email").await;
    let stranger = Browser::at_the_door(&app).await;
    let routes = routes::of(&kadode::api::router(&app.api));
    let mut led = 0;
    for route in routes.iter().filter(|route| !route.is_json()) {
        for elsewhere in ELSEWHERE {
            let query: Vec<(&str, &str)> = NAMES.map(|name| (name, elsewhere)).into();
            for browser in [&signed_in.twin(), &stranger.twin()] {
                let mut form = vec![("form_token", browser.token())];
                form.extend(query.iter().map(|(name, to)| (*name, (*to).to_owned())));
                let looks = browser.request(Method::GET, &route.address());
                let presses = browser.request(Method::POST, &route.address());
                for request in [looks.query(&query), presses.query(&query).form(&form)] {
                    // An event stream has no end; its beginning is enough.
                    let answer = request.send().await.unwrap();
                    let headers = answer.headers();
                    assert!(!headers.contains_key("refresh"), "{}", route.path);
                    if let Some(location) = headers.get("location") {
                        let location = location.to_str().unwrap();
                        let (path, _) = location.split_once('?').unwrap_or((location, ""));
                        let ours = routes
                            .iter()
                            .any(|it| it.path == path || it.address() == path);
                        assert!(ours, "{} leads to {location}", route.path);
                        led += 1;
                    }
                }
            }
        }
    }
    assert!(led > 100, "{led} were led anywhere at all");
}

#[tokio::test]
async fn no_line_of_the_log_is_a_strangers() {
    let log = Log::listen();
    let (app, _) = App::with_member().await;
    let forged = "x\r\n2026-04-10T00:00:00Z ERROR kadode: forged \u{1b}[2K\u{202e}";
    let agent = "x\t2026-04-10T00:00:00Z ERROR kadode: forged";
    let stranger = app.client_with(&[("user-agent", agent), ("x-request-id", agent)]);
    stranger.sign_in(forged, forged).await;
    stranger.sign_in(USER_ID, forged).await;
    let client = app.client_at("birth_date").await;
    client
        .post("/onboarding/birth-date", json!({"birth_date": forged}))
        .await;
    app.advance_client(&client, "email").await;
    client
        .post("/onboarding/email", json!({"email": forged}))
        .await;
    let path = "/%0d%0a2026-04-10T00:00:00Z%20ERROR%20kadode:%20forged";
    stranger.send_raw(Method::GET, path, "", &[]).await;
    stranger
        .get(&format!("/email-confirmations{path}"))
        .await
        .problem(404, "link-unknown");
    assert!(!log.text().contains("forged"), "{}", log.text());
    log.tells_of_nothing_amiss();
}
