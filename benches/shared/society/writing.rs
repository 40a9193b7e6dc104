//! Writes a society's history into the event log at once, past the way in: what it holds was decided before.

use kadode::database::{Database, fixed_width};
use serde_json::Value;

use super::{Fault, Society, policy_at};

/// Rows written by one statement.
const AT_ONCE: usize = 2000;

/// Rows committed together.
const A_COMMIT: usize = 100_000;

impl Society {
    /// Writes the whole history into a log that is empty, and answers with its length. On a server, `database` is the owner's.
    pub(crate) async fn write(&self, database: &Database) -> Result<usize, Fault> {
        let (cells, rows) = if database.is_on_server() {
            (
                "(row ->> 0)::bigint, row ->> 1, row ->> 2, (row ->> 3)::bigint, row ->> 4, '1', (row ->> 5)::json, \
                 (row ->> 6)::jsonb, row ->> 7",
                "json_array_elements($1::json) AS rows (row)",
            )
        } else {
            (
                "value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, '1', value ->> 5, value ->> 6, value ->> 7",
                "json_each($1)",
            )
        };
        let sql = format!(
            "INSERT INTO events (position, aggregate_type, aggregate_id, sequence, event_type, event_version, payload, metadata, \
             recorded_at) SELECT {cells} FROM {rows}"
        );
        let places = self.places();
        let mut position = 0_usize;
        for commit in places.chunks(A_COMMIT) {
            let mut transaction = database.begin().await?;
            if database.is_on_server() {
                sqlx::query("SELECT set_config('kadode.appending', 'yes', true)")
                    .execute(&mut *transaction)
                    .await?;
            }
            for some in commit.chunks(AT_ONCE) {
                let mut rows = Vec::with_capacity(some.len());
                for place in some {
                    position += 1;
                    let event = self.ready(*place)?;
                    let at = fixed_width(place.0);
                    let policy = policy_at(&self.policies, place.0).label();
                    let metadata = format!(
                        r#"{},"policy":"{policy}","recorded_at":"{at}"}}"#,
                        event.metadata
                    );
                    rows.push(Value::from(vec![
                        Value::from(position),
                        event.kind.into(),
                        event.id.into(),
                        event.sequence.into(),
                        event.event_type.into(),
                        event.payload.into(),
                        metadata.into(),
                        at.into(),
                    ]));
                }
                sqlx::query(&sql)
                    .bind(Value::from(rows).to_string())
                    .execute(&mut *transaction)
                    .await?;
            }
            transaction.commit().await?;
        }
        Ok(places.len())
    }
}
