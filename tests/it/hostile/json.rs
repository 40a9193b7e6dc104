//! Bodies for the JSON routes: not JSON, of another shape, too large, and with texts that break programs in every field.

use futures::{StreamExt, stream};
use kadode::api::members::Document;
use reqwest::Method;
use serde_json::Value;
use utoipa::OpenApi;

use super::bodies::{bodies, values};
use super::routes::is_for_staff;
use super::texts::beside;
use super::{NO_TOKEN, Target};
use crate::support::browser::Browser;

/// Where a member stands when a route of a step is due: the page, and the route.
const DUE: [(&str, &str); 14] = [
    ("/birth-date", "/api/v1/onboarding/birth-date"),
    ("/terms", "/api/v1/onboarding/terms"),
    ("/email", "/api/v1/onboarding/email"),
    ("/email-link", "/api/v1/onboarding/email/resend"),
    ("/email-link", "/api/v1/onboarding/email/update"),
    ("/otp-method", "/api/v1/onboarding/otp-method"),
    ("/password", "/api/v1/onboarding/password"),
    ("/otp", "/api/v1/sessions/current/otp"),
    ("/otp", "/api/v1/sessions/current/otp/resend"),
    ("/completed", "/api/v1/email-change"),
    ("/completed", "/api/v1/email-change/confirm"),
    ("/completed", "/api/v1/email-change/cancel"),
    ("/completed", "/api/v1/password-reset/cancel"),
    ("/completed", "/api/v1/password-change"),
];

/// A route that takes a body, and the fields of it.
pub(super) struct Operation {
    pub(super) address: String,
    fields: Vec<String>,
}

/// Every operation of the API that may change something, as the document has it.
pub(super) fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(Document::openapi()).unwrap();
    let fields = |operation: &Value| -> Vec<String> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = schema["$ref"]
            .as_str()
            .and_then(|it| document.pointer(&it[1..]))
            .unwrap_or(schema);
        let properties = schema["properties"].as_object();
        properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    };
    let posts = document["paths"].as_object().unwrap().iter();
    posts
        .filter_map(|(path, methods)| Some((path, methods.get("post")?)))
        .map(|(path, operation)| Operation {
            address: path.replace("{token}", NO_TOKEN),
            fields: fields(operation),
        })
        .collect()
}

/// Everything that may be sent to an operation.
pub(super) fn hostile(operation: &Operation) -> Vec<(String, Vec<u8>)> {
    let mut all = bodies(&operation.fields);
    for field in &operation.fields {
        for (count, (name, value)) in values().into_iter().enumerate() {
            let others = operation.fields.iter().filter(|other| *other != field);
            let mut pairs = vec![format!("\"{field}\":{value}")];
            pairs.extend(others.map(|other| format!("\"{other}\":\"{}\"", beside(other, count))));
            let body = format!("{{{}}}", pairs.join(","));
            all.push((format!("{name} as {field}"), body.into_bytes()));
        }
    }
    all
}

/// Sends all of it to an operation; none of it is what is asked for.
async fn sweep(target: &Target, operation: &Operation, cookie: &str) {
    let sent = hostile(operation)
        .into_iter()
        .map(|(name, body)| async move {
            let answer = target
                .post(&name, &operation.address, "application/json", cookie, body)
                .await;
            let refused = answer.status.is_client_error() || operation.fields.is_empty();
            assert!(
                refused,
                "{} with {name}: {}",
                operation.address, answer.status
            );
            answer.status.as_u16()
        });
    let statuses: Vec<u16> = stream::iter(sent).buffer_unordered(8).collect().await;
    if !operation.fields.is_empty() && !cookie.is_empty() {
        assert!(
            [400, 413].iter().all(|status| statuses.contains(status)),
            "{statuses:?}"
        );
    }
}

#[tokio::test]
async fn a_stranger_gets_nowhere_with_any_body() {
    let target = Target::new().await;
    for operation in operations() {
        sweep(&target, &operation, "").await;
        let answer = target
            .post(
                "an object",
                &operation.address,
                "application/json",
                "",
                "{}",
            )
            .await;
        let needs_session = answer.status == 401;
        let is_due_somewhere = DUE.iter().any(|(_, address)| *address == operation.address);
        assert_eq!(
            needs_session,
            is_due_somewhere || is_for_staff(&operation.address),
            "{}",
            operation.address
        );
    }
    target.serves_on().await;
}

#[tokio::test]
async fn a_member_gets_nowhere_with_any_body_that_is_not_what_the_due_step_asks_for() {
    let target = Target::new().await;
    let browser = Browser::at(&target.app, DUE[0].0).await;
    for (due, address) in DUE {
        browser.walk_to(&target.app, due).await;
        let operation = operations()
            .into_iter()
            .find(|it| it.address == address)
            .unwrap();
        sweep(&target, &operation, &browser.cookie_header()).await;
        assert_eq!(browser.open("/").await.0, due, "{address}");
    }
    target.serves_on().await;
}

#[tokio::test]
async fn a_link_that_can_be_followed_is_not_followed_with_any_body_but_the_right_one() {
    let target = Target::new().await;
    let browser = Browser::at(&target.app, "/email-link").await;
    let address = format!(
        "/api/v1/email-confirmations/{}",
        target.app.link_token().await
    );
    let fields = vec!["disown".to_owned()];
    sweep(&target, &Operation { address, fields }, "").await;
    assert_eq!(browser.open("/").await.0, "/email-link");
    assert!(
        browser
            .get("/email-link")
            .await
            .html
            .contains("data-events")
    );
    target.serves_on().await;
}

#[tokio::test]
async fn only_json_in_a_media_type_of_json_is_read() {
    let target = Target::new().await;
    for operation in operations().iter().filter(|it| !it.fields.is_empty()) {
        for media_type in [
            "",
            "json",
            "text/json;",
            "application/json2",
            "multipart/form-data; boundary=x",
            "application/;json",
            "*/*",
        ] {
            let answer = target
                .post(media_type, &operation.address, media_type, "", "{}")
                .await;
            assert!(
                [401, 415].contains(&answer.status.as_u16()),
                "{media_type}: {}",
                answer.status
            );
        }
        for media_type in [
            "application/json; charset=shift_jis",
            "APPLICATION/JSON",
            "application/json;;;=",
            "application/json, text/html",
        ] {
            let request = target
                .request(&Method::POST, &operation.address)
                .header("content-type", media_type);
            target
                .send(media_type, request.body("{}".into()).unwrap())
                .await;
        }
    }
}
