//! The Status document: its fields, when they are null, and what may be done at each step.

use jiff::Timestamp;
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::app::{App, INITIAL_PASSWORD, USER_ID};

async fn status_at(app: &App, step: &str) -> Value {
    let client = app.client_at(step).await;
    client.get("/onboarding").await.expect(StatusCode::OK).body
}

#[tokio::test]
async fn the_status_after_the_first_sign_in_is_this() {
    let (app, member) = App::with_member().await;
    let answer = app.client().sign_in(USER_ID, INITIAL_PASSWORD).await;
    let open = |number: u8, name: &str, label: &str| json!({"number": number, "name": name, "label": label, "done_at": null});
    let mut signed_in = open(2, "sign_in", "ログイン");
    signed_in["done_at"] = json!("2026-04-10T00:00:00Z");
    let mut status = answer.expect(StatusCode::CREATED).body;
    for step in status["steps"].as_array_mut().unwrap() {
        assert!(!step["label"].as_str().unwrap().is_empty());
    }
    let position = status["position"].take();
    assert!(position.as_i64().unwrap() > 0);
    let numbers: Vec<(i64, &str)> = status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            (
                step["number"].as_i64().unwrap(),
                step["name"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        numbers,
        [
            (2, "sign_in"),
            (3, "birth_date"),
            (5, "email"),
            (6, "email_link"),
            (7, "email_update"),
            (8, "otp_method"),
            (9, "password"),
            (10, "first_login_completed"),
            (11, "log_out"),
            (13, "sign_in_again"),
            (14, "otp"),
            (15, "completed"),
        ]
    );
    assert_eq!(status["steps"][0], signed_in);
    assert_eq!(status["steps"][1], open(3, "birth_date", "生年月日の入力"));
    let label = status["step"]["label"].clone();
    let steps = status["steps"].take();
    assert_eq!(steps[1]["label"], label);
    assert_eq!(
        status,
        json!({
            "member": member.to_string(),
            "cohort": "joined-to-2024-12-01",
            "session": {
                "kind": "onboarding",
                "idle_until": "2026-04-10T00:20:00Z",
                "ends_at": "2026-04-10T01:00:00Z",
            },
            "step": {"number": 3, "name": "birth_date", "label": label},
            "steps": null,
            "actions": ["confirm_birth_date", "log_out"],
            "email": null,
            "email_change": null,
            "password_reset": null,
            "otp": null,
            "completed_at": null,
            "hold_until": null,
            "position": null,
        })
    );
}

#[tokio::test]
async fn at_each_step_the_status_names_what_may_be_done() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (step, actions) in [
        ("birth_date", vec!["confirm_birth_date", "log_out"]),
        ("email", vec!["register_email", "log_out"]),
        (
            "email_link",
            vec!["register_email", "resend_email_link", "log_out"],
        ),
        (
            "email_update",
            vec!["update_email", "register_email", "log_out"],
        ),
        (
            "otp_method",
            vec!["choose_otp_method", "register_email", "log_out"],
        ),
        ("password", vec!["change_password", "log_out"]),
        ("log_out", vec!["log_out"]),
        ("otp", vec!["submit_otp", "resend_otp", "log_out"]),
        (
            "completed",
            vec!["change_email", "replace_password", "log_out"],
        ),
    ] {
        app.advance_client(&client, step).await;
        let status = client.get("/onboarding").await.expect(StatusCode::OK).body;
        assert_eq!(status["actions"], json!(actions), "at {step}");
    }
}

#[tokio::test]
async fn when_all_is_done_every_step_has_its_time() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("log_out").await;
    app.wait(90);
    app.advance_client(&client, "completed").await;
    let status = client.get("/onboarding").await.body;
    assert_eq!(status["completed_at"], "2026-04-10T00:01:30Z");
    assert_eq!(status["otp"], Value::Null);
    assert_eq!(status["session"]["kind"], "full");
    assert_eq!(status["session"]["idle_until"], "2026-04-10T00:31:30Z");
    assert_eq!(status["session"]["ends_at"], "2026-04-10T12:01:30Z");
    let mut last = Timestamp::UNIX_EPOCH;
    for step in status["steps"].as_array().unwrap() {
        let done_at: Timestamp = step["done_at"].as_str().unwrap().parse().unwrap();
        assert!(last <= done_at, "{step}");
        last = done_at;
    }
    assert_eq!(last, "2026-04-10T00:01:30Z".parse().unwrap());
}

#[tokio::test]
async fn times_are_rfc_3339_in_utc_at_any_fraction_of_a_second() {
    let (app, _) = App::with_member().await;
    app.clock
        .advance(jiff::SignedDuration::from_micros(1_234_567));
    let status = status_at(&app, "birth_date").await;
    assert_eq!(status["session"]["ends_at"], "2026-04-10T01:00:01.234567Z");
    let done_at = status["steps"][0]["done_at"].as_str().unwrap();
    assert!(done_at.ends_with('Z'), "{done_at}");
}

#[tokio::test]
async fn a_corrected_address_takes_the_later_steps_back() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("otp_method").await;
    app.wait(5);
    let status = client
        .step("email", json!({"email": "corrected@example.jp"}))
        .await;
    let done = |name: &str| {
        let steps = status["steps"].as_array().unwrap();
        steps.iter().find(|step| step["name"] == name).unwrap()["done_at"].clone()
    };
    assert_eq!(done("email"), "2026-04-10T00:00:05Z");
    assert_eq!(done("email_link"), Value::Null);
    assert_eq!(done("email_update"), Value::Null);
}

#[tokio::test]
async fn an_answer_shows_what_the_request_has_changed() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let before = client.get("/onboarding").await.body;
    let after = client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    assert_eq!(
        after["position"].as_i64(),
        before["position"].as_i64().map(|it| it + 1)
    );
    assert_eq!(client.get("/onboarding").await.body, after);
}

#[tokio::test]
async fn labels_come_in_the_language_that_was_asked_for() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    let japanese = client.get("/onboarding").await.body;
    assert_eq!(japanese["step"]["label"], "生年月日の入力");
    let english = client.get("/onboarding?lang=en").await.body;
    assert_eq!(english["step"]["label"], "Enter your date of birth");
}
