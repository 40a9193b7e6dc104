//! Every step command at every step: what is not due is refused with the step that is, what is done answers and stores nothing.

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{
    Answer, App, Client, INITIAL_PASSWORD, NEW_PASSWORD, Setup, USER_ID, policy_with, profile,
};

/// The steps at which a session can stand, in order, with the manual's numbers.
const STEPS: [(&str, u8); 9] = [
    ("birth_date", 3),
    ("email", 5),
    ("email_link", 6),
    ("email_update", 7),
    ("otp_method", 8),
    ("password", 9),
    ("log_out", 11),
    ("otp", 14),
    ("completed", 15),
];

/// What becomes of a command before, at and after its step.
struct Row {
    path: &'static str,
    body: Option<Value>,
    /// At the steps of [`STEPS`] before this index: out of order.
    due_from: usize,
    /// At the steps from this index on: done.
    done_from: usize,
}

fn table() -> Vec<Row> {
    let row = |path, body, due_from, done_from| Row {
        path,
        body,
        due_from,
        done_from,
    };
    let email = |address| Some(json!({"email": address}));
    // The bodies are wrong, of the right shape and of another: what is not due or done is not checked.
    vec![
        row(
            "/onboarding/birth-date",
            Some(json!({"birth_date": "1999-09-09"})),
            0,
            1,
        ),
        row(
            "/onboarding/birth-date",
            Some(json!({"birth_date": "soon"})),
            0,
            1,
        ),
        row("/onboarding/email", email("ｈａｎａｋｏ＠example.jp"), 1, 2),
        // Never done: until step 8 it is invalid, from then on another address.
        row("/onboarding/email", email("hanako"), 1, STEPS.len()),
        row("/onboarding/email/resend", None, 2, 3),
        row("/onboarding/email/update", None, 3, 4),
        row(
            "/onboarding/otp-method",
            Some(json!({"method": "email"})),
            4,
            5,
        ),
        row(
            "/onboarding/otp-method",
            Some(json!({"method": "sms"})),
            4,
            5,
        ),
        row("/sessions/current/otp/resend", None, 7, 8),
        row(
            "/sessions/current/otp",
            Some(json!({"code": "000000"})),
            7,
            8,
        ),
        row("/sessions/current/otp", Some(json!({"code": "1"})), 7, 8),
    ]
}

async fn give(client: &Client, row: &Row) -> Answer {
    client
        .send(Method::POST, row.path, row.body.clone(), &[])
        .await
}

fn assert_out_of_order(answer: Answer, (name, number): (&str, u8)) {
    assert_eq!(answer.cookies(), Vec::<&str>::new());
    let body = answer.problem(409, "out-of-order");
    assert_eq!(body["step"], json!({"number": number, "name": name}));
}

#[tokio::test]
async fn a_step_that_is_not_due_yet_is_refused_with_the_one_that_is() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (index, (name, number)) in STEPS.into_iter().enumerate() {
        app.advance_client(&client, name).await;
        let before = app.events(member).await;
        for row in table().iter().filter(|row| index < row.due_from) {
            assert_out_of_order(give(&client, row).await, (name, number));
        }
        // The sample policy has no notes on use: step 4 is never due.
        let mut further = vec![("terms", json!({"version": "1"}))];
        if index < 5 {
            further.push(("password", json!({"new_password": NEW_PASSWORD})));
            further.push(("password", json!({"new_password": "short"})));
        }
        if index == 0 || index >= 5 {
            further.push(("email", json!({"email": "other@example.jp"})));
            further.push(("email", json!({"email": ""})));
        }
        for (path, body) in further {
            let answer = client.post(&format!("/onboarding/{path}"), body).await;
            assert_out_of_order(answer, (name, number));
        }
        assert_eq!(app.events(member).await, before, "at {name}");
    }
}

#[tokio::test]
async fn a_step_already_done_answers_200_stores_nothing_and_checks_nothing() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("birth_date").await;
    for (index, (name, _)) in STEPS.into_iter().enumerate() {
        app.advance_client(&client, name).await;
        let before = app.events(member).await;
        for row in table().iter().filter(|row| index >= row.done_from) {
            let answer = give(&client, row).await.expect(StatusCode::OK);
            assert_eq!(answer.body["step"]["name"], name, "{} at {name}", row.path);
            assert_eq!(answer.cookies(), Vec::<&str>::new());
        }
        assert_eq!(app.events(member).await, before, "at {name}");
    }
}

#[tokio::test]
async fn the_address_can_be_corrected_until_the_method_is_chosen() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("email_link").await;
    for (number, step) in ["email_link", "email_update", "otp_method"]
        .into_iter()
        .enumerate()
    {
        app.advance_client(&client, step).await;
        let status = client
            .step(
                "email",
                json!({"email": format!("corrected{number}@example.jp")}),
            )
            .await;
        assert_eq!(status["step"]["name"], "email_link", "corrected at {step}");
        assert_eq!(
            status["email"],
            json!({"masked": "c***@e***.jp", "state": "registered"})
        );
    }
}

