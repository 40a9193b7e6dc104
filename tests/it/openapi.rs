//! The routes of operation: health, readiness, and an OpenAPI document that says what the program does.

use std::collections::BTreeSet;

use kadode::api::problem::Problem;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{Answer, App, eventually};

async fn get(app: &App, path: &str) -> Answer {
    app.client().send_raw(Method::GET, path, "", &[]).await
}

async fn document(app: &App) -> Value {
    let answer = get(app, "/api/v1/openapi.json")
        .await
        .expect(StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "application/json");
    answer.body
}

/// Every operation: path, method and what is said of it.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            operations.push((path.clone(), method.to_uppercase(), operation.clone()));
        }
    }
    operations
}

#[tokio::test]
async fn the_program_says_that_it_is_alive() {
    let app = App::start().await;
    let answer = get(&app, "/healthz").await.expect(StatusCode::OK);
    assert_eq!(answer.text, "ok\n");
}

#[tokio::test]
async fn the_program_says_how_far_its_parts_have_come() {
    let (app, _) = App::with_member().await;
    let head = app.event_count().await;
    let readiness = eventually("the read models", || async {
        let answer = get(&app, "/readyz").await.expect(StatusCode::OK);
        (answer.body["projected"] == answer.body["head"]).then_some(answer.body)
    })
    .await;
    let expected =
        json!({"ready": true, "head": head, "projected": head, "parked": 0, "mails_waiting": 0});
    assert_eq!(readiness, expected);
}

