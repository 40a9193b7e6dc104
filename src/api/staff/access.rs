//! Who of the staff asks: from a cookie or a token to the account as it is now; and the guard before every page and route of theirs.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::Method;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::pages;
use super::rights::{self, Right, Who};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::ids::{StaffId, TokenId};
use crate::domain::staff::{Role, Staff};
use crate::vault::StaffSession;

/// Somebody of the staff whose request was let in, or a program with a token of theirs.
#[derive(Clone)]
pub struct StaffIn {
    /// What the request tells.
    pub visit: Visit,
    /// Who it is.
    pub staff: StaffId,
    /// The role, as it is now.
    pub role: Role,
    /// The session; none, if it is a program.
    pub session: Option<StaffSession>,
    /// The program's token.
    pub token: Option<TokenId>,
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
    let admitted = match rights::of(&parts.method, path) {
        None => Err(Problem::Forbidden),
        Some(right) if right.who == Who::Anybody => Ok(None),
        Some(right) => api.admit_staff(&visit, right).await.map(Some),
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
    /// The one of the staff who asks, if they are among those who may. A session is in use from now on.
    async fn admit_staff(&self, visit: &Visit, right: &Right) -> Result<StaffIn, Problem> {
        let mut staff = self.still_admitted(visit, right).await?;
        if let Some(session) = staff.session.take() {
            let now = self.clock.now();
            staff.session = Some(self.vault.staff_access.touch(session, now).await?);
        }
        Ok(staff)
    }

    /// The same, for whoever was let in before and only waits: that keeps no session alive.
    async fn still_admitted(&self, visit: &Visit, right: &Right) -> Result<StaffIn, Problem> {
        let visit = visit.clone();
        if let Some(text) = visit.bearer.as_deref() {
            let found = self.vault.staff_access.token(text).await?;
            let (staff, token) = found.ok_or(Problem::NotSignedIn)?;
            let state = self.staff_state(staff).await?;
            let account = state.in_force().ok_or(Problem::NotSignedIn)?;
            let scopes = state.scopes_of(token, self.clock.now());
            if scopes.is_empty() {
                return Err(Problem::NotSignedIn);
            }
            let in_scope = right.scope.is_some_and(|scope| scopes.contains(&scope));
            if !in_scope || !right.is_of(account.role) {
                return Err(Problem::Forbidden);
            }
            return Ok(StaffIn {
                visit,
                staff,
                role: account.role,
                session: None,
                token: Some(token),
            });
        }
        let (session, state) = self.staff_session(&visit).await?;
        let account = state.in_force().ok_or(Problem::NotSignedIn)?;
        if right.who != Who::AllStaff && state.password_is_due() {
            return Err(Problem::PasswordDue);
        }
        if !right.is_of(account.role) {
            return Err(Problem::Forbidden);
        }
        Ok(StaffIn {
            visit,
            staff: session.staff,
            role: account.role,
            session: Some(session),
            token: None,
        })
    }

    /// Whether whoever was let in may get the route at `path` too, as of now: roles, sessions and tokens end.
    ///
    /// # Errors
    /// A store is away.
    pub(in crate::api) async fn may_open(
        &self,
        who: &StaffIn,
        path: &str,
    ) -> Result<bool, Problem> {
        let Some(right) = rights::of(&Method::GET, path) else {
            return Ok(false);
        };
        match self.still_admitted(&who.visit, right).await {
            Ok(_) => Ok(true),
            Err(Problem::NotSignedIn | Problem::Forbidden | Problem::PasswordDue) => Ok(false),
            Err(problem) => Err(problem),
        }
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
    pub(in crate::api) async fn staff_state(&self, staff: StaffId) -> Result<Staff, Problem> {
        self.commands
            .load(&staff.to_string())
            .await
            .map_err(|error| {
                tracing::error!(%error, "an account of staff cannot be loaded");
                Problem::Busy
            })
    }
}
