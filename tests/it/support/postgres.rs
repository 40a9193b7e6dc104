//! Databases on the PostgreSQL server that `scripts/with-postgres` starts for the tests, and servers of a test's own.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard};

use kadode::config::DataSettings;
use kadode::database::{self, Database};
use rustix::process::{Pid, Signal, kill_process};
use sqlx::{Connection, Executor, PgConnection};
use tempfile::TempDir;

use super::app::eventually;

use super::kurrent::double_of;

/// The role that owns the databases, and is no superuser.
pub const OWNER: &str = "kadode_owner";

/// The role that the program connects as; it owns nothing.
pub const ROLE: &str = "kadode_program";

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

/// The port of that server.
pub fn port_of_server() -> u16 {
    url::Url::parse(&server()).unwrap().port().unwrap()
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
        Self::on(&server()).await
    }

    /// Fresh ones on the server of this URL.
    pub async fn on(server: &str) -> Self {
        let mut connection = PgConnection::connect(&format!("{server}/postgres"))
            .await
            .unwrap();
        for role in [OWNER, ROLE] {
            let role = format!(
                "DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
            );
            connection.execute(&*role).await.unwrap();
        }
        drop_those_of_ended_tests(&mut connection).await;
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

/// Some hundred databases would fill a small disk.
async fn drop_those_of_ended_tests(connection: &mut PgConnection) {
    let names: Vec<String> =
        sqlx::query_scalar("SELECT datname FROM pg_database WHERE datname LIKE 'test\\_%'")
            .fetch_all(&mut *connection)
            .await
            .unwrap();
    for name in names {
        let process = name.split('_').nth(1).unwrap();
        if !Path::new("/proc").join(process).exists() {
            // Another test may be at it too.
            let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            let _ = connection.execute(&*drop).await;
        }
    }
}

/// A PostgreSQL server of a test's own, which the test may kill: the one of [`Places::new`] is everybody's.
pub struct Server {
    folder: TempDir,
    port: u16,
    options: &'static [&'static str],
    postmaster: Child,
}

/// Keeps its word only as long as the machine runs, which is enough where only processes are killed.
pub const QUICK: &[&str] = &["fsync=off"];

impl Server {
    /// A fresh one, with these settings.
    pub async fn start(options: &'static [&'static str]) -> Self {
        Self::start_with(options, None).await
    }

    /// A fresh one that offers TLS with this certificate and its key (PEM), and answers nobody without.
    pub async fn start_with_tls(certificate: &str, key: &str) -> Self {
        Self::start_with(&["fsync=off", "ssl=on"], Some((certificate, key))).await
    }

    async fn start_with(options: &'static [&'static str], tls: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        if let Some((user, group)) = server_user() {
            chown(folder.path(), Some(user), Some(group)).unwrap();
        }
        let made = as_server("initdb", folder.path())
            .args(["-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8"])
            .args(["--locale=C.UTF-8", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        if let Some((certificate, key)) = tls {
            let data = folder.path().join("data");
            let only_tls = "hostssl all all all trust\n";
            for (name, text) in [
                ("server.crt", certificate),
                ("server.key", key),
                ("pg_hba.conf", only_tls),
            ] {
                let path = data.join(name);
                fs::write(&path, text).unwrap();
                fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
                if let Some((user, group)) = server_user() {
                    chown(&path, Some(user), Some(group)).unwrap();
                }
            }
        }
        let port = free_port();
        let postmaster = postmaster(folder.path(), port, options);
        let mut server = Self {
            folder,
            port,
            options,
            postmaster,
        };
        server.answers().await;
        server
    }

    /// Its port on this machine.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Its URL, without a database.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}", self.port)
    }

    /// Ends all of its processes at once, as the machine's failing does.
    pub fn kill(&mut self) {
        if self.postmaster.try_wait().unwrap().is_some() {
            return;
        }
        let postmaster = i32::try_from(self.postmaster.id()).unwrap();
        // So that it neither starts others nor ends those it has.
        send(postmaster, Signal::STOP);
        for process in children_of(postmaster) {
            send(process, Signal::KILL);
        }
        self.postmaster.kill().unwrap();
        self.postmaster.wait().unwrap();
    }

    /// Starts it on what the kill has left.
    pub async fn start_again(&mut self) {
        self.postmaster = postmaster(self.folder.path(), self.port, self.options);
        self.answers().await;
    }

    async fn answers(&mut self) {
        let url = format!("{}/postgres", self.url());
        eventually("the server", || {
            if let Some(status) = self.postmaster.try_wait().unwrap() {
                let said = fs::read_to_string(self.folder.path().join("log")).unwrap();
                // Processes that were killed a moment ago may still hold what it needs.
                assert!(said.contains("still in use"), "{status}: {said}");
                self.postmaster = postmaster(self.folder.path(), self.port, self.options);
            }
            async { PgConnection::connect(&url).await.ok() }
        })
        .await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// One that stays free while the server is down: below those that the system gives to whoever asks for any.
fn free_port() -> u16 {
    let spread = std::process::id() % 8000 * 97 + MADE.fetch_add(1, Ordering::Relaxed);
    (0..8000)
        .map(|further| 12_000 + u16::try_from((spread + further) % 8000).unwrap())
        .find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok())
        .unwrap()
}

