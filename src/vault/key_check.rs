//! The master keys held against the databases that were made with them, and which of them is present there.

use std::path::Path;

use data_encoding::BASE64;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Row};

use super::VaultError;
use super::key_file::{IfMissing, KeyError, KeyFile};
use super::keys::{Keys, Purpose, same};
use crate::ambient::Entropy;
use crate::database::{Database, time_of};
use crate::domain::values::KeyId;

/// The name under which the main database knows the public key of its ledger.
const LEDGER: &str = "ledger_key";

/// The name under which a database has its key-check value; those of keys that came later have the key's name behind it, after a dot.
const CHECK: &str = "key_check";

/// The name under which the main database names its present key.
const PRESENT: &str = "present_key";

/// The name under which the main database knows from when on mailed links count.
pub(super) const LINKS_SINCE: &str = "links_since";

impl Keys {
    /// Whether a key file belongs to this database already.
    ///
    /// # Errors
    /// The database is away.
    pub async fn has_been_made_for(main: &Database) -> Result<bool, sqlx::Error> {
        Ok(!check_values(main).await?.is_empty())
    }

    /// Holds the key file at `path` against the key-check values of both databases, of which the main one has its own. Writes nothing;
    /// the tables may be those of an older version.
    ///
    /// # Errors
    /// As those of [`Keys::open`].
    pub async fn look_at(
        path: &Path,
        main: &Database,
        key_database: &Database,
    ) -> Result<(), KeyError> {
        let of_main = check_values(main).await?;
        let of_keys = check_values(key_database).await?;
        if of_keys.is_empty() {
            return Err(KeyError::OtherKeyDatabase(key_database.shown()));
        }
        let keys = Self::load(path)?;
        keys.fit(path, &of_main)?;
        keys.fit(path, &of_keys)
    }

    /// Loads the key file at `path` and holds it against the key-check values of both databases, which are written where
    /// they are missing. Both databases must be migrated.
    ///
    /// # Errors
    /// The file is missing (and must not or may not be created), unreadable, readable by others, or another than the
    /// databases were made with; or the key database is another than the main one's, or the ledger's key another than its own.
    pub async fn open(
        path: &Path,
        main: &Database,
        key_database: &Database,
        entropy: &Entropy,
        now: Timestamp,
        if_missing: IfMissing,
    ) -> Result<(Self, KeyFile), KeyError> {
        let of_main = check_values(main).await?;
        let of_keys = check_values(key_database).await?;
        if !of_main.is_empty() && of_keys.is_empty() {
            return Err(KeyError::OtherKeyDatabase(key_database.shown()));
        }
        let may_create = if_missing == IfMissing::Create && of_keys.is_empty();
        let (keys, file) = match Self::load(path) {
            Err(KeyError::Missing(_)) if may_create => {
                (Self::create(path, entropy, now)?, KeyFile::Created)
            }
            loaded => (loaded?, KeyFile::Found),
        };
        let (keys, file) = match (if_missing, keys.ledger()) {
            (IfMissing::Create, None) if meta(main, LEDGER).await?.is_none() => {
                (Self::add_ledger(path, entropy, now)?, KeyFile::Completed)
            }
            _ => (keys, file),
        };
        // The key database first: one that has no value while the main one has is known to be foreign.
        for (database, mut stored) in [(key_database, of_keys), (main, of_main)] {
            if stored.is_empty() && if_missing == IfMissing::Create {
                let value = keys.tag(Purpose::Check, &[]);
                stored.push(written(database, CHECK, value).await?);
            }
            keys.fit(path, &stored)?;
        }
        let of_ledger = keys.ledger_fingerprint();
        let stored = match (meta(main, LEDGER).await?, &of_ledger) {
            (None, Some(own)) if if_missing == IfMissing::Create => {
                Some(written(main, LEDGER, own.clone()).await?)
            }
            (stored, _) => stored,
        };
        if stored.is_some() && stored != of_ledger {
            return Err(KeyError::OtherLedger(path.to_owned()));
        }
        match keys.follow_database(main).await {
            Ok(()) => Ok((keys, file)),
            Err(VaultError::Database(error)) => Err(error.into()),
            Err(_) => Err(KeyError::Lacking(path.to_owned())),
        }
    }

    /// Uses the key that the main database names as present, if it names one, and lets links count that it lets count.
    ///
    /// # Errors
    /// The database is away, or the key is not in the key file.
    pub(super) async fn follow_database(&self, main: &Database) -> Result<(), VaultError> {
        if let Some(since) = meta(main, LINKS_SINCE).await? {
            self.let_links_count_since(time_of(&since)?);
        }
        match meta(main, PRESENT).await? {
            Some(present) => self.follow(&KeyId(present)),
            None => Ok(()),
        }
    }

