//! Rotation of the master keys: which programs know which keys, the present key, and the data keys that older ones wrap.

use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use uuid::Uuid;

use super::VaultError;
use super::data_keys::{DataKeyCounts, DataKeys, Rewrapped};
use super::key_check::{demand, set_present_key};
use super::keys::Keys;
use crate::ambient::Entropy;
use crate::database::{Database, fixed_width, time_of};
use crate::domain::values::KeyId;

/// A program that has not been seen for so long has ended (judgement: two beats of [`Rotation::beat`] may be late).
pub const FORGOTTEN_AFTER: SignedDuration = SignedDuration::from_mins(3);

/// Moves a society to another master key. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Rotation {
    main: Database,
    key_database: Database,
    keys: Keys,
    data_keys: DataKeys,
    /// This program, among those that run.
    holder: Uuid,
}

impl Rotation {
    pub(super) fn new(
        main: Database,
        key_database: Database,
        keys: Keys,
        data_keys: DataKeys,
        entropy: &Entropy,
    ) -> Self {
        let holder = entropy.id();
        Self {
            main,
            key_database,
            keys,
            data_keys,
            holder,
        }
    }

    /// Says that this program runs and which keys it knows, and follows the key that the database names as present. To be repeated
    /// every minute. `now` counts on a file; programs on a server go by its clock, since theirs may differ.
    ///
    /// # Errors
    /// The database is away, or demands a key that this program does not know.
    pub async fn beat(&self, now: Timestamp) -> Result<(), VaultError> {
        let now = self.main.common_time(now).await?;
        let keys: Vec<&str> = self.keys.ids().map(|id| id.0.as_str()).collect();
        sqlx::query(
            "INSERT INTO key_holders (holder, keys, seen_at) VALUES ($1, $2, $3) ON CONFLICT (holder) DO UPDATE \
             SET seen_at = excluded.seen_at",
        )
        .bind(self.holder.to_string())
        .bind(keys.join(" "))
        .bind(fixed_width(now))
        .execute(&self.main.write)
        .await?;
        // Those that were killed; of a file, no other serves.
        sqlx::query("DELETE FROM key_holders WHERE holder <> $1 AND seen_at < $2")
            .bind(self.holder.to_string())
            .bind(fixed_width(if self.main.is_on_server() {
                now - FORGOTTEN_AFTER
            } else {
                now
            }))
            .execute(&self.main.write)
            .await?;
        // After this program has said that it runs, and whoever changes the key looks for strangers after the demand: one of them finds the other.
        self.keys.satisfy(&self.main).await?;
        self.keys.follow_database(&self.main).await
    }

    /// Says that this program ends.
    ///
    /// # Errors
    /// The database is away.
    pub async fn leave(&self) -> Result<(), VaultError> {
        sqlx::query("DELETE FROM key_holders WHERE holder = $1")
            .bind(self.holder.to_string())
            .execute(&self.main.write)
            .await?;
        Ok(())
    }

    /// When those programs were last seen that run and do not know this key; `now` as for [`Rotation::beat`].
    ///
    /// # Errors
    /// The database is away.
    pub async fn strangers_to(
        &self,
        key: &KeyId,
        now: Timestamp,
    ) -> Result<Vec<Timestamp>, VaultError> {
        let now = self.main.common_time(now).await?;
        let rows = sqlx::query("SELECT keys, seen_at FROM key_holders WHERE seen_at >= $1")
            .bind(fixed_width(now - FORGOTTEN_AFTER))
            .fetch_all(&self.main.read)
            .await?;
        let mut strangers = Vec::new();
        for row in rows {
            let keys: String = row.try_get("keys")?;
            if !keys.split(' ').any(|known| known == key.0) {
                strangers.push(time_of(&row.try_get::<String, _>("seen_at")?)?);
            }
        }
        Ok(strangers)
    }

    /// Lets the present key stay present when a newer one is added to the file.
    ///
    /// # Errors
    /// The database is away.
    pub async fn hold_present(&self) -> Result<(), VaultError> {
        Ok(set_present_key(&self.main, self.keys.current()).await?)
    }

    /// Lets both databases demand the newest key: no key file without it opens them from now on. Safe to repeat.
    ///
    /// # Errors
    /// A database is away.
    pub async fn demand_newest(&self) -> Result<(), VaultError> {
        for database in [&self.key_database, &self.main] {
            demand(database, &self.keys, self.keys.newest()).await?;
        }
        Ok(())
    }

    /// Makes the newest key the present one: from now on, what is new is made under it. Both databases must demand it already. Safe to repeat.
    ///
    /// # Errors
    /// The main database is away.
    pub async fn make_present(&self) -> Result<(), VaultError> {
        let key = self.keys.newest();
        set_present_key(&self.main, key).await?;
        self.keys.follow(key)
    }

    /// Wraps every data key of another master key by the present one; `done` hears how many were looked at. What was done stays so
    /// if it is cut off, and a repetition does the rest.
    ///
    /// # Errors
    /// The key database is away.
    pub async fn rewrap(&self, done: impl Fn(u64)) -> Result<Rewrapped, VaultError> {
        self.data_keys.rewrap(done).await
    }

    /// How many data keys there are.
    ///
    /// # Errors
    /// The key database is away.
    pub async fn counts(&self) -> Result<DataKeyCounts, VaultError> {
        self.data_keys.counts().await
    }
}
