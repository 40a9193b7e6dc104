//! The members' pages: one address a step, Japanese first, whole without JavaScript.

pub mod assets;
pub mod frame;
pub mod messages;
pub mod public_views;
pub mod views;
pub mod words;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::response::{IntoResponse, Response};

use super::Api;
use super::problem::Problem;
use super::visit::Visit;

/// The pages' routes.
pub fn routes() -> Router<Api> {
    Router::new()
}

/// A problem as a page.
#[must_use]
pub fn problem(_api: &Api, _visit: &Visit, problem: &Problem) -> Response {
    problem.clone().into_response()
}
