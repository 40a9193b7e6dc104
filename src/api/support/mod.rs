//! The support desk: finding a member who is stuck, seeing why, helping, and what two people decide together.

mod acts;
mod approvals;
mod desk;
pub mod history;
pub mod json;
pub mod limits;
pub mod mails;
mod pages;
pub mod proposals;
pub mod reminders;
pub mod standing;
pub mod views;

pub(in crate::api) use acts::Wanted;
pub(in crate::api) use history::*;
pub(in crate::api) use json::*;
pub(in crate::api) use mails::*;
pub(in crate::api) use pages::desk_trouble;
pub(in crate::api) use proposals::*;
pub(in crate::api) use reminders::*;

use axum::Router;
use axum::routing::{get, post};

use super::Api;
use super::staff::guarded;

/// The routes, each behind the guard of staff.
pub fn routes(api: &Api) -> Router<Api> {
    [
        ("/support", get(pages::search_page)),
        ("/support/search", post(pages::find)),
        ("/support/members/{member}", get(pages::member)),
        (
            "/support/members/{member}/interventions",
            post(pages::intervene),
        ),
        ("/support/reminders", get(reminders_page)),
        ("/approvals", get(approvals::list)),
        (
            "/approvals/{member}/{proposal}",
            get(approvals::proposal).post(approvals::judge),
        ),
        ("/api/v1/support/reminders", get(support_reminders)),
        ("/api/v1/support/members/search", post(support_search)),
        ("/api/v1/support/members/{member}", get(support_member)),
        (
            "/api/v1/support/members/{member}/history",
            get(support_history),
        ),
        ("/api/v1/support/members/{member}/mails", get(support_mails)),
        ("/api/v1/support/proposals", get(support_proposals)),
        (
            "/api/v1/support/members/{member}/interventions",
            post(support_intervene),
        ),
        (
            "/api/v1/support/members/{member}/proposals",
            post(support_propose),
        ),
        (
            "/api/v1/support/members/{member}/proposals/{proposal}",
            get(support_proposal).post(support_judge),
        ),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| {
        router.route(path, guarded(api, path, methods))
    })
}
