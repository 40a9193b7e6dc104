//! How our events stand in the event store: the names of their streams, their ids, and what of them goes where.

use cqrs_es::Aggregate;
use cqrs_es::persist::SerializedEvent;
use eventstore::{EventData, ExpectedRevision, RecordedEvent};
use jiff::Timestamp;
use serde_json::Value;
use uuid::{Uuid, uuid};

use super::Place;
use crate::database::fixed_width;
use crate::domain::adoption::Adoptions;
use crate::domain::anomalies::Anomaly;
use crate::domain::attempts::Attempts;
use crate::domain::custody::Custody;
use crate::domain::delivery::Delivery;
use crate::domain::onboarding::Onboarding;
use crate::domain::rosters::Rosters;
use crate::domain::staff::Staff;
use crate::domain::viewing::Viewings;
use crate::store::{Position, Recorded};

/// The kinds of our streams: what else is in the log is the server's or another program's.
const KINDS: [&str; 9] = [
    Onboarding::TYPE,
    Delivery::TYPE,
    Attempts::TYPE,
    Anomaly::TYPE,
    Adoptions::TYPE,
    Staff::TYPE,
    Viewings::TYPE,
    Rosters::TYPE,
    Custody::TYPE,
];

/// The space of names in which event ids are made.
const IDS: Uuid = uuid!("6f0d4cb5-9d0a-4f5e-9c58-1f1a35a1c5a4");

/// Where the version of an event's type stands among its metadata.
const VERSION: &str = "event_version";

/// The names of a society's streams, which all begin alike.
#[derive(Clone)]
pub(super) struct Names(pub(super) String);

impl Names {
    pub(super) fn of(&self, kind: &str, id: &str) -> String {
        format!("{}{kind}-{id}", self.0)
    }

    /// Kind and id of a stream of ours.
    pub(super) fn split<'a>(&self, name: &'a str) -> Option<(&'static str, &'a str)> {
        let (kind, id) = name.strip_prefix(&self.0)?.split_once('-')?;
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        Some((kind, id))
    }
}

/// An append: to which stream, what its last event must be, and what is appended.
pub(super) struct Proposal {
    pub(super) stream: String,
    pub(super) expected: ExpectedRevision,
    pub(super) events: Vec<EventData>,
}

impl Proposal {
    /// None, if the events follow no stream.
    ///
    /// # Errors
    /// The stream is of a kind that no reader knows, or an event is no JSON.
    pub(super) fn new(
        names: &Names,
        events: &[SerializedEvent],
    ) -> Result<Option<Self>, Box<dyn std::error::Error + Send + Sync>> {
        let Some(first) = events.first() else {
            return Ok(None);
        };
        let follow_one_another = (first.sequence..)
            .zip(events)
            .all(|(due, event)| event.sequence == due);
        let expected = match first.sequence {
            1 => ExpectedRevision::NoStream,
            // Revisions count from 0.
            sequence if sequence > 1 => ExpectedRevision::Exact(u64::try_from(sequence - 2)?),
            _ => return Ok(None),
        };
        if !follow_one_another {
            return Ok(None);
        }
        let stream = names.of(&first.aggregate_type, &first.aggregate_id);
        if names.split(&stream).is_none() {
            return Err(format!("streams of kind {} are not read", first.aggregate_type).into());
        }
        let events = events
            .iter()
            .enumerate()
            .map(proposed)
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            stream,
            expected,
            events,
        }))
    }
}

fn proposed((index, event): (usize, &SerializedEvent)) -> serde_json::Result<EventData> {
    let mut metadata = event.metadata.as_object().cloned().unwrap_or_default();
    metadata.insert(VERSION.to_owned(), event.event_version.clone().into());
    // The payload too, since a command that is decided once more may come to something else, which is not the same event.
    let name = format!(
        "{}/{index}/{}",
        event.metadata["command_id"].as_str().unwrap_or_default(),
        event.payload
    );
    let id = Uuid::new_v5(&IDS, name.as_bytes());
    EventData::json(&event.event_type, &event.payload)?
        .metadata_as_json(&metadata)
        .map(|data| data.id(id))
}

/// An event of ours as it was read.
pub(super) struct Stored {
    pub(super) kind: &'static str,
    pub(super) id: String,
    pub(super) sequence: i64,
    pub(super) place: Place,
    /// When the server stored it, to the microsecond.
    pub(super) created: Timestamp,
    event_type: String,
    event_version: String,
    payload: Value,
    metadata: Value,
}

impl Stored {
    /// None, if it is none of ours.
    pub(super) fn read(names: &Names, event: &RecordedEvent) -> Option<Self> {
        let (kind, id) = names.split(&event.stream_id)?;
        // In hundreds of nanoseconds since 1970; the client itself keeps whole seconds.
        let ticks = event.metadata.get("created");
        let ticks: i64 = ticks.and_then(|ticks| ticks.parse().ok()).unwrap_or(0);
        let created = Timestamp::from_microsecond(ticks / 10).unwrap_or_default();
        let mut metadata = json(&event.custom_metadata);
        let mut event_version = String::new();
        if let Value::Object(entries) = &mut metadata {
            if let Some(Value::String(version)) = entries.remove(VERSION) {
                event_version = version;
            }
            entries.insert("recorded_at".to_owned(), fixed_width(created).into());
        }
        Some(Self {
            kind,
            id: id.to_owned(),
            sequence: i64::try_from(event.revision).ok()?.checked_add(1)?,
            place: event.position.into(),
            created,
            event_type: event.event_type.clone(),
            event_version,
            payload: json(&event.data),
            metadata,
        })
    }

    /// As readers of the log have it.
    pub(super) fn recorded(self, position: Position, recorded_at: Timestamp) -> Recorded {
        Recorded {
            position,
            stream_kind: self.kind.to_owned(),
            stream_id: self.id,
            sequence: self.sequence,
            event_type: self.event_type,
            event_version: self.event_version,
            payload: self.payload,
            metadata: self.metadata,
            recorded_at,
        }
    }

    /// As aggregates are loaded from it.
    pub(super) fn serialized(self) -> SerializedEvent {
        SerializedEvent {
            aggregate_id: self.id,
            // Never negative: it was a revision.
            sequence: usize::try_from(self.sequence).unwrap_or_default(),
            aggregate_type: self.kind.to_owned(),
            event_type: self.event_type,
            event_version: self.event_version,
            payload: self.payload,
            metadata: self.metadata,
        }
    }
}

/// What somebody else wrote must not stop all readers: no event can be read from a mere text.
fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(bytes).into_owned()))
}
