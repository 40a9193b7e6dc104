//! Opens a database: one pool that reads, one that writes, and the few conventions of SQL that both databases share.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sqlx::any::{Any, AnyArguments, AnyConnectOptions};
use sqlx::migrate::Migrator;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{AnyConnection, ConnectOptions, Executor, SqlitePool};

mod connections;

pub use self::connections::{Connections, Lent, Transaction};

/// The tables of the main database: event log, vault and read models.
pub static MAIN: Migrator = sqlx::migrate!("migrations/sqlite/main");

/// The tables of the key database, which holds nothing but wrapped keys, so that its backups can be short-lived.
pub static KEYS: Migrator = sqlx::migrate!("migrations/sqlite/keys");

/// Rows in one `INSERT`: thousands of parameters in one statement are quadratic on SQLite (measured), a hundred rows are not.
const ROWS_A_STATEMENT: usize = 100;

/// Below two seconds, so that a member is told within them that another program holds the write lock.
const WRITER: &str = "PRAGMA busy_timeout = 1500; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; \
     PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL;";
const READER: &str =
    "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = OFF; PRAGMA query_only = ON;";

/// An open database. Cheap to clone; clones share their connections.
///
/// There is one writer. Whoever holds a transaction of [`Database::begin`] must not wait for anything else that writes.
#[derive(Clone, Debug)]
pub struct Database {
    /// Connections that can only read; they see what was committed before their statement or transaction began.
    pub read: Connections,
    /// The one connection that writes. Several statements belong in a transaction of [`Database::begin`].
    pub write: Connections,
    /// The same as `read` in the native type, which the event repository of `sqlite-es` asks for.
    pub read_native: SqlitePool,
    path: PathBuf,
}

/// Why a database could not be opened. The text is fit for the operator and holds no password of a URL.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL names another kind of database.
    #[error("database URL starting with {0:?}: give sqlite:PATH")]
    Scheme(String),
    /// The URL names no plain file.
    #[error(
        "database URL: after sqlite: there must be the path of a file, without ? and parameters"
    )]
    Path,
    /// The file is not there, and this is no place to create it.
    #[error(
        "database {0}: no such file; check the path, or create it with `kadode migrate` or `kadode import`"
    )]
    Missing(PathBuf),
    /// The file cannot be created or read.
    #[error("database {0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The file is there, but is no database of ours.
    #[error("database {0}: {1}")]
    Database(PathBuf, #[source] sqlx::Error),
}

