//! Databases on the PostgreSQL server that `scripts/with-postgres` starts for the tests.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard};

use kadode::config::DataSettings;
use kadode::database::{self, Database};
use sqlx::{Connection, Executor, PgConnection};

use super::kurrent::double_of;

/// The role that owns the databases, and is no superuser.
const OWNER: &str = "kadode_owner";

/// The role that the program connects as; it owns nothing.
const ROLE: &str = "kadode_program";

static MADE: AtomicU32 = AtomicU32::new(0);

/// A database with our tables, and one with those of the keys: fresh, for one test.
#[derive(Clone)]
pub struct Places {
    /// The main one, as its owner sees it.
    pub owner: String,
    /// The main one, as the program does.
    pub main: String,
    /// The key database, as the program sees it.
    pub keys: String,
}

/// The server's URL, without a database.
fn server() -> String {
    let Some(url) = std::env::var_os("KADODE_TEST_POSTGRES") else {
        panic!(
            "tests on PostgreSQL need a server: `scripts/test FILTER`, or `scripts/with-postgres cargo nextest run FILTER`"
        );
    };
    url.into_string().unwrap()
}

impl Places {
    /// As [`Places::new`], for whoever cannot wait.
    fn new_now() -> Self {
        let made = std::thread::spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(Self::new())
        });
        made.join().unwrap()
    }

    /// Fresh ones, migrated, with the rights of the role given.
    pub async fn new() -> Self {
        let server = server();
        let mut connection = PgConnection::connect(&format!("{server}/postgres"))
            .await
            .unwrap();
        for role in [OWNER, ROLE] {
            let role = format!(
                "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            );
            connection.execute(&*role).await.unwrap();
        }
        let mut urls = Vec::new();
        for tables in [&database::MAIN, &database::KEYS] {
            let made = MADE.fetch_add(1, Ordering::Relaxed);
            let name = format!("test_{}_{made}", std::process::id());
            connection
                .execute(&*format!(
                    "CREATE DATABASE {name} OWNER {OWNER} TEMPLATE template0"
                ))
                .await
                .unwrap();
            let url = format!("{server}/{name}").replacen("postgres@", &format!("{OWNER}@"), 1);
            let database = Database::open(&url).await.unwrap();
            database.migrate(tables).await.unwrap();
            database.grant(ROLE).await.unwrap();
            database.close().await;
            urls.push(url);
        }
        let as_role = |url: &String| url.replacen(OWNER, ROLE, 1);
        Self {
            main: as_role(&urls[0]),
            keys: as_role(&urls[1]),
            owner: urls.swap_remove(0),
        }
    }
}

/// The databases of the program in `folder`: files in it or, with `KADODE_TEST_ON=postgres`, two on the tests' server.
pub fn databases_in(folder: &Path) -> (String, Option<String>) {
    if std::env::var_os("KADODE_TEST_ON").is_some_and(|on| on == "postgres") {
        put_on_server(folder);
    }
    match on_server().get(folder) {
        Some(Places { main, keys, .. }) => (main.clone(), Some(keys.clone())),
        None => (
            format!("sqlite:{}", folder.join("kadode.sqlite").display()),
            None,
        ),
    }
}

/// Gives the program in `folder` databases on the tests' server.
pub fn put_on_server(folder: &Path) {
    on_server()
        .entry(folder.to_owned())
        .or_insert_with(Places::new_now);
}

/// The programs' folders whose databases are on the server.
fn on_server() -> MutexGuard<'static, HashMap<PathBuf, Places>> {
    static ON_SERVER: LazyLock<Mutex<HashMap<PathBuf, Places>>> = LazyLock::new(Mutex::default);
    ON_SERVER.lock().unwrap()
}

/// The settings of the program in `folder`.
pub fn data_in(folder: &Path) -> DataSettings {
    let (database, key_database) = databases_in(folder);
    DataSettings {
        database,
        events: double_of(folder).map(|double| double.url()),
        key_database,
        keys: Some(folder.join("keys.toml")),
        policy: Some(folder.join("policy.toml")),
    }
}
