//! What was signed day by day, held against the tree: for the report `integrity`.

use data_encoding::BASE64;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::checkpoint::Checkpoint;
use super::nodes::TreeError;
use super::seal::{Sealed, Sealer};
use crate::database::{Connections, fixed_width, time_of};
use crate::projections::reports::integrity::SealedDay;
use crate::subscription::Position;

/// From an hour of UTC's day on, it is the next day in Tokyo.
const NEXT_DAY_FROM: &str = "15";

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
        let mut days: Vec<SealedDay> = Vec::new();
        for (day, checkpoints, last) in half_days(&database.read, until).await? {
            if let Some(known) = days.last_mut().filter(|known| known.day == day) {
                known.checkpoints += checkpoints;
                known.last = last;
            } else {
                days.push(SealedDay {
                    day,
                    checkpoints,
                    last,
                    sealed_at: until,
                    root: String::new(),
                    key: String::new(),
                    holds: false,
                });
            }
        }
        for day in &mut days {
            let (sealed_at, note) = signed(&database.read, day.last).await?;
            let size = u64::try_from(day.last).unwrap_or_default();
            day.sealed_at = sealed_at;
            let head = match self.tree().head(size).await {
                Ok(head) => head,
                // Somebody was at the tables: that does not hold, and is told.
                Err(TreeError::Damaged(_)) => continue,
                Err(error) => return Err(error),
            };
            day.root = BASE64.encode(&head.root);
            if let Some(key) = &key {
                let by = key.verifier();
                day.key = by.to_string();
                day.holds = Checkpoint::open(&note, by).is_ok_and(|it| it.head == head);
            }
        }
        Ok(days)
    }
}

/// Days of Tokyo's calendar, whose beginning and end lie in two of UTC's, with checkpoints and the largest of them.
async fn half_days(
    read: &Connections,
    until: Timestamp,
) -> Result<Vec<(Date, i64, Position)>, TreeError> {
    let sql = format!(
        "SELECT substr(sealed_at, 1, 10) AS day, CAST(CASE WHEN substr(sealed_at, 12, 2) >= '{NEXT_DAY_FROM}' THEN 1 ELSE 0 END AS BIGINT) AS late, \
         COUNT(*) AS checkpoints, MAX(size) AS last FROM ledger_checkpoints WHERE sealed_at <= $1 GROUP BY day, late ORDER BY last"
    );
    let rows = sqlx::query(&sql)
        .bind(fixed_width(until))
        .fetch_all(read)
        .await?;
    let half_day = |row: &AnyRow| {
        let text: String = row.try_get("day")?;
        let day: Date = text
            .parse()
            .map_err(|_| TreeError::Damaged(format!("checkpoint of {text}")))?;
        let late: i64 = row.try_get("late")?;
        let day = day.checked_add(SignedDuration::from_hours(24 * late));
        let day = day.map_err(|_| TreeError::Damaged(format!("checkpoint of {text}")))?;
        Ok((day, row.try_get("checkpoints")?, row.try_get("last")?))
    };
    rows.iter().map(half_day).collect()
}

async fn signed(read: &Connections, size: Position) -> Result<(Timestamp, String), TreeError> {
    let (sealed_at, note): (String, String) =
        sqlx::query_as("SELECT sealed_at, note FROM ledger_checkpoints WHERE size = $1")
            .bind(size)
            .fetch_one(read)
            .await?;
    Ok((time_of(&sealed_at)?, note))
}