impl Database {
    /// Opens `sqlite:PATH`, creating the file (readable by its owner alone) if it is missing. Creates no tables: see
    /// [`Database::migrate`].
    ///
    /// # Errors
    /// The URL is of another kind, or the file cannot be created or is no database.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let path = sqlite_path(url)?;
        match OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
        {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(OpenError::File(path, error)),
        }
        Self::open_existing(url).await
    }

    /// Whether there is a file at `sqlite:PATH` with something in it.
    ///
    /// # Errors
    /// The URL is of another kind.
    pub fn exists(url: &str) -> Result<bool, OpenError> {
        Ok(sqlite_path(url)?
            .metadata()
            .is_ok_and(|file| file.len() > 0))
    }

    /// Opens `sqlite:PATH`, which must exist.
    ///
    /// # Errors
    /// The URL is of another kind, or the file is missing, unreadable or no database.
    pub async fn open_existing(url: &str) -> Result<Self, OpenError> {
        let path = sqlite_path(url)?;
        // The full path, since a URL would lose what `..` means behind a symbolic link.
        let path = path.canonicalize().map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                OpenError::Missing(path)
            } else {
                OpenError::File(path, error)
            }
        })?;
        Self::connect(&path)
            .await
            .map_err(|error| OpenError::Database(path, error))
    }

    /// Looks whether `url` names a place for a database, and touches nothing; answers with its path.
    ///
    /// # Errors
    /// The URL is of another kind, or there is no such folder.
    pub fn look_at(url: &str) -> Result<PathBuf, OpenError> {
        let path = sqlite_path(url)?;
        match folder_of(&path) {
            Ok(()) => Ok(path),
            Err(error) => Err(OpenError::File(path, error)),
        }
    }

    async fn connect(path: &Path) -> Result<Self, sqlx::Error> {
        sqlx::any::install_default_drivers();
        let url = url_of(path)?;
        let any: AnyConnectOptions = url.parse()?;
        let native = SqliteConnectOptions::new()
            .filename(path)
            .foreign_keys(false)
            .disable_statement_logging();
        let any = any.disable_statement_logging();
        let write = Connections::new(any.clone(), WRITER, 1);
        write.acquire().await?.give_back();
        let read = Connections::new(any, READER, 8);
        let read_native = SqlitePoolOptions::new()
            .test_before_acquire(false)
            .max_connections(8)
            .after_connect(|connection, _| {
                Box::pin(async { connection.execute(READER).await.map(drop) })
            })
            .connect_lazy_with(native);
        Ok(Self {
            read,
            write,
            read_native,
            path: path.to_owned(),
        })
    }

    /// Brings the tables up to date; safe to repeat.
    ///
    /// # Errors
    /// The database is away, or was migrated by a newer version of the program.
    pub async fn migrate(&self, to: &Migrator) -> Result<(), sqlx::migrate::MigrateError> {
        let mut connection = self.write.acquire().await?;
        to.run(&mut *connection).await?;
        connection.give_back();
        Ok(())
    }

    /// Whether [`Database::migrate`] would find nothing to do; asks without writing.
    ///
    /// # Errors
    /// The database is away.
    pub async fn is_up_to_date(&self, to: &Migrator) -> Result<bool, sqlx::Error> {
        if !self.has_table("_sqlx_migrations").await? {
            return Ok(false);
        }
        let last: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(version), 0) FROM _sqlx_migrations WHERE success",
        )
        .fetch_one(&self.read)
        .await?;
        Ok(to.iter().map(|migration| migration.version).max() == Some(last))
    }

    /// Whether there is a table of this name, which a database may lack before it is migrated.
    ///
    /// # Errors
    /// The database is away.
    pub async fn has_table(&self, name: &str) -> Result<bool, sqlx::Error> {
        let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_master WHERE name = $1")
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

    /// Empties the write-ahead log into the file, so that nothing of what was deleted or overwritten before stays on disk.
    ///
    /// # Errors
    /// The database is away, or others read or write it meanwhile; safe to repeat.
    pub async fn scrub(&self) -> Result<(), sqlx::Error> {
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

    /// The full path of the database file.
    #[must_use]
    pub fn sqlite_path(&self) -> &Path {
        &self.path
    }

    /// The URL of the key database unless one is given: the same path plus `.keys`.
    #[must_use]
    pub fn default_key_database(&self) -> String {
        format!("sqlite:{}.keys", self.path.display())
    }

    /// Closes all connections and waits for it, so that another program may have the files.
    pub async fn close(&self) {
        self.read.close().await;
        // A connection that was just being given back comes after sqlx has looked for idle ones (0.8.6), and would keep the
        // write-ahead log; the second look finds it.
        for _ in 0..2 {
            self.read_native.close().await;
        }
        self.write.close().await;
    }
}

/// A statement for either database.
pub type AnyQuery<'q> = Query<'q, Any, AnyArguments<'q>>;

/// One cell of a row to insert; `None` is null.
#[derive(Clone, Debug)]
pub enum Cell {
    /// For a TEXT column.
    Text(Option<String>),
    /// For a BIGINT column.
    Number(Option<i64>),
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(Some(text))
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(Some(text.to_owned()))
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(Some(number))
    }
}

impl From<Option<i64>> for Cell {
    fn from(number: Option<i64>) -> Self {
        Self::Number(number)
    }
}

impl From<Timestamp> for Cell {
    fn from(time: Timestamp) -> Self {
        Self::Text(Some(fixed_width(time)))
    }
}

