//! Sessions of members: what a cookie's secret stands for, and for how long.
//!
//! Rows are written after the event that began the session; where a row is missing, the member signs in again.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::keys::{Keys, Purpose};
use super::session::{Found, Fresh, Opening, Session, kind_name, kind_named};
use super::{Settings, VaultError};
use crate::ambient::Entropy;
use crate::database::{Database, Statement, bind_all, fixed_width, placeholders, time_of};
use crate::domain::ids::{MemberId, SessionId};
use crate::domain::onboarding::SessionKind;
use crate::domain::policy::SessionLimits;
use crate::domain::values::Language;

const TABLE: &str = "sessions";

/// How long a rotated-out secret is still told apart from a stranger's.
const GRACE: SignedDuration = SignedDuration::from_secs(30);

/// `last_seen` moves at most so often.
const SEEN_APART: SignedDuration = SignedDuration::from_secs(60);

/// The sessions of all members; a member has one at most.
#[derive(Clone, Debug)]
pub struct Sessions {
    database: Database,
    keys: Keys,
    entropy: Entropy,
    limits: SessionLimits,
    otp_pending: SignedDuration,
}

impl Sessions {
    pub(super) fn new(
        database: Database,
        keys: Keys,
        entropy: Entropy,
        settings: &Settings,
    ) -> Self {
        Self {
            database,
            keys,
            entropy,
            limits: settings.session,
            otp_pending: minutes(settings.otp_pending_minutes),
        }
    }

