//! Read models: each has a file, or a folder, with the rows it writes and the queries it answers. Reports are made of what they counted.

pub mod history;
pub mod mail_requests;
pub mod reminders;
pub mod reports;
pub mod status;

use serde::de::DeserializeOwned;

pub use crate::subscription::{ApplyError, FollowError, Position, Progress, Recorded};

/// The event that a record holds, as the domain reads it.
fn event<E: DeserializeOwned>(recorded: &Recorded) -> Result<E, ApplyError> {
    E::deserialize(&recorded.payload).map_err(|error| ApplyError::Unreadable(error.to_string()))
}