#[tokio::test]
async fn the_document_is_openapi_three_point_one_and_all_its_references_lead_somewhere() {
    let app = App::start().await;
    let document = document(&app).await;
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    assert!(document["info"]["title"].is_string());
    assert!(document["info"]["version"].is_string());
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let id = operation["operationId"].as_str().unwrap().to_owned();
        assert!(
            ids.insert(id),
            "{method} {path}: a second operation of that id"
        );
        for (status, response) in operation["responses"].as_object().unwrap() {
            assert!(
                response["description"].is_string(),
                "{method} {path} {status}"
            );
        }
    }
    let mut references = Vec::new();
    find_references(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn find_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(
                fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            fields
                .values()
                .for_each(|field| find_references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| find_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn every_route_of_the_contract_is_in_the_document() {
    let app = App::start().await;
    let document = document(&app).await;
    let documented: BTreeSet<String> = operations(&document)
        .into_iter()
        .map(|(path, method, _)| format!("{method} {path}"))
        .collect();
    let contract = [
        "POST /api/v1/sessions",
        "DELETE /api/v1/sessions/current",
        "GET /api/v1/session",
        "GET /api/v1/onboarding",
        "POST /api/v1/onboarding/birth-date",
        "POST /api/v1/onboarding/terms",
        "POST /api/v1/onboarding/email",
        "POST /api/v1/onboarding/email/resend",
        "POST /api/v1/onboarding/email/update",
        "POST /api/v1/onboarding/otp-method",
        "POST /api/v1/onboarding/password",
        "POST /api/v1/sessions/current/otp",
        "POST /api/v1/sessions/current/otp/resend",
        "POST /api/v1/email-change",
        "POST /api/v1/email-change/confirm",
        "POST /api/v1/email-change/cancel",
        "GET /api/v1/email-confirmations/{token}",
        "POST /api/v1/email-confirmations/{token}",
        "POST /api/v1/forgotten-password",
        "GET /api/v1/forgotten-password/{token}",
        "POST /api/v1/forgotten-password/{token}",
        "POST /api/v1/password-reset/cancel",
        "POST /api/v1/password-change",
        "POST /api/v1/not-me/{token}",
        "POST /api/v1/audit/members/search",
        "GET /api/v1/audit/members/{member}",
        "GET /api/v1/audit/events",
        "GET /api/v1/audit/events/stream",
        "GET /api/v1/audit/reports",
        "GET /api/v1/audit/reports/{name}",
        "GET /api/v1/rosters",
        "POST /api/v1/rosters",
        "GET /api/v1/rosters/{import}",
        "POST /api/v1/rosters/{import}",
        "GET /api/v1/support/reminders",
        "POST /api/v1/support/members/search",
        "GET /api/v1/support/members/{member}",
        "GET /api/v1/support/members/{member}/history",
        "GET /api/v1/support/members/{member}/mails",
        "GET /api/v1/support/proposals",
        "POST /api/v1/support/members/{member}/interventions",
        "POST /api/v1/support/members/{member}/proposals",
        "GET /api/v1/support/members/{member}/proposals/{proposal}",
        "POST /api/v1/support/members/{member}/proposals/{proposal}",
        "GET /healthz",
        "GET /readyz",
        "GET /api/v1/openapi.json",
        "GET /api/docs",
    ];
    assert_eq!(documented, contract.map(str::to_owned).into());
}

#[tokio::test]
async fn every_documented_operation_is_there_and_its_errors_are_documented() {
    let app = App::start().await;
    let document = document(&app).await;
    let client = app.client();
    for (path, method, operation) in operations(&document) {
        let parsed: Method = method.parse().unwrap();
        let asked = path.replace("{token}", "x");
        let answer = client.send_raw(parsed, &asked, "", &[]).await;
        assert_ne!(
            answer.status,
            StatusCode::METHOD_NOT_ALLOWED,
            "{method} {path}"
        );
        if answer.status == StatusCode::NOT_FOUND {
            assert_eq!(
                answer.body["type"], "/api/docs#link-unknown",
                "{method} {path}"
            );
        }
        if path.starts_with("/api/v1/") && path != "/api/v1/openapi.json" {
            for status in ["421", "503"] {
                let answer = &operation["responses"][status];
                let problem = &answer["content"]["application/problem+json"];
                assert_eq!(
                    problem["schema"]["$ref"], "#/components/schemas/ProblemBody",
                    "{method} {path} {status}"
                );
            }
            if answer.status.is_client_error() {
                let status = answer.status.as_str();
                assert!(
                    operation["responses"][status].is_object(),
                    "{method} {path} {status}"
                );
            }
        }
    }
}

#[tokio::test]
async fn waiting_times_are_documented_with_the_header_that_tells_them() {
    let app = App::start().await;
    let document = document(&app).await;
    let limited = [
        ("/api/v1/sessions", "429"),
        ("/api/v1/onboarding/birth-date", "429"),
        ("/api/v1/onboarding/email", "429"),
        ("/api/v1/onboarding/email/resend", "429"),
        ("/api/v1/sessions/current/otp/resend", "429"),
        ("/api/v1/sessions/current/otp", "503"),
    ];
    for (path, status) in limited {
        let answer = &document["paths"][path]["post"]["responses"][status];
        assert_eq!(
            answer["headers"]["Retry-After"]["schema"]["type"], "integer",
            "{path} {status}"
        );
    }
}

#[tokio::test]
async fn what_needs_a_session_says_so_and_nothing_else_does() {
    let app = App::start().await;
    let document = document(&app).await;
    for (path, method, operation) in operations(&document) {
        let needed = (path.starts_with("/api/v1/onboarding") || path == "/api/v1/session")
            || path.starts_with("/api/v1/sessions/current/otp")
            || path.starts_with("/api/v1/email-change")
            || path.starts_with("/api/v1/password-reset")
            || path.starts_with("/api/v1/password-change");
        let said = operation["security"] == json!([{"session": []}]);
        assert_eq!(said, needed, "{method} {path}");
        let said = operation["security"] == json!([{"staff": []}, {"token": []}]);
        assert_eq!(said, path.starts_with("/api/v1/audit"), "{method} {path}");
        let said = operation["security"] == json!([{"staff": []}]);
        let for_desk = ["/api/v1/support", "/api/v1/rosters"];
        let needed = for_desk.iter().any(|it| path.starts_with(it));
        assert_eq!(said, needed, "{method} {path}");
    }
}

#[tokio::test]
async fn the_documented_status_has_the_fields_of_the_contract() {
    let app = App::start().await;
    let document = document(&app).await;
    let fields = |name: &str| -> Vec<String> {
        let properties = &document["components"]["schemas"][name]["properties"];
        properties.as_object().unwrap().keys().cloned().collect()
    };
    let mut open = fields("OpenStatus");
    open.sort_unstable();
    let expected = [
        "actions",
        "cohort",
        "completed_at",
        "email",
        // Beside the contract's: another address, which is to take its place.
        "email_change",
        // Beside the contract's: until when the portal should show no health data.
        "hold_until",
        "member",
        "otp",
        // Beside the contract's: another password, which is to take a forgotten one's place.
        "password_reset",
        "position",
        "session",
        "step",
        "steps",
        // Beside the contract's: what step 4 asks to accept, while it is due.
        "terms",
    ];
    assert_eq!(open, expected);
    let mut pending = fields("PendingStatus");
    pending.sort_unstable();
    assert_eq!(pending, ["actions", "email", "otp", "session", "step"]);
    // Else a document of the one kind would also be one of the other.
    let pending = &document["components"]["schemas"]["PendingStatus"];
    assert_eq!(pending["additionalProperties"], false);
}

#[tokio::test]
async fn the_api_in_words_has_an_anchor_for_every_problem() {
    let app = App::start().await;
    let answer = get(&app, "/api/docs").await.expect(StatusCode::OK);
    assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
    for problem in Problem::ALL {
        let anchor = format!("id=\"{}\"", problem.name());
        assert_eq!(answer.text.matches(&anchor).count(), 1, "{anchor}");
    }
}

#[tokio::test]
async fn metrics_are_not_on_the_members_port() {
    let app = App::start().await;
    get(&app, "/metrics").await.expect(StatusCode::NOT_FOUND);
}