#[tokio::test]
async fn another_password_is_refused_once_one_is_set() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("log_out").await;
    let runs = app.society.vault.hasher.runs();
    let before = app.events(member).await;
    for password in [NEW_PASSWORD, "quite another password", "short"] {
        let answer = client
            .post("/onboarding/password", json!({"new_password": password}))
            .await;
        answer.problem(409, "already-set");
    }
    app.advance_client(&client, "otp").await;
    let answer = client
        .post(
            "/onboarding/password",
            json!({"new_password": NEW_PASSWORD}),
        )
        .await;
    answer.problem(409, "already-set");
    assert_eq!(app.events(member).await[..before.len()], before);
    assert_eq!(
        app.society.vault.hasher.runs() - runs,
        1,
        "of the second sign-in"
    );
}

const KEY: (&str, &str) = ("idempotency-key", "form-1");

async fn send_password(client: &Client, headers: &[(&str, &str)]) -> Answer {
    let body = json!({"new_password": NEW_PASSWORD});
    client
        .send(Method::POST, "/onboarding/password", Some(body), headers)
        .await
}

#[tokio::test]
async fn a_repeated_password_form_is_well_with_the_new_cookie_and_grants_nothing_with_the_old_one()
{
    let (app, member) = App::with_member().await;
    let client = app.client();
    let old = client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .session_cookie();
    app.advance_client(&client, "password").await;
    let first = send_password(&client, &[KEY]).await.expect(StatusCode::OK);
    assert_eq!(first.cookies().len(), 1);
    let before = app.events(member).await;
    let again = send_password(&client, &[KEY]).await.expect(StatusCode::OK);
    assert_eq!(again.cookies(), Vec::<&str>::new());
    assert_eq!(again.body["step"]["name"], "log_out");
    let with_old = send_password(&client, &[KEY, ("cookie", &old)]).await;
    assert_eq!(with_old.cookies(), Vec::<&str>::new());
    with_old.problem(409, "session-rotated");
    assert_eq!(app.events(member).await, before);
}

#[tokio::test]
async fn a_password_form_repeated_from_another_session_is_gone() {
    let (app, _) = App::with_member().await;
    let client = app.client_at("password").await;
    send_password(&client, &[KEY]).await.expect(StatusCode::OK);
    app.advance_client(&client, "otp").await;
    send_password(&client, &[KEY])
        .await
        .problem(410, "form-used");
    app.advance_client(&client, "completed").await;
    send_password(&client, &[KEY])
        .await
        .problem(410, "form-used");
}

async fn with_terms() -> App {
    let terms = "\n[terms]\nversion = \"2026-04\"\ntext = { ja = \"注意事項\", en = \"Notes\" }\n\n[roster_headers]";
    let setup = Setup {
        policy: policy_with(&[("\n[roster_headers]", terms)]),
        ..Setup::default()
    };
    let app = App::start_as(setup).await;
    app.enrol(profile(USER_ID), "joined-to-2024-12-01").await;
    app
}

#[tokio::test]
async fn where_the_policy_asks_for_consent_step_four_comes_between() {
    let app = with_terms().await;
    let client = app.client_at("birth_date").await;
    let terms = client
        .post("/onboarding/terms", json!({"version": "2026-04"}))
        .await;
    assert_out_of_order(terms, ("birth_date", 3));
    let status = client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    assert_eq!(status["step"]["number"], 4);
    assert_eq!(status["actions"], json!(["accept_terms", "log_out"]));
    let numbers: Vec<i64> = status["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["number"].as_i64().unwrap())
        .collect();
    assert_eq!(numbers, [2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14, 15]);
    let early = client
        .post("/onboarding/email", json!({"email": "hanako@example.jp"}))
        .await;
    assert_out_of_order(early, ("terms", 4));
    let status = client.step("terms", json!({"version": "2026-04"})).await;
    assert_eq!(status["step"]["name"], "email");
    let again = client.step("terms", json!({"version": "2026-04"})).await;
    assert_eq!(again["position"], status["position"]);
}

#[tokio::test]
async fn consent_to_another_version_of_the_notes_is_invalid() {
    let app = with_terms().await;
    let client = app.client_at("birth_date").await;
    client
        .step("birth-date", json!({"birth_date": "1980-01-01"}))
        .await;
    for version in ["2025-04", ""] {
        let body = client
            .post("/onboarding/terms", json!({"version": version}))
            .await
            .problem(422, "invalid");
        assert_eq!(
            body["errors"],
            json!([{"field": "version", "why": "not_the_present_one"}])
        );
    }
}
