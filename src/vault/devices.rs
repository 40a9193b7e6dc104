//! Browsers that signed in before: a signed cookie, and a row for each user ID that it signed in with.

use data_encoding::BASE64URL_NOPAD;
use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use sqlx::Row;

use super::VaultError;
use super::blind::Blind;
use super::forget::forget;
use super::keys::{Keys, Purpose, same};
use crate::ambient::Entropy;
use crate::database::{Database, bind_all, fixed_width, placeholders, time_of};

/// How long a browser keeps its cookie after a success, and so how long it is known.
pub const DEVICE_AGE: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Knows browsers again.
#[derive(Clone, Debug)]
pub struct Devices {
    database: Database,
    keys: Keys,
    blind: Blind,
    entropy: Entropy,
}

impl Devices {
    pub(super) const fn new(
        database: Database,
        keys: Keys,
        blind: Blind,
        entropy: Entropy,
    ) -> Self {
        Self {
            database,
            keys,
            blind,
            entropy,
        }
    }

    /// After a success with this user ID: remembers the browser, and returns its cookie. One that is ours is kept.
    ///
    /// # Errors
    /// The database is away.
    pub async fn remember(
        &self,
        cookie: Option<&str>,
        user_id: &str,
        now: Timestamp,
    ) -> Result<SecretString, VaultError> {
        let device = cookie
            .and_then(|cookie| self.open(cookie))
            .unwrap_or_else(|| self.entropy.bytes());
        sqlx::query(
            "INSERT INTO known_browsers (browser_index, succeeded_at, typed) VALUES ($1, $2, $3) \
             ON CONFLICT (browser_index) DO UPDATE SET succeeded_at = excluded.succeeded_at",
        )
        .bind(self.blind.browser(user_id, &device).written().to_owned())
        .bind(fixed_width(now))
        .bind(self.blind.typed(user_id))
        .execute(&self.database.write)
        .await?;
        let signature = self.keys.tag(Purpose::Devices, &[&device]);
        Ok(SecretString::from(format!(
            "{}.{signature}",
            BASE64URL_NOPAD.encode(&device)
        )))
    }

    /// Forgets browsers whose cookies have expired; returns how many.
    ///
    /// # Errors
    /// The database is away.
    pub async fn forget(&self, now: Timestamp) -> Result<u64, VaultError> {
        let old = format!("succeeded_at < '{}'", fixed_width(now - DEVICE_AGE));
        forget(&self.database, "known_browsers", "browser_index", &old).await
    }

    /// Forgets that a browser signed in with this user ID, if that was before `since`; what it showed then counts no more.
    ///
    /// # Errors
    /// The database is away.
    pub async fn forget_before(
        &self,
        cookie: &str,
        user_id: &str,
        since: Timestamp,
    ) -> Result<(), VaultError> {
        let Some(device) = self.open(cookie) else {
            return Ok(());
        };
        let index = self.blind.browser(user_id, &device);
        let sql = format!(
            "DELETE FROM known_browsers WHERE succeeded_at < '{}' AND browser_index IN {}",
            fixed_width(since),
            placeholders(index.all().len())
        );
        bind_all(sqlx::query(&sql), index.all())
            .execute(&self.database.write)
            .await?;
        Ok(())
    }

    /// The browser's id and when it showed last that it is the member's, if its cookie is ours and it signed in with this user ID before.
    pub(super) async fn known(
        &self,
        cookie: &str,
        user_id: &str,
    ) -> Result<Option<([u8; 16], Timestamp)>, VaultError> {
        let Some(device) = self.open(cookie) else {
            return Ok(None);
        };
        let index = self.blind.browser(user_id, &device);
        let sql = format!(
            "SELECT MAX(succeeded_at) AS shown FROM known_browsers WHERE browser_index IN {}",
            placeholders(index.all().len())
        );
        let query = bind_all(sqlx::query(&sql), index.all());
        let row = query.fetch_one(&self.database.read).await?;
        let shown: Option<String> = row.try_get("shown")?;
        let shown = shown.as_deref().map(time_of).transpose()?;
        Ok(shown.map(|shown| (device, shown)))
    }

    /// Whether a cookie is one of ours.
    #[must_use]
    pub fn is_ours(&self, cookie: &str) -> bool {
        self.open(cookie).is_some()
    }

    /// The browser's id, if its cookie is ours.
    pub(super) fn open(&self, cookie: &str) -> Option<[u8; 16]> {
        let (device, signature) = cookie.split_once('.')?;
        let device: [u8; 16] = BASE64URL_NOPAD
            .decode(device.as_bytes())
            .ok()?
            .try_into()
            .ok()?;
        self.keys
            .tags(Purpose::Devices, &[&device])
            .iter()
            .any(|own| same(own, signature))
            .then_some(device)
    }
}
