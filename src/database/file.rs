//! SQLite: where its file is, and how it is opened.

use std::fs::OpenOptions;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use sqlx::any::AnyConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePoolOptions};
use sqlx::{ConnectOptions, Executor};

use super::connections::{Connections, Settings};
use super::{Database, Native, OpenError, Place};

/// Below two seconds, so that a member is told within them that another program holds the write lock. 32 MB hold what a batch of a rebuild
/// changes, which else would go to the disk twice.
const WRITER: Settings = Settings {
    first: "PRAGMA busy_timeout = 1500; PRAGMA synchronous = FULL; PRAGMA foreign_keys = OFF; \
            PRAGMA secure_delete = ON; PRAGMA journal_mode = WAL; PRAGMA cache_size = -32000;",
    begin: "BEGIN IMMEDIATE",
    together: true,
    patience: None,
    trusted_for: None,
};
const READER: Settings = Settings {
    first: "PRAGMA busy_timeout = 10000; PRAGMA foreign_keys = OFF; PRAGMA query_only = ON;",
    begin: "BEGIN",
    together: true,
    patience: None,
    trusted_for: None,
};

impl Database {
    /// A number that is another one once another program has written to the file, or, seldom, once a connection was replaced.
    ///
    /// # Errors
    /// The database is away, or on a server.
    pub async fn written_by_others(&self) -> Result<i64, sqlx::Error> {
        sqlx::query_scalar("PRAGMA data_version")
            .fetch_one(&self.write)
            .await
    }
}

/// Creates the file, readable by its owner alone, if it is missing.
pub(super) fn create(url: &str) -> Result<(), OpenError> {
    let path = path_of(url)?;
    match OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
    {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(OpenError::File(path, error)),
    }
}

/// Opens the file, which must exist.
pub(super) async fn open(url: &str) -> Result<Database, OpenError> {
    let path = path_of(url)?;
    // The full path, since a URL would lose what `..` means behind a symbolic link.
    let path = path.canonicalize().map_err(|error| {
        if error.kind() == io::ErrorKind::NotFound {
            OpenError::Missing(path)
        } else {
            OpenError::File(path, error)
        }
    })?;
    connect(&path)
        .await
        .map_err(|error| OpenError::Database(path.display().to_string(), error))
}

async fn connect(path: &Path) -> Result<Database, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let any: AnyConnectOptions = url_of(path)?.parse()?;
    let native = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(false)
        .disable_statement_logging();
    let any = any.disable_statement_logging();
    let write = Connections::new(any.clone(), WRITER, 1);
    write.acquire().await?.give_back();
    let read = Connections::new(any, READER, 8);
    let native = SqlitePoolOptions::new()
        .test_before_acquire(false)
        .max_connections(8)
        .after_connect(|connection, _| {
            Box::pin(async { connection.execute(READER.first).await.map(drop) })
        })
        .connect_lazy_with(native);
    Ok(Database {
        read,
        write,
        native: Native::Sqlite(native),
        place: Place::File(path.to_owned()),
    })
}

pub(super) fn path_of(url: &str) -> Result<PathBuf, OpenError> {
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