/// Writes `{insert} VALUES (…),(…) {then}` for all rows, a hundred at a time, and returns how many rows were written.
/// `insert` is like `INSERT INTO t (a, b)`, `then` is empty or an `ON CONFLICT` clause.
///
/// # Errors
/// As the database has it; what was written before the error stays, so pass the connection of a transaction.
pub async fn insert_rows<const COLUMNS: usize>(
    connection: &mut AnyConnection,
    insert: &str,
    rows: Vec<[Cell; COLUMNS]>,
    then: &str,
) -> Result<u64, sqlx::Error> {
    let mut written = 0;
    let mut rows = rows.into_iter();
    loop {
        let chunk: Vec<_> = rows.by_ref().take(ROWS_A_STATEMENT).collect();
        if chunk.is_empty() {
            return Ok(written);
        }
        let sql = format!(
            "{insert} VALUES {} {then}",
            placeholders(chunk.len(), COLUMNS)
        );
        // Only the full statement comes back often enough to be kept prepared.
        let mut query = sqlx::query(&sql).persistent(chunk.len() == ROWS_A_STATEMENT);
        for cell in chunk.into_iter().flatten() {
            query = match cell {
                Cell::Text(text) => query.bind(text),
                Cell::Number(number) => query.bind(number),
            };
        }
        written += query.execute(&mut *connection).await?.rows_affected();
    }
}

/// `($1,$2),($3,$4)` for two rows of two columns; for one row of any number of columns also the list of an `IN`.
#[must_use]
pub fn placeholders(rows: usize, columns: usize) -> String {
    let mut text = String::new();
    for row in 0..rows {
        text.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..columns {
            if column > 0 {
                text.push(',');
            }
            text.push('$');
            text.push_str(&(row * columns + column + 1).to_string());
        }
        text.push(')');
    }
    text
}

/// Binds texts in their order, for a list made by [`placeholders`].
pub fn bind_all(
    mut query: AnyQuery<'_>,
    texts: impl IntoIterator<Item = impl ToString>,
) -> AnyQuery<'_> {
    for text in texts {
        query = query.bind(text.to_string());
    }
    query
}

/// A time as every table holds it: RFC 3339, UTC, microseconds, always 27 characters, so that the order of texts is the order of times.
#[must_use]
pub fn fixed_width(time: Timestamp) -> String {
    format!("{time:.6}")
}

/// Reads a time written by [`fixed_width`].
///
/// # Errors
/// The text is no time.
pub fn time_of(text: &str) -> Result<Timestamp, sqlx::Error> {
    text.parse()
        .map_err(|error: jiff::Error| sqlx::Error::Decode(error.into()))
}

fn sqlite_path(url: &str) -> Result<PathBuf, OpenError> {
    let Some(path) = url.strip_prefix("sqlite:") else {
        // Only the scheme: the rest may hold a password.
        let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
        return Err(OpenError::Scheme(scheme.to_owned()));
    };
    let path = path.strip_prefix("//").unwrap_or(path);
    if path.is_empty() || path.contains(['?', '\0']) || path == ":memory:" {
        return Err(OpenError::Path);
    }
    Ok(PathBuf::from(path))
}

/// Fails unless the folder that a file stands in, or is to stand in, is there.
///
/// # Errors
/// There is no such folder.
pub fn folder_of(file: &Path) -> io::Result<()> {
    let folder = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    if folder.metadata()?.is_dir() {
        Ok(())
    } else {
        Err(io::ErrorKind::NotADirectory.into())
    }
}

/// The URL that leads the generic driver to exactly this file, whatever characters its path has.
fn url_of(path: &Path) -> Result<String, sqlx::Error> {
    let path = path
        .to_str()
        .ok_or_else(|| sqlx::Error::Configuration("the path is not UTF-8".into()))?;
    let escaped = |byte: u8| {
        if byte.is_ascii_alphanumeric() || b"/._-".contains(&byte) {
            char::from(byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    Ok(format!(
        "sqlite://{}",
        path.bytes().map(escaped).collect::<String>()
    ))
}

#[cfg(test)]
mod tests;
