//! Routes of operation: is it alive, is it ready, and what the API looks like.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::document::document;
use super::problem::Problem;

/// How far the parts of the program have come.
#[derive(Debug, Serialize, ToSchema)]
pub struct Readiness {
    /// Whether requests can be served.
    pub ready: bool,
    /// The last committed event.
    pub head: i64,
    /// The last event that the read models show.
    pub projected: i64,
    /// Events that the read models could not take; see `kadode check`.
    pub parked: i64,
    /// Mails that wait to be sent.
    pub mails_waiting: i64,
}

/// The program runs.
#[utoipa::path(get, path = "/healthz", tag = "operations", responses((status = 200, description = "alive")))]
pub async fn alive() -> &'static str {
    "ok\n"
}

/// The program can serve: the database answers.
#[utoipa::path(get, path = "/readyz", tag = "operations",
    responses((status = 200, body = Readiness), (status = 503, body = Readiness)))]
pub async fn ready(State(api): State<Api>) -> Response {
    let counts = api.statuses.health().await;
    let readiness = match counts {
        Ok(health) => Readiness {
            ready: true,
            head: health.head,
            projected: health.projected,
            parked: health.parked,
            mails_waiting: health.mails_waiting,
        },
        Err(error) => {
            tracing::error!(%error, "the database does not answer");
            Readiness {
                ready: false,
                head: 0,
                projected: 0,
                parked: 0,
                mails_waiting: 0,
            }
        }
    };
    let status = if readiness.ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    (status, Json(readiness)).into_response()
}

/// The OpenAPI document.
#[utoipa::path(get, path = "/api/v1/openapi.json", tag = "operations",
    responses((status = 200, description = "this document", content_type = "application/json")))]
pub async fn openapi(State(api): State<Api>) -> Json<utoipa::openapi::OpenApi> {
    Json(document(api.public_url.secure))
}

#[derive(Template)]
#[template(path = "docs.html")]
struct Docs {
    style: String,
    title: String,
    description: String,
    operations: Vec<Operation>,
    problems: Vec<(u16, &'static str, &'static str)>,
}

struct Operation {
    method: String,
    path: String,
    summary: String,
    answers: Vec<(String, String)>,
}

/// The API in words, made from the OpenAPI document.
///
/// # Errors
/// [`Problem::Internal`] if the page cannot be rendered.
#[utoipa::path(get, path = "/api/docs", tag = "operations",
    responses((status = 200, description = "a page for people", content_type = "text/html")))]
pub async fn docs(State(api): State<Api>) -> Result<Html<String>, Problem> {
    let document = document(api.public_url.secure);
    let json = serde_json::to_value(&document).map_err(|_| Problem::Internal)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut operations = Vec::new();
    for (path, methods) in json["paths"].as_object().into_iter().flatten() {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let answers = operation["responses"].as_object().into_iter().flatten();
            operations.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
                summary: text(&operation["summary"]),
                answers: answers
                    .map(|(status, answer)| (status.clone(), text(&answer["description"])))
                    .collect(),
            });
        }
    }
    let problems = Problem::ALL.into_iter().map(|problem| {
        let (status, name, title) = problem.row();
        (status.as_u16(), name, title)
    });
    let docs = Docs {
        style: super::pages::assets::address("pages.css"),
        title: document.info.title.clone(),
        description: document.info.description.clone().unwrap_or_default(),
        operations,
        problems: problems.collect(),
    };
    docs.render().map(Html).map_err(|error| {
        tracing::error!(%error, "a page could not be rendered");
        Problem::Internal
    })
}
