//! The notice that an account was set up, or that its address or password is to change: whoever it was not says so, on any device; it neither needs nor makes a session.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::Token;
use super::bodies::{Body, NoticeBody};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::{Command, NoticeState};
use crate::vault::Notice;

impl Api {
    /// What the link of a notice comes to, however often it is asked; nothing changes.
    ///
    /// # Errors
    /// [`Problem::LinkUnknown`], [`Problem::NoticeReplaced`], or the log is away.
    pub async fn look_at_notice(&self, token: &str) -> Result<NoticeState, Problem> {
        let Notice { member, about } = self.notice(token)?;
        let state = self.as_of_now(member).await?.notice_state(about);
        state.map_err(|refusal| Problem::of_refusal(&refusal, self.clock.now()))
    }

    /// Reports that it was not the member: the session ends, and nobody signs in until support has released the account.
    ///
    /// # Errors
    /// As [`Api::look_at_notice`].
    pub async fn report_not_me(&self, visit: &Visit, token: &str) -> Result<(), Problem> {
        let Notice { member, about } = self.notice(token)?;
        self.carry_out("ReportNotMe", member, visit, move |_| async move {
            Ok(Command::ReportNotMe { about })
        })
        .await
        .map(drop)
    }

    fn notice(&self, token: &str) -> Result<Notice, Problem> {
        self.vault.one_time.open_notice(token).ok_or_else(|| {
            self.tallies.count(Problem::LinkUnknown.name());
            Problem::LinkUnknown
        })
    }
}

/// What became of the account.
#[derive(Serialize, ToSchema)]
pub(super) struct Reported {
    /// `frozen`: nobody can sign in until support has released it.
    state: &'static str,
}

/// Report that it was not the member who set the account up, or changed its address or password, by the token of the notice; on any device, without a session.
#[utoipa::path(post, path = "/api/v1/not-me/{token}", tag = "members", request_body = NoticeBody,
    params(("token" = String, Path, description = "from the mailed or printed notice")),
    responses((status = 200, description = "the account is frozen", body = Reported)))]
pub(super) async fn report_not_me(
    State(api): State<Api>,
    visit: Visit,
    Token(token): Token,
    Body(NoticeBody {}): Body<NoticeBody>,
) -> Result<Json<Reported>, Problem> {
    api.report_not_me(&visit, &token).await?;
    Ok(Json(Reported { state: "frozen" }))
}
