//! The floors: one-row inserts of an event's size, and stock cqrs-es with sqlite-es or postgres-es.

use std::collections::HashMap;
use std::process::Command;
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cqrs_es::CqrsFramework;
use cqrs_es::persist::PersistedEventStore;
use kadode::database::{Database, Native};
use kadode::domain::ids::MemberId;
use kadode::domain::onboarding::{Issued, Onboarding};
use postgres_es::PostgresEventRepository;
use sqlite_es::SqliteEventRepository;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use tempfile::TempDir;

use crate::work::{Rate, Worker, fresh, fresh_database, rate};
use crate::{Fault, Kind};

/// The tables of stock cqrs-es, as its documentation has them.
const STOCK: &str = "CREATE TABLE events (aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, sequence BIGINT NOT NULL, \
     event_type TEXT NOT NULL, event_version TEXT NOT NULL, payload JSON NOT NULL, metadata JSON NOT NULL, \
     PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

/// Like the table of stock cqrs-es.
const RAW: &str = "CREATE TABLE raw (aggregate_type TEXT NOT NULL, aggregate_id TEXT NOT NULL, sequence BIGINT NOT NULL, \
     payload TEXT NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

/// About as long as payload and metadata of a sign-in.
const LENGTH: usize = 600;

/// Stock cqrs-es; the pools are those that its own crates make.
#[derive(Clone)]
pub(crate) enum Stock {
    Sqlite {
        framework:
            Arc<CqrsFramework<Onboarding, PersistedEventStore<SqliteEventRepository, Onboarding>>>,
        _folder: Arc<TempDir>,
    },
    Postgres(
        Arc<CqrsFramework<Onboarding, PersistedEventStore<PostgresEventRepository, Onboarding>>>,
    ),
}

impl Stock {
    pub(crate) async fn open(kind: Kind) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let url = fresh_database(kind, &folder, "stock").await?;
        Ok(match kind {
            Kind::Sqlite => {
                // As sqlite_es::default_sqlite_pool, but FULL, as ours is.
                let options = SqliteConnectOptions::from_str(&url)?
                    .create_if_missing(true)
                    .journal_mode(SqliteJournalMode::Wal)
                    .synchronous(SqliteSynchronous::Full);
                let pool = SqlitePoolOptions::new()
                    .max_connections(10)
                    .connect_with(options)
                    .await?;
                sqlx::query(STOCK).execute(&pool).await?;
                let store = PersistedEventStore::new_event_store(SqliteEventRepository::new(pool));
                let framework = CqrsFramework::new(store, Vec::new(), ());
                Self::Sqlite {
                    framework: Arc::new(framework),
                    _folder: Arc::new(folder),
                }
            }
            Kind::Postgres => {
                let pool = postgres_es::default_postgress_pool(&url).await;
                sqlx::query(STOCK).execute(&pool).await?;
                let store =
                    PersistedEventStore::new_event_store(PostgresEventRepository::new(pool));
                Self::Postgres(Arc::new(CqrsFramework::new(store, Vec::new(), ())))
            }
        })
    }
}

impl Worker for Stock {
    async fn give(&self, member: MemberId, command: Issued) -> Result<(), Fault> {
        let id = member.to_string();
        // As much as ours has.
        let metadata: HashMap<String, String> = [
            ("actor", "system"),
            ("actor_id", "bench"),
            ("command", "Bench"),
            ("command_id", &id),
            ("policy", "sample-2026-04@0123456789abcdef"),
            ("software", "kadode"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into();
        match self {
            Self::Sqlite { framework, .. } => loop {
                let given = framework
                    .execute_with_metadata(&id, command.clone(), metadata.clone())
                    .await;
                match given {
                    Ok(()) => return Ok(()),
                    // SQLITE_BUSY: whoever uses it as it comes has to try again.
                    Err(error) if error.to_string().contains("locked") => {}
                    Err(error) => return Err(error.to_string().into()),
                }
            },
            Self::Postgres(framework) => framework
                .execute_with_metadata(&id, command, metadata)
                .await
                .map_err(|error| error.to_string().into()),
        }
    }
}

/// One-row inserts, over as many connections as ours has.
pub(crate) async fn raw(kind: Kind, clients: usize, lasting: Duration) -> Result<Rate, Fault> {
    let folder = tempfile::tempdir()?;
    let url = fresh_database(kind, &folder, &format!("raw{clients}")).await?;
    let database = Database::open(&url).await?;
    sqlx::query(RAW).execute(&database.write).await?;
    let inserted = rate(clients, lasting, |until| {
        let database = database.clone();
        async move {
            let payload = "x".repeat(LENGTH);
            let sql = "INSERT INTO raw VALUES ('onboarding', $1, 1, $2)";
            let mut times = Vec::new();
            loop {
                let began = Instant::now();
                if began >= until {
                    return Ok(times);
                }
                let id = fresh().to_string();
                match &database.native {
                    Native::Sqlite(_) => {
                        let query = sqlx::query(sql).bind(id).bind(payload.clone());
                        query.execute(&database.write).await.map(drop)?;
                    }
                    Native::Postgres(pool) => {
                        let query = sqlx::query(sql).bind(id).bind(payload.clone());
                        query.execute(pool).await.map(drop)?;
                    }
                }
                times.push(began.elapsed());
            }
        }
    })
    .await;
    database.close().await;
    inserted
}

/// The same by the server's own benchmark, over as many connections as there are clients.
pub(crate) fn raw_by_pgbench(clients: usize, lasting: Duration) -> Result<String, Fault> {
    let folder = tempfile::tempdir()?;
    let script = folder.path().join("insert.sql");
    std::fs::write(
        &script,
        format!(
            "INSERT INTO raw VALUES ('onboarding', gen_random_uuid()::text, 1, repeat('x', {LENGTH}));\n"
        ),
    )?;
    let server = crate::work::server()?;
    // The table is there from the inserts before.
    let database = format!("{server}/bench_raw{clients}_{}", std::process::id());
    let clients = clients.to_string();
    let output = Command::new("pgbench")
        .args([
            "--no-vacuum",
            "--protocol=prepared",
            "--jobs=2",
            "--client",
            &clients,
        ])
        .args(["--time", &lasting.as_secs().to_string()])
        .arg("--file")
        .arg(&script)
        .arg(&database)
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let rate = said
        .lines()
        .find_map(|line| line.strip_prefix("tps = ")?.split(' ').next());
    let rate: f64 = rate
        .ok_or_else(|| {
            format!(
                "pgbench: {said} {}",
                String::from_utf8_lossy(&output.stderr)
            )
        })?
        .parse()?;
    Ok(format!("{rate:.0} a second"))
}