fn postmaster(folder: &Path, port: u16, options: &[&str]) -> Child {
    let log = fs::File::create(folder.join("log")).unwrap();
    let mut command = as_server("postgres", folder);
    let port = format!("port={port}");
    for option in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        &port,
    ]
    .iter()
    .chain(options)
    {
        command.args(["-c", option]);
    }
    command
        .args(["-D", "data"])
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

/// One of PostgreSQL's programs, run by whom its server belongs to.
pub fn as_server(program: &str, folder: &Path) -> Command {
    // Debian's place, the newest version; else wherever the shell finds it.
    let mut versions: Vec<_> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|version| version.unwrap().path().join("bin").join(program))
        .collect();
    versions.sort();
    let path = versions.pop().unwrap_or_else(|| program.into());
    let mut command = Command::new(path);
    command.current_dir(folder).stdin(Stdio::null());
    if let Some((user, group)) = server_user() {
        command.uid(user).gid(group);
    }
    command
}

/// The server refuses to run as root; the package has a user for it.
fn server_user() -> Option<(u32, u32)> {
    let number = |arguments: &[&str]| {
        let told = Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(told.stdout).unwrap().trim().parse().ok()
    };
    (number(&["-u"]) == Some(0)).then(|| {
        let of_server = |which| number(&[which, "postgres"]).unwrap();
        (of_server("-u"), of_server("-g"))
    })
}

fn children_of(parent: i32) -> Vec<i32> {
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let Ok(process) = entry.unwrap().file_name().to_string_lossy().parse() else {
            continue;
        };
        // The fields after the name, which stands in brackets: state, parent, …
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
        let fields = stat.rsplit_once(") ").map(|(_, fields)| fields);
        let its = fields.and_then(|fields| fields.split(' ').nth(1)?.parse().ok());
        if its == Some(parent) {
            children.push(process);
        }
    }
    children
}

/// Sends a signal to a process, which may have ended.
pub fn send(process: i32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(process).unwrap(), signal);
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

/// Gives the program in `folder` these databases.
pub fn put_into(folder: &Path, places: Places) {
    on_server().insert(folder.to_owned(), places);
}

/// The programs' folders whose databases are on the server.
fn on_server() -> MutexGuard<'static, HashMap<PathBuf, Places>> {
    static ON_SERVER: LazyLock<Mutex<HashMap<PathBuf, Places>>> = LazyLock::new(Mutex::default);
    ON_SERVER.lock().unwrap()
}

/// The main database of the program in `folder`, as its owner sees it.
pub fn owner_of(folder: &Path) -> String {
    on_server()[folder].owner.clone()
}

/// The settings of the program in `folder`.
pub fn data_in(folder: &Path) -> DataSettings {
    let (database, key_database) = databases_in(folder);
    DataSettings {
        database,
        events: double_of(folder).map(|double| double.url()),
        key_database,
        keys: Some(folder.join("keys.toml")),
        witness_file: Vec::new(),
        operator: None,
        policy: Some(folder.join("policy.toml")),
    }
}
