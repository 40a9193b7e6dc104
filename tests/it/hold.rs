//! The hold: whoever started with a formula's password is to see no health data until a notice has had time.

use reqwest::StatusCode;
use serde_json::Value;

use crate::support::app::{App, Client, Setup, policy_with};
use crate::support::browser::Browser;

/// When the hold of a member ends who set the password in the tests' first minute.
const ENDS: &str = "2026-04-13T00:00:00Z";

async fn hold_of(client: &Client) -> Value {
    let status = client.get("/onboarding").await.expect(StatusCode::OK);
    status.body["hold_until"].clone()
}

/// What the proxy in front of the portal is told.
async fn told_to_a_proxy(client: &Client) -> Option<String> {
    let answer = client.get("/session").await.expect(StatusCode::NO_CONTENT);
    let told = answer.headers.get("x-kadode-hold-until");
    told.map(|until| until.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn after_a_formula_it_lasts_for_three_days_from_the_own_password() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("password").await;
    assert_eq!(hold_of(&client).await, Value::Null);
    app.advance_client(&client, "completed").await;
    assert_eq!(hold_of(&client).await, ENDS);
    assert_eq!(told_to_a_proxy(&client).await.unwrap(), ENDS);
}

#[tokio::test]
async fn it_is_over_at_its_end() {
    let (app, _) = App::with_member().await;
    app.client_at("completed").await;
    app.wait(3 * 24 * 60 * 60 - 60);
    let client = app.client();
    client
        .sign_in(
            crate::support::app::USER_ID,
            crate::support::app::NEW_PASSWORD,
        )
        .await
        .expect(StatusCode::CREATED);
    app.advance_client(&client, "completed").await;
    assert_eq!(hold_of(&client).await, ENDS);
    app.wait(60);
    assert_eq!(hold_of(&client).await, Value::Null);
    assert_eq!(told_to_a_proxy(&client).await, None);
}

#[tokio::test]
async fn a_policy_without_it_holds_nothing_back() {
    let policy = policy_with(&[("hours_after_formula = 72", "")]);
    let setup = Setup {
        policy,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(
        crate::support::app::profile(crate::support::app::USER_ID),
        "joined-to-2024-12-01",
    )
    .await;
    let client = app.client_at("completed").await;
    assert_eq!(hold_of(&client).await, Value::Null);
    assert_eq!(told_to_a_proxy(&client).await, None);
}

#[tokio::test]
async fn the_last_page_says_from_when_health_data_are_shown() {
    let (app, _) = App::with_member().await;
    let browser = Browser::at(&app, "/completed").await;
    let page = browser.get("/completed").await;
    page.is(200).says("4月13日");
}
