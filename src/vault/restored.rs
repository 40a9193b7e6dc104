//! After a restore: what the backup still held open is closed, since nobody knows what became of it meanwhile.

use jiff::{SignedDuration, Timestamp};

use super::key_check::{LINKS_SINCE, put};
use crate::database::{Database, fixed_width};
use crate::domain::delivery::MailKind;

/// Sessions, whose secrets were exchanged since, and with them every code; tokens, some of which were revoked since; and rosters that wait, which may
/// have been carried out or turned down since (without its file, a plan ends).
const CLOSED: [&str; 4] = [
    "DELETE FROM sessions",
    "DELETE FROM staff_sessions",
    "DELETE FROM staff_tokens",
    "DELETE FROM rosters",
];

/// Whether a waiting mail of this kind is worth nothing any more: its link or code counts no more, or it is a reminder, which may have left since.
const fn ends(kind: MailKind) -> bool {
    match kind {
        MailKind::EmailLink
        | MailKind::EmailChangeLink
        | MailKind::PasswordResetLink
        | MailKind::Otp
        | MailKind::Reminder => true,
        MailKind::AccountSetUp
        | MailKind::SupportActed
        | MailKind::EmailChangeNotice
        | MailKind::PasswordResetNotice
        | MailKind::PasswordChangeNotice => false,
    }
}

/// Ends every session of members and staff, with the codes that were sent for them, every token of staff, every mailed link of before, every mail
/// with a code or link that waits, and every roster that waits. Safe to repeat.
///
/// Links count again that are made from `now` on, but none that was made until `known`, the latest moment that anybody knows of before the restore:
/// the clock of this machine may be behind.
///
/// # Errors
/// The database is away.
pub async fn close_after_restore(
    main: &Database,
    now: Timestamp,
    known: Timestamp,
) -> Result<(), sqlx::Error> {
    let mut transaction = main.begin().await?;
    for sql in CLOSED {
        sqlx::query(sql).execute(&mut *transaction).await?;
    }
    for kind in MailKind::ALL.into_iter().filter(|kind| ends(*kind)) {
        sqlx::query("DELETE FROM outbox WHERE kind = $1")
            .bind(kind.name())
            .execute(&mut *transaction)
            .await?;
    }
    // Ids tell milliseconds.
    let after = known.checked_add(SignedDuration::from_millis(1));
    let since = now.max(after.unwrap_or(known));
    put(&mut transaction, LINKS_SINCE, &fixed_width(since)).await?;
    transaction.commit().await
}
