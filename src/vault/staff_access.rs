//! What opens the pages and routes of staff: sessions, by the secret of a cookie, and programs' tokens. Kept as keyed hashes alone.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use sqlx::any::AnyRow;

use super::VaultError;
use super::keys::{Keys, Purpose};
use crate::ambient::Entropy;
use crate::database::{Database, bind_all, fixed_width, placeholders, time_of};
use crate::domain::ids::{SessionId, StaffId, TokenId};

const SESSIONS: &str = "staff_sessions";
const TOKENS: &str = "staff_tokens";

/// A session may rest so long. Judgement: these pages show other people's data.
const IDLE: SignedDuration = SignedDuration::from_mins(15);

/// A session may last so long: a working day.
const LONGEST: SignedDuration = SignedDuration::from_hours(8);

/// `last_seen` moves at most so often.
const SEEN_APART: SignedDuration = SignedDuration::from_secs(60);

/// What every token begins with, so that a scanner of files knows it for a secret.
const TOKEN_MARK: &str = "kadode_";

/// Sessions and tokens of staff; somebody has one session at most.
#[derive(Clone, Debug)]
pub struct StaffAccess {
    database: Database,
    keys: Keys,
    entropy: Entropy,
}

/// A session of somebody of the staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffSession {
    /// Its id, as the events name it.
    pub id: SessionId,
    /// Whose it is.
    pub staff: StaffId,
    /// When it was last used, to the minute.
    pub last_seen: Timestamp,
    /// When it ends if it is not used.
    pub idle_until: Timestamp,
    /// When it ends even if it is used.
    pub ends_at: Timestamp,
}

impl StaffSession {
    /// Whether its time is over.
    #[must_use]
    pub fn has_lapsed(&self, now: Timestamp) -> bool {
        now >= self.idle_until
    }
}

impl StaffAccess {
    pub(super) const fn new(database: Database, keys: Keys, entropy: Entropy) -> Self {
        Self {
            database,
            keys,
            entropy,
        }
    }

    /// Begins a session in place of an earlier one; `mark` is the log position of the event that began it. None, if one that began later
    /// is there already. Answers with the cookie's secret: 256 random bits.
    ///
    /// # Errors
    /// The database is away.
    pub async fn open(
        &self,
        staff: StaffId,
        session: SessionId,
        mark: i64,
        now: Timestamp,
    ) -> Result<Option<SecretString>, VaultError> {
        let secret = self.new_secret();
        let opened = sqlx::query(
            "INSERT INTO staff_sessions (staff_id, session_id, secret_hash, last_seen, ends_at, mark) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (staff_id) DO UPDATE SET session_id = excluded.session_id, \
             secret_hash = excluded.secret_hash, last_seen = excluded.last_seen, ends_at = excluded.ends_at, \
             mark = excluded.mark WHERE staff_sessions.mark <= excluded.mark",
        )
        .bind(staff.to_string())
        .bind(session.to_string())
        .bind(self.hash(b"session", &secret))
        .bind(fixed_width(now))
        .bind(fixed_width(now + LONGEST))
        .bind(mark)
        .execute(&self.database.write)
        .await?
        .rows_affected();
        Ok((opened == 1).then_some(secret))
    }

