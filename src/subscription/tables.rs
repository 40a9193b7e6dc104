//! Where a fold goes to: the live tables or new ones, and those of the events that they could not take.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use sqlx::AnyConnection;

use super::{ApplyError, Before, Projection};
use crate::database::{Cell, Database, Dialect, Insert};
use crate::store::{Position, Recorded};

/// The table of events that the read models could not take.
pub(super) const PARKED: &str = "parked_events";

/// Where a fold goes to.
#[derive(Clone)]
pub(super) struct Tables {
    /// The name of its checkpoint.
    pub(super) reader: String,
    /// What the names of the read models' tables end in.
    pub(super) suffix: &'static str,
    pub(super) read_models: Vec<Arc<dyn Projection>>,
    /// The ledger's leaves, which the live ones have beside them, and which are never built anew.
    pub(super) leaves: Option<Arc<dyn Projection>>,
    /// The table of parked events.
    pub(super) parked: &'static str,
    /// Whether what is parked in the live tables is tried again.
    pub(super) tries_parked: bool,
    /// Whether new tables have their indexes yet; live ones always have.
    pub(super) has_indexes: bool,
}

impl Tables {
    pub(super) fn is_live(&self) -> bool {
        self.leaves.is_some()
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

    /// What these events `after` a position make of the tables as they are stored, after what is `coming`.
    pub(super) async fn fold_after(
        &self,
        database: &Database,
        after: Position,
        events: &[Recorded],
        coming: &[Insert],
    ) -> Result<Fold, ApplyError> {
        let mut stored = database.read.acquire().await?;
        let fold = self.fold(after, events, &mut stored, coming).await?;
        stored.give_back();
        Ok(fold)
    }

    /// What these events `after` a position make of the tables; what a parked one stands before is parked too.
    pub(super) async fn fold(
        &self,
        after: Position,
        events: &[Recorded],
        stored: &mut AnyConnection,
        coming: &[Insert],
    ) -> Result<Fold, ApplyError> {
        let until = events.last().map_or(after, |last| last.position);
        let before = &mut Before::new(stored, coming, (after, until));
        let standing = standing(self.parked, before.connection()).await?;
        let parked = &standing.parked;
        let is_behind = |event: &Recorded| {
            let stream = (plain(&event.stream_kind), plain(&event.stream_id));
            parked
                .get(&stream)
                .is_some_and(|first| *first <= event.position)
        };
        let (behind, readable) = if parked.is_empty() {
            (Vec::new(), Cow::Borrowed(events))
        } else {
            let (behind, readable) = events.iter().cloned().partition(is_behind);
            (behind, Cow::Owned(readable))
        };
        let mut inserts = Vec::new();
        for read_model in &self.read_models {
            inserts.extend(read_model.fold(&readable, self.suffix, before).await?);
        }
        if let Some(leaves) = &self.leaves {
            // What is parked is in the log too.
            inserts.extend(leaves.fold(events, "", before).await?);
        }
        if self.parks() {
            let why = "an earlier event of the stream is parked";
            let rows: Vec<_> = behind.iter().map(|event| parked_row(event, why)).collect();
            inserts.push(park(before.dialect(), self.parked, &rows)?);
        }
        Ok(Fold { standing, inserts })
    }
}

/// What is to be written of some events.
pub(super) struct Fold {
    /// How all stood when it was made.
    standing: Standing,
    pub(super) inserts: Vec<Insert>,
}

impl Fold {
    /// Whether it is still true: no rebuilt tables may have been put in place since it was made, and nothing parked or taken up again.
    pub(super) async fn is_true(
        &self,
        tables: &Tables,
        connection: &mut AnyConnection,
    ) -> Result<bool, sqlx::Error> {
        Ok(standing(tables.parked, connection).await? == self.standing)
    }

    /// Writes it, in the transaction in which it was made.
    pub(super) async fn write(&self, connection: &mut AnyConnection) -> Result<(), ApplyError> {
        for insert in &self.inserts {
            insert.write(connection).await?;
        }
        Ok(())
    }
}

/// What else a fold rests on.
#[derive(PartialEq)]
struct Standing {
    /// How often rebuilt tables were put in place.
    swaps: Position,
    parked: Parked,
}

/// The streams with parked events, each with the position of the first.
type Parked = HashMap<(String, String), Position>;

/// How all stands now, by one question.
async fn standing(
    table: &'static str,
    connection: &mut AnyConnection,
) -> Result<Standing, sqlx::Error> {
    let rows: Vec<(String, String, Position)> = sqlx::query_as(&format!(
        "SELECT aggregate_type, aggregate_id, MIN(position) FROM {table} GROUP BY aggregate_type, aggregate_id \
         UNION ALL SELECT '', reader, position FROM checkpoints WHERE reader = $1"
    ))
    .bind(SWAPS)
    .fetch_all(connection)
    .await?;
    let (mut swaps, mut parked) = (0, Parked::new());
    for (kind, id, position) in rows {
        if kind.is_empty() {
            swaps = position;
        } else {
            parked.insert((kind, id), position);
        }
    }
    Ok(Standing { swaps, parked })
}

/// Where it is counted how often rebuilt tables were put in place.
const SWAPS: &str = "swaps";

/// Counts that rebuilt tables are put in place: what was folded from the old ones must not be written to them.
pub(super) async fn count_swap(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO checkpoints (reader, position) VALUES ($1, 1) \
         ON CONFLICT (reader) DO UPDATE SET position = checkpoints.position + 1",
    )
    .bind(SWAPS)
    .execute(connection)
    .await
    .map(drop)
}

pub(super) fn parked_row(event: &Recorded, why: &str) -> [Cell; 4] {
    [
        Cell::from(event.position),
        Cell::from(plain(&event.stream_kind)),
        Cell::from(plain(&event.stream_id)),
        Cell::from(plain(why)),
    ]
}

/// As it can be parked: a control character may be what an event is parked for.
fn plain(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

pub(super) fn park(
    dialect: Dialect,
    table: &'static str,
    rows: &[[Cell; 4]],
) -> Result<Insert, sqlx::Error> {
    let insert = format!("INSERT INTO {table} (position, aggregate_type, aggregate_id, why)");
    let then = "ON CONFLICT (position) DO NOTHING";
    Insert::new(dialect, insert, rows, then)
}
