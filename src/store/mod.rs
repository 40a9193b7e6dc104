//! The event log: appended to by commands, read in committed order; in a SQL database or in KurrentDB.

mod kurrent;
mod log;
mod sql;
mod stamp;

pub use kurrent::{AddressError, KurrentLog, KurrentRepository};
pub use log::{EventLog, Repository};
pub use sql::{SqlLog, SqlRepository};

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::sync::watch;

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
    /// The event store is away or refuses.
    #[error("the event store cannot be read: {0}")]
    Away(String),
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

fn advance(head: &watch::Sender<Position>, to: Position) {
    head.send_if_modified(|present| {
        let grown = to > *present;
        *present = to.max(*present);
        grown
    });
}

/// Waits until `head` is beyond `position`; has a `look` now and then, since another program may have appended.
async fn grown<Fut: Future<Output = ()>>(
    head: &watch::Sender<Position>,
    position: Position,
    now_and_then: Duration,
    look: impl Fn() -> Fut,
) {
    let mut head = head.subscribe();
    loop {
        if *head.borrow_and_update() > position {
            return;
        }
        tokio::select! {
            _ = head.changed() => {}
            () = tokio::time::sleep(now_and_then) => look().await,
        }
    }
}
