//! Sweeps: one password each for many user IDs, from one network or against one company, and who is slowed by them.

use kadode::vault::Profile;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, Client, INITIAL_PASSWORD, Setup, USER_ID, policy_with, profile};

const OFFICE: &str = "192.0.2.7";
const ELSEWHERE: &str = "198.51.100.7";
const HOUR: i64 = 3600;

/// Seconds of the first waiting time, which elsewhere follows the fifth failure.
const FIRST_WAIT: i64 = 30;

/// A program in which a network is hot after `network` others, and a symbol after `symbol`.
async fn app(network: u32, symbol: u32) -> App {
    let of_network = format!("failing_members_per_network = {network}");
    let of_symbol = format!("failing_members_per_symbol = {symbol}");
    let policy = policy_with(&[
        ("failing_members_per_network = 20", of_network.as_str()),
        ("failing_members_per_symbol = 10", of_symbol.as_str()),
    ]);
    let setup = Setup {
        policy,
        behind_proxy: true,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app
}

fn client(app: &App, from: &str) -> Client {
    app.client_with(&[("x-forwarded-for", from)])
}

/// Enrols a colleague of the same symbol.
async fn colleague(app: &App, number: u32) -> String {
    let user_id = format!("colleague{number}");
    let profile = Profile {
        number: format!("{}", 20_000 + number),
        ..profile(&user_id)
    };
    app.enrol(profile, "joined-to-2024-12-01").await;
    user_id
}

/// Fails once, with 401, and tells how long the wait is that began.
async fn wait_after_one_failure(client: &Client, user_id: &str) -> Option<i64> {
    client
        .sign_in(user_id, "not the password")
        .await
        .problem(401, "sign-in-failed");
    let again = client.sign_in(user_id, "not the password").await;
    if again.status == StatusCode::UNAUTHORIZED {
        return None;
    }
    again.problem(429, "waiting")["retry_after"].as_i64()
}

async fn fail(client: &Client, user_id: &str) {
    client
        .sign_in(user_id, "not the password")
        .await
        .problem(401, "sign-in-failed");
}

/// Lets so many user IDs fail in the office, each once; none of them is anybody's.
async fn sweep_the_office(app: &App, count: u32) {
    let office = client(app, OFFICE);
    for number in 0..count {
        fail(&office, &format!("nobody{number}")).await;
    }
}

#[tokio::test]
async fn in_a_network_where_many_fail_the_next_one_waits_from_the_first_failure_on() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 4).await;
    let office = client(&app, OFFICE);
    assert_eq!(wait_after_one_failure(&office, "nobody4").await, None);
    assert_eq!(
        wait_after_one_failure(&office, "nobody5").await,
        Some(FIRST_WAIT)
    );
    assert_eq!(
        wait_after_one_failure(&office, USER_ID).await,
        Some(FIRST_WAIT)
    );
}

#[tokio::test]
async fn whoever_types_rightly_in_such_a_network_gets_in_at_once() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 6).await;
    let office = client(&app, OFFICE);
    office
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    office
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
}

#[tokio::test]
async fn whoever_failed_in_such_a_network_gets_in_elsewhere() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 6).await;
    fail(&client(&app, OFFICE), USER_ID).await;
    client(&app, ELSEWHERE)
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_wrong_birth_date_in_such_a_network_begins_a_wait_too() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 6).await;
    let office = client(&app, OFFICE);
    office
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let wrong = json!({"birth_date": "1981-02-03"});
    let guess = office.post("/onboarding/birth-date", wrong).await;
    assert_eq!(guess.problem(422, "mismatch")["tries_left"], 0);
    let right = json!({"birth_date": "1980-01-01"});
    let waiting = office.post("/onboarding/birth-date", right).await;
    assert_eq!(waiting.problem(429, "waiting")["retry_after"], FIRST_WAIT);
}

#[tokio::test]
async fn wrong_birth_dates_make_a_network_hot_too() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 4).await;
    let office = client(&app, OFFICE);
    office
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let wrong = json!({"birth_date": "1981-02-03"});
    let guess = office.post("/onboarding/birth-date", wrong).await;
    guess.problem(422, "mismatch");
    assert_eq!(
        wait_after_one_failure(&office, "nobody5").await,
        Some(FIRST_WAIT)
    );
}

#[tokio::test]
async fn a_company_swept_from_many_networks_is_slowed_in_all_of_them() {
    let app = app(1000, 5).await;
    let mut other = profile("other001");
    "99".clone_into(&mut other.symbol);
    app.enrol(other, "joined-to-2024-12-01").await;
    for number in 0..5 {
        let user_id = colleague(&app, number).await;
        fail(&client(&app, &format!("10.0.{number}.1")), &user_id).await;
    }
    let elsewhere = client(&app, ELSEWHERE);
    assert_eq!(
        wait_after_one_failure(&elsewhere, USER_ID).await,
        Some(FIRST_WAIT)
    );
    assert_eq!(wait_after_one_failure(&elsewhere, "other001").await, None);
}

#[tokio::test]
async fn an_unknown_id_is_slowed_and_answered_as_a_known_one_throughout() {
    // Everybody is of one company, so whoever stands in for an unknown ID is too.
    let app = app(1000, 5).await;
    for number in 0..5 {
        let user_id = colleague(&app, number).await;
        fail(&client(&app, &format!("10.0.{number}.1")), &user_id).await;
    }
    let elsewhere = client(&app, ELSEWHERE);
    let mut answers = Vec::new();
    for user_id in [USER_ID, "nobody99"] {
        let mut seen = Vec::new();
        for seconds in [0, 0, HOUR, 1] {
            app.wait(seconds);
            let answer = elsewhere.sign_in(user_id, "not the password").await;
            seen.push((answer.status.as_u16(), answer.text));
        }
        answers.push(seen);
        // The next one starts from the same heat.
        for number in 0..5 {
            let user_id = format!("colleague{number}");
            fail(&client(&app, &format!("10.1.{number}.1")), &user_id).await;
        }
    }
    let statuses: Vec<u16> = answers[0].iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [401, 429, 401, 401]);
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn unknown_ids_make_a_company_hot_as_known_ones_do() {
    let app = app(1000, 5).await;
    for number in 0..5 {
        let from = client(&app, &format!("10.0.{number}.1"));
        fail(&from, &format!("nobody{number}")).await;
    }
    let elsewhere = client(&app, ELSEWHERE);
    assert_eq!(
        wait_after_one_failure(&elsewhere, USER_ID).await,
        Some(FIRST_WAIT)
    );
}

#[tokio::test]
async fn a_network_cools_within_an_hour() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 6).await;
    app.wait(HOUR);
    assert_eq!(
        wait_after_one_failure(&client(&app, OFFICE), USER_ID).await,
        None
    );
}

#[tokio::test]
async fn a_browser_that_signed_in_before_is_not_slowed() {
    let app = app(5, 5).await;
    let own = client(&app, OFFICE);
    own.sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    own.step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    sweep_the_office(&app, 6).await;
    assert_eq!(wait_after_one_failure(&own, USER_ID).await, None);
    own.sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn whoever_got_in_after_a_slip_is_not_counted() {
    let app = app(5, 1000).await;
    sweep_the_office(&app, 4).await;
    let office = client(&app, OFFICE);
    fail(&office, USER_ID).await;
    office
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    office
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    assert_eq!(wait_after_one_failure(&office, "nobody5").await, None);
}
