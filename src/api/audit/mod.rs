//! Reviewing the history: members' timelines as of any moment, the list of events, and events for other programs.

pub mod asked;
pub mod changes;
pub mod details;
pub(in crate::api) mod entries;
mod follow;
pub mod json;
pub mod line;
mod list;
pub(in crate::api) mod looks;
mod member;
pub mod moment;
pub(in crate::api) mod pages;
pub mod person;
mod standing;
pub mod timeline;
pub mod views;
pub mod words;

pub(in crate::api) use follow::*;
pub(in crate::api) use json::*;

use axum::Router;
use axum::routing::{get, post};

use super::Api;
use super::staff::{guarded, rights};

/// The routes, each behind the guard of staff.
pub fn routes(api: &Api) -> Router<Api> {
    [
        ("/audit", get(pages::search_page)),
        ("/audit/search", post(pages::find)),
        ("/audit/members/{member}", get(member::member)),
        ("/audit/members/{member}/unmask", post(member::unmask)),
        ("/audit/events", get(list::events)),
        ("/api/v1/audit/members/search", post(audit_search)),
        ("/api/v1/audit/members/{member}", get(audit_history)),
        (rights::EVENTS, get(audit_events)),
        (rights::EVENTS_STREAM, get(audit_stream)),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| {
        router.route(path, guarded(api, path, methods))
    })
}
