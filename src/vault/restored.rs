//! After a restore: what the backup still held open is closed, since nobody knows what became of it meanwhile.

use jiff::Timestamp;

use super::key_check::{LINKS_SINCE, put};
use crate::database::{Database, fixed_width};

/// Sessions, whose secrets were exchanged since, and with them every code; tokens, some of which were revoked since; and mails with
/// codes and links that may have left since.
const CLOSED: [&str; 4] = [
    "DELETE FROM sessions",
    "DELETE FROM staff_sessions",
    "DELETE FROM staff_tokens",
    "DELETE FROM outbox WHERE kind IN ('email_link', 'otp')",
];

/// Ends every session of members and staff, with the codes that were sent for them, every token of staff, every mailed link of before, and
/// every mail with a code or link that waits. Safe to repeat.
///
/// # Errors
/// The database is away.
pub async fn close_after_restore(main: &Database, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut transaction = main.begin().await?;
    for sql in CLOSED {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    put(&mut transaction, LINKS_SINCE, &fixed_width(now)).await?;
    transaction.commit().await
}
