//! `kadode keys` as operators run it, while members are served.

use jiff::SignedDuration;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::{house_with_member, house_with_member_on_server};
use crate::import::house::{Done, House};
use crate::support::app::{
    Client, INITIAL_PASSWORD, NEW_PASSWORD, USER_ID, code_in, eventually, token_in,
};
use crate::support::program::Program;

fn run(house: &House, arguments: &[&str]) -> Done {
    Done::of(&mut house.command(arguments))
}

#[track_caller]
fn report(house: &House, arguments: &[&str]) -> Value {
    let done = run(house, arguments);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    done.report()
}

/// A key is added and made the present one; answers with what the second command prints.
fn rotated(house: &House) -> Value {
    report(house, &["keys", "add"]);
    report(house, &["keys", "rotate"])
}

/// What the history says of keys, in order.
async fn told(house: &House) -> Vec<(String, Value)> {
    let society = house.society().await;
    let events = society.log.read_stream("custody", "society").await;
    society.close().await;
    let events = events.unwrap().into_iter();
    events.map(|it| (it.event_type, it.payload)).collect()
}

/// The same browser at another run of the program.
fn moved(client: &Client, program: &Program) -> Client {
    Client {
        http: client.http.clone(),
        base: program.url.clone(),
    }
}

/// Tells the program to stop, and starts it anew.
async fn again(house: &House, program: Program) -> Program {
    program.stop().await;
    Program::serve(house).await
}

#[test]
fn a_rotation_prints_its_counts_as_one_line() {
    let house = house_with_member();
    let added = report(&house, &["keys", "add"]);
    let rotated = report(&house, &["keys", "rotate"]);
    let expected = json!({
        "key": added["key"], "before": added["present"], "rewrapped": 1, "data_keys": 1, "under_older_keys": 0,
        "destroyed": 0, "damaged": 0,
    });
    assert_eq!(rotated, expected);
}

#[tokio::test]
async fn a_rotation_is_told_in_the_history_with_names_and_counts() {
    let house = house_with_member();
    let rotated = rotated(&house);
    let (key, before) = (&rotated["key"], &rotated["before"]);
    let expected = [
        json!({"type": "MasterKeyAdded", "key": key}),
        json!({"type": "MasterKeyChanged", "key": key, "before": before}),
        json!({"type": "DataKeysRewrapped", "key": key, "rewrapped": 1, "data_keys": 1}),
    ];
    let told = told(&house).await.into_iter();
    assert_eq!(told.map(|(_, it)| it).collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn running_it_again_changes_and_tells_nothing() {
    let house = house_with_member();
    let first = rotated(&house);
    let before = told(&house).await;
    let second = report(&house, &["keys", "rotate"]);
    assert_eq!(
        (&second["key"], &second["rewrapped"]),
        (&first["key"], &json!(0))
    );
    assert_eq!(told(&house).await, before);
}

#[test]
fn auditors_find_a_rotation_to_be_what_the_rules_make() {
    let house = house_with_member();
    rotated(&house);
    report(&house, &["ledger", "export", "package"]);
    let package = house.path("package").display().to_string();
    assert_eq!(report(&house, &["ledger", "verify", &package])["ok"], true);
}

#[test]
fn on_a_server_it_is_the_same() {
    let house = house_with_member_on_server();
    let rotated = rotated(&house);
    assert_eq!(
        (&rotated["rewrapped"], &rotated["under_older_keys"]),
        (&json!(1), &json!(0))
    );
}

#[tokio::test]
async fn it_is_refused_while_a_program_serves_that_does_not_know_the_key() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    report(&house, &["keys", "add"]);
    let refused = eventually("the program to be known", || {
        let done = run(&house, &["keys", "rotate"]);
        std::future::ready((done.code == 2).then_some(done))
    })
    .await;
    let refusal = refused.refusal();
    assert!(
        refusal.contains("a `kadode serve` runs that does not know key"),
        "{refusal}"
    );
    drop(program);
}

#[tokio::test]
async fn on_a_server_a_program_whose_clock_is_wrong_is_not_overlooked() {
    let house = house_with_member_on_server();
    let running = house.society().await;
    let long_ago = running.clock.now() - SignedDuration::from_hours(1);
    running.vault.rotation.beat(long_ago).await.unwrap();
    report(&house, &["keys", "add"]);
    let done = run(&house, &["keys", "rotate"]);
    assert!(
        done.refusal()
            .contains("a `kadode serve` runs that does not know key"),
        "{}",
        done.stderr
    );
    running.close().await;
}

#[tokio::test]
async fn a_program_that_was_told_to_stop_keeps_nobody_waiting() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    report(&house, &["keys", "add"]);
    program.stop().await;
    assert_eq!(report(&house, &["keys", "rotate"])["rewrapped"], 1);
}

#[tokio::test]
async fn a_member_goes_on_with_session_link_password_and_code_of_before_and_after() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let client = program.client();
    let signed_in = client.sign_in(USER_ID, INITIAL_PASSWORD).await;
    signed_in.expect(StatusCode::CREATED);
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    client
        .step("email", json!({"email": "hanako@example.jp"}))
        .await;
    let token = house.mailed(token_in).await;
    report(&house, &["keys", "add"]);
    let program = again(&house, program).await;
    // Beside it.
    assert_eq!(report(&house, &["keys", "rotate"])["under_older_keys"], 0);

    let client = moved(&client, &program);
    let link = format!("/email-confirmations/{token}");
    let followed = client.post(&link, json!({})).await;
    followed.expect(StatusCode::OK);
    client.step("email/update", json!({})).await;
    client.step("otp-method", json!({"method": "email"})).await;
    client
        .step("password", json!({"new_password": NEW_PASSWORD}))
        .await;
    client.delete("/sessions/current").await;
    let signed_in = client.sign_in(USER_ID, NEW_PASSWORD).await;
    signed_in.expect(StatusCode::CREATED);
    let code = house.mailed(code_in).await;

    // What it wrapped before it followed.
    report(&house, &["keys", "rotate"]);
    report(&house, &["keys", "add"]);
    let program = again(&house, program).await;
    assert_eq!(report(&house, &["keys", "rotate"])["under_older_keys"], 0);
    let client = moved(&client, &program);
    let accepted = client
        .post("/sessions/current/otp", json!({"code": code}))
        .await;
    accepted.expect(StatusCode::OK);
    assert_eq!(client.due().await, "completed");
}

#[tokio::test]
async fn a_rotation_that_is_killed_is_finished_by_the_next() {
    let house = House::new();
    let roster = house.large_roster(1200);
    let done = house.import(&roster, &["--letters", "letters.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    report(&house, &["keys", "add"]);
    let mut killed = house.command(&["keys", "rotate"]).spawn().unwrap();
    // Once it has begun.
    eventually("the beginning", || async {
        told(&house)
            .await
            .iter()
            .find(|(name, _)| name == "MasterKeyChanged")
            .map(drop)
    })
    .await;
    killed.kill().unwrap();
    killed.wait().unwrap();
    let finished = report(&house, &["keys", "rotate"]);
    assert_eq!(
        (&finished["data_keys"], &finished["under_older_keys"]),
        (&json!(1200), &json!(0))
    );
    let last = told(&house).await.pop().map(|(name, _)| name);
    assert_eq!(last.as_deref(), Some("DataKeysRewrapped"));
}
