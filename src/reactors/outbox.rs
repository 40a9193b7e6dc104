//! The outbox: a row for each mail that an event asks for, leased by one sender at a time.

use std::sync::Arc;

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::ambient::Clock;
use crate::database::{Cell, Database, Insert, fixed_width, time_of};
use crate::domain::delivery::{MailKind, Outcome};
use crate::domain::ids::{ContactId, MailId, MemberId};
use crate::domain::onboarding::{Event, Onboarding};
use crate::domain::values::{KeyId, Language};
use crate::mail::SEND_TIMEOUT;
use crate::subscription::{ApplyError, Reactor, Recorded};

/// A lease outlives the longest sending by so much.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// How long a notice is tried. Judgement: a mail server that is away for a weekend is met, and what comes later tells no news.
const NOTICES_TRIED: SignedDuration = SignedDuration::from_hours(72);

/// A mail that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id, made from the event that asked for it, or from the command of staff.
    pub mail: MailId,
    /// What it carries.
    pub kind: MailKind,
    /// To whom.
    pub member: MemberId,
    /// To which address; for a code or a notice, whatever is verified when it leaves.
    pub contact: Option<ContactId>,
    /// The link's issue, the code's challenge, or the credential that a notice is about; nil for what staff did.
    pub reference: Uuid,
    /// The key that link or code is derived with; empty for a notice, which takes the newest.
    pub key: KeyId,
    /// Its language; none for a notice, which takes that of the address.
    pub language: Option<Language>,
    /// The end of link or code, or of the tries to send a notice.
    pub expires_at: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// The lease that this sender holds.
    pub lease: String,
    /// Its end.
    pub leased_until: Timestamp,
    /// What became of it, if only the log does not know yet.
    pub outcome: Option<Outcome>,
}

/// Puts a row into the outbox for every event that asks for a mail.
pub struct MailReactor {
    wake: Arc<Notify>,
    clock: Clock,
}

impl MailReactor {
    /// A reactor that wakes the sender by `wake`.
    #[must_use]
    pub const fn new(wake: Arc<Notify>, clock: Clock) -> Self {
        Self { wake, clock }
    }
}

impl Reactor for MailReactor {
    fn name(&self) -> &'static str {
        "mails"
    }

    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let now = self.clock.now();
            let mut rows = Vec::new();
            for recorded in batch
                .iter()
                .filter(|event| event.stream_kind == Onboarding::TYPE)
            {
                // What cannot be read is parked by the projector, and told there.
                let Ok(event) = serde_json::from_value(recorded.payload.clone()) else {
                    continue;
                };
                rows.extend(row_of(recorded, &event, now));
            }
            Insert::new(
                "INSERT INTO outbox (mail_id, kind, member_id, contact_id, reference, key_id, language, \
                 expires_at, due_at, attempts)",
                &rows,
                "ON CONFLICT (mail_id) DO NOTHING",
            )?
            .write(connection)
            .await?;
            Ok(())
        })
    }

    fn committed(&self) {
        self.wake.notify_one();
    }
}

/// Which mail an event asks for.
struct Asked {
    mail: MailId,
    kind: MailKind,
    contact: Option<ContactId>,
    reference: Uuid,
    key: KeyId,
    language: Option<Language>,
    expires_at: Timestamp,
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only four events ask for a link or a code"
)]
fn asked_by(recorded: &Recorded, event: &Event) -> Option<Asked> {
    let of_its_own = format!("{}/{}", recorded.stream_id, recorded.sequence);
    let mail = mail_named(&of_its_own);
    Some(match event {
        Event::EmailRegistered {
            contact,
            issue,
            key,
            language,
            expires_at,
            ..
        }
        | Event::EmailLinkReissued {
            contact,
            issue,
            key,
            language,
            expires_at,
            ..
        } => Asked {
            mail,
            kind: MailKind::EmailLink,
            contact: Some(*contact),
            reference: issue.0,
            key: key.clone(),
            language: Some(*language),
            expires_at: *expires_at,
        },
        Event::OtpIssued {
            challenge,
            key,
            language,
            expires_at,
            ..
        }
        | Event::OtpReissued {
            challenge,
            key,
            language,
            expires_at,
            ..
        } => Asked {
            mail,
            kind: MailKind::Otp,
            contact: None,
            reference: challenge.0,
            key: key.clone(),
            language: Some(*language),
            expires_at: *expires_at,
        },
        _ => notice_of(recorded, event)?,
    })
}

/// A notice, if the event asks for one. What staff did is told once, however many events it made.
fn notice_of(recorded: &Recorded, event: &Event) -> Option<Asked> {
    let kind = event.notice()?;
    let command = recorded.metadata["command_id"].as_str().unwrap_or_default();
    let reference = if let Event::PasswordChanged { credential, .. } = event {
        credential.0
    } else {
        Uuid::nil()
    };
    Some(Asked {
        mail: mail_named(&format!("{}/{}/{command}", recorded.stream_id, kind.name())),
        kind,
        contact: None,
        reference,
        key: KeyId(String::new()),
        language: None,
        expires_at: recorded.recorded_at + NOTICES_TRIED,
    })
}

fn mail_named(name: &str) -> MailId {
    MailId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
}

fn row_of(recorded: &Recorded, event: &Event, now: Timestamp) -> Option<[Cell; 10]> {
    let asked = asked_by(recorded, event)?;
    Some([
        Cell::from(asked.mail.to_string()),
        Cell::from(asked.kind.name()),
        Cell::from(recorded.stream_id.clone()),
        Cell::from(asked.contact.map(|contact| contact.to_string())),
        Cell::from(asked.reference.to_string()),
        Cell::from(asked.key.0),
        Cell::from(asked.language.map_or("", Language::tag)),
        Cell::from(asked.expires_at),
        // The log may be ahead of a clock that was wrong by days.
        Cell::from(recorded.recorded_at.min(now)),
        Cell::from(0),
    ])
}