    /// Begins a session in place of the member's others, and writes what is to be written `before` with it. `None` if a session that began later
    /// in the log is there already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn open(
        &self,
        opening: &Opening<'_>,
        before: Vec<Statement>,
        now: Timestamp,
    ) -> Result<Option<Fresh>, VaultError> {
        let (secret, secret_hash) = self.new_secret();
        let ends_at = now + self.longest(opening.kind);
        let session = Statement::new(
            "INSERT INTO sessions (session_id, member_id, kind, language, secret_hash, browser_hash, started_at, \
             last_seen, ends_at, mark) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8, $9) \
             ON CONFLICT (member_id) DO UPDATE SET session_id = excluded.session_id, kind = excluded.kind, \
             language = excluded.language, secret_hash = excluded.secret_hash, previous_hash = NULL, rotated_at = NULL, \
             browser_hash = excluded.browser_hash, started_at = excluded.started_at, last_seen = excluded.last_seen, \
             ends_at = excluded.ends_at, mark = excluded.mark WHERE sessions.mark <= excluded.mark",
        )
        .bind(opening.session.to_string())
        .bind(opening.member.to_string())
        .bind(kind_name(opening.kind))
        .bind(opening.language.tag())
        .bind(&*secret_hash)
        .bind(self.keys.tag(Purpose::Sessions, &browser_parts(opening.browser)))
        .bind(now)
        .bind(ends_at)
        .bind(opening.mark);
        let mut statements = before;
        statements.push(session);
        let opened = self.database.write_all(statements).await?.pop();
        Ok((opened == Some(1)).then(|| Fresh {
            secret,
            session: Session {
                id: opening.session,
                member: opening.member,
                kind: opening.kind,
                language: opening.language,
                started_at: now,
                last_seen: now,
                idle_until: ends_at.min(now + self.idle(opening.kind)),
                ends_at,
                rotated_at: None,
                secret_hash,
            },
        }))
    }

    /// What a cookie's secret stands for, in the browser with this User-Agent header.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find(
        &self,
        secret: &str,
        browser: &str,
        now: Timestamp,
    ) -> Result<Found, VaultError> {
        let hashes = self.keys.tags(Purpose::Sessions, &secret_parts(secret));
        let list = placeholders(hashes.len());
        let sql = format!(
            "SELECT * FROM sessions WHERE secret_hash IN {list} OR previous_hash IN {list}"
        );
        let query = bind_all(sqlx::query(&sql), &hashes);
        let Some(row) = query.fetch_optional(&self.database.read).await? else {
            return Ok(Found::None);
        };
        let session = self.read(&row)?;
        let lapsed = lapsed(&session, now);
        if hashes.contains(&session.secret_hash) {
            return Ok(if lapsed {
                Found::Lapsed(session)
            } else {
                Found::Current(session)
            });
        }
        let rotated_at = time_of(&row.try_get::<String, _>("rotated_at")?)?;
        let browser_hash: String = row.try_get("browser_hash")?;
        let same_browser = self
            .keys
            .tags(Purpose::Sessions, &browser_parts(browser))
            .contains(&browser_hash);
        let rotated = !lapsed && same_browser && now <= rotated_at + GRACE;
        Ok(if rotated {
            Found::Rotated(session)
        } else {
            Found::None
        })
    }

    /// Gives the session, as it was found, a new secret and kind; a new kind starts its time anew. Of several who try it
    /// at once, one gets a session, the others `None`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn rotate(
        &self,
        session: &Session,
        kind: SessionKind,
        now: Timestamp,
    ) -> Result<Option<Fresh>, VaultError> {
        let (secret, secret_hash) = self.new_secret();
        let ends_at = if kind == session.kind {
            session.ends_at
        } else {
            now + self.longest(kind)
        };
        let rotated = sqlx::query(
            "UPDATE sessions SET secret_hash = $1, previous_hash = $2, rotated_at = $3, last_seen = $3, kind = $4, \
             ends_at = $5 WHERE session_id = $6 AND secret_hash = $2",
        )
        .bind(secret_hash.clone())
        .bind(session.secret_hash.clone())
        .bind(fixed_width(now))
        .bind(kind_name(kind))
        .bind(fixed_width(ends_at))
        .bind(session.id.to_string())
        .execute(&self.database.write)
        .await?
        .rows_affected();
        let idle_until = ends_at.min(now + self.idle(kind));
        let session = Session {
            kind,
            last_seen: now,
            idle_until,
            ends_at,
            rotated_at: Some(now),
            secret_hash,
            ..session.clone()
        };
        Ok((rotated == 1).then_some(Fresh { secret, session }))
    }

    /// Notes that the session is in use, and returns it with the end that this moves; writes at most once a minute.
    ///
    /// # Errors
    /// The database is away.
    pub async fn touch(&self, session: Session, now: Timestamp) -> Result<Session, VaultError> {
        let before = now - SEEN_APART;
        if session.last_seen > before {
            return Ok(session);
        }
        sqlx::query("UPDATE sessions SET last_seen = $1 WHERE session_id = $2 AND last_seen <= $3")
            .bind(fixed_width(now))
            .bind(session.id.to_string())
            .bind(fixed_width(before))
            .execute(&self.database.write)
            .await?;
        Ok(Session {
            last_seen: now,
            idle_until: session.ends_at.min(now + self.idle(session.kind)),
            ..session
        })
    }

    /// Ends a session: its cookie stands for nothing from now on. Safe to repeat.
    ///
    /// # Errors
    /// The database is away.
    pub async fn end(&self, session: SessionId) -> Result<(), VaultError> {
        sqlx::query("DELETE FROM sessions WHERE session_id = $1")
            .bind(session.to_string())
            .execute(&self.database.write)
            .await?;
        Ok(())
    }

    /// The member's session, if it rested or lasted too long; for the event that says so.
    ///
    /// # Errors
    /// The database is away.
    pub async fn lapsed_session_of(
        &self,
        member: MemberId,
        now: Timestamp,
    ) -> Result<Option<SessionId>, VaultError> {
        let row = sqlx::query("SELECT * FROM sessions WHERE member_id = $1")
            .bind(member.to_string())
            .fetch_optional(&self.database.read)
            .await?;
        let session = row.as_ref().map(|row| self.read(row)).transpose()?;
        Ok(session
            .filter(|session| lapsed(session, now))
            .map(|session| session.id))
    }

    fn new_secret(&self) -> (SecretString, String) {
        let secret = SecretString::from(
            BASE64URL_NOPAD.encode(Zeroizing::new(self.entropy.bytes::<32>()).as_slice()),
        );
        let hash = self
            .keys
            .tag(Purpose::Sessions, &secret_parts(secret.expose_secret()));
        (secret, hash)
    }

    fn idle(&self, kind: SessionKind) -> SignedDuration {
        match kind {
            SessionKind::Onboarding => minutes(self.limits.onboarding_idle_minutes),
            SessionKind::OtpPending => self.otp_pending,
            SessionKind::Full => minutes(self.limits.full_idle_minutes),
        }
    }

    fn longest(&self, kind: SessionKind) -> SignedDuration {
        match kind {
            SessionKind::Onboarding => minutes(self.limits.onboarding_minutes),
            SessionKind::OtpPending => self.otp_pending,
            SessionKind::Full => minutes(self.limits.full_minutes),
        }
    }

    fn read(&self, row: &AnyRow) -> Result<Session, VaultError> {
        let damaged = || VaultError::Damaged(TABLE);
        let text = |column: &str| row.try_get::<String, _>(column);
        let kind = kind_named(&text("kind")?).ok_or_else(damaged)?;
        let last_seen = time_of(&text("last_seen")?)?;
        let ends_at = time_of(&text("ends_at")?)?;
        Ok(Session {
            id: text("session_id")?.parse().map_err(|_| damaged())?,
            member: text("member_id")?.parse().map_err(|_| damaged())?,
            kind,
            language: if text("language")? == Language::En.tag() {
                Language::En
            } else {
                Language::Ja
            },
            started_at: time_of(&text("started_at")?)?,
            last_seen,
            idle_until: ends_at.min(last_seen + self.idle(kind)),
            ends_at,
            rotated_at: row
                .try_get::<Option<String>, _>("rotated_at")?
                .as_deref()
                .map(time_of)
                .transpose()?,
            secret_hash: text("secret_hash")?,
        })
    }
}

fn lapsed(session: &Session, now: Timestamp) -> bool {
    now >= session.idle_until
}

fn minutes(number: u32) -> SignedDuration {
    SignedDuration::from_mins(i64::from(number))
}

const fn secret_parts(secret: &str) -> [&[u8]; 2] {
    [b"secret", secret.as_bytes()]
}

const fn browser_parts(browser: &str) -> [&[u8]; 2] {
    [b"browser", browser.as_bytes()]
}
