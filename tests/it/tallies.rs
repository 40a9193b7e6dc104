//! What came to nothing: counted by kind and ten minutes, and stored once, whatever becomes of the store.

use futures::FutureExt;
use kadode::store::Recorded;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::app::{App, USER_ID, eventually, profile};

async fn fail(app: &App) {
    app.client()
        .sign_in("nobody99", "not the password")
        .await
        .problem(401, "sign-in-failed");
}

async fn day(app: &App, day: &str) -> Vec<Recorded> {
    app.society.log.read_stream("attempts", day).await.unwrap()
}

fn tallied(window: &str, count: u64) -> (String, u64) {
    (window.to_owned(), count)
}

/// Window and count of each event.
fn windows(events: &[Recorded]) -> Vec<(String, u64)> {
    let window = |payload: &Value| payload["window"].as_str().unwrap().to_owned();
    let count = |payload: &Value| payload["count"].as_u64().unwrap();
    let payloads = events.iter().map(|event| &event.payload);
    payloads.map(|it| (window(it), count(it))).collect()
}

/// Stores what was counted, and returns the day's events.
async fn stored_tallies(app: &App, day: &str) -> Vec<Recorded> {
    let tallies = &app.api.tallies;
    let stored = tallies
        .store_all(&app.society.commands, &app.api.policy_version)
        .await;
    stored.unwrap();
    self::day(app, day).await
}

fn counts(events: &[Recorded]) -> Vec<(String, u64)> {
    let count = |event: &Recorded| {
        (
            event.payload["kind"].as_str().unwrap().to_owned(),
            event.payload["count"].as_u64().unwrap(),
        )
    };
    events.iter().map(count).collect()
}

#[tokio::test]
async fn what_came_to_nothing_is_stored_as_counts_in_one_append() {
    let (app, member) = App::with_member().await;
    let mut other = profile("frozen01");
    "22222".clone_into(&mut other.number);
    let frozen = app.enrol(other, "joined-to-2024-12-01").await;
    app.freeze(frozen).await;
    let stranger = app.client();
    for _ in 0..7 {
        stranger.sign_in("nobody99", "not the password").await;
    }
    stranger
        .sign_in("frozen01", "12222219800101")
        .await
        .problem(401, "sign-in-failed");
    stranger
        .get("/email-confirmations/x")
        .await
        .problem(404, "link-unknown");
    let headers = [("origin", "https://evil.example")];
    stranger
        .send(Method::POST, "/sessions", None, &headers)
        .await
        .problem(403, "foreign");
    let client = app.client_at("email").await;
    for _ in 0..3 {
        client
            .post("/onboarding/email/update", json!({}))
            .await
            .problem(409, "out-of-order");
    }
    let before = app.events(member).await;
    app.wait(11 * 60);
    let stored = stored_tallies(&app, "2026-04-10").await;
    let expected = [
        ("foreign", 1),
        ("link-unknown", 1),
        ("out-of-order", 3),
        ("sign-in-failed", 1),
        ("unknown-id", 5),
        ("waiting", 2),
    ];
    assert_eq!(
        counts(&stored),
        expected.map(|(kind, count)| (kind.to_owned(), count))
    );
    for event in &stored {
        assert_eq!(event.event_type, "AttemptsTallied");
        assert_eq!(event.payload["window"], "2026-04-10T00:00:00Z");
        assert_eq!(
            event.metadata["command_id"],
            stored[0].metadata["command_id"]
        );
        assert_eq!(event.metadata["actor"], "system");
        assert_eq!(event.metadata.get("trace"), None);
    }
    assert_eq!(app.events(member).await, before);
    assert_eq!(
        stored_tallies(&app, "2026-04-10").await.len(),
        stored.len(),
        "nothing new, nothing stored"
    );
}

