//! The outbox: a row for each mail that waits, leased by one sender at a time.

use std::iter::repeat;

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::any::AnyRow;
use uuid::Uuid;

use crate::database::{AnyQuery, Database, bind_all, fixed_width, time_of};
use crate::domain::delivery::{MailKind, Outcome};
use crate::domain::ids::{ContactId, MailId, MemberId};
use crate::domain::values::{KeyId, Language};
use crate::mail::{CONNECTIONS, SEND_TIMEOUT};

/// A lease outlives the longest sending by so much.
const LEASE_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// Which mails are leased next at $1: those that have been due for longest, $2 at most, and reminders after all others, $3 at most; but
/// none of $4 to $11, as many as there are connections.
const NEXT: &str = "SELECT mail_id FROM (\
    SELECT mail_id, 1 AS turn, due_at FROM (SELECT mail_id, due_at FROM outbox \
    WHERE kind <> 'reminder' AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) \
    AND mail_id NOT IN ($4, $5, $6, $7, $8, $9, $10, $11) \
    ORDER BY due_at LIMIT $2) AS others \
    UNION ALL SELECT mail_id, 2 AS turn, due_at FROM (SELECT mail_id, due_at FROM outbox \
    WHERE kind = 'reminder' AND due_at <= $1 AND (leased_until IS NULL OR leased_until <= $1) \
    AND mail_id NOT IN ($4, $5, $6, $7, $8, $9, $10, $11) \
    ORDER BY due_at LIMIT $3) AS reminders\
    ) AS due ORDER BY turn, due_at LIMIT $2";

/// Binds what [`NEXT`] asks for.
fn bind_next<'q>(
    query: AnyQuery<'q>,
    most: usize,
    reminders: usize,
    now: Timestamp,
    in_hand: &[MailId],
) -> AnyQuery<'q> {
    let [most, reminders] = [most, reminders].map(|it| i64::try_from(it).unwrap_or(i64::MAX));
    let query = query.bind(fixed_width(now)).bind(most).bind(reminders);
    let ids = in_hand.iter().map(MailId::to_string);
    // No mail has the empty id.
    bind_all(query, ids.chain(repeat(String::new())).take(CONNECTIONS))
}

/// A mail that waits.
#[derive(Clone, Debug)]
pub struct Waiting {
    /// Its id, made from the event that asked for it, or from the command of staff.
    pub mail: MailId,
    /// What it carries.
    pub kind: MailKind,
    /// To whom.
    pub member: MemberId,
    /// To which address; none for a code or a notice, which goes to whatever is verified when it leaves, unless that is about to change or
    /// was taken away.
    pub contact: Option<ContactId>,
    /// The link's issue, the code's challenge, the credential or other address that a notice is about, or which reminder it is; nil for what
    /// staff did.
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

    /// How many mails of a kind wait.
    ///
    /// # Errors
    /// The database is away.
    pub async fn waiting(&self, kind: MailKind) -> Result<u32, sqlx::Error> {
        let waiting: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM outbox WHERE kind = $1")
            .bind(kind.name())
            .fetch_one(&self.0.read)
            .await?;
        Ok(u32::try_from(waiting).unwrap_or(u32::MAX))
    }

    /// Leases the `most` mails that have been due for longest, reminders after all others and no more than `reminders` of them: whoever waits for
    /// a code does not wait for those. A lease that nobody gives back runs out by itself; `in_hand` are those of such leases that are not to be
    /// taken all the same.
    ///
    /// # Errors
    /// The database is away.
    pub async fn lease(
        &self,
        most: usize,
        reminders: usize,
        lease: Uuid,
        now: Timestamp,
        in_hand: &[MailId],
    ) -> Result<Vec<Waiting>, sqlx::Error> {
        if !self.anything_due(most, reminders, now, in_hand).await? {
            return Ok(Vec::new());
        }
        let timeout = SignedDuration::try_from(SEND_TIMEOUT).unwrap_or(SignedDuration::MAX);
        // The condition on the lease stands here and in NEXT. PostgreSQL picks the rows by NEXT, waits while another node leases one of them,
        // and then checks only the outer condition again.
        let sql = format!(
            "UPDATE outbox SET lease = $12, leased_until = $13 WHERE (leased_until IS NULL OR leased_until <= $1) \
             AND mail_id IN ({NEXT}) \
             RETURNING mail_id, kind, member_id, contact_id, reference, key_id, language, expires_at, attempts, \
             lease, leased_until, outcome"
        );
        let rows = bind_next(sqlx::query(&sql), most, reminders, now, in_hand)
            .bind(lease.to_string())
            .bind(fixed_width(now + timeout + LEASE_MARGIN))
            .fetch_all(&self.0.write)
            .await?;
        Ok(rows.iter().filter_map(readable).collect())
    }

    async fn anything_due(
        &self,
        most: usize,
        reminders: usize,
        now: Timestamp,
        in_hand: &[MailId],
    ) -> Result<bool, sqlx::Error> {
        let sql = format!("SELECT COUNT(*) FROM ({NEXT}) AS next");
        let due = bind_next(sqlx::query(&sql), most, reminders, now, in_hand)
            .fetch_one(&self.0.read)
            .await?;
        Ok(due.try_get::<i64, _>(0)? > 0)
    }

    /// Notes what became of a mail, and to which address it was, before the log learns it; answers whether it was noted. A lease that
    /// is over still counts, as long as no other sender has taken the mail.
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

/// A damaged row must not keep others waiting: it is told again whenever its lease has run out.
fn readable(row: &AnyRow) -> Option<Waiting> {
    waiting(row)
        .inspect_err(|error| {
            let mail: String = row.try_get("mail_id").unwrap_or_default();
            tracing::error!(%error, mail, "a mail in the outbox cannot be read, and does not leave");
        })
        .ok()
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
