//! Copies of a database file, made while others use it.

use std::path::Path;

use super::{Database, Tables};

impl Database {
    /// Writes a copy of the file as it is at one moment to `path`, where there is an empty file or none. It holds nothing of what was deleted.
    ///
    /// # Errors
    /// It is on a server, the database is away, or the disk is full.
    pub async fn copy_to(&self, path: &Path) -> Result<(), sqlx::Error> {
        let mut connection = self.write.acquire().await?;
        sqlx::query("VACUUM INTO $1")
            .bind(path.display().to_string())
            .execute(&mut *connection)
            .await?;
        connection.give_back();
        Ok(())
    }

    /// The version of its tables; none, if it has none yet.
    ///
    /// # Errors
    /// The database is away.
    pub async fn version(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success")
            .fetch_one(&self.read)
            .await
    }
}

impl Tables {
    /// The version that [`Database::migrate`] brings a file to.
    #[must_use]
    pub fn version(&self) -> i64 {
        let versions = self.sqlite.iter().map(|migration| migration.version);
        versions.max().unwrap_or_default()
    }
}
