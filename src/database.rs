//! Opens a database, a file of SQLite's or one on a PostgreSQL server: connections that read, and connections that write.

use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{PgPool, SqlitePool};

mod connections;
mod copies;
mod file;
mod lead;
mod rebuilt;
mod server;
mod sql;
mod turn;

pub use self::connections::{Connections, Lent, Transaction};
pub use self::file::folder_of;
pub use self::lead::Lead;
pub use self::rebuilt::REBUILD;
pub use self::sql::{
    AnyQuery, Cell, Dialect, Insert, Statement, bind_all, fixed_width, placeholders, time_of,
};
pub use self::turn::Turn;

/// The same tables in two dialects.
#[derive(Debug)]
pub struct Tables {
    sqlite: Migrator,
    postgres: Migrator,
}

/// The tables of the main database: event log, vault and read models.
pub static MAIN: Tables = Tables {
    sqlite: sqlx::migrate!("migrations/sqlite/main"),
    postgres: sqlx::migrate!("migrations/postgres/main"),
};

/// The tables of the key database, which holds nothing but wrapped keys, so that its backups can be short-lived.
pub static KEYS: Tables = Tables {
    sqlite: sqlx::migrate!("migrations/sqlite/keys"),
    postgres: sqlx::migrate!("migrations/postgres/keys"),
};

/// An open database. Cheap to clone; clones share their connections.
///
/// Whoever holds a transaction of [`Database::begin`] must not wait for anything else that writes: there is one at a time.
#[derive(Clone, Debug)]
pub struct Database {
    /// Connections that can only read; they see what was committed before their statement or transaction began.
    pub read: Connections,
    /// Connections that write; on SQLite there is one. Several statements belong in a transaction of [`Database::begin`].
    pub write: Connections,
    /// Connections in the native type, which the event repositories of cqrs-es ask for.
    pub native: Native,
    place: Place,
}

/// Connections in the native type of the database's kind.
#[derive(Clone, Debug)]
pub enum Native {
    /// That only read.
    Sqlite(SqlitePool),
    /// That read, and call the functions that write.
    Postgres(PgPool),
}

#[derive(Clone, Debug)]
enum Place {
    File(PathBuf),
    /// The URL as it may be shown.
    Server(String),
}

/// Why a database could not be opened. The text is fit for the operator and holds no password of a URL.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names another kind of database.
    #[error("database URL starting with {0:?}: give sqlite:PATH or postgres://USER@HOST/NAME")]
    Scheme(String),
    /// The URL names no plain file.
    #[error(
        "database URL: after sqlite: there must be the path of a file, without ? and parameters"
    )]
    Path,
    /// The URL of a server is wrong.
    #[error("database URL: it is not like postgres://USER:PASSWORD@HOST:PORT/NAME")]
    ServerUrl,
    /// The file is not there, and this is no place to create it.
    #[error(
        "database {0}: no such file; check the path, or create it with `kadode migrate` or `kadode import`"
    )]
    Missing(PathBuf),
    /// The file cannot be created or read.
    #[error("database {0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// What is there is no database of ours, or the server does not let us in.
    #[error("database {0}: {1}")]
    Database(String, #[source] sqlx::Error),
}

