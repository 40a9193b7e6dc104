//! Where each export of events has come to, so that one that goes on is told from one that begins again.

use jiff::Timestamp;
use uuid::Uuid;

use super::VaultError;
use crate::database::{Database, fixed_width};

/// The exports that may still go on, on whatever node their next page is asked for.
#[derive(Clone, Debug)]
pub struct Exports {
    database: Database,
}

impl Exports {
    pub(super) const fn new(database: Database) -> Self {
        Self { database }
    }

    /// Lets an export of this go on to `next`, if its last page ended at `after` and it began after `since`; answers whether there is one. A
    /// page that is asked for twice goes on only once.
    ///
    /// # Errors
    /// The database is away.
    pub async fn go_on(
        &self,
        of_what: &str,
        after: i64,
        next: i64,
        since: Timestamp,
    ) -> Result<bool, VaultError> {
        let moved = sqlx::query(
            "UPDATE exports SET next_position = $1 WHERE export_id = (SELECT export_id FROM exports WHERE of_what = $2 \
             AND next_position = $3 AND noted_at > $4 ORDER BY noted_at DESC LIMIT 1) AND next_position = $3",
        )
        .bind(next)
        .bind(of_what.to_owned())
        .bind(after)
        .bind(fixed_width(since))
        .execute(&self.database.write)
        .await?
        .rows_affected();
        Ok(moved == 1)
    }

    /// Begins an export whose first page ends at `next`, and forgets those that began by `since`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin(
        &self,
        export: Uuid,
        of_what: &str,
        next: i64,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<(), VaultError> {
        sqlx::query("DELETE FROM exports WHERE noted_at <= $1")
            .bind(fixed_width(since))
            .execute(&self.database.write)
            .await?;
        sqlx::query("INSERT INTO exports (export_id, of_what, next_position, noted_at) VALUES ($1, $2, $3, $4)")
            .bind(export.to_string())
            .bind(of_what.to_owned())
            .bind(next)
            .bind(fixed_width(now))
            .execute(&self.database.write)
            .await?;
        Ok(())
    }
}
