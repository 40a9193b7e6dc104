//! What happened to each member, for the member's own page.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use sqlx::AnyConnection;

use super::event;
use crate::database::{Cell, Connections, Insert, time_of};
use crate::domain::delivery::{Delivery, DeliveryEvent};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::subscription::{ApplyError, Position, Projection, Recorded};

/// One entry of a member's history.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The event's number in the log.
    pub position: Position,
    /// The stored name of its type.
    pub event_type: String,
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// What the event says; no secret and no personal datum.
    pub payload: Value,
}

/// The read model `member_history`.
#[derive(Debug)]
pub struct HistoryProjection;

impl Projection for HistoryProjection {
    fn name(&self) -> &'static str {
        "member_history"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["member_history"]
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        _before: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let mut rows = Vec::new();
            for recorded in batch {
                let Some(member) = member_of(recorded)? else {
                    continue;
                };
                rows.push([
                    Cell::from(member),
                    Cell::from(recorded.position),
                    Cell::from(recorded.event_type.clone()),
                    Cell::from(recorded.recorded_at),
                    Cell::from(recorded.payload.to_string()),
                ]);
            }
            let insert = format!(
                "INSERT INTO member_history{suffix} \
                 (member_id, position, event_type, recorded_at, payload)"
            );
            Ok(vec![Insert::new(insert, &rows, "")?])
        })
    }
}

/// The member that an event is about, if it is about one.
fn member_of(recorded: &Recorded) -> Result<Option<String>, ApplyError> {
    if recorded.stream_kind == Onboarding::TYPE {
        return Ok(Some(recorded.stream_id.clone()));
    }
    if recorded.stream_kind == Delivery::TYPE {
        let event: DeliveryEvent = event(recorded)?;
        return Ok(Some(event.mail().member.to_string()));
    }
    Ok(None)
}

/// A member's history in the order of the log.
///
/// # Errors
/// The database is away, or the row is of another version: rebuild the read model.
pub async fn of_member(pool: &Connections, member: MemberId) -> Result<Vec<Entry>, ApplyError> {
    let rows: Vec<(Position, String, String, String)> = sqlx::query_as(
        "SELECT position, event_type, recorded_at, payload FROM member_history \
         WHERE member_id = $1 ORDER BY position",
    )
    .bind(member.to_string())
    .fetch_all(pool)
    .await?;
    rows.into_iter()
        .map(|(position, event_type, recorded_at, payload)| {
            Ok(Entry {
                position,
                event_type,
                recorded_at: time_of(&recorded_at)?,
                payload: serde_json::from_str(&payload)
                    .map_err(|error| ApplyError::Unreadable(error.to_string()))?,
            })
        })
        .collect()
}
