//! PostgreSQL: how its server is reached, and what each connection is told first.

use std::time::Duration;

use sqlx::any::AnyConnectOptions;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, Executor};
use tokio::time::timeout;

use super::connections::{Connections, Settings};
use super::{Database, Native, OpenError, Place};

/// Connections of each kind (reading, writing, the event repository's), opened when they are needed: with some to spare, three
/// nodes fit into the hundred that a server has by default.
const CONNECTIONS: u32 = 8;

/// How long to wait for a connection of the event repository's: no longer than its commands do.
const PATIENCE: Duration = Duration::from_secs(2);

/// Longer than any single statement of ours takes (judgement).
const STATEMENT: Duration = Duration::from_secs(30);

/// The names of the advisory locks, within the numbers that are ours: "Kado" in ASCII.
pub(super) const OURS: i32 = 0x4b61_646f;
/// Held by a transaction that must not have another beside it: see [`Database::begin`].
const WRITING: i32 = 1;
/// Held by an import as long as it runs.
pub(super) const IMPORTING: i32 = 3;
/// Held by the node that leads.
pub(super) const LEADING: i32 = 4;

/// A node that was frozen, or cut off, must not keep its locks: the server ends a transaction that is idle for two seconds, before another node
/// takes the lead, and finds out within some more that nobody is at the other end.
macro_rules! first {
    ($more:literal) => {
        concat!(
            "SET client_min_messages = warning; SET timezone = 'UTC'; SET lock_timeout = '1500ms'; \
             SET idle_in_transaction_session_timeout = '2s'; SET tcp_keepalives_idle = 5; SET tcp_keepalives_interval = 2; \
             SET tcp_keepalives_count = 3; SET tcp_user_timeout = '10s';",
            $more
        )
    };
}

const WRITER: Settings = Settings {
    first: first!(""),
    // One lock for all nodes, as SQLite's is for all programs: what a transaction reads stays true until it commits.
    begin: "BEGIN; SELECT pg_advisory_xact_lock(1264673903, 1)",
    together: false,
    patience: Some(STATEMENT),
    trusted_for: Some(Duration::from_secs(1)),
};
const READER: Settings = Settings {
    first: first!("SET default_transaction_read_only = on;"),
    begin: "BEGIN ISOLATION LEVEL REPEATABLE READ",
    together: false,
    patience: Some(STATEMENT),
    trusted_for: Some(Duration::from_secs(1)),
};
const _: () = assert!(OURS == 1_264_673_903 && WRITING == 1);

/// Whether the URL is one of a PostgreSQL server.
pub(super) fn is_meant(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// The URL as it may be shown: without user and password.
pub(super) fn shown(url: &str) -> Result<String, OpenError> {
    let options = parse(url)?;
    let database = options.get_database().unwrap_or_default();
    Ok(format!(
        "postgres://{}:{}/{database}",
        options.get_host(),
        options.get_port()
    ))
}

fn parse(url: &str) -> Result<PgConnectOptions, OpenError> {
    // The error may hold parts of the URL.
    url.parse().map_err(|_: sqlx::Error| OpenError::ServerUrl)
}

/// Opens the database, which must exist.
pub(super) async fn open(url: &str) -> Result<Database, OpenError> {
    let shown = shown(url)?;
    let native = parse(url)?.disable_statement_logging();
    connect(url, native, shown.clone())
        .await
        .map_err(|error| OpenError::Database(shown, error))
}

async fn connect(
    url: &str,
    native: PgConnectOptions,
    shown: String,
) -> Result<Database, sqlx::Error> {
    sqlx::any::install_default_drivers();
    let any: AnyConnectOptions = url.parse()?;
    let any = any.disable_statement_logging();
    let write = Connections::new(any.clone(), WRITER, CONNECTIONS);
    write.acquire().await?.give_back();
    let read = Connections::new(any, READER, CONNECTIONS);
    let native = PgPoolOptions::new()
        .test_before_acquire(false)
        .max_connections(CONNECTIONS)
        .acquire_timeout(PATIENCE)
        .after_connect(|connection, _| {
            Box::pin(async { connection.execute(WRITER.first).await.map(drop) })
        })
        // The pool's own look at what comes back waits for ever where the network fell silent, and keeps the connection's place.
        .after_release(|connection, _| {
            Box::pin(async {
                let answer = timeout(PATIENCE, connection.ping()).await;
                Ok(matches!(answer, Ok(Ok(()))))
            })
        })
        .connect_lazy_with(native);
    Ok(Database {
        read,
        write,
        native: Native::Postgres(native),
        place: Place::Server(shown),
    })
}
