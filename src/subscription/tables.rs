//! Where a fold goes to: the live tables or new ones, and those of the events that they could not take.

use std::collections::HashMap;
use std::sync::Arc;

use sqlx::AnyConnection;

use super::projector::READ_MODELS;
use super::{ApplyError, Projection};
use crate::store::{Position, Recorded};

/// The table of events that the read models could not take.
pub(super) const PARKED: &str = "parked_events";

/// Where a fold goes to.
pub(super) struct Tables<'a> {
    /// The name of its checkpoint.
    pub(super) reader: String,
    /// What the names of the read models' tables end in.
    pub(super) suffix: &'static str,
    pub(super) read_models: &'a [Arc<dyn Projection>],
    /// The table of parked events.
    pub(super) parked: &'static str,
    /// Whether what is parked in the live tables is tried again.
    pub(super) tries_parked: bool,
}

impl Tables<'_> {
    pub(super) fn is_live(&self) -> bool {
        self.reader == READ_MODELS
    }

    /// A rebuild of some read models must not park what the others have.
    pub(super) fn parks(&self) -> bool {
        self.is_live() || self.tries_parked
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        self.read_models
            .iter()
            .flat_map(|read_model| read_model.tables())
            .copied()
    }

    /// Folds what no parked event stands before; the rest is parked too.
    pub(super) async fn apply(
        &self,
        events: &[Recorded],
        connection: &mut AnyConnection,
    ) -> Result<(), ApplyError> {
        let parked = parked_streams(self.parked, connection).await?;
        let is_behind = |event: &Recorded| {
            let stream = (event.stream_kind.clone(), event.stream_id.clone());
            parked
                .get(&stream)
                .is_some_and(|first| *first <= event.position)
        };
        let (behind, readable): (Vec<_>, Vec<_>) = if parked.is_empty() {
            (Vec::new(), events.to_vec())
        } else {
            events.iter().cloned().partition(is_behind)
        };
        for read_model in self.read_models {
            read_model.apply(&readable, self.suffix, connection).await?;
        }
        for event in behind.iter().filter(|_| self.parks()) {
            let why = "an earlier event of the stream is parked";
            park_event(self.parked, event, why, connection).await?;
        }
        Ok(())
    }
}

/// The streams with parked events, each with the position of the first.
async fn parked_streams(
    table: &'static str,
    connection: &mut AnyConnection,
) -> Result<HashMap<(String, String), Position>, sqlx::Error> {
    let rows: Vec<(String, String, Position)> = sqlx::query_as(&format!(
        "SELECT aggregate_type, aggregate_id, MIN(position) FROM {table} GROUP BY aggregate_type, aggregate_id"
    ))
    .fetch_all(connection)
    .await?;
    Ok(rows
        .into_iter()
        .map(|(kind, id, first)| ((kind, id), first))
        .collect())
}

pub(super) async fn park_event(
    table: &'static str,
    event: &Recorded,
    why: &str,
    connection: &mut AnyConnection,
) -> Result<(), sqlx::Error> {
    sqlx::query(&format!(
        "INSERT INTO {table} (position, aggregate_type, aggregate_id, why) \
         VALUES ($1, $2, $3, $4) ON CONFLICT (position) DO NOTHING"
    ))
    .bind(event.position)
    .bind(&event.stream_kind)
    .bind(&event.stream_id)
    .bind(why)
    .execute(connection)
    .await
    .map(drop)
}