#[tokio::test]
async fn failures_of_known_members_are_events_and_not_counts() {
    let (app, member) = App::with_member().await;
    app.client()
        .sign_in(USER_ID, "not the password")
        .await
        .problem(401, "sign-in-failed");
    let client = app.client_at("birth_date").await;
    let guess = client
        .post(
            "/onboarding/birth-date",
            json!({"birth_date": "1981-01-01"}),
        )
        .await;
    guess.problem(422, "mismatch");
    app.advance_client(&client, "otp").await;
    let wrong = app.wrong_code(member).await;
    client
        .post("/sessions/current/otp", json!({"code": wrong}))
        .await
        .problem(422, "mismatch");
    let events = app.events(member).await;
    for name in ["CredentialsRejected", "BirthDateRejected", "OtpRejected"] {
        assert_eq!(
            events.iter().filter(|event| *event == name).count(),
            1,
            "{name}"
        );
    }
    assert_eq!(counts(&stored_tallies(&app, "2026-04-10").await), []);
}

#[tokio::test]
async fn counts_belong_to_the_ten_minutes_in_which_they_were_counted() {
    let app = App::start().await;
    let store = async || {
        let tallies = &app.api.tallies;
        tallies
            .store_finished(&app.society.commands, &app.api.policy_version)
            .await
            .unwrap();
        day(&app, "2026-04-10").await
    };
    app.wait(599);
    fail(&app).await;
    assert_eq!(windows(&store().await), []);
    app.wait(1);
    fail(&app).await;
    fail(&app).await;
    let first = tallied("2026-04-10T00:00:00Z", 1);
    assert_eq!(windows(&store().await), std::slice::from_ref(&first));
    app.wait(3000);
    let second = tallied("2026-04-10T00:10:00Z", 2);
    assert_eq!(windows(&store().await), [first, second]);
}

#[tokio::test]
async fn counts_belong_to_the_day_in_tokyo_on_which_they_were_counted() {
    let app = App::start().await;
    app.wait(15 * 3600 - 1);
    fail(&app).await;
    app.wait(1);
    fail(&app).await;
    let today = stored_tallies(&app, "2026-04-10").await;
    assert_eq!(windows(&today), [tallied("2026-04-10T14:50:00Z", 1)]);
    let tomorrow = day(&app, "2026-04-11").await;
    assert_eq!(windows(&tomorrow), [tallied("2026-04-10T15:00:00Z", 1)]);
}

#[tokio::test]
async fn counts_that_the_store_did_not_take_are_kept_with_their_window() {
    let app = App::start().await;
    let tamper = async |statement: &str| {
        let writer = &app.society.database.write;
        sqlx::query(statement).execute(writer).await.unwrap();
    };
    fail(&app).await;
    tamper("CREATE TRIGGER away BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'away'); END")
        .await;
    let tallies = &app.api.tallies;
    let refused = tallies
        .store_all(&app.society.commands, &app.api.policy_version)
        .await;
    assert!(refused.is_err());
    tamper("DROP TRIGGER away").await;
    app.wait(1200);
    fail(&app).await;
    let stored = stored_tallies(&app, "2026-04-10").await;
    let expected = [
        tallied("2026-04-10T00:00:00Z", 1),
        tallied("2026-04-10T00:20:00Z", 1),
    ];
    assert_eq!(windows(&stored), expected);
}

#[tokio::test]
async fn counts_whose_storing_was_not_answered_are_not_stored_twice() {
    let app = App::start().await;
    fail(&app).await;
    let tallies = &app.api.tallies;
    let storing = tallies.store_all(&app.society.commands, &app.api.policy_version);
    // The command goes on by itself; whoever waits for its answer has gone.
    assert!(storing.now_or_never().is_none());
    eventually("the tally", async || {
        (day(&app, "2026-04-10").await.len() == 1).then_some(())
    })
    .await;
    let stored = stored_tallies(&app, "2026-04-10").await;
    assert_eq!(windows(&stored), [tallied("2026-04-10T00:00:00Z", 1)]);
}

#[tokio::test]
async fn an_unknown_id_leaves_no_trace_of_what_was_typed() {
    let app = App::start().await;
    let typed = "Typed-By-Mistake-99";
    app.client()
        .sign_in(typed, typed)
        .await
        .problem(401, "sign-in-failed");
    stored_tallies(&app, "2026-04-10").await;
    let file = std::fs::read(app.folder.path().join("kadode.sqlite")).unwrap();
    let wal = std::fs::read(app.folder.path().join("kadode.sqlite-wal")).unwrap_or_default();
    for bytes in [file, wal] {
        let text = String::from_utf8_lossy(&bytes).to_lowercase();
        assert!(!text.contains(&typed.to_lowercase()));
    }
}
