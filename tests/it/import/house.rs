//! A folder with a policy, in which the program is run.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use kadode::ambient::Clock;
use kadode::app::{Opening, Society};
use kadode::config::DataSettings;
use kadode::domain::ids::MemberId;
use serde_json::Value;

use crate::support::app::{code_in, eventually, mails_in, present_code};
use crate::support::kurrent::{Double, double_of, put_on_kurrent};
use crate::support::postgres::{data_in, databases_in, put_on_server};

pub(crate) const HEADER: &str =
    "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal";

/// The sample roster of the repository.
pub(crate) fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/sample-roster.csv")
}

pub(crate) struct House {
    // Before the folder, which cannot be removed as long as it is mounted.
    _disk: Option<Disk>,
    folder: tempfile::TempDir,
}

/// A disk of its own under a folder; unmounted when dropped.
struct Disk(PathBuf);

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

/// What a run of the program left.
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Done {
    pub(crate) fn of(command: &mut Command) -> Self {
        let output = command.output().unwrap();
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The one JSON object on standard output.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// The one line of a refusal, which brings no report.
    pub(crate) fn refusal(&self) -> &str {
        assert_eq!(
            (self.code, self.stdout.as_str()),
            (2, ""),
            "{}",
            self.stderr
        );
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        self.stderr.trim_end()
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::furnished(tempfile::tempdir().unwrap(), None)
    }

    /// Its databases are on the tests' PostgreSQL server.
    pub(crate) fn on_server() -> Self {
        let house = Self::new();
        put_on_server(house.folder.path());
        house
    }

    /// Its events are in a double of KurrentDB.
    pub(crate) fn on_kurrent() -> (Self, Arc<Double>) {
        let house = Self::new();
        let double = put_on_kurrent(house.folder.path());
        (house, double)
    }

    /// A folder on a disk of its own of so many megabytes; none, where none can be mounted.
    pub(crate) fn on_a_disk_of(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount")
            .args([
                "-t",
                "tmpfs",
                "-o",
                &format!("size={megabytes}m"),
                "kadode-test",
            ])
            .arg(folder.path())
            .status();
        let disk = Disk(folder.path().to_owned());
        mount
            .ok()?
            .success()
            .then(|| Self::furnished(folder, Some(disk)))
    }

    fn furnished(folder: tempfile::TempDir, disk: Option<Disk>) -> Self {
        let house = Self {
            _disk: disk,
            folder,
        };
        house.file(
            "policy.toml",
            include_bytes!("../../../policies/sample.toml"),
        );
        house
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A roster of these rows under the usual header.
    pub(crate) fn roster(&self, rows: &str) -> PathBuf {
        self.file("roster.csv", format!("{HEADER}\n{rows}\n").as_bytes())
    }

    /// A roster of so many members; every fourth gets password and user ID from us.
    pub(crate) fn large_roster(&self, members: usize) -> PathBuf {
        let rows: Vec<String> = (0..members)
            .map(|n| {
                if n % 4 == 3 {
                    format!(",1,{n:05},1980-01-01,見本 {n}号,,2026-04-01,0")
                } else {
                    format!("kp{n:05},1,{n:05},1980-01-01,見本 {n}号,,2005-04-01,0")
                }
            })
            .collect();
        self.roster(&rows.join("\n"))
    }

    /// The program with this folder's settings.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kadode"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .env("KADODE_DATABASE", "sqlite:kadode.sqlite")
            .env("KADODE_KEYS", "keys.toml")
            .env("KADODE_POLICY", "policy.toml")
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let (main, Some(keys)) = databases_in(self.folder.path()) {
            command
                .env("KADODE_DATABASE", main)
                .env("KADODE_KEY_DATABASE", keys);
        }
        if let Some(double) = double_of(self.folder.path()) {
            command.env("KADODE_EVENTS", double.url());
        }
        command
    }

    pub(crate) fn import(&self, roster: &Path, arguments: &[&str]) -> Done {
        Done::of(self.command(&["import"]).arg(roster).args(arguments))
    }

    pub(crate) fn data(&self) -> DataSettings {
        data_in(self.folder.path())
    }

    pub(crate) async fn society(&self) -> Society {
        Society::open(&self.data(), Opening::TO_READ, Clock::machine(), |_| ())
            .await
            .unwrap()
    }

    /// Every enrolment in the log, with its member.
    pub(crate) async fn enrolments(&self) -> Vec<(MemberId, Value)> {
        let society = self.society().await;
        let events = society.log.read_after(0, 1_000_000).await.unwrap();
        society.close().await;
        events
            .into_iter()
            .filter(|event| event.event_type == "MemberEnrolled")
            .map(|event| (event.stream_id.parse().unwrap(), event.payload))
            .collect()
    }

    /// What is in a mail of the folder `mails`, once one has it.
    pub(crate) async fn mailed(&self, find: impl Fn(&str) -> Option<String>) -> String {
        let folder = self.path("mails");
        eventually("a mail", || {
            std::future::ready(mails_in(&folder).iter().find_map(|mail| find(mail)))
        })
        .await
    }

    /// A member's code that counts now, from its mail.
    pub(crate) async fn mailed_code(&self, member: MemberId) -> String {
        let society = self.society().await;
        let present = present_code(&society, member).await;
        society.close().await;
        self.mailed(|mail| code_in(mail).filter(|code| *code == present))
            .await
    }

    /// The letters of a file, which is as the contract has it.
    pub(crate) fn letters(&self, name: &str) -> Vec<BTreeMap<String, String>> {
        let text = fs::read_to_string(self.path(name)).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap();
        assert_eq!(
            text.lines().next().unwrap(),
            "user_id,password,name,symbol,number,expires_on"
        );
        csv::Reader::from_reader(text.as_bytes())
            .deserialize()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// The names of all files in the folder but the roster.
    pub(crate) fn files(&self) -> Vec<String> {
        self.contents()
            .into_keys()
            .filter(|name| name != "roster.csv")
            .collect()
    }

    /// All files in the folder, byte for byte.
    pub(crate) fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        fs::read_dir(self.folder.path())
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read(path).unwrap())
            })
            .collect()
    }
}
