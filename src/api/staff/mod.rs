//! The staff's side: who may open what, signing in with password and authenticator, and their own pages.

mod access;
pub mod pages;
mod password;
pub mod rights;
mod sign_in;
pub mod views;

pub use access::StaffIn;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::routing::{MethodRouter, get, post};

use super::Api;

/// The staff's routes, each behind its guard.
pub fn routes(api: &Api) -> Router<Api> {
    [
        (
            "/staff/sign-in",
            get(pages::sign_in_page).post(pages::sign_in),
        ),
        ("/staff/sign-out", post(pages::sign_out)),
        (
            "/staff/password",
            get(pages::password_page).post(pages::change_password),
        ),
        ("/staff", get(pages::home)),
    ]
    .into_iter()
    .fold(Router::new(), |router, (path, methods)| {
        router.route(path, guarded(api, path, methods))
    })
}

/// The methods of one route, behind the guard that reads the table of rights.
pub(in crate::api) fn guarded(
    api: &Api,
    path: &'static str,
    methods: MethodRouter<Api>,
) -> MethodRouter<Api> {
    let guard = move |state: State<Api>, request: Request, next: Next| {
        access::guard(state, path, request, next)
    };
    methods.route_layer(middleware::from_fn_with_state(api.clone(), guard))
}
