//! Rosters as plans: one of the staff brings a file, sees what it would do, and a second person approves exactly that.

mod acts;
pub mod json;
mod pages;
mod upload;
pub mod views;
mod words;

pub(in crate::api) use json::*;
pub(in crate::api) use pages::row_of as row_of_roster;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::get;

use super::Api;
use super::staff::guarded;

/// The largest roster that is taken this way, in bytes (judgement): some 150,000 members, which a slow line brings within the 75 s that
/// a body may take. Larger ones are for the command line.
pub(super) const LARGEST: usize = 16 * 1024 * 1024;

/// The routes, each behind the guard of staff.
pub fn routes(api: &Api) -> Router<Api> {
    // Some more for the form around the file.
    let large = || DefaultBodyLimit::max(LARGEST + 16 * 1024);
    [
        (
            "/rosters",
            get(pages::list).post(pages::bring).layer(large()),
        ),
        ("/rosters/{import}", get(pages::plan).post(pages::judge)),
        (
            "/api/v1/rosters",
            get(roster_list).post(roster_bring).layer(large()),
        ),
        (
            "/api/v1/rosters/{import}",
            get(roster_plan).post(roster_judge),
        ),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| {
        router.route(path, guarded(api, path, methods))
    })
}
