//! When mails were asked for, and to which address: what the budgets of addresses that several members share are counted from.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::Timestamp;

use super::event;
use crate::database::{Cell, Connections, Insert, fixed_width, placeholders, time_of};
use crate::domain::delivery::MailKind;
use crate::domain::ids::ContactId;
use crate::domain::onboarding::{Event, Onboarding};
use crate::subscription::{ApplyError, Before, Projection, Recorded};

/// The read model `mail_requests`.
#[derive(Debug)]
pub struct MailRequestsProjection;

impl Projection for MailRequestsProjection {
    fn name(&self) -> &'static str {
        "mail_requests"
    }

    fn tables(&self) -> &'static [&'static str] {
        &["mail_requests"]
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let mut rows = Vec::new();
            for recorded in batch
                .iter()
                .filter(|event| event.stream_kind == Onboarding::TYPE)
            {
                let Some((kind, contact)) = request_of(&event(recorded)?) else {
                    continue;
                };
                rows.push([
                    Cell::from(recorded.stream_id.clone()),
                    Cell::from(recorded.position),
                    Cell::from(kind),
                    Cell::from(contact.map(|contact| contact.to_string())),
                    Cell::from(recorded.recorded_at),
                ]);
            }
            let insert = format!(
                "INSERT INTO mail_requests{suffix} (member_id, position, kind, contact_id, requested_at)"
            );
            Ok(vec![Insert::new(before.dialect(), insert, &rows, "")?])
        })
    }
}

/// In place of a kind of mail: the address is the member's from here on.
const CHANGED: &str = "changed";

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only six events ask for a mail"
)]
const fn request_of(event: &Event) -> Option<(&'static str, Option<ContactId>)> {
    match event {
        Event::EmailRegistered { contact, .. } | Event::EmailLinkReissued { contact, .. } => {
            Some((MailKind::EmailLink.name(), Some(*contact)))
        }
        Event::EmailChangeRequested { contact, .. } => {
            Some((MailKind::EmailChangeLink.name(), Some(*contact)))
        }
        Event::PasswordResetRequested { contact, .. } => {
            Some((MailKind::PasswordResetLink.name(), Some(*contact)))
        }
        Event::EmailChanged { contact } => Some((CHANGED, Some(*contact))),
        Event::OtpIssued { .. } | Event::OtpReissued { .. } => Some((MailKind::Otp.name(), None)),
        _ => None,
    }
}

/// When mails of `kind` to any of `contacts` were asked for after `since`.
///
/// # Errors
/// The database is away.
pub async fn since(
    pool: &Connections,
    contacts: &[ContactId],
    kind: MailKind,
    since: Timestamp,
) -> Result<Vec<Timestamp>, ApplyError> {
    let mut times = Vec::new();
    for some in contacts.chunks(100) {
        let sql = statement(some.len(), kind, since);
        let mut query = sqlx::query_scalar::<_, String>(&sql);
        for contact in some {
            query = query.bind(contact.to_string());
        }
        for time in query.fetch_all(pool).await? {
            times.push(time_of(&time)?);
        }
    }
    Ok(times)
}

/// Asks for the times of [`since`] to so many contacts.
fn statement(contacts: usize, kind: MailKind, since: Timestamp) -> String {
    let list = placeholders(contacts);
    let to_contacts = match kind {
        // Only a member whose present address it is counts, not everybody who once typed it.
        MailKind::Otp => format!(
            "kind = 'otp' AND member_id IN (SELECT asked.member_id FROM mail_requests AS asked \
             WHERE asked.contact_id IN {list} AND asked.position = (SELECT MAX(link.position) \
             FROM mail_requests AS link WHERE link.member_id = asked.member_id \
             AND link.kind IN ('email_link', 'changed')))"
        ),
        // Nobody asks for a notice.
        MailKind::EmailLink
        | MailKind::EmailChangeLink
        | MailKind::PasswordResetLink
        | MailKind::AccountSetUp
        | MailKind::SupportActed
        | MailKind::EmailChangeNotice
        | MailKind::PasswordResetNotice
        | MailKind::PasswordChangeNotice
        | MailKind::Reminder => {
            format!("kind = '{}' AND contact_id IN {list}", kind.name())
        }
    };
    format!(
        "SELECT requested_at FROM mail_requests WHERE {to_contacts} AND requested_at > '{}'",
        fixed_width(since),
    )
}

#[cfg(test)]
mod tests {
    use sqlx::Row;

    use super::*;
    use crate::database::{Database, MAIN};

    /// It is asked at every sign-in of a known member: were it slow, time would tell who is one.
    #[tokio::test]
    async fn no_look_up_reads_the_whole_table() {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
        let database = Database::open(&url).await.unwrap();
        database.migrate(&MAIN).await.unwrap();
        for kind in [
            MailKind::EmailLink,
            MailKind::EmailChangeLink,
            MailKind::PasswordResetLink,
            MailKind::Otp,
        ] {
            let sql = format!(
                "EXPLAIN QUERY PLAN {}",
                statement(1, kind, Timestamp::UNIX_EPOCH)
            );
            let plan = sqlx::query(&sql).bind("contact").fetch_all(&database.read);
            for row in plan.await.unwrap() {
                let detail: String = row.try_get("detail").unwrap();
                assert!(!detail.starts_with("SCAN"), "{kind:?}: {detail}");
            }
        }
    }
}
