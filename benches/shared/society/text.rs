//! A payload with places for ids and moments, so that one life can be led by many.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use uuid::Uuid;

use super::Fault;

/// A payload as JSON, in pieces.
pub(super) struct Text(Vec<Piece>);

enum Piece {
    Words(String),
    /// An id, by its number.
    Id(u64),
    /// So long after the life's beginning.
    Moment(SignedDuration),
}

impl Text {
    /// The payload of an event whose ids are small numbers, and whose life began at `begins`.
    pub(super) fn from(event: &impl Serialize, begins: Timestamp) -> Result<Self, Fault> {
        let json = serde_json::to_string(event)?;
        if json.contains('\\') {
            return Err("an escaped character in a payload".into());
        }
        // Every other part stands in quotes.
        let mut pieces = Vec::new();
        let mut words = String::new();
        for (at, part) in json.split('"').enumerate() {
            if at > 0 {
                words.push('"');
            }
            let piece = if let Ok(id) = part.parse::<Uuid>() {
                Piece::Id(u64::try_from(id.as_u128())?)
            } else if let Ok(moment) = part.parse::<Timestamp>() {
                Piece::Moment(moment.duration_since(begins))
            } else {
                words.push_str(part);
                continue;
            };
            pieces.push(Piece::Words(std::mem::take(&mut words)));
            pieces.push(piece);
        }
        pieces.push(Piece::Words(words));
        Ok(Self(pieces))
    }

    /// The same for somebody whose life begins at `begins`, and whose ids are these.
    pub(super) fn of(&self, begins: Timestamp, id: impl Fn(u64) -> Uuid) -> String {
        let mut json = String::with_capacity(400);
        for piece in &self.0 {
            match piece {
                Piece::Words(words) => json.push_str(words),
                Piece::Id(number) => json.push_str(&id(*number).to_string()),
                Piece::Moment(after) => json.push_str(&(begins + *after).to_string()),
            }
        }
        json
    }
}
