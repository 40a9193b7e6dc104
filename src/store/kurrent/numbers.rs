//! The numbers of the events: each has one in the SQL database, given in the order of the event store's log, without a gap.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::Place;
use super::events::{Names, Stored};
use super::server::{PATIENCE, Server};
use crate::database::{Cell, Database, Dialect, Insert, fixed_width, time_of};
use crate::store::stamp::Stamp;
use crate::store::{Position, ReadError, advance};

/// How many events are read at once.
pub(super) const PAGE: usize = 500;

const COLUMNS: &str = "position, commit_position, prepare_position, aggregate_type, aggregate_id, sequence, recorded_at";

/// Gives the numbers, together with all other programs on the same database.
pub(super) struct Numbers {
    database: Database,
    stamp: Stamp,
    pub(super) head: watch::Sender<Position>,
    looked: Mutex<Looked>,
    /// How many looks at the log's end were begun by this program.
    begun: AtomicU64,
}

/// How far this program has looked.
struct Looked {
    /// The number of the last look that succeeded.
    look: u64,
    /// The last event that has a number.
    last: Option<Numbered>,
    /// The last place looked at, where another's event may be.
    at: Option<Place>,
}

/// An event with its number.
#[derive(Clone)]
pub(super) struct Numbered {
    pub(super) position: Position,
    pub(super) place: Place,
    pub(super) kind: String,
    pub(super) id: String,
    pub(super) sequence: i64,
    /// When it was stored; never before an earlier position's.
    pub(super) recorded_at: Timestamp,
}

impl Numbers {
    pub(super) async fn open(database: Database, stamp: Stamp) -> Result<Self, sqlx::Error> {
        let last = last_numbered(&mut *database.read.acquire().await?).await?;
        let (head, _) = watch::channel(last.as_ref().map_or(0, |last| last.position));
        stamp.after(last.as_ref().map(|last| last.recorded_at));
        Ok(Self {
            database,
            stamp,
            head,
            looked: Mutex::new(Looked {
                look: 0,
                at: last.as_ref().map(|last| last.place),
                last,
            }),
            begun: AtomicU64::new(0),
        })
    }

    /// Gives a number to all that is committed now. Of those who ask at once, one looks for all.
    pub(super) async fn catch_up(&self, server: &Server, names: &Names) -> Result<(), ReadError> {
        let before = self.begun.load(Ordering::SeqCst);
        let mut looked = self.looked.lock().await;
        if looked.look > before {
            return Ok(());
        }
        let look = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
        while !self.go_on(&mut looked, server, names).await? {}
        looked.look = look;
        Ok(())
    }

    /// Looks at one page, and answers whether it was the last.
    async fn go_on(
        &self,
        looked: &mut Looked,
        server: &Server,
        names: &Names,
    ) -> Result<bool, ReadError> {
        // The one at the place itself comes again.
        let page = server.all(looked.at.map(Place::into), PAGE + 1).await?;
        let is_last = page.len() <= PAGE;
        let at = page.last().map(|event| Place::from(event.position));
        let fresh = page
            .iter()
            .filter(|event| looked.at.is_none_or(|at| Place::from(event.position) > at));
        let ours: Vec<_> = fresh
            .filter_map(|event| Stored::read(names, event))
            .collect();
        if ours.is_empty() {
            looked.at = at.max(looked.at);
            return Ok(is_last);
        }
        let store = self.store(looked.last.as_ref(), &ours);
        let Ok(stored) = timeout(PATIENCE, store).await else {
            return Err(sqlx::Error::PoolTimedOut.into());
        };
        let (last, is_ours) = stored?;
        advance(&self.head, last.as_ref().map_or(0, |last| last.position));
        self.stamp.after(last.as_ref().map(|last| last.recorded_at));
        looked.at = if is_ours {
            at
        } else {
            last.as_ref().map(|last| last.place)
        };
        looked.last = last;
        Ok(is_ours && is_last)
    }