    /// Sees that the main database demands no key that is not among these.
    ///
    /// # Errors
    /// The database is away, or demands one.
    pub(super) async fn satisfy(&self, main: &Database) -> Result<(), VaultError> {
        let own = self.tags(Purpose::Check, &[]);
        for value in check_values(main).await? {
            if !own.iter().any(|own| same(own, &value)) {
                let key = value.split('.').next().unwrap_or_default();
                return Err(VaultError::UnknownKey(KeyId(key.to_owned())));
            }
        }
        Ok(())
    }

    /// Whether the main database names the newest key as the present one, or there is no other.
    ///
    /// # Errors
    /// The database is away.
    pub async fn newest_is_present(&self, main: &Database) -> Result<bool, sqlx::Error> {
        let present = meta(main, PRESENT).await?;
        Ok(present.as_ref() == Some(&self.newest().0) || self.ids().count() == 1)
    }

    /// Whether a database was made with these keys: every one that it was told of is among them.
    fn fit(&self, path: &Path, check_values: &[String]) -> Result<(), KeyError> {
        let own = self.tags(Purpose::Check, &[]);
        let known = |value: &&String| own.iter().any(|own| same(own, value));
        match check_values.iter().filter(known).count() {
            all if all == check_values.len() => Ok(()),
            0 => Err(KeyError::Other(path.to_owned())),
            _ => Err(KeyError::Lacking(path.to_owned())),
        }
    }

    /// What tells this ledger's key from another's, without being it.
    fn ledger_fingerprint(&self) -> Option<String> {
        let secret = self.ledger()?;
        let mut hash = Sha256::new_with_prefix("kadode/v1/ledger-key");
        hash.update(secret.expose_secret());
        Some(BASE64.encode(&hash.finalize()))
    }
}

/// Names a key as the present one, in place of another.
pub(super) async fn set_present_key(main: &Database, key: &KeyId) -> Result<(), sqlx::Error> {
    let mut transaction = main.begin().await?;
    put(&mut transaction, PRESENT, &key.0).await?;
    transaction.commit().await
}

/// Lets a database demand this key of every key file from now on.
pub(super) async fn demand(
    database: &Database,
    keys: &Keys,
    key: &KeyId,
) -> Result<(), sqlx::Error> {
    let value = keys.tags(Purpose::Check, &[]);
    let value = value.iter().find(|it| it.split('.').next() == Some(&key.0));
    let Some(value) = value else { return Ok(()) };
    let mut transaction = database.begin().await?;
    put(&mut transaction, &format!("{CHECK}.{}", key.0), value).await?;
    transaction.commit().await
}

pub(super) async fn put(
    connection: &mut AnyConnection,
    name: &str,
    value: &str,
) -> Result<(), sqlx::Error> {
    let sql = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    let query = sqlx::query(sql).bind(name.to_owned());
    query
        .bind(value.to_owned())
        .execute(connection)
        .await
        .map(drop)
}

/// Stores a value under a name that may be taken, and answers with the one that stands there then.
async fn written(database: &Database, name: &str, value: String) -> Result<String, sqlx::Error> {
    let mut transaction = database.begin().await?;
    sqlx::query("INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING")
        .bind(name)
        .bind(value)
        .execute(&mut *transaction)
        .await?;
    let row = sqlx::query("SELECT value FROM meta WHERE name = $1")
        .bind(name)
        .fetch_one(&mut *transaction)
        .await?;
    transaction.commit().await?;
    row.try_get("value")
}

async fn check_values(database: &Database) -> Result<Vec<String>, sqlx::Error> {
    if !database.has_table("meta").await? {
        return Ok(Vec::new());
    }
    sqlx::query_scalar("SELECT value FROM meta WHERE name = $1 OR name LIKE $2 ORDER BY name")
        .bind(CHECK)
        .bind(format!("{CHECK}.%"))
        .fetch_all(&database.read)
        .await
}

async fn meta(database: &Database, name: &str) -> Result<Option<String>, sqlx::Error> {
    if !database.has_table("meta").await? {
        return Ok(None);
    }
    sqlx::query("SELECT value FROM meta WHERE name = $1")
        .bind(name.to_owned())
        .fetch_optional(&database.read)
        .await?
        .map(|row| row.try_get("value"))
        .transpose()
}
