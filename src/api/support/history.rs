//! What happened to a member lately, for programs of the support desk: what the page shows, and no payloads.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::Api;
use crate::api::audit::entries::Entry;
use crate::api::audit::member_named;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::projections::Position;

/// The last that happened to a member.
#[derive(Serialize, ToSchema)]
pub struct LatelyBody {
    member: String,
    /// Newest first, 30 at most; who looked at the member is not told here.
    events: Vec<HappenedBody>,
}

/// Something that happened.
#[derive(Serialize, ToSchema)]
pub struct HappenedBody {
    /// Its number in the log.
    position: Position,
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The type of the event.
    #[serde(rename = "type")]
    event_type: String,
    /// `done`, `failed` or `refused`.
    outcome: &'static str,
    /// `member`, `staff` or `system`.
    actor: String,
    /// The name of the one of the staff who acted.
    by: Option<String>,
    /// The network that it came from; none, where nobody asked from outside, or it was erased.
    from: Option<String>,
    /// The command that brought it.
    command: String,
}

impl From<Entry> for HappenedBody {
    fn from(entry: Entry) -> Self {
        Self {
            position: entry.line.position,
            at: entry.line.recorded_at,
            event_type: entry.line.event_type,
            outcome: entry.line.outcome,
            actor: entry.line.actor,
            by: entry.staff,
            from: entry.from,
            command: entry.line.command,
        }
    }
}

/// What happened to a member lately.
#[utoipa::path(get, path = "/api/v1/support/members/{member}/history", tag = "support",
    params(("member" = String, Path, description = "the member's id")),
    responses((status = 200, description = "the last events", body = LatelyBody)))]
pub(in crate::api) async fn support_history(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
) -> Result<Json<LatelyBody>, Problem> {
    let member = member_named(&member)?;
    let shown = api.at_the_desk(&who, member).await?;
    Ok(Json(LatelyBody {
        member: member.to_string(),
        events: shown
            .timeline
            .entries
            .into_iter()
            .map(HappenedBody::from)
            .collect(),
    }))
}
