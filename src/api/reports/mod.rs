//! Reports for compliance and auditors: made as of a moment, on pages, and as files in four formats.

mod asked;
pub mod format;
mod html;
mod json;
pub mod making;
mod pages;
pub mod plot;
pub mod sheet;
pub mod views;
pub mod words;
mod xlsx;

pub(in crate::api) use json::*;

use axum::Router;
use axum::routing::get;

use super::Api;
use super::staff::guarded;

/// The routes, each behind the guard of staff.
pub fn routes(api: &Api) -> Router<Api> {
    [
        ("/audit/reports", get(pages::list)),
        ("/audit/reports/{name}", get(pages::report)),
        ("/api/v1/audit/reports", get(audit_reports)),
        ("/api/v1/audit/reports/{name}", get(audit_report)),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| {
        router.route(path, guarded(api, path, methods))
    })
}