    /// Numbers events that follow `known`. Answers with the last that has a number then, and whether it is one of these: another
    /// program may have been faster.
    async fn store(
        &self,
        known: Option<&Numbered>,
        ours: &[Stored],
    ) -> Result<(Option<Numbered>, bool), sqlx::Error> {
        let mut transaction = self.database.begin().await?;
        let mut last = last_numbered(&mut transaction).await?;
        if last.as_ref().map(|last| last.place) != known.map(|known| known.place) {
            transaction.rollback().await?;
            return Ok((last, false));
        }
        let mut rows = Vec::with_capacity(ours.len());
        for event in ours {
            let (position, time) = last
                .as_ref()
                .map_or((0, event.created), |last| (last.position, last.recorded_at));
            let numbered = Numbered {
                position: position + 1,
                place: event.place,
                kind: event.kind.to_owned(),
                id: event.id.clone(),
                sequence: event.sequence,
                recorded_at: time.max(event.created),
            };
            rows.push([
                Cell::from(numbered.position),
                Cell::from(numbered.place.commit),
                Cell::from(numbered.place.prepare),
                Cell::from(numbered.kind.clone()),
                Cell::from(numbered.id.clone()),
                Cell::from(numbered.sequence),
                Cell::from(fixed_width(numbered.recorded_at)),
            ]);
            last = Some(numbered);
        }
        let insert = format!("INSERT INTO positions ({COLUMNS})");
        Insert::new(Dialect::of(&transaction), insert, &rows, "")?
            .write(&mut transaction)
            .await?;
        transaction.commit().await?;
        Ok((last, true))
    }

    /// The numbers after `position`, `limit` at most.
    pub(super) async fn after(
        &self,
        position: Position,
        limit: i64,
    ) -> Result<Vec<Numbered>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM positions WHERE position > $1 ORDER BY position LIMIT $2"
        );
        let rows = sqlx::query(&sql)
            .bind(position)
            .bind(limit)
            .fetch_all(&self.database.read)
            .await?;
        rows.iter().map(numbered).collect()
    }

    /// The numbers of a stream after sequence `sequence`.
    pub(super) async fn of_stream(
        &self,
        kind: &str,
        id: &str,
        sequence: i64,
    ) -> Result<Vec<Numbered>, sqlx::Error> {
        let sql = format!(
            "SELECT {COLUMNS} FROM positions WHERE aggregate_type = $1 AND aggregate_id = $2 AND sequence > $3 ORDER BY sequence"
        );
        let rows = sqlx::query(&sql)
            .bind(kind)
            .bind(id)
            .bind(sequence)
            .fetch_all(&self.database.read)
            .await?;
        rows.iter().map(numbered).collect()
    }

    /// How long a stream was at `position`.
    pub(super) async fn length_at(
        &self,
        kind: &str,
        id: &str,
        position: Position,
    ) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar(
            "SELECT COALESCE(MAX(sequence), 0) FROM positions WHERE aggregate_type = $1 AND aggregate_id = $2 AND position <= $3",
        )
        .bind(kind)
        .bind(id)
        .bind(position)
        .fetch_one(&self.database.read)
        .await
    }
}

async fn last_numbered(connection: &mut AnyConnection) -> Result<Option<Numbered>, sqlx::Error> {
    let sql = format!("SELECT {COLUMNS} FROM positions ORDER BY position DESC LIMIT 1");
    let row = sqlx::query(&sql).fetch_optional(connection).await?;
    row.as_ref().map(numbered).transpose()
}

fn numbered(row: &AnyRow) -> Result<Numbered, sqlx::Error> {
    let recorded_at: String = row.try_get(6)?;
    Ok(Numbered {
        position: row.try_get(0)?,
        place: Place {
            commit: row.try_get(1)?,
            prepare: row.try_get(2)?,
        },
        kind: row.try_get(3)?,
        id: row.try_get(4)?,
        sequence: row.try_get(5)?,
        recorded_at: time_of(&recorded_at)?,
    })
}
