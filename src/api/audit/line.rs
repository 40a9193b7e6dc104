//! One event as programs read it: what the log holds of it, and of the sealed trace the network.

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::entries::Entry;
use crate::projections::history::kinds::outcome_of;
use crate::projections::history::subject;
use crate::projections::{Position, Recorded};

/// An event.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Line {
    /// Its number in the log; the cursor.
    pub position: Position,
    /// When it was recorded, UTC.
    #[schema(value_type = String, format = DateTime)]
    pub recorded_at: Timestamp,
    /// Its stream.
    pub stream: String,
    /// Its number in the stream.
    pub sequence: i64,
    /// Its type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The version of that type.
    pub version: String,
    /// `done`, `failed` or `refused`.
    pub outcome: &'static str,
    /// The member it is about.
    pub member: Option<String>,
    /// `member`, `staff` or `system`.
    pub actor: String,
    /// Who that is: a member's or a staff's id, or a part of the program.
    pub actor_id: String,
    /// Who told the program to, where somebody ran it from the command line, as they say.
    pub operator: Option<String>,
    /// The command that brought it.
    pub command: String,
    /// That command's id.
    pub command_id: String,
    /// The request that gave the command.
    pub request_id: Option<String>,
    /// The policy in force.
    pub policy: String,
    /// The version of the program.
    pub software: String,
    /// What happened.
    #[schema(value_type = Object)]
    pub payload: Value,
}

impl Line {
    /// What programs read of an event.
    #[must_use]
    pub fn of(recorded: &Recorded) -> Self {
        let metadata = |name: &str| recorded.metadata[name].as_str().map(str::to_owned);
        let known = |name: &str| metadata(name).unwrap_or_default();
        Self {
            position: recorded.position,
            recorded_at: recorded.recorded_at,
            stream: format!("{}-{}", recorded.stream_kind, recorded.stream_id),
            sequence: recorded.sequence,
            event_type: recorded.event_type.clone(),
            version: recorded.event_version.clone(),
            outcome: outcome_of(&recorded.event_type).name(),
            member: subject(recorded).map(|member| member.to_string()),
            actor: known("actor"),
            actor_id: known("actor_id"),
            operator: metadata("operator"),
            command: known("command"),
            command_id: known("command_id"),
            request_id: metadata("request_id"),
            policy: known("policy"),
            software: known("software"),
            payload: recorded.payload.clone(),
        }
    }
}

/// One event of a history, a list or an export.
#[derive(Debug, Serialize, ToSchema)]
pub struct EntryBody {
    #[serde(flatten)]
    line: Line,
    /// The name of the account of staff that it happened to (stream `staff-{id}`); none, if it happened to none.
    about: Option<String>,
    /// The network that it came from; none, where nobody asked from outside, it was erased, or whoever reads may not open members' histories.
    from: Option<String>,
}

impl From<Entry> for EntryBody {
    fn from(entry: Entry) -> Self {
        Self {
            line: entry.line,
            about: entry.about.map(|(_, name)| name),
            from: entry.from,
        }
    }
}

impl EntryBody {
    /// An event, the name of the account that it happened to, and the network that it came from.
    #[must_use]
    pub fn of(event: &Recorded, about: Option<String>, from: Option<String>) -> Self {
        Self {
            line: Line::of(event),
            about,
            from,
        }
    }

    /// As one line of JSON, with the end of the line.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = serde_json::to_string(self).unwrap_or_default();
        text.push('\n');
        text
    }
}