/// The rows of the outbox, for the sender.
#[derive(Clone)]
pub struct Outbox(Database);

impl Outbox {
    /// The outbox in `database`.
    #[must_use]
    pub const fn new(database: Database) -> Self {
        Self(database)
    }

    /// Ends all leases, so that what another sender left behind waits no longer. Only for the one sender there is.
    ///
    /// # Errors
    /// The database is away.
    pub async fn free_leases(&self) -> Result<(), sqlx::Error> {
        sqlx::query("UPDATE outbox SET lease = NULL, leased_until = NULL WHERE lease IS NOT NULL")
            .execute(&self.0.write)
            .await
            .map(drop)
    }

    /// Leases the `most` mails that have been due for longest. A lease that nobody gives back runs out by itself.
    ///
    /// # Errors
    /// The database is away.
    pub async fn lease(
        &self,
        most: usize,
        lease: Uuid,
        now: Timestamp,
    ) -> Result<Vec<Waiting>, sqlx::Error> {
        if !self.anything_due(now).await? {
            return Ok(Vec::new());
        }
        let timeout = SignedDuration::try_from(SEND_TIMEOUT).unwrap_or(SignedDuration::MAX);
        let rows = sqlx::query(
            // Said twice: a server finds the rows before it waits for another node's lease of them, and asks again only outside.
            "UPDATE outbox SET lease = $1, leased_until = $2 WHERE (leased_until IS NULL OR leased_until <= $3) \
             AND mail_id IN (SELECT mail_id FROM outbox \
             WHERE due_at <= $3 AND (leased_until IS NULL OR leased_until <= $3) ORDER BY due_at LIMIT $4) \
             RETURNING mail_id, kind, member_id, contact_id, reference, key_id, language, expires_at, attempts, \
             lease, leased_until, outcome",
        )
        .bind(lease.to_string())
        .bind(fixed_width(now + timeout + LEASE_MARGIN))
        .bind(fixed_width(now))
        .bind(i64::try_from(most).unwrap_or(i64::MAX))
        .fetch_all(&self.0.write)
        .await?;
        rows.iter().map(waiting).collect()
    }

    async fn anything_due(&self, now: Timestamp) -> Result<bool, sqlx::Error> {
        let due: i64 = sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT 1 FROM outbox WHERE due_at <= $1 \
             AND (leased_until IS NULL OR leased_until <= $1) LIMIT 1) AS due",
        )
        .bind(fixed_width(now))
        .fetch_one(&self.0.read)
        .await?;
        Ok(due > 0)
    }

    /// Notes what became of a mail, and to which address it was, before the log learns it; answers whether the lease
    /// still held.
    ///
    /// # Errors
    /// The database is away.
    pub async fn note(
        &self,
        mail: &Waiting,
        contact: Option<ContactId>,
        outcome: &Outcome,
    ) -> Result<bool, sqlx::Error> {
        let text =
            serde_json::to_string(outcome).map_err(|error| sqlx::Error::Encode(error.into()))?;
        let noted = sqlx::query(
            "UPDATE outbox SET outcome = $1, contact_id = $2 WHERE mail_id = $3 AND lease = $4",
        )
        .bind(text)
        .bind(contact.map(|contact| contact.to_string()))
        .bind(mail.mail.to_string())
        .bind(&mail.lease)
        .execute(&self.0.write)
        .await?;
        Ok(noted.rows_affected() == 1)
    }

    /// Gives a mail back, to be tried again at `due`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn postpone(&self, mail: &Waiting, due: Timestamp) -> Result<(), sqlx::Error> {
        sqlx::query(
            "UPDATE outbox SET due_at = $1, attempts = attempts + 1, lease = NULL, leased_until = NULL \
             WHERE mail_id = $2 AND lease = $3",
        )
        .bind(fixed_width(due))
        .bind(mail.mail.to_string())
        .bind(&mail.lease)
        .execute(&self.0.write)
        .await
        .map(drop)
    }

    /// Removes a mail whose end is in the log.
    ///
    /// # Errors
    /// The database is away.
    pub async fn remove(&self, mail: &Waiting) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM outbox WHERE mail_id = $1 AND lease = $2")
            .bind(mail.mail.to_string())
            .bind(&mail.lease)
            .execute(&self.0.write)
            .await
            .map(drop)
    }
}

fn waiting(row: &AnyRow) -> Result<Waiting, sqlx::Error> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let id = |column: &str| -> Result<Uuid, sqlx::Error> {
        text(column)?
            .parse()
            .map_err(|error: uuid::Error| sqlx::Error::Decode(error.into()))
    };
    let contact: Option<String> = row.try_get("contact_id")?;
    let outcome: Option<String> = row.try_get("outcome")?;
    Ok(Waiting {
        mail: MailId(id("mail_id")?),
        kind: MailKind::named(&text("kind")?)
            .ok_or_else(|| sqlx::Error::Decode("there is no such kind of mail".into()))?,
        member: MemberId(id("member_id")?),
        contact: contact
            .map(|_| id("contact_id").map(ContactId))
            .transpose()?,
        reference: id("reference")?,
        key: KeyId(text("key_id")?),
        language: Language::tagged(&text("language")?),
        expires_at: time_of(&text("expires_at")?)?,
        attempts: row.try_get("attempts")?,
        lease: text("lease")?,
        leased_until: time_of(&text("leased_until")?)?,
        outcome: outcome
            .map(|text| serde_json::from_str(&text))
            .transpose()
            .map_err(|error| sqlx::Error::Decode(error.into()))?,
    })
}
