//! Who, when and from where: what stands beside every event.

use jiff::Timestamp;
use kadode::domain::ids::CommandId;
use reqwest::StatusCode;
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
