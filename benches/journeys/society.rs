//! A society in a temporary folder: its roster, the program that serves it in a process of its own, and what its log holds afterwards.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use kadode::ambient::Clock;
use kadode::app::{Opening, Society as Opened};
use kadode::config::DataSettings;
use tempfile::TempDir;

use crate::Fault;
use crate::http::Browser;
use crate::processor::{used, used_by_threads};

/// Every member's.
pub(crate) const BIRTH_DATE: &str = "1980-01-01";

/// How long the program may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(20);

/// A member on the roster.
pub(crate) struct Member {
    pub(crate) number: usize,
}

impl Member {
    pub(crate) fn user_id(&self) -> String {
        format!("kp{:05}", self.number)
    }

    /// 記号, 番号 and 生年月日, one after the other.
    pub(crate) fn initial_password(&self) -> String {
        let date = BIRTH_DATE.replace('-', "");
        format!("{}{:05}{date}", self.symbol(), self.number)
    }

    pub(crate) fn own_password(&self) -> String {
        format!("clear morning rook {:05}", self.number)
    }

    pub(crate) fn address(&self) -> String {
        format!("m{:05}@example.jp", self.number)
    }

    fn symbol(&self) -> usize {
        self.number % 40 + 1
    }

    fn row(&self) -> String {
        let (id, symbol, number) = (self.user_id(), self.symbol(), self.number);
        format!("{id},{symbol},{number:05},{BIRTH_DATE},見本 {number}号,,2005-04-01,0\n")
    }
}

/// The folder, and the program on it; dropping it ends the program and removes the folder.
pub(crate) struct Society {
    folder: TempDir,
    child: Child,
    /// Where members reach it.
    pub(crate) address: SocketAddr,
    metrics: SocketAddr,
}

/// The processor's time that the program has used.
pub(crate) struct Used {
    pub(crate) all: Duration,
    /// By the threads that hash.
    pub(crate) argon2: Duration,
}

impl Society {
    /// Imports so many members, and serves them.
    pub(crate) async fn open(members: usize) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let policy = include_bytes!("../../policies/sample.toml");
        fs::write(folder.path().join("policy.toml"), policy)?;
        let mut roster =
            "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal\n"
                .to_owned();
        for number in 0..members {
            roster.push_str(&Member { number }.row());
        }
        fs::write(folder.path().join("roster.csv"), roster)?;
        finished(&command(&folder, &["import", "roster.csv"]).output()?)?;
        let said = folder.path().join("said.txt");
        let out = File::create(&said)?;
        let mut child = command(&folder, &["serve", "--listen", "127.0.0.1:0"])
            .args(["--metrics", "127.0.0.1:0", "--mail", "file:mails"])
            .args(["--trusted-proxy", "127.0.0.1"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(out)
            .spawn()?;
        let addresses = eventually(|| {
            let said = fs::read_to_string(&said)?;
            if let Some(status) = child.try_wait()? {
                return Err(format!("kadode serve ended with {status}: {said}").into());
            }
            Ok(address_after("(listening on ", &said)
                .zip(address_after("metrics on http://", &said)))
        })
        .await;
        let (address, metrics) = addresses.inspect_err(|_| drop(child.kill()))?;
        Ok(Self {
            folder,
            child,
            address,
            metrics,
        })
    }

    /// The folder in which mails appear.
    pub(crate) fn mails(&self) -> PathBuf {
        self.folder.path().join("mails")
    }

    /// The processor's time that the program has used so far.
    pub(crate) fn used(&self) -> Result<Used, Fault> {
        let folder = PathBuf::from(format!("/proc/{}", self.child.id()));
        Ok(Used {
            all: used(&folder)?,
            argon2: used_by_threads(&folder, "argon2")?,
        })
    }

    /// A counter among the program's metrics; one that has counted nothing yet is not there.
    pub(crate) async fn counted(&self, name: &str) -> Result<u64, Fault> {
        let answer = Browser::new(self.metrics, 0).get("/metrics").await?;
        let text = String::from_utf8(answer.body)?;
        let line = text.lines().find(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([' ', '{']))
        });
        let count = line.and_then(|line| line.rsplit(' ').next());
        Ok(count.map(str::parse).transpose()?.unwrap_or(0))
    }

    /// Stops the program, lets `kadode check` look, and answers with the names of each member's events, in their order.
    pub(crate) async fn close(mut self) -> Result<HashMap<String, Vec<String>>, Fault> {
        // The shell's own kill, for this one process.
        let id = self.child.id();
        Command::new("kill")
            .args(["-TERM", &id.to_string()])
            .status()?;
        let child = &mut self.child;
        let status = eventually(|| Ok(child.try_wait()?)).await?;
        if !status.success() {
            return Err(format!("kadode serve ended with {status}").into());
        }
        finished(&command(&self.folder, &["check"]).output()?)?;
        let path = |name: &str| self.folder.path().join(name);
        let settings = DataSettings {
            database: format!("sqlite:{}", path("kadode.sqlite").display()),
            events: None,
            key_database: None,
            keys: Some(path("keys.toml")),
            witness_file: Vec::new(),
            operator: None,
            policy: Some(path("policy.toml")),
        };
        let opened = Opened::open(&settings, Opening::TO_READ, Clock::machine(), |_| ());
        let opened = opened.await.map_err(|fault| fault.0)?;
        let events = opened.log.read_after(0, i64::MAX).await;
        opened.close().await;
        let mut streams: HashMap<String, Vec<String>> = HashMap::new();
        for event in events? {
            if event.stream_kind == "onboarding" {
                streams
                    .entry(event.stream_id)
                    .or_default()
                    .push(event.event_type);
            }
        }
        Ok(streams)
    }
}

impl Drop for Society {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with this folder's settings and no others.
fn command(folder: &TempDir, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kadode"));
    command
        .current_dir(folder.path())
        .env_clear()
        .env("KADODE_DATABASE", "sqlite:kadode.sqlite")
        .env("KADODE_KEYS", "keys.toml")
        .env("KADODE_POLICY", "policy.toml")
        .env("KADODE_LOG", "warn")
        .args(arguments);
    command
}

fn finished(output: &Output) -> Result<(), Fault> {
    if output.status.success() {
        return Ok(());
    }
    let mut text = format!("kadode ended with {}: ", output.status);
    for part in [&output.stdout, &output.stderr] {
        write!(text, "{}", String::from_utf8_lossy(part))?;
    }
    Err(text.into())
}

/// Looks again and again until there is something.
async fn eventually<T>(mut look: impl FnMut() -> Result<Option<T>, Fault>) -> Result<T, Fault> {
    let looking = async {
        loop {
            if let Some(found) = look()? {
                return Ok(found);
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looking).await?
}

fn address_after(marker: &str, said: &str) -> Option<SocketAddr> {
    let (_, rest) = said.split_once(marker)?;
    let end = rest.find(|c: char| c != ':' && c != '.' && !c.is_ascii_digit())?;
    rest[..end].parse().ok()
}
