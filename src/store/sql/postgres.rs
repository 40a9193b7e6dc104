//! How PostgreSQL commits a group: by one function of the database, in one round trip.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cqrs_es::persist::SerializedEvent;
use jiff::Timestamp;
use sqlx::postgres::PgListener;
use sqlx::{PgPool, Row};
use tokio::sync::watch;

use super::append::{Append, AppendError, Outcome};
use super::stored_head;
use crate::database::{Database, fixed_width, time_of};
use crate::store::stamp::Stamp;
use crate::store::{GivenUp, Position, advance};

/// How long the listener rests after it lost its connection.
const REST: Duration = Duration::from_secs(1);

/// How long an append may take; beyond, nobody knows what became of it. The function itself waits for its lock no longer than
/// one and a half seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The writer to a database on a PostgreSQL server.
pub(super) struct PostgresWriter {
    pool: PgPool,
    stamp: Stamp,
    /// The time of the last event that this program knows of.
    last_time: Mutex<Option<Timestamp>>,
}

/// The events of a group, a column an array.
#[derive(Default)]
struct Columns {
    appends: Vec<i64>,
    kinds: Vec<String>,
    ids: Vec<String>,
    sequences: Vec<i64>,
    types: Vec<String>,
    versions: Vec<String>,
    payloads: Vec<String>,
    metadatas: Vec<String>,
}

impl PostgresWriter {
    pub(super) fn new(pool: PgPool, stamp: Stamp, last_time: Option<Timestamp>) -> Self {
        Self {
            pool,
            stamp,
            last_time: Mutex::new(last_time),
        }
    }

    pub(super) async fn commit(&self, group: &[Append]) -> Result<Vec<Outcome>, sqlx::Error> {
        let mut columns = Columns::default();
        // What is not among those taken in the end has lost its race.
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(group.len());
        for (append, number) in group.iter().zip(0..) {
            outcomes.push(Err(if !follow_one_another(&append.events) {
                AppendError::Conflict
            } else if append.take() {
                append
                    .events
                    .iter()
                    .for_each(|event| columns.push(number, event));
                AppendError::Conflict
            } else {
                AppendError::GivenUp(GivenUp)
            }));
        }
        if columns.appends.is_empty() {
            return Ok(outcomes);
        }
        let taken = self.append(columns).await?;
        for (outcome, number) in outcomes.iter_mut().zip(0..) {
            if let Some(&position) = taken.get(&number) {
                *outcome = Ok(position);
            }
        }
        Ok(outcomes)
    }

    /// Answers with the last position of each append that was taken.
    async fn append(&self, columns: Columns) -> Result<HashMap<i64, Position>, sqlx::Error> {
        let last_time = *self.last_time();
        let now = fixed_width(self.stamp.after(last_time));
        let query = sqlx::query(
            "SELECT taken, last_position, stamp FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(columns.appends)
        .bind(columns.kinds)
        .bind(columns.ids)
        .bind(columns.sequences)
        .bind(columns.types)
        .bind(columns.versions)
        .bind(columns.payloads)
        .bind(columns.metadatas)
        .bind(now)
        .fetch_all(&self.pool);
        let Ok(rows) = tokio::time::timeout(PATIENCE, query).await else {
            return Err(sqlx::Error::Protocol(
                "the append was not answered in five seconds".to_owned(),
            ));
        };
        let mut taken = HashMap::new();
        for row in rows? {
            taken.insert(row.try_get(0)?, row.try_get(1)?);
            let stamp: String = row.try_get(2)?;
            *self.last_time() = Some(time_of(&stamp)?);
        }
        Ok(taken)
    }

    fn last_time(&self) -> std::sync::MutexGuard<'_, Option<Timestamp>> {
        self.last_time
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Columns {
    fn push(&mut self, append: i64, event: &SerializedEvent) {
        self.appends.push(append);
        self.kinds.push(event.aggregate_type.clone());
        self.ids.push(event.aggregate_id.clone());
        // More than an i64 holds follows no stream.
        self.sequences
            .push(i64::try_from(event.sequence).unwrap_or(i64::MAX));
        self.types.push(event.event_type.clone());
        self.versions.push(event.event_version.clone());
        self.payloads.push(event.payload.to_string());
        self.metadatas.push(event.metadata.to_string());
    }
}

/// Whether the sequences have no gap; whether they follow the stream is asked under the lock.
fn follow_one_another(events: &[SerializedEvent]) -> bool {
    let Some(first) = events.first() else {
        return false;
    };
    (first.sequence..)
        .zip(events)
        .all(|(due, event)| event.sequence == due)
}

/// Hears of commits by other programs, and tells how far the log has grown. Who reads looks now and then by itself, too.
pub(super) async fn listen(pool: PgPool, database: Database, head: watch::Sender<Position>) {
    loop {
        if let Err(error) = hear(&pool, &database, &head).await {
            if pool.is_closed() {
                return;
            }
            tracing::warn!(%error, "commits of other nodes are not heard of at once for a while");
        }
        tokio::time::sleep(REST).await;
    }
}

async fn hear(
    pool: &PgPool,
    database: &Database,
    head: &watch::Sender<Position>,
) -> Result<(), sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("kadode_events").await?;
    loop {
        advance(head, stored_head(database).await?);
        // None: the connection was lost, and something may have been missed.
        if listener.try_recv().await?.is_none() {
            return Ok(());
        }
    }
}
