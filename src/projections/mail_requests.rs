//! When mails were asked for, by member: what the budgets of addresses that several members share are counted from.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::Timestamp;
use sqlx::{AnyConnection, AnyPool};

use super::event;
use crate::database::{Cell, fixed_width, insert_rows, placeholders, time_of};
use crate::domain::delivery::MailKind;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Event, Onboarding};
use crate::subscription::{ApplyError, Projection, Recorded};

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

    fn apply<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let mut rows = Vec::new();
            for recorded in batch
                .iter()
                .filter(|event| event.stream_kind == Onboarding::TYPE)
            {
                let Some(kind) = kind_of(&event(recorded)?) else {
                    continue;
                };
                rows.push([
                    Cell::from(recorded.stream_id.clone()),
                    Cell::from(recorded.position),
                    Cell::from(name(kind)),
                    Cell::from(recorded.recorded_at),
                ]);
            }
            insert_rows(
                connection,
                &format!(
                    "INSERT INTO mail_requests{suffix} (member_id, position, kind, requested_at)"
                ),
                rows,
                "",
            )
            .await?;
            Ok(())
        })
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only four events ask for a mail"
)]
const fn kind_of(event: &Event) -> Option<MailKind> {
    match event {
        Event::EmailRegistered { .. } | Event::EmailLinkReissued { .. } => {
            Some(MailKind::EmailLink)
        }
        Event::OtpIssued { .. } | Event::OtpReissued { .. } => Some(MailKind::Otp),
        _ => None,
    }
}

const fn name(kind: MailKind) -> &'static str {
    match kind {
        MailKind::EmailLink => "email_link",
        MailKind::Otp => "otp",
    }
}

/// When mails of `kind` were asked for by `members` after `since`.
///
/// # Errors
/// The database is away.
pub async fn since(
    pool: &AnyPool,
    members: &[MemberId],
    kind: MailKind,
    since: Timestamp,
) -> Result<Vec<Timestamp>, ApplyError> {
    let mut times = Vec::new();
    for some in members.chunks(100) {
        let sql = format!(
            "SELECT requested_at FROM mail_requests WHERE member_id IN {} AND kind = '{}' \
             AND requested_at > '{}'",
            placeholders(1, some.len()),
            name(kind),
            fixed_width(since),
        );
        let mut query = sqlx::query_scalar::<_, String>(&sql);
        for member in some {
            query = query.bind(member.to_string());
        }
        for time in query.fetch_all(pool).await? {
            times.push(time_of(&time)?);
        }
    }
    Ok(times)
}
