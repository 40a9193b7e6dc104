//! Rosters that wait for a second person or are being carried out: the file and what it does, sealed under a key of its own.

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use sqlx::{AnyConnection, Row};

use super::VaultError;
use super::data_keys::{Class, DataKeys};
use super::seal::Place;
use crate::database::{Database, fixed_width, time_of};
use crate::domain::ids::{ImportId, MemberId};

const TABLE: &str = "rosters";

/// Rosters by the id of their import.
#[derive(Clone, Debug)]
pub struct RosterFiles {
    database: Database,
    data_keys: DataKeys,
}

/// A roster as it is kept.
pub struct RosterFile {
    /// The file's bytes.
    pub file: Zeroizing<Vec<u8>>,
    /// What it does, as whoever looked at it wrote it down.
    pub details: Zeroizing<Vec<u8>>,
}

/// Under whose name its key is kept: ids are unique among members, staff and imports alike.
const fn keys_of(import: ImportId) -> MemberId {
    MemberId(import.0)
}

const fn place<'a>(column: &'static str, row: &'a str) -> Place<'a> {
    Place {
        table: TABLE,
        column,
        row,
    }
}

impl RosterFiles {
    pub(super) const fn new(database: Database, data_keys: DataKeys) -> Self {
        Self {
            database,
            data_keys,
        }
    }

    /// Keeps the file of a roster until it is forgotten; [`RosterFiles::note`] says what it does.
    ///
    /// # Errors
    /// A database is away.
    pub async fn keep(
        &self,
        import: ImportId,
        file: &[u8],
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let file = self.sealed(import, "file", file, now).await?;
        let nothing = self.sealed(import, "details", b"", now).await?;
        sqlx::query(
            "INSERT INTO rosters (import_id, file, details, written_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(import.to_string())
        .bind(file)
        .bind(nothing)
        .bind(fixed_width(now))
        .execute(&self.database.write)
        .await?;
        Ok(())
    }

    /// Notes beside the file what it does; answers whether it is kept still, and not forgotten since.
    ///
    /// # Errors
    /// A database is away.
    pub async fn note(
        &self,
        import: ImportId,
        details: &[u8],
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        let details = match self.sealed(import, "details", details, now).await {
            Err(VaultError::Erased) => return Ok(false),
            sealed => sealed?,
        };
        let noted = sqlx::query("UPDATE rosters SET details = $1 WHERE import_id = $2")
            .bind(details)
            .bind(import.to_string())
            .execute(&self.database.write)
            .await?;
        Ok(noted.rows_affected() == 1)
    }

    async fn sealed(
        &self,
        import: ImportId,
        column: &'static str,
        plain: &[u8],
        now: Timestamp,
    ) -> Result<String, VaultError> {
        let keys = &self.data_keys;
        let key = keys.make_one(keys_of(import), Class::Person, now).await?;
        key.seal(&keys.entropy, place(column, &import.to_string()), plain)
    }

    /// The roster of this import; none, if it was forgotten, or its key is gone, as after a restore.
    ///
    /// # Errors
    /// A database is away.
    pub async fn get(&self, import: ImportId) -> Result<Option<RosterFile>, VaultError> {
        let id = import.to_string();
        let row = sqlx::query("SELECT file, details FROM rosters WHERE import_id = $1")
            .bind(&id)
            .fetch_optional(&self.database.read)
            .await?;
        let Some(row) = row else { return Ok(None) };
        let open = async |column: &'static str| {
            let sealed: String = row.try_get(column)?;
            self.data_keys.open(place(column, &id), &sealed).await
        };
        let opened = async {
            Ok(RosterFile {
                file: open("file").await?,
                details: open("details").await?,
            })
        };
        match opened.await {
            Ok(file) => Ok(Some(file)),
            Err(VaultError::Erased) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// All of them, with the moment since when each is kept.
    ///
    /// # Errors
    /// The database is away.
    pub async fn all(&self) -> Result<Vec<(ImportId, Timestamp)>, VaultError> {
        let rows: Vec<(String, String)> =
            sqlx::query_as("SELECT import_id, written_at FROM rosters")
                .fetch_all(&self.database.read)
                .await?;
        rows.into_iter()
            .map(|(id, since)| {
                let id = id.parse().map_err(|_| VaultError::Damaged(TABLE))?;
                Ok((id, time_of(&since)?))
            })
            .collect()
    }

    /// As [`RosterFiles::forget`], within a transaction of the caller's.
    ///
    /// # Errors
    /// A database is away.
    pub async fn forget_within(
        &self,
        import: ImportId,
        connection: &mut AnyConnection,
    ) -> Result<(), VaultError> {
        self.data_keys.destroy(&[keys_of(import)]).await?;
        sqlx::query("DELETE FROM rosters WHERE import_id = $1")
            .bind(import.to_string())
            .execute(connection)
            .await?;
        Ok(())
    }

    /// Forgets a roster, with its key.
    ///
    /// # Errors
    /// A database is away.
    pub async fn forget(&self, import: ImportId) -> Result<(), VaultError> {
        let mut connection = self.database.write.acquire().await?;
        self.forget_within(import, &mut connection).await
    }
}
