//! How long it can be read from where something was done.

use kadode::ambient::Clock;
use kadode::domain::ids::{CommandId, MemberId};
use kadode::reactors::retention::Retention;
use kadode::vault::{Profile, Trace, VaultError};
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::app::{
    App, INITIAL_PASSWORD, Setup, USER_ID, eventually, policy_with, profile,
};

const DAYS: &str = "[retention]\ntrace_days = 90\n\n[limits.password]";

fn setup(now: &str) -> Setup {
    Setup {
        policy: policy_with(&[("[limits.password]", DAYS)]),
        clock: Clock::standing_at(now.parse().unwrap()),
        ..Setup::default()
    }
}

/// A society that keeps traces for 90 days, in which a member signed in during 2026.
async fn signed_in() -> (App, MemberId) {
    let app = App::start_as(setup("2026-04-10T00:00:00Z")).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let answer = app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    answer.expect(StatusCode::CREATED);
    (app, member)
}

/// From where the member signed in.
async fn trace(app: &App, member: MemberId) -> Result<Trace, VaultError> {
    let log = &app.society.log;
    let stream = log.read_stream("onboarding", &member.to_string()).await;
    let metadata = stream.unwrap().pop().unwrap().metadata;
    let text = |name: &str| metadata[name].as_str().unwrap().to_owned();
    let command: CommandId = text("command_id").parse().unwrap();
    let traces = &app.society.vault.traces;
    traces.open(member, command, &text("trace")).await
}

async fn told(app: &App) -> Vec<Value> {
    let stream = app.society.log.read_stream("custody", "society").await;
    stream.unwrap().into_iter().map(|it| it.payload).collect()
}

/// The sweeper's look, at a moment.
async fn look(app: &App, now: &str, trace_days: Option<u32>) {
    let society = &app.society;
    let retention = Retention {
        vault: society.vault.clone(),
        commands: society.commands.clone(),
        policy: society.policy.label(),
        trace_days,
        clock: Clock::standing_at(now.parse().unwrap()),
        known: Some(now.parse().unwrap()),
        started: Instant::now(),
        entropy: society.entropy.clone(),
    };
    retention.destroy().await.unwrap();
}

#[tokio::test]
async fn when_their_time_is_over_the_program_destroys_traces_and_tells_how_many() {
    let (app, member) = signed_in().await;
    let folder = app.kill().await;
    // Its clock is believed at the next start, by what the log has then.
    let app = App::start_in(folder, setup("2027-04-01T00:00:00Z")).await;
    let another = Profile {
        number: "22222".to_owned(),
        ..profile("kadode02")
    };
    app.enrol(another, "joined-to-2024-12-01").await;
    let folder = app.kill().await;
    let app = App::start_in(folder, setup("2027-04-01T00:00:00Z")).await;
    eventually("the end of the trace", || async {
        matches!(trace(&app, member).await, Err(VaultError::Erased)).then_some(())
    })
    .await;
    let expected = json!({"type": "TracesDestroyed", "until": 2026, "keys": 1});
    assert_eq!(told(&app).await, [expected]);
}

#[tokio::test]
async fn a_clock_that_is_wrong_at_one_start_destroys_nothing() {
    let (app, member) = signed_in().await;
    let society = &app.society;
    let retention = Retention {
        vault: society.vault.clone(),
        commands: society.commands.clone(),
        policy: society.policy.label(),
        trace_days: Some(90),
        clock: Clock::standing_at("2099-01-01T00:00:00Z".parse().unwrap()),
        known: society.log.last_time().await.unwrap(),
        started: Instant::now(),
        entropy: society.entropy.clone(),
    };
    retention.destroy().await.unwrap();
    trace(&app, member).await.unwrap();
}

#[tokio::test]
async fn until_the_last_moment_they_can_be_read() {
    let (app, member) = signed_in().await;
    look(&app, "2027-03-31T14:59:59Z", Some(90)).await;
    trace(&app, member).await.unwrap();
    assert_eq!(told(&app).await, [Value::Null; 0]);
}

#[tokio::test]
async fn a_policy_without_the_number_keeps_them_for_ever() {
    let (app, member) = signed_in().await;
    look(&app, "2099-01-01T00:00:00Z", None).await;
    trace(&app, member).await.unwrap();
}

#[tokio::test]
async fn who_the_member_is_can_be_read_as_before() {
    let (app, member) = signed_in().await;
    look(&app, "2027-04-01T00:00:00Z", Some(90)).await;
    app.society.vault.profiles.get(member).await.unwrap();
}

#[tokio::test]
async fn looking_again_tells_nothing_more() {
    let (app, _) = signed_in().await;
    for _ in 0..2 {
        look(&app, "2027-04-01T00:00:00Z", Some(90)).await;
    }
    assert_eq!(told(&app).await.len(), 1);
}
