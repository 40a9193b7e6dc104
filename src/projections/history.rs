//! What happened, event by event, with indexes for whoever looks for something: a member for their own page, an auditor for all.

mod filter;
pub mod kinds;
pub mod search;

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::event;
use super::reports::counting;
use super::reports::stored;
use super::reports::track::Track;
use crate::database::{Cell, Connections, Dialect, Insert, time_of};
use crate::domain::delivery::{Delivery, DeliveryEvent};
use crate::domain::ids::{MemberId, StaffId};
use crate::domain::onboarding::Onboarding;
use crate::domain::staff::Staff;
use crate::domain::viewing::{ViewingEvent, Viewings};
use crate::subscription::{ApplyError, Before, Position, Projection, Recorded};

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

/// The read model `history`.
#[derive(Debug)]
pub struct HistoryProjection;

impl Projection for HistoryProjection {
    fn name(&self) -> &'static str {
        "history"
    }

    fn tables(&self) -> &'static [&'static str] {
        &[
            "history",
            "history_members",
            "history_counts",
            "history_parts",
        ]
    }

    fn telling(&self, table: &str) -> &'static str {
        match table {
            // What adds up to nothing.
            "history_counts" => "WHERE number <> 0",
            _ => "",
        }
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let members: Vec<Option<String>> =
                batch.iter().map(member_of).collect::<Result<_, _>>()?;
            let mut tracks = known_tracks(batch, &members, suffix, before).await?;
            let mut sums = stored::Sums::default();
            let mut rows = Vec::with_capacity(batch.len());
            for (recorded, member) in batch.iter().zip(members) {
                let mut none = None;
                let track = match &member {
                    Some(member) => tracks.entry(member.clone()).or_default(),
                    None => &mut none,
                };
                let counts = counting::count(recorded, track)?;
                let day = counting::day_of(recorded.recorded_at);
                rows.push([
                    Cell::from(recorded.position),
                    Cell::from(recorded.recorded_at),
                    Cell::from(recorded.event_type.clone()),
                    Cell::from(recorded.event_version.clone()),
                    Cell::from(recorded.stream_kind.clone()),
                    Cell::from(recorded.stream_id.clone()),
                    Cell::from(recorded.sequence),
                    Cell::from(track.as_ref().map(|track| track.cohort.clone())),
                    Cell::from(member),
                    Cell::from(actor_of(recorded)),
                    Cell::from(account_of(recorded).map(str::to_owned)),
                    Cell::from(kinds::outcome_of(&recorded.event_type).name()),
                    Cell::from(recorded.payload.to_string()),
                    Cell::from(recorded.metadata.to_string()),
                    Cell::from(stored::encoded(&counts)),
                ]);
                for count in counts {
                    sums.add(day, recorded.position, count);
                }
            }
            let insert = format!(
                "INSERT INTO history{suffix} (position, recorded_at, event_type, event_version, stream_kind, stream_id, \
                 sequence, cohort, member_id, actor, actor_id, outcome, payload, metadata, counts)"
            );
            let (after, until) = before.positions();
            sums.complete(after, until, suffix, before.connection())
                .await?;
            let dialect = before.dialect();
            let [days, parts] = sums.inserts(dialect, until, suffix)?;
            Ok(vec![
                written_tracks(dialect, &tracks, suffix)?,
                Insert::new(dialect, insert, &rows, "")?,
                days,
                parts,
            ])
        })
    }
}

/// What stands for the kind of actor where an event tells none.
const NO_ACTOR: &str = "unknown";

/// The kind of actor that gave the command.
fn actor_of(recorded: &Recorded) -> &str {
    recorded.metadata["actor"].as_str().unwrap_or(NO_ACTOR)
}

/// The account that gave the command, if one of staff did.
fn account_of(recorded: &Recorded) -> Option<&str> {
    (actor_of(recorded) == "staff")
        .then(|| recorded.metadata["actor_id"].as_str())
        .flatten()
}

/// The member that an event is about, if it is about one.
fn member_of(recorded: &Recorded) -> Result<Option<String>, ApplyError> {
    Ok(match recorded.stream_kind.as_str() {
        Onboarding::TYPE => Some(recorded.stream_id.clone()),
        Delivery::TYPE => {
            let event: DeliveryEvent = event(recorded)?;
            Some(event.mail().member.to_string())
        }
        Viewings::TYPE => {
            let ViewingEvent::AuditDataViewed { look } = event(recorded)?;
            look.member.map(|member| member.to_string())
        }
        _ => None,
    })
}

/// The member that an event is about; none, if it is about none, or cannot be read.
#[must_use]
pub fn subject(recorded: &Recorded) -> Option<MemberId> {
    member_of(recorded).ok()??.parse().ok()
}

/// The account of staff that an event happened to; none, if it happened to none.
#[must_use]
pub fn concerned(recorded: &Recorded) -> Option<StaffId> {
    (recorded.stream_kind == Staff::TYPE)
        .then(|| recorded.stream_id.parse().ok())
        .flatten()
}

/// Where the `members` of a batch were before it, but for those who begin in it.
async fn known_tracks(
    batch: &[Recorded],
    members: &[Option<String>],
    suffix: &str,
    before: &mut Before<'_>,
) -> Result<HashMap<String, Option<Track>>, ApplyError> {
    let began: HashSet<&str> = batch
        .iter()
        .filter(|event| event.stream_kind == Onboarding::TYPE && event.sequence == 1)
        .map(|event| event.stream_id.as_str())
        .collect();
    let members: HashSet<&str> = members.iter().flatten().map(String::as_str).collect();
    let members = members.difference(&began).copied().collect();
    let table = format!("history_members{suffix}");
    let stored = before.of_members(&table, "track", &members).await?;
    stored
        .into_iter()
        .map(|(member, track)| {
            let track = serde_json::from_str(&track)
                .map_err(|error| ApplyError::Unreadable(error.to_string()))?;
            Ok((member, Some(track)))
        })
        .collect()
}

fn written_tracks(
    dialect: Dialect,
    tracks: &HashMap<String, Option<Track>>,
    suffix: &str,
) -> Result<Insert, ApplyError> {
    let mut rows = Vec::with_capacity(tracks.len());
    for (member, track) in tracks {
        let Some(track) = track else { continue };
        let text = serde_json::to_string(track)
            .map_err(|error| ApplyError::Unreadable(error.to_string()))?;
        rows.push([Cell::from(member.clone()), Cell::from(text)]);
    }
    Ok(Insert::new(
        dialect,
        format!("INSERT INTO history_members{suffix} (member_id, track)"),
        &rows,
        "ON CONFLICT (member_id) DO UPDATE SET track = excluded.track",
    )?)
}

/// A member's history in the order of the log, for the member: what they did and what was mailed, not who looked at it.
///
/// # Errors
/// The database is away, or the row is of another version: rebuild the read model.
pub async fn of_member(pool: &Connections, member: MemberId) -> Result<Vec<Entry>, ApplyError> {
    let rows: Vec<(Position, String, String, String)> = sqlx::query_as(
        "SELECT position, event_type, recorded_at, payload FROM history \
         WHERE member_id = $1 AND stream_kind IN ('onboarding', 'mail') ORDER BY position",
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