    /// The session that a cookie's secret opens, whether or not its time is over.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find(&self, secret: &str) -> Result<Option<StaffSession>, VaultError> {
        let row = self.row_of(SESSIONS, b"session", secret).await?;
        row.as_ref().map(session_of).transpose()
    }

    /// The session of somebody, if there is one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn session_of(&self, staff: StaffId) -> Result<Option<StaffSession>, VaultError> {
        let row = sqlx::query("SELECT * FROM staff_sessions WHERE staff_id = $1")
            .bind(staff.to_string())
            .fetch_optional(&self.database.read)
            .await?;
        row.as_ref().map(session_of).transpose()
    }

    /// Notes that the session is in use, and returns it with the end that this moves; writes at most once a minute.
    ///
    /// # Errors
    /// The database is away.
    pub async fn touch(
        &self,
        session: StaffSession,
        now: Timestamp,
    ) -> Result<StaffSession, VaultError> {
        if session.last_seen > now - SEEN_APART {
            return Ok(session);
        }
        sqlx::query(
            "UPDATE staff_sessions SET last_seen = $1 WHERE session_id = $2 AND last_seen < $1",
        )
        .bind(fixed_width(now))
        .bind(session.id.to_string())
        .execute(&self.database.write)
        .await?;
        Ok(StaffSession {
            last_seen: now,
            idle_until: session.ends_at.min(now + IDLE),
            ..session
        })
    }

    /// Gives the session a new secret; the old one opens nothing from now on. None, if it has ended.
    ///
    /// # Errors
    /// The database is away.
    pub async fn rotate(&self, session: SessionId) -> Result<Option<SecretString>, VaultError> {
        let secret = self.new_secret();
        let rotated =
            sqlx::query("UPDATE staff_sessions SET secret_hash = $1 WHERE session_id = $2")
                .bind(self.hash(b"session", &secret))
                .bind(session.to_string())
                .execute(&self.database.write)
                .await?
                .rows_affected();
        Ok((rotated == 1).then_some(secret))
    }

    /// Ends a session. Safe to repeat.
    ///
    /// # Errors
    /// The database is away.
    pub async fn end(&self, session: SessionId) -> Result<(), VaultError> {
        sqlx::query("DELETE FROM staff_sessions WHERE session_id = $1")
            .bind(session.to_string())
            .execute(&self.database.write)
            .await?;
        Ok(())
    }

    /// Makes a token, to be shown once: 256 random bits.
    ///
    /// # Errors
    /// The database is away.
    pub async fn make_token(
        &self,
        staff: StaffId,
        token: TokenId,
        now: Timestamp,
    ) -> Result<SecretString, VaultError> {
        let secret = self.new_secret();
        let text = SecretString::from(format!("{TOKEN_MARK}{}", secret.expose_secret()));
        sqlx::query(
            "INSERT INTO staff_tokens (token_id, staff_id, secret_hash, written_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(token.to_string())
        .bind(staff.to_string())
        .bind(self.hash(b"token", &text))
        .bind(fixed_width(now))
        .execute(&self.database.write)
        .await?;
        Ok(text)
    }

    /// Whose token this is, and which; what it is for now, the events know.
    ///
    /// # Errors
    /// The database is away.
    pub async fn token(&self, text: &str) -> Result<Option<(StaffId, TokenId)>, VaultError> {
        let Some(row) = self.row_of(TOKENS, b"token", text).await? else {
            return Ok(None);
        };
        let damaged = |_| VaultError::Damaged(TOKENS);
        let staff = row.try_get::<String, _>("staff_id")?;
        let token = row.try_get::<String, _>("token_id")?;
        Ok(Some((
            staff.parse().map_err(damaged)?,
            token.parse().map_err(damaged)?,
        )))
    }

    async fn row_of(
        &self,
        table: &str,
        what: &[u8],
        secret: &str,
    ) -> Result<Option<AnyRow>, VaultError> {
        let hashes = self.keys.tags(Purpose::Staff, &[what, secret.as_bytes()]);
        let sql = format!(
            "SELECT * FROM {table} WHERE secret_hash IN {}",
            placeholders(hashes.len())
        );
        let query = bind_all(sqlx::query(&sql), &hashes);
        Ok(query.fetch_optional(&self.database.read).await?)
    }

    fn new_secret(&self) -> SecretString {
        let bytes = Zeroizing::new(self.entropy.bytes::<32>());
        SecretString::from(BASE64URL_NOPAD.encode(bytes.as_slice()))
    }

    fn hash(&self, what: &[u8], secret: &SecretString) -> String {
        let parts = [what, secret.expose_secret().as_bytes()];
        self.keys.tag(Purpose::Staff, &parts)
    }
}

fn session_of(row: &AnyRow) -> Result<StaffSession, VaultError> {
    let text = |column: &str| row.try_get::<String, _>(column);
    let damaged = |_| VaultError::Damaged(SESSIONS);
    let last_seen = time_of(&text("last_seen")?)?;
    let ends_at = time_of(&text("ends_at")?)?;
    Ok(StaffSession {
        id: text("session_id")?.parse().map_err(damaged)?,
        staff: text("staff_id")?.parse().map_err(damaged)?,
        last_seen,
        idle_until: ends_at.min(last_seen + IDLE),
        ends_at,
    })
}
