//! The audit ledger: one leaf an event, the hash of what was stored.

use data_encoding::HEXLOWER;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use sqlx::AnyConnection;

use crate::database::{Cell, Connections, Insert};
use crate::subscription::{ApplyError, Position, Projection, Recorded};

/// Writes the leaves; not a read model, and never built anew.
#[derive(Debug)]
pub struct Leaves;

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
        _before: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let rows: Vec<_> = batch
                .iter()
                .map(|event| [Cell::from(event.position), Cell::from(leaf_text(event))])
                .collect();
            Ok(vec![Insert::new(
                format!("INSERT INTO ledger_leaves{suffix} (position, hash)"),
                &rows,
                "ON CONFLICT (position) DO NOTHING",
            )?])
        })
    }
}

/// A leaf's hash as the table holds it: 64 hexadecimal digits.
#[must_use]
pub fn leaf_text(event: &Recorded) -> String {
    HEXLOWER.encode(&leaf_hash(event))
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

/// SHA-256 of a zero byte and the event's canonical JSON (RFC 6962, 2.1 and RFC 8785).
#[must_use]
pub fn leaf_hash(event: &Recorded) -> [u8; 32] {
    let leaf = json!({
        "position": event.position,
        "stream": format!("{}-{}", event.stream_kind, event.stream_id),
        "sequence": event.sequence,
        "type": event.event_type,
        "version": event.event_version,
        "payload": event.payload,
        "metadata": event.metadata,
    });
    let mut text = String::new();
    write_canonical(&leaf, &mut text);
    Sha256::new()
        .chain_update([0])
        .chain_update(text)
        .finalize()
        .into()
}

/// RFC 8785: keys sorted by UTF-16 code units, no white space. Events hold no floats, so numbers print as they are.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(value, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::write_canonical;

    #[test]
    fn canonical_json_sorts_keys_by_utf16_and_leaves_no_space() {
        // The example of RFC 8785, 3.2.3, without its control characters.
        let value = json!({ "\u{20ac}": 1, "1": [true, null], "\u{1f600}": 2, "\u{fb33}": 3, "\u{f6}": "a\n" });
        let mut text = String::new();
        write_canonical(&value, &mut text);
        assert_eq!(
            text,
            "{\"1\":[true,null],\"\u{f6}\":\"a\\n\",\"\u{20ac}\":1,\"\u{1f600}\":2,\"\u{fb33}\":3}"
        );
    }
}
