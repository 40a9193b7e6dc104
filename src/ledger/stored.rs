//! Checkpoints in the database: each as it was signed, and none smaller after a larger one.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::checkpoint::Checkpoint;
use super::leaves::leaves;
use super::nodes::{TreeError, as_number, hash_of};
use super::note::{Note, Verifier};
use super::seal::Sealed;
use super::tree::Frontier;
use crate::database::{Database, fixed_width};
use crate::subscription::Position;

/// Leaves, or checkpoints, that are read at once.
const BATCH: i64 = 5000;

/// The note of the largest one.
pub(super) async fn last_stored(database: &Database) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT note FROM ledger_checkpoints ORDER BY size DESC LIMIT 1")
        .fetch_optional(&database.read)
        .await
}

/// The name under which the main database knows which backup it was restored from, until the history tells of it.
const RESTORED_FROM: &str = "restored_from";

/// Lets nothing be sealed until somebody resumes, since the history does not tell yet that it goes on from this backup.
///
/// # Errors
/// The database is away.
pub async fn mark_restored(database: &Database, backup: &str) -> Result<(), sqlx::Error> {
    sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value")
        .bind(RESTORED_FROM)
        .bind(backup.to_owned())
        .execute(&database.write)
        .await
        .map(drop)
}

/// Which backup the database was restored from, if the history does not tell of it yet.
pub(super) async fn restored_from(database: &Database) -> Result<Option<String>, sqlx::Error> {
    sqlx::query_scalar("SELECT value FROM meta WHERE name = $1")
        .bind(RESTORED_FROM)
        .fetch_optional(&database.read)
        .await
}

/// Takes back [`mark_restored`].
pub(super) async fn forget_restored(database: &Database) -> Result<(), sqlx::Error> {
    sqlx::query("DELETE FROM meta WHERE name = $1")
        .bind(RESTORED_FROM)
        .execute(&database.write)
        .await
        .map(drop)
}

impl Sealed {
    /// The last checkpoint in the database, whether it is true or not. None, if there is none that can be read.
    ///
    /// # Errors
    /// The database is away.
    pub async fn stored_last(database: &Database) -> Result<Option<Self>, sqlx::Error> {
        let Some(note) = last_stored(database).await? else {
            return Ok(None);
        };
        let checkpoint = Note::parse(&note)
            .ok()
            .and_then(|note| Checkpoint::parse(note.unverified()));
        Ok(checkpoint.map(|checkpoint| Self {
            head: checkpoint.head,
            note,
        }))
    }
}

/// Puts a checkpoint into the database, unless another machine has put a later one there.
pub(super) async fn store(
    database: &Database,
    sealed: &Sealed,
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO ledger_checkpoints (size, sealed_at, note) SELECT CAST($1 AS BIGINT), $2, $3 \
         WHERE NOT EXISTS (SELECT 1 FROM ledger_checkpoints WHERE size >= $4) ON CONFLICT (size) DO NOTHING",
    )
    .bind(as_number(sealed.head.size))
    .bind(fixed_width(now))
    .bind(sealed.note.clone())
    .bind(as_number(sealed.head.size))
    .execute(&database.write)
    .await
    .map(drop)
}

/// A checkpoint in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Its size.
    pub size: u64,
    /// When it was made.
    pub sealed_at: String,
    /// The whole note.
    pub note: String,
}

/// At most `limit` checkpoints in the database over more than `size` leaves, the smallest first.
///
/// # Errors
/// The database is away.
pub async fn checkpoints_after(
    database: &Database,
    size: u64,
    limit: i64,
) -> Result<Vec<Stored>, sqlx::Error> {
    let read = |row: AnyRow| {
        Ok(Stored {
            size: u64::try_from(row.try_get::<i64, _>("size")?).unwrap_or_default(),
            sealed_at: row.try_get("sealed_at")?,
            note: row.try_get("note")?,
        })
    };
    sqlx::query(
        "SELECT size, sealed_at, note FROM ledger_checkpoints WHERE size > $1 ORDER BY size LIMIT $2",
    )
    .bind(as_number(size))
    .bind(limit)
    .fetch_all(&database.read)
    .await?
    .into_iter()
    .map(read)
    .collect()
}

/// How many checkpoints in the database are not signed with the key, or not over the leaves that are there. Reads all leaves, up to the
/// first that is missing.
///
/// # Errors
/// The database is away.
pub async fn wrong_checkpoints(database: &Database, by: &Verifier) -> Result<i64, TreeError> {
    let mut wrong = 0;
    let mut frontier = Frontier::default();
    let mut checkpoints = checkpoints_after(database, 0, BATCH).await?.into_iter();
    let mut next = checkpoints.next();
    loop {
        let from: Position = as_number(frontier.size());
        let batch = leaves(&database.read, from, from + BATCH).await?;
        let before = frontier.size();
        for (due, (position, leaf)) in (from + 1..).zip(batch) {
            let Some(leaf) = hash_of(&leaf).filter(|_| position == due) else {
                return Ok(wrong);
            };
            frontier.push(leaf, |_, _| ());
            while let Some(stored) = next.take_if(|stored| stored.size <= frontier.size()) {
                wrong += i64::from(!is_right(&stored, &frontier, by));
                next = checkpoints.next();
                if next.is_none() {
                    checkpoints = checkpoints_after(database, stored.size, BATCH)
                        .await?
                        .into_iter();
                    next = checkpoints.next();
                }
            }
        }
        if frontier.size() == before {
            return Ok(wrong);
        }
    }
}

fn is_right(stored: &Stored, present: &Frontier, by: &Verifier) -> bool {
    Checkpoint::open(&stored.note, by).is_ok_and(|checkpoint| {
        checkpoint.head.size == stored.size && checkpoint.head.root == present.root()
    })
}
