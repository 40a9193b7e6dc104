//! Who, when and from where: what stands beside every event; and what came to nothing, as counts.

use jiff::Timestamp;
use kadode::domain::ids::CommandId;
use kadode::domain::onboarding::Command;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{App, INITIAL_PASSWORD, Setup, USER_ID, profile, seconds};

#[tokio::test]
async fn beside_every_event_stands_who_gave_which_command_when_and_under_which_rules() {
    let (app, member) = App::with_member().await;
    app.wait(5);
    let answer = app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    let request = answer.headers["x-request-id"].to_str().unwrap();
    let stream = app
        .society
        .log
        .read_stream("onboarding", &member.to_string())
        .await
        .unwrap();
    let event = stream.last().unwrap();
    assert_eq!(event.event_type, "CredentialsAccepted");
    assert_eq!(event.recorded_at, seconds(5));
    let metadata = event.metadata.as_object().unwrap();
    assert_eq!(metadata["actor"], "member");
    assert_eq!(metadata["actor_id"], member.to_string());
    assert_eq!(metadata["command"], "SignIn");
    assert_eq!(metadata["request_id"], request);
    assert_eq!(metadata["policy"], app.society.policy.label());
    assert_eq!(
        metadata["software"],
        format!("kadode {}", env!("CARGO_PKG_VERSION"))
    );
    let recorded_at: Timestamp = metadata["recorded_at"].as_str().unwrap().parse().unwrap();
    assert_eq!(recorded_at, seconds(5));
    assert!(
        metadata["command_id"]
            .as_str()
            .unwrap()
            .parse::<CommandId>()
            .is_ok()
    );
    let mut keys: Vec<&String> = metadata.keys().collect();
    keys.sort_unstable();
    let expected = [
        "actor",
        "actor_id",
        "command",
        "command_id",
        "policy",
        "recorded_at",
        "request_id",
        "software",
        "trace",
    ];
    assert_eq!(keys, expected);
}

#[tokio::test]
async fn address_and_browser_are_sealed_and_open_for_this_member_and_command_alone() {
    let setup = Setup {
        behind_proxy: true,
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    let member = app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    let client = app.client_with(&[("x-forwarded-for", "203.0.113.9")]);
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    let stream = app
        .society
        .log
        .read_stream("onboarding", &member.to_string())
        .await
        .unwrap();
    let [.., signed_in, confirmed] = stream.as_slice() else {
        panic!("two events at least")
    };
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let traces = &app.society.vault.traces;
    let sealed = text(&signed_in.metadata["trace"]);
    assert!(!signed_in.metadata.to_string().contains("203.0.113"));
    assert!(!signed_in.metadata.to_string().contains("Test Browser"));
    let command: CommandId = text(&signed_in.metadata["command_id"]).parse().unwrap();
    let trace = traces.open(member, command, &sealed).await.unwrap();
    assert_eq!(trace.address.to_string(), "203.0.113.9");
    assert_eq!(trace.user_agent, "Test Browser");
    let other: CommandId = text(&confirmed.metadata["command_id"]).parse().unwrap();
    assert_ne!(command, other);
    assert!(traces.open(member, other, &sealed).await.is_err());
}

#[tokio::test]
async fn each_request_is_a_command_of_its_own_under_its_own_name() {
    let (app, member) = App::with_member().await;
    app.client_at("completed").await;
    let stream = app
        .society
        .log
        .read_stream("onboarding", &member.to_string())
        .await
        .unwrap();
    let commands: Vec<(String, String)> = stream
        .iter()
        .map(|event| {
            let name = event.metadata["command"].as_str().unwrap().to_owned();
            (event.event_type.clone(), name)
        })
        .collect();
    let pairs: Vec<(&str, &str)> = commands
        .iter()
        .map(|(event, name)| (event.as_str(), name.as_str()))
        .collect();
    assert_eq!(
        pairs[1..],
        [
            ("CredentialsAccepted", "SignIn"),
            ("BirthDateConfirmed", "ConfirmBirthDate"),
            ("EmailRegistered", "RegisterEmail"),
            ("EmailLinkFollowed", "FollowEmailLink"),
            ("EmailVerified", "UpdateEmail"),
            ("OtpMethodChosen", "ChooseOtpMethod"),
            ("PasswordChanged", "ChangePassword"),
            ("FirstLoginCompleted", "ChangePassword"),
            ("LoggedOut", "LogOut"),
            ("CredentialsAccepted", "SignIn"),
            ("OtpIssued", "SignIn"),
            ("OtpLoginSucceeded", "SubmitOtp"),
            ("OnboardingCompleted", "SubmitOtp"),
        ]
    );
    let ids: std::collections::HashSet<String> = stream
        .iter()
        .map(|event| event.metadata["command_id"].to_string())
        .collect();
    assert_eq!(ids.len(), 11);
}

/// Stores what was counted, and returns the day's events.
async fn stored_tallies(app: &App, day: &str) -> Vec<kadode::store::Recorded> {
    let id = CommandId(app.society.entropy.id());
    let now = app.clock.now();
    let stored = app
        .api
        .tallies
        .store(&app.society.commands, id, &app.api.policy_version, now)
        .await;
    stored.unwrap();
    app.society.log.read_stream("attempts", day).await.unwrap()
}

fn counts(events: &[kadode::store::Recorded]) -> Vec<(String, u64)> {
    let count = |event: &kadode::store::Recorded| {
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
    app.command(frozen, Command::ReportNotMe).await.unwrap();
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
        assert_eq!(event.payload["window"], "2026-04-10T00:10:00Z");
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
async fn counts_belong_to_the_day_in_tokyo() {
    let app = App::start().await;
    app.client()
        .sign_in("nobody99", "not the password")
        .await
        .problem(401, "sign-in-failed");
    app.wait(15 * 3600);
    assert_eq!(stored_tallies(&app, "2026-04-11").await.len(), 1);
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
