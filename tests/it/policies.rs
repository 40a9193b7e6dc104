//! A member keeps the cohort, the initial password and the notes on use of the policy they were enrolled under, whatever is in force now.

use kadode::ambient::Clock;
use kadode::app::{Opening, Society};
use kadode::config::DataSettings;
use reqwest::StatusCode;
use serde_json::json;

use crate::support::app::{App, INITIAL_PASSWORD, START, Setup, USER_ID, policy_with, profile};
use crate::support::postgres::data_in;

const COHORT: &str = "joined-to-2024-12-01";

fn with_policy(policy: String) -> Setup {
    Setup {
        policy,
        ..Setup::default()
    }
}

/// The sample policy with notes on use of that version.
fn policy_with_terms(version: &str) -> String {
    let terms = format!(
        "[terms]\nversion = \"{version}\"\ntext = {{ ja = \"{version}の注意\", en = \"Notes of {version}\" }}\n\n\
         [roster_headers]"
    );
    policy_with(&[("[roster_headers]", &terms)])
}

#[tokio::test]
async fn a_new_version_of_the_notes_on_use_strands_nobody() {
    let app = App::start_as(with_policy(policy_with_terms("2026-04"))).await;
    app.enrol(profile(USER_ID), COHORT).await;
    let changed = with_policy(policy_with_terms("2026-10"));
    let app = App::start_in(app.kill().await, changed).await;
    let client = app.client_at("terms").await;
    let status = client.get("/onboarding").await.body;
    assert_eq!(
        status["terms"],
        json!({"version": "2026-04", "text": "2026-04の注意"})
    );
    client.step("terms", json!({"version": "2026-04"})).await;
    assert_eq!(client.due().await, "email");
}

#[tokio::test]
async fn notes_on_use_that_were_dropped_are_still_shown_to_whom_they_were_promised() {
    let app = App::start_as(with_policy(policy_with_terms("2026-04"))).await;
    app.enrol(profile(USER_ID), COHORT).await;
    let app = App::start_in(app.kill().await, Setup::default()).await;
    let client = app.client_at("terms").await;
    client.step("terms", json!({"version": "2026-04"})).await;
    assert_eq!(client.due().await, "email");
}

#[tokio::test]
async fn a_member_of_a_cohort_that_was_renamed_signs_in_as_before() {
    let (app, _) = App::with_member().await;
    let renamed = policy_with(&[("\"joined-to-2024-12-01\"", "\"early-members\"")]);
    let app = App::start_in(app.kill().await, with_policy(renamed)).await;
    app.client()
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_policy_that_an_import_adopts_beside_a_running_program_is_found_by_its_members() {
    let app = App::start().await;
    let policy = app.folder.path().join("other.toml");
    let other = policy_with(&[
        ("\"joined-to-2024-12-01\"", "\"early-members\""),
        (
            "formula = [\"symbol\", \"number\", \"birth_date\"]",
            "formula = [\"birth_date\", \"number\"]",
        ),
    ]);
    std::fs::write(&policy, other).unwrap();
    let data = DataSettings {
        policy: Some(policy),
        operator: None,
        ..data_in(app.folder.path())
    };
    let clock = Clock::standing_at(START.parse().unwrap());
    let beside = Society::open(&data, Opening::TO_FILL, clock, |_| {})
        .await
        .unwrap();
    beside.adopt_policy().await.unwrap();
    app.enrol_by(&beside, profile(USER_ID), "early-members")
        .await;
    app.client()
        .sign_in(USER_ID, "1980010111111")
        .await
        .expect(StatusCode::CREATED);
}

#[tokio::test]
async fn a_policy_that_would_make_members_unfindable_is_refused() {
    let app = App::start().await;
    let folder = app.kill().await;
    let other = policy_with(&[(
        "user_id_case_sensitive = false",
        "user_id_case_sensitive = true",
    )]);
    std::fs::write(folder.path().join("policy.toml"), other).unwrap();
    let data = data_in(folder.path());
    let clock = Clock::standing_at(START.parse().unwrap());
    let society = Society::open(&data, Opening::TO_FILL, clock, |_| {})
        .await
        .unwrap();
    let fault = society.adopt_policy().await.unwrap_err();
    assert_eq!(
        fault.to_string(),
        "policy sample-2026-04: user_id_case_sensitive is true, but the members in this database were taken in with \
         false; give it back its value"
    );
}
