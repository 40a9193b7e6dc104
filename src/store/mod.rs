//! The event log: appended to in groups, read in committed order.

mod sql;
mod stamp;

pub use sql::{Repository, SqlLog};

use jiff::Timestamp;
use serde_json::Value;

/// The log this program runs on. KurrentDB will stand beside the SQL databases here, as an enum.
pub type EventLog = SqlLog;

/// How far the log had grown; what a later reader has to have seen. Positions count from 1, without a gap.
pub type Position = i64;

/// An event as committed.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Its number in the log.
    pub position: Position,
    /// The kind of its stream: `onboarding`, `mail`, …
    pub stream_kind: String,
    /// The stream's id within the kind.
    pub stream_id: String,
    /// Its number in the stream, from 1.
    pub sequence: i64,
    /// The stored name of its type.
    pub event_type: String,
    /// The version of that type.
    pub event_version: String,
    /// What happened.
    pub payload: Value,
    /// Who, when, why.
    pub metadata: Value,
    /// When it was committed; never before an earlier position's.
    pub recorded_at: Timestamp,
}

/// Why the log could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database is away or refuses.
    #[error("the event log cannot be read: {0}")]
    Database(#[from] sqlx::Error),
    /// A row is no event of ours.
    #[error("event {position} cannot be read: {why}")]
    Corrupt {
        /// Which one.
        position: Position,
        /// What is wrong with it.
        why: String,
    },
}

/// An append was not taken in time, and will not be taken later.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the append was given up, for its commit did not begin in time")]
pub struct GivenUp;
