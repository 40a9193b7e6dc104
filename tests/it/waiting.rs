//! Waiting times: when they begin and end, for whom they count, and that signing in between is no way around them.

use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, profile,
};

const UNAUTHORISED: StatusCode = StatusCode::UNAUTHORIZED;

async fn fail(client: &Client, user_id: &str) -> Answer {
    client.sign_in(user_id, "not the password at all").await
}

async fn fail_times(client: &Client, user_id: &str, times: u32) {
    for _ in 0..times {
        fail(client, user_id).await.expect(UNAUTHORISED);
    }
}

async fn guess_birth_date(client: &Client) -> Answer {
    client
        .post(
            "/onboarding/birth-date",
            json!({"birth_date": "1981-02-03"}),
        )
        .await
}

fn seconds_to_wait(answer: Answer) -> i64 {
    assert_eq!(
        answer.status,
        StatusCode::TOO_MANY_REQUESTS,
        "{}",
        answer.text
    );
    let header = answer.headers["retry-after"].to_str().unwrap().to_owned();
    let body = answer.problem(429, "waiting");
    assert_eq!(header, body["retry_after"].to_string());
    body["retry_after"].as_i64().unwrap()
}

async fn behind_proxy() -> App {
    let setup = Setup {
        behind_proxy: true,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app
}

#[tokio::test]
async fn after_five_failures_waits_double_from_thirty_seconds_to_an_hour() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 4).await;
    for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        fail_times(&client, USER_ID, 1).await;
        assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), seconds);
        app.wait(seconds - 1);
        assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), 1);
        app.wait(1);
    }
}

#[tokio::test]
async fn the_right_password_waits_too() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 5).await;
    let answer = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    assert_eq!(seconds_to_wait(answer), 30);
}

#[tokio::test]
async fn a_wait_is_told_in_whole_seconds_and_never_as_none() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 5).await;
    app.clock.advance(jiff::SignedDuration::from_millis(29_999));
    assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), 1);
}

#[tokio::test]
async fn an_unknown_id_waits_as_a_known_one_does() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    let mut answers = Vec::new();
    for user_id in [USER_ID, "nobody99"] {
        fail_times(&client, user_id, 5).await;
        answers.push(
            fail(&client, user_id)
                .await
                .expect(StatusCode::TOO_MANY_REQUESTS)
                .text,
        );
    }
    assert_eq!(answers[0], answers[1]);
}

#[tokio::test]
async fn a_success_after_step_three_starts_the_count_anew() {
    let (app, _) = App::with_member().await;
    app.client_at("email").await;
    let client = app.client();
    fail_times(&client, USER_ID, 4).await;
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let stranger = app.client();
    fail_times(&stranger, USER_ID, 5).await;
    assert_eq!(seconds_to_wait(fail(&stranger, USER_ID).await), 30);
}

#[tokio::test]
async fn time_alone_resets_nothing() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 5).await;
    app.wait(3 * 24 * 3600);
    fail_times(&client, USER_ID, 1).await;
    assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), 60);
}

#[tokio::test]
async fn failures_count_by_the_typed_id_however_it_is_written() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 4).await;
    fail_times(&client, " ＨＡＮＡＫＯ０１ ", 1).await;
    assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), 30);
    fail_times(&client, "hanako02", 1).await;
}

#[tokio::test]
async fn failures_count_by_network() {
    let app = behind_proxy().await;
    let client = |from: &str| app.client_with(&[("x-forwarded-for", from)]);
    fail_times(&client("192.0.2.7"), USER_ID, 3).await;
    fail_times(&client("192.0.2.200"), USER_ID, 2).await;
    assert_eq!(
        seconds_to_wait(fail(&client("192.0.2.9"), USER_ID).await),
        30
    );
    let elsewhere = client("198.51.100.1")
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await;
    elsewhere.expect(StatusCode::CREATED);
}

#[tokio::test]
async fn strangers_failures_do_not_keep_a_member_out_of_a_browser_that_signed_in_before() {
    let (app, _) = App::with_member().await;
    let own = app.client_at("email").await;
    fail_times(&app.client(), USER_ID, 5).await;
    own.sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    assert_eq!(seconds_to_wait(fail(&app.client(), USER_ID).await), 30);
}

#[tokio::test]
async fn wrong_birth_dates_and_wrong_passwords_count_together() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 2).await;
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    for tries_left in [2, 1, 0] {
        let body = guess_birth_date(&client).await.problem(422, "mismatch");
        assert_eq!(body["tries_left"], tries_left);
    }
    assert_eq!(seconds_to_wait(guess_birth_date(&client).await), 30);
    assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), 30);
}

#[tokio::test]
async fn the_right_birth_date_waits_too_and_is_not_looked_at() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for _ in 0..5 {
        guess_birth_date(&client).await.problem(422, "mismatch");
    }
    let answer = client
        .post(
            "/onboarding/birth-date",
            json!({"birth_date": "1980-01-01"}),
        )
        .await;
    assert_eq!(seconds_to_wait(answer), 30);
    assert!(
        !app.events(member)
            .await
            .contains(&"BirthDateConfirmed".to_owned())
    );
}

