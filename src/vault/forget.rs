//! Deletes rows that are too old to count, some at a time, so that the one writer is never kept for long.

use super::VaultError;
use crate::database::Database;

/// Rows in one statement: some milliseconds.
const PORTION: u64 = 1000;

/// Deletes from `table`, whose rows `key` names, those for which `condition` holds (it should have an index); returns how many.
pub(super) async fn forget(
    database: &Database,
    table: &str,
    key: &str,
    condition: &str,
) -> Result<u64, VaultError> {
    let sql = format!(
        "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {condition} LIMIT {PORTION})"
    );
    let mut forgotten = 0;
    loop {
        let done = sqlx::query(&sql).execute(&database.write).await?;
        forgotten += done.rows_affected();
        if done.rows_affected() < PORTION {
            return Ok(forgotten);
        }
    }
}
