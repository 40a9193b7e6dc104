//! What the world sees: JSON and pages for members and for those who review the history, and the routes of operation.

pub mod audit;
pub mod blocklist;
pub mod document;
pub mod guard;
pub mod input;
pub mod members;
pub mod operations;
pub mod pages;
pub mod problem;
pub mod reports;
pub mod rosters;
pub mod staff;
pub mod status;
pub mod support;
pub mod tally;
pub mod visit;

use std::ops::Deref;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::Uri;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::sync::Semaphore;
use tower_http::request_id::{
    MakeRequestId, PropagateRequestIdLayer, RequestId, SetRequestIdLayer,
};

use self::problem::Problem;
use self::reports::making::Ledger;
use self::visit::Visit;
use crate::ambient::{Clock, Entropy};
use crate::commands::Commands;
use crate::config::{Network, PublicUrl};
use crate::database::Connections;
use crate::domain::policy::{Limits, Policy};
use crate::policies::Policies;
use crate::projections::history::search::LogReader;
use crate::projections::status::StatusReader;
use crate::rosters::Members;
use crate::vault::Vault;

/// The largest body that is read, in bytes; the longest honest one is a password form.
const LARGEST_BODY: usize = 4096;

/// What every route works with; cheap to clone.
#[derive(Clone)]
pub struct Api {
    parts: Arc<Parts>,
    streams: pages::Streams,
    roster_looks: Arc<Semaphore>,
    reminders: Arc<support::reminders::LastLook>,
}

/// The parts of [`Api`], put together in `app`.
pub struct Parts {
    /// The way in.
    pub commands: Commands,
    /// Personal data, passwords, sessions.
    pub vault: Vault,
    /// The members as rosters meet them.
    pub members: Members,
    /// Where members stand.
    pub statuses: StatusReader,
    /// The log itself, for those who must not miss an event.
    pub log: LogReader,
    /// The other read models.
    pub read: Connections,
    /// What is known of the ledger.
    pub ledger: Ledger,
    /// The present policy.
    pub policy: Policy,
    /// Its name and hash, as events' metadata hold it.
    pub policy_version: String,
    /// Its limits.
    pub limits: Arc<Limits>,
    /// The policies of members' enrolments.
    pub policies: Policies,
    /// The address that members see.
    pub public_url: PublicUrl,
    /// Proxies whose X-Forwarded-For counts.
    pub trusted_proxies: Vec<Network>,
    /// The time.
    pub clock: Clock,
    /// Ids and secrets.
    pub entropy: Entropy,
    /// What came to nothing.
    pub tallies: tally::Tallies,
    /// Common passwords, in lower case and without digits and symbols.
    pub blocklist: blocklist::Blocklist,
}

impl Api {
    /// Puts the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self {
            parts: Arc::new(parts),
            streams: pages::Streams::default(),
            roster_looks: Arc::new(Semaphore::new(1)),
            reminders: Arc::default(),
        }
    }
}

impl Deref for Api {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}

/// All routes.
pub fn router(api: &Api) -> Router {
    let routes = Router::new()
        .merge(pages::routes())
        .merge(staff::routes(api))
        .merge(audit::routes(api))
        .merge(reports::routes(api))
        .merge(support::routes(api))
        .merge(rosters::routes(api))
        .nest("/api/v1", members::routes())
        .route("/healthz", get(operations::alive))
        .route("/readyz", get(operations::ready))
        .route("/api/v1/openapi.json", get(operations::openapi))
        .route("/api/docs", get(operations::docs))
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method);
    guarded(api, routes).with_state(api.clone())
}

/// Puts what every request passes before some routes.
pub fn guarded<S: Clone + Send + Sync + 'static>(api: &Api, routes: Router<S>) -> Router<S> {
    let entropy = api.entropy.clone();
    routes
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(
            api.clone(),
            pages::remember_language,
        ))
        .layer(middleware::from_fn_with_state(api.clone(), guard::admit))
        .layer(middleware::from_fn_with_state(api.clone(), guard::protect))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(SetRequestIdLayer::x_request_id(OwnRequestId(entropy)))
        .layer(middleware::map_request(forget_given_request_id))
        .layer(middleware::from_fn(to_the_end))
}

/// Carries a request out even if its client hangs up: what it writes is not cut in the middle, and the one connection that
/// writes does not get lost in the middle of a transaction.
async fn to_the_end(request: Request, next: Next) -> Response {
    let response = tokio::spawn(next.run(request)).await;
    response.unwrap_or_else(|error| {
        tracing::error!(%error, "a request broke off");
        problem::Problem::Internal.into_response()
    })
}

/// A request's name is ours to give: a stranger's could carry anything into log and events.
async fn forget_given_request_id(mut request: Request) -> Request {
    request.headers_mut().remove(visit::REQUEST_ID);
    request
}

#[derive(Clone)]
struct OwnRequestId(Entropy);

impl MakeRequestId for OwnRequestId {
    fn make_request_id<B>(&mut self, _request: &axum::http::Request<B>) -> Option<RequestId> {
        self.0.id().to_string().parse().ok().map(RequestId::new)
    }
}

async fn unknown(State(api): State<Api>, visit: Visit, uri: Uri) -> Response {
    problem_at(&api, uri.path(), &visit, &Problem::NotFound)
}

async fn wrong_method(State(api): State<Api>, visit: Visit, uri: Uri) -> Response {
    problem_at(&api, uri.path(), &visit, &Problem::Method)
}

/// A problem as whoever asks for that address can read it: JSON below `/api`, else a page.
fn problem_at(api: &Api, path: &str, visit: &Visit, problem: &Problem) -> Response {
    if path.starts_with("/api/") {
        problem.clone().into_response()
    } else {
        pages::problem(api, visit, problem)
    }
}