#[tokio::test]
async fn signing_in_between_gives_no_further_guesses_at_the_birth_date() {
    let (app, _) = App::with_member().await;
    for tries_left in [4, 3, 2, 1, 0] {
        let client = app.client_at("birth_date").await;
        let body = guess_birth_date(&client).await.problem(422, "mismatch");
        assert_eq!(body["tries_left"], tries_left);
    }
    for seconds in [30, 60] {
        let waiting = app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
        assert_eq!(seconds_to_wait(waiting), seconds);
        app.wait(seconds);
        let client = app.client_at("birth_date").await;
        guess_birth_date(&client).await.problem(422, "mismatch");
    }
}

#[tokio::test]
async fn signing_in_again_and_again_without_a_guess_brings_no_wait() {
    let (app, _) = App::with_member().await;
    for _ in 0..7 {
        app.client_at("birth_date").await;
    }
}

#[tokio::test]
async fn a_browser_gets_a_lane_of_its_own_only_with_the_birth_date() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    let signed_in = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    assert!(
        !signed_in
            .cookies()
            .iter()
            .any(|it| it.starts_with("kadode-device="))
    );
    let confirmed = client
        .post(
            "/onboarding/birth-date",
            json!({"birth_date": "1980-01-01"}),
        )
        .await;
    assert!(
        confirmed
            .cookies()
            .iter()
            .any(|it| it.starts_with("kadode-device="))
    );
}

#[tokio::test]
async fn the_right_birth_date_starts_the_count_anew() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for _ in 0..4 {
        guess_birth_date(&client).await.problem(422, "mismatch");
    }
    app.advance_client(&client, "email").await;
    let stranger = app.client();
    fail_times(&stranger, USER_ID, 5).await;
    assert_eq!(seconds_to_wait(fail(&stranger, USER_ID).await), 30);
}

#[tokio::test]
async fn a_birth_date_that_is_no_date_is_no_try() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for _ in 0..6 {
        let answer = client
            .post(
                "/onboarding/birth-date",
                json!({"birth_date": "1980-13-01"}),
            )
            .await;
        answer.problem(422, "invalid");
    }
    let body = guess_birth_date(&client).await.problem(422, "mismatch");
    assert_eq!(body["tries_left"], 4);
}

#[tokio::test]
async fn of_twenty_birth_dates_at_once_five_are_looked_at() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let guesses = futures::future::join_all((0..20).map(|_| guess_birth_date(&client))).await;
    let looked_at = guesses.iter().filter(|guess| guess.status == 422).count();
    assert_eq!(looked_at, 5);
    let mut left: Vec<i64> = guesses
        .iter()
        .filter_map(|guess| guess.body["tries_left"].as_i64())
        .collect();
    left.sort_unstable();
    assert_eq!(left, [0, 1, 2, 3, 4], "each request is counted once");
    let events = app.events(member).await;
    assert_eq!(
        events
            .iter()
            .filter(|name| *name == "BirthDateRejected")
            .count(),
        5
    );
}

#[tokio::test]
async fn an_own_password_that_is_wrong_counts_as_any_other() {
    let (app, _) = App::with_member().await;
    app.client_at("log_out").await;
    let stranger = app.client();
    for _ in 0..5 {
        stranger
            .sign_in(USER_ID, INITIAL_PASSWORD)
            .await
            .problem(401, "sign-in-failed");
    }
    assert_eq!(
        seconds_to_wait(stranger.sign_in(USER_ID, NEW_PASSWORD).await),
        30
    );
}

/// Lets the store refuse all events, or take them again.
async fn store_is_away(app: &App, away: bool) {
    let statement = if away {
        "CREATE TRIGGER away BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'away'); END"
    } else {
        "DROP TRIGGER away"
    };
    sqlx::query(statement)
        .execute(&app.society.database.write)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_right_password_that_the_store_did_not_take_is_no_failure() {
    let (app, _) = App::with_member().await;
    let client = app.client();
    fail_times(&client, USER_ID, 4).await;
    store_is_away(&app, true).await;
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .problem(503, "busy");
    store_is_away(&app, false).await;
    fail_times(&client, USER_ID, 1).await;
    assert_eq!(seconds_to_wait(fail(&client, USER_ID).await), 30);
}

#[tokio::test]
async fn a_right_birth_date_that_the_store_did_not_take_is_no_failure() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for _ in 0..4 {
        guess_birth_date(&client).await.problem(422, "mismatch");
    }
    store_is_away(&app, true).await;
    client
        .post(
            "/onboarding/birth-date",
            json!({"birth_date": "1980-01-01"}),
        )
        .await
        .problem(503, "busy");
    store_is_away(&app, false).await;
    guess_birth_date(&client).await.problem(422, "mismatch");
    assert_eq!(seconds_to_wait(guess_birth_date(&client).await), 30);
}
