//! One leaf an event: the hash of what was stored.

use data_encoding::HEXLOWER;
use futures::future::BoxFuture;
use serde_json::json;
use tokio::sync::watch;

use super::canonical::canonical;
use super::tree::leaf_hash;
use crate::database::{Cell, Connections, Insert};
use crate::subscription::{ApplyError, Before, Position, Projection, Recorded};

/// What makes a checkpoint urgent.
const COMPLETED: &str = "OnboardingCompleted";

/// Writes the leaves; not a read model, and never built anew.
#[derive(Debug, Default)]
pub struct Leaves {
    urgent: watch::Sender<Position>,
}

impl Leaves {
    /// Where to learn of the last leaf that must not wait to be sealed. It is told just before its commit.
    #[must_use]
    pub fn urgent(&self) -> watch::Receiver<Position> {
        self.urgent.subscribe()
    }
}

impl Projection for Leaves {
    fn name(&self) -> &'static str {
        "ledger_leaves"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["ledger_leaves"]
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let rows: Vec<_> = batch
                .iter()
                .map(|event| [Cell::from(event.position), Cell::from(leaf_of(event))])
                .collect();
            let completed = batch.iter().rfind(|event| event.event_type == COMPLETED);
            if let Some(event) = completed {
                self.urgent.send_replace(event.position);
            }
            Ok(vec![Insert::new(
                before.dialect(),
                format!("INSERT INTO ledger_leaves{suffix} (position, hash)"),
                &rows,
                "ON CONFLICT (position) DO NOTHING",
            )?])
        })
    }
}

/// A leaf as the table holds it: 64 hexadecimal digits.
#[must_use]
pub fn leaf_of(event: &Recorded) -> String {
    HEXLOWER.encode(&leaf_hash(leaf_text(event).as_bytes()))
}

/// The time of an event that its leaf covers: the one in its metadata. Along positions, the latest so far is the event's time in the
/// log; a SQL database gives that itself, while the clock of an event store may have been set back.
#[must_use]
pub fn covered_time(event: &Recorded) -> &str {
    event.metadata["recorded_at"].as_str().unwrap_or_default()
}

/// The leaves after position `from` and up to `to`, each with its position.
///
/// # Errors
/// The database is away.
pub async fn leaves(
    pool: &Connections,
    from: Position,
    to: Position,
) -> Result<Vec<(Position, String)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT position, hash FROM ledger_leaves WHERE position > $1 AND position <= $2 ORDER BY position",
    )
    .bind(from)
    .bind(to)
    .fetch_all(pool)
    .await
}

/// What a leaf is the hash of: the event as stored, in canonical JSON. The ledger's package has it as a line.
#[must_use]
pub fn leaf_text(event: &Recorded) -> String {
    canonical(&json!({
        "position": event.position,
        "stream": format!("{}-{}", event.stream_kind, event.stream_id),
        "sequence": event.sequence,
        "type": event.event_type,
        "version": event.event_version,
        "payload": event.payload,
        "metadata": event.metadata,
    }))
}
