//! What was signed day by day, held against the tree: for the report `integrity`.

use data_encoding::BASE64;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::checkpoint::Checkpoint;
use super::nodes::TreeError;
use super::note::Signer;
use super::proof::Head;
use super::seal::{Sealed, Sealer};
use crate::database::{Connections, fixed_width, time_of};
use crate::domain::values::TOKYO;
use crate::projections::reports::counting::day_of;
use crate::projections::reports::integrity::SealedDay;
use crate::subscription::Position;

/// The last checkpoint of a day, and how many there were.
struct Last {
    day: Date,
    checkpoints: i64,
    size: Position,
    sealed_at: Timestamp,
    note: String,
}

impl Sealer {
    /// The days up to a moment. Of each, the last checkpoint is held against the tree: whether it is signed with the ledger's key, over the
    /// leaves that are there. The day's others lie within it, and `kadode ledger verify` holds each of them against the events.
    ///
    /// # Errors
    /// See [`TreeError`].
    pub async fn sealed_days(&self, until: Timestamp) -> Result<Vec<SealedDay>, TreeError> {
        let database = self.database();
        let last = Sealed::stored_last(database).await?;
        let key = last.and_then(|last| self.key_of(&last).ok());
        let days = last_of_days(&database.read, until).await?;
        let sizes = days
            .iter()
            .map(|last| u64::try_from(last.size).unwrap_or_default());
        let sizes: Vec<u64> = sizes.collect();
        // Where somebody was at the tables, there is no root: that does not hold, and is told.
        let roots = self.tree().roots(&sizes).await?;
        let heads = sizes.into_iter().zip(roots);
        let heads = heads.map(|(size, root)| root.map(|root| Head { size, root }));
        let sealed = |(last, head): (Last, Option<Head>)| {
            let by = key.as_ref().map(Signer::verifier);
            let signed = by.and_then(|by| Checkpoint::open(&last.note, by).ok());
            SealedDay {
                day: last.day,
                checkpoints: last.checkpoints,
                last: last.size,
                sealed_at: last.sealed_at,
                key: by.map(ToString::to_string).unwrap_or_default(),
                holds: signed.is_some_and(|signed| Some(signed.head) == head),
                root: head
                    .map(|head| BASE64.encode(&head.root))
                    .unwrap_or_default(),
            }
        };
        Ok(days.into_iter().zip(heads).map(sealed).collect())
    }
}

/// The days of Tokyo's calendar with checkpoints, up to a moment. A year may have half a million of them: each day is looked up by an index.
async fn last_of_days(read: &Connections, until: Timestamp) -> Result<Vec<Last>, TreeError> {
    let first: Option<String> = sqlx::query_scalar("SELECT MIN(sealed_at) FROM ledger_checkpoints")
        .fetch_one(read)
        .await?;
    let Some(first) = first else {
        return Ok(Vec::new());
    };
    let mut days = Vec::new();
    let mut since = time_of(&first)?;
    while since <= until {
        let end = end_of(day_of(since)).min(after(until));
        // Both are ours, so that they may stand in the text.
        days.push(format!(
            "('{}', '{}')",
            fixed_width(since),
            fixed_width(end)
        ));
        since = end;
    }
    if days.is_empty() {
        return Ok(Vec::new());
    }
    let within = "FROM ledger_checkpoints WHERE sealed_at >= since AND sealed_at < until";
    let sql = format!(
        "WITH days (since, until) AS (VALUES {}) \
         SELECT since, (SELECT COUNT(*) {within}) AS checkpoints, size, sealed_at, note FROM days JOIN ledger_checkpoints ON size = \
         (SELECT size {within} ORDER BY sealed_at DESC, size DESC LIMIT 1) ORDER BY size",
        days.join(", ")
    );
    let rows = sqlx::query(&sql).fetch_all(read).await?;
    let last = |row: &AnyRow| {
        Ok(Last {
            day: day_of(time_of(row.try_get("since")?)?),
            checkpoints: row.try_get("checkpoints")?,
            size: row.try_get("size")?,
            sealed_at: time_of(row.try_get("sealed_at")?)?,
            note: row.try_get("note")?,
        })
    };
    rows.iter().map(last).collect()
}

/// The first moment after a day.
fn end_of(day: Date) -> Timestamp {
    let next = day.tomorrow().map(|next| next.at(0, 0, 0, 0));
    let next = next.and_then(|midnight| TOKYO.to_timestamp(midnight));
    next.unwrap_or(Timestamp::MAX)
}

/// The first moment after another, as the database tells moments.
fn after(moment: Timestamp) -> Timestamp {
    let next = moment.checked_add(SignedDuration::from_micros(1));
    next.unwrap_or(Timestamp::MAX)
}