impl Database {
    /// Opens `sqlite:PATH`, creating the file (readable by its owner alone) if it is missing, or `postgres://…`, which must
    /// exist. Creates no tables: see [`Database::migrate`].
    ///
    /// # Errors
    /// The URL is of another kind, or the file cannot be created or is no database.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        if !server::is_meant(url) {
            file::create(url)?;
        }
        Self::open_existing(url).await
    }

    /// Opens `sqlite:PATH` or `postgres://…`, which must exist.
    ///
    /// # Errors
    /// The URL is of another kind, or the database is missing, unreadable or none.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        if server::is_meant(url) {
            server::open(url).await
        } else {
            file::open(url).await
        }
    }

    /// Whether there may be something in the database already: the file has something in it. A server is not asked.
    ///
    /// # Errors
    /// The URL is of another kind.
    pub fn exists(url: &str) -> Result<bool, OpenError> {
        if server::is_meant(url) {
            return Ok(true);
        }
        Ok(file::path_of(url)?
            .metadata()
            .is_ok_and(|file| file.len() > 0))
    }

    /// Looks whether `url` names a place for a database, and touches nothing; answers with the path of a file.
    ///
    /// # Errors
    /// The URL is of another kind, or there is no such folder.
    pub fn look_at(url: &str) -> Result<Option<PathBuf>, OpenError> {
        if server::is_meant(url) {
            return server::shown(url).map(|_| None);
        }
        let path = file::path_of(url)?;
        match folder_of(&path) {
            Ok(()) => Ok(Some(path)),
            Err(error) => Err(OpenError::File(path, error)),
        }
    }

    /// Whether it is on a server: there may be many nodes then, and only the owner may change tables.
    #[must_use]
    pub const fn is_on_server(&self) -> bool {
        matches!(self.place, Place::Server(_))
    }

    /// Brings the tables up to date; safe to repeat.
    ///
    /// # Errors
    /// The database is away, or was migrated by a newer version of the program.
    pub async fn migrate(&self, to: &Tables) -> Result<(), MigrateError> {
        let mut connection = self.write.acquire().await?;
        self.migrator(to).run(&mut *connection).await?;
        connection.give_back();
        Ok(())
    }

    /// Whether [`Database::migrate`] would find nothing to do; asks without writing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn is_up_to_date(&self, to: &Tables) -> Result<bool, sqlx::Error> {
        if !self.has_table("_sqlx_migrations").await? {
            return Ok(false);
        }
        let last: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success",
        )
        .fetch_one(&self.read)
        .await?;
        let newest = self.migrator(to).iter().map(|migration| migration.version);
        Ok(newest.max() == Some(last))
    }

    /// On a server, gives `role` the rights that programs need, and no right to change the log but through its function.
    ///
    /// # Errors
    /// There is no such role, or this one owns nothing here.
    pub async fn grant(&self, role: &str) -> Result<(), sqlx::Error> {
        let statements: Vec<String> = sqlx::query_scalar(
            "SELECT format('GRANT USAGE ON SCHEMA %I TO %I', current_schema(), $1) \
             UNION ALL SELECT format('GRANT SELECT%s ON %I TO %I', \
             CASE WHEN tablename IN ('events', '_sqlx_migrations') THEN '' \
             WHEN tablename IN ('positions', 'ledger_leaves', 'ledger_nodes', 'ledger_checkpoints') THEN ', INSERT' \
             ELSE ', INSERT, UPDATE, DELETE' END, tablename, $1) \
             FROM pg_tables WHERE schemaname = current_schema() \
             UNION ALL SELECT format('GRANT EXECUTE ON FUNCTION %s TO %I', oid::regprocedure, $1) \
             FROM pg_proc WHERE pronamespace = current_schema()::regnamespace AND prosecdef",
        )
        .bind(role.to_owned())
        .fetch_all(&self.read)
        .await?;
        let mut transaction = self.begin().await?;
        for statement in statements {
            sqlx::query(&statement).execute(&mut *transaction).await?;
        }
        transaction.commit().await
    }

    /// Whose SQL it takes.
    #[must_use]
    pub const fn dialect(&self) -> Dialect {
        match self.native {
            Native::Sqlite(_) => Dialect::Sqlite,
            Native::Postgres(_) => Dialect::Postgres,
        }
    }

    const fn migrator<'a>(&self, tables: &'a Tables) -> &'a Migrator {
        match self.native {
            Native::Sqlite(_) => &tables.sqlite,
            Native::Postgres(_) => &tables.postgres,
        }
    }

    /// Whether there is a table of this name, which a database may lack before it is migrated.
    ///
    /// # Errors
    /// The database is away.
    pub async fn has_table(&self, name: &str) -> Result<bool, sqlx::Error> {
        let sql = match self.native {
            Native::Sqlite(_) => "SELECT count(*) FROM sqlite_master WHERE name = $1",
            Native::Postgres(_) => {
                "SELECT count(*) FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1"
            }
        };
        let tables: i64 = sqlx::query_scalar(sql)
            .bind(name.to_owned())
            .fetch_one(&self.read)
            .await?;
        Ok(tables > 0)
    }

    /// Begins a transaction that has the write lock from the start, so that what it reads stays true until it commits.
    ///
    /// # Errors
    /// The database is away or stayed locked for one and a half seconds.
    pub async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.write.begin().await
    }

    /// The same, with a first statement; answers with its rows.
    ///
    /// # Errors
    /// The database is away, stayed locked for one and a half seconds, or refuses the statement.
    pub async fn begin_with(
        &self,
        first: AnyQuery<'_>,
    ) -> Result<(Transaction, Vec<AnyRow>), sqlx::Error> {
        self.write.begin_with(first).await
    }

    /// Writes all of it or nothing, and answers how many rows each statement wrote.
    ///
    /// # Errors
    /// The database is away, stayed locked for one and a half seconds, or refuses a statement.
    pub async fn write_all(&self, statements: Vec<Statement>) -> Result<Vec<u64>, sqlx::Error> {
        self.write.write_all(statements).await
    }

    /// Begins a transaction that sees everything as it is at its first statement, and writes nothing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn begin_view(&self) -> Result<Transaction, sqlx::Error> {
        self.read.begin().await
    }

    /// On SQLite, empties the write-ahead log into the file, so that nothing of what was deleted or overwritten before stays on disk.
    /// What a PostgreSQL server keeps on its disk is its operator's.
    ///
    /// # Errors
    /// The database is away, or others read or write it meanwhile; safe to repeat.
    pub async fn scrub(&self) -> Result<(), sqlx::Error> {
        if self.is_on_server() {
            return Ok(());
        }
        // Being kept from it is no error to SQLite, but the first column of its answer.
        let busy: i64 = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)")
            .fetch_one(&self.write)
            .await?;
        if busy == 0 {
            Ok(())
        } else {
            Err(sqlx::Error::Protocol(
                "the write-ahead log is in use and could not be emptied".to_owned(),
            ))
        }
    }

    /// The time by a clock that all programs on this database have in common: that of a server, and on a file `now`, by this machine's.
    ///
    /// # Errors
    /// The database is away.
    pub async fn common_time(&self, now: Timestamp) -> Result<Timestamp, sqlx::Error> {
        if !self.is_on_server() {
            return Ok(now);
        }
        let sql = r#"SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"#;
        let time: String = sqlx::query_scalar(sql).fetch_one(&self.read).await?;
        time_of(&time)
    }

    /// Where it is, as it may be shown: the full path of the file, or the URL without user and password.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.place {
            Place::File(path) => path.display().to_string(),
            Place::Server(shown) => shown.clone(),
        }
    }

    /// The URL of the key database unless one is given: the same path plus `.keys`. On a server there is none.
    #[must_use]
    pub fn default_key_database(&self) -> Option<String> {
        match &self.place {
            Place::File(path) => Some(format!("sqlite:{}.keys", path.display())),
            Place::Server(_) => None,
        }
    }

    /// Closes all connections and waits for it, so that another program may have the files.
    pub async fn close(&self) {
        self.read.close().await;
        match &self.native {
            // A connection that was just being given back comes after sqlx has looked for idle ones (0.8.6), and would keep the
            // write-ahead log; the second look finds it.
            Native::Sqlite(pool) => {
                for _ in 0..2 {
                    pool.close().await;
                }
            }
            Native::Postgres(pool) => pool.close().await,
        }
        self.write.close().await;
    }

    /// The path of its file, if it is one.
    pub(crate) fn file(&self) -> Option<&Path> {
        match &self.place {
            Place::File(path) => Some(path),
            Place::Server(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
