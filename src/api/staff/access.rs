//! Who of the staff asks: from a cookie to the account as it is now; and the guard before every page and route of theirs.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::pages;
use super::rights::{self, Who};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::ids::StaffId;
use crate::domain::staff::{Role, Staff};
use crate::vault::StaffSession;

/// Somebody of the staff whose request was let in.
#[derive(Clone)]
pub struct StaffIn {
    /// What the request tells.
    pub visit: Visit,
    /// Who it is.
    pub staff: StaffId,
    /// The role, as it is now.
    pub role: Role,
    /// The session.
    pub session: StaffSession,
}

impl FromRequestParts<Api> for StaffIn {
    type Rejection = Problem;

    /// What the guard has left; without a guard before it, a route is closed.
    async fn from_request_parts(parts: &mut Parts, _api: &Api) -> Result<Self, Problem> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(Problem::NotSignedIn)
    }
}

/// Lets a request to the route at `path` pass, if the table of rights says so.
pub(super) async fn guard(
    State(api): State<Api>,
    path: &'static str,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let Ok(visit) = Visit::from_request_parts(&mut parts, &api).await;
    let admitted = match rights::of(&parts.method, path).map(|right| right.who) {
        None => Err(Problem::Forbidden),
        Some(Who::Anybody) => Ok(None),
        Some(who) => api.admit_staff(&visit, who).await.map(Some),
    };
    match admitted {
        Ok(staff) => {
            if let Some(staff) = staff {
                parts.extensions.insert(staff);
            }
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => {
            api.tallies.count(problem.name());
            if path.starts_with("/api/") {
                problem.into_response()
            } else {
                pages::turned_away(&api, &visit, &problem)
            }
        }
    }
}

impl Api {
    /// The one of the staff who asks, if they are among those who may.
    async fn admit_staff(&self, visit: &Visit, who: Who) -> Result<StaffIn, Problem> {
        let (session, state) = self.staff_session(visit).await?;
        let account = state.in_force().ok_or(Problem::NotSignedIn)?;
        if let Who::Roles(roles) = who {
            if state.password_is_due() {
                return Err(Problem::PasswordDue);
            }
            if !roles.contains(&account.role) {
                return Err(Problem::Forbidden);
            }
        }
        let session = self
            .vault
            .staff_access
            .touch(session, self.clock.now())
            .await?;
        Ok(StaffIn {
            visit: visit.clone(),
            staff: session.staff,
            role: account.role,
            session,
        })
    }

    /// The session that a request's cookie opens, with the account it belongs to; the log knows whether it is the present one.
    pub(super) async fn staff_session(
        &self,
        visit: &Visit,
    ) -> Result<(StaffSession, Staff), Problem> {
        let secret = visit.staff.as_deref().ok_or(Problem::NotSignedIn)?;
        let session = self.vault.staff_access.find(secret).await?;
        let session = session
            .filter(|session| !session.has_lapsed(self.clock.now()))
            .ok_or(Problem::NotSignedIn)?;
        let state = self.staff_state(session.staff).await?;
        if state.session == Some(session.id) {
            Ok((session, state))
        } else {
            Err(Problem::NotSignedIn)
        }
    }

    /// An account as it is now.
    pub(super) async fn staff_state(&self, staff: StaffId) -> Result<Staff, Problem> {
        self.commands
            .load(&staff.to_string())
            .await
            .map_err(|error| {
                tracing::error!(%error, "an account of staff cannot be loaded");
                Problem::Busy
            })
    }
}
