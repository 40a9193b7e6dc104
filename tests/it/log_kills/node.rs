//! A node: a process that serves a society and gives commands as fast as they are taken, and keeps a journal of the answers.

use std::convert::Infallible;
use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use kadode::ambient::Clock;
use kadode::api::blocklist::blocklist;
use kadode::app::{Opening, Serving, Society};
use kadode::commands::{CommandError, Outcome};
use kadode::config::{DataSettings, PublicUrl};
use kadode::domain::ids::{ChallengeId, MemberId, SessionId};
use kadode::domain::onboarding::{
    Command as Step, Issued, LogOutReason, NewCode, Onboarding, PasswordCheck, Refusal,
};
use kadode::domain::values::{KeyId, Language};
use kadode::mail::Transport;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::support::text_setting;
use crate::support::walk::enrol;

/// The test that is the nodes' program too.
const TEST: &str = "log_kills::nothing_is_lost_doubled_skipped_or_reordered_whatever_is_killed";

/// How many commands a node has under way at once.
const WRITERS: usize = 16;

/// What a node works on.
#[derive(Debug)]
pub(super) struct Job {
    /// With key file and policy, and for the journal.
    pub(super) folder: PathBuf,
    pub(super) database: String,
    pub(super) key_database: String,
    pub(super) number: usize,
    /// How many members there are.
    pub(super) streams: usize,
}

impl Job {
    /// The one in this process's environment.
    pub(super) fn given() -> Option<Self> {
        let job: Value = serde_json::from_str(&text_setting("KADODE_TEST_NODE")?).unwrap();
        let text = |name: &str| job[name].as_str().unwrap().to_owned();
        let number = |name: &str| usize::try_from(job[name].as_u64().unwrap()).unwrap();
        Some(Self {
            folder: text("folder").into(),
            database: text("database"),
            key_database: text("key_database"),
            number: number("number"),
            streams: number("streams"),
        })
    }

    fn as_text(&self) -> String {
        let Self {
            folder,
            database,
            key_database,
            number,
            streams,
        } = self;
        json!({
            "folder": folder, "database": database, "key_database": key_database, "number": number, "streams": streams,
        })
        .to_string()
    }
}

/// A running node; dropping it kills it.
pub(super) struct Node {
    process: Child,
    said: PathBuf,
}

impl Node {
    pub(super) fn start(job: &Job) -> Self {
        let said = job.folder.join(format!("node-{}.log", job.number));
        let out = File::create(&said).unwrap();
        let process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", TEST, "--nocapture"])
            .env("KADODE_TEST_NODE", job.as_text())
            .stdin(Stdio::null())
            .stderr(out.try_clone().unwrap())
            .stdout(out)
            .spawn()
            .unwrap();
        Self { process, said }
    }

    /// Ends it with SIGKILL. Fails if it had ended before.
    pub(super) fn kill(mut self) {
        let ended = self.process.try_wait().unwrap();
        let said = std::fs::read_to_string(&self.said).unwrap();
        assert!(ended.is_none() && !said.contains("panicked"), "{said}");
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The journal of a node: a line an answer.
pub(super) fn journal_of(folder: &std::path::Path, number: usize) -> PathBuf {
    folder.join(format!("journal-{number}"))
}

/// Works until it is killed.
pub(super) async fn work(job: Job) {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::WARN)
        .with_ansi(false)
        .init();
    let society = open(&job).await;
    let address = ([127, 0, 0, 1], 80).into();
    let mails = format!("file:{}", job.folder.join("mails").display());
    let served = society.serve(Serving {
        public_url: PublicUrl::choose(None, address).unwrap(),
        trusted_proxies: Vec::new(),
        transport: Transport::open(&mails, None).unwrap(),
        blocklist: blocklist(),
    });
    let journal = Arc::new(File::create(journal_of(&job.folder, job.number)).unwrap());
    let mut writers = JoinSet::new();
    for _ in 0..WRITERS {
        let (society, journal) = (society.clone(), journal.clone());
        writers.spawn(async move {
            let mut random = StdRng::from_os_rng();
            loop {
                let member = random.random_range(1..=job.streams);
                let line = give(&society, member, &mut random).await;
                // Whole lines, which outlive this process.
                (&*journal).write_all(line.as_bytes()).unwrap();
            }
        });
    }
    let ended = writers.join_next().await;
    drop(served);
    panic!("{ended:?}");
}

/// Again and again, as whoever starts nodes does where the database is away.
async fn open(job: &Job) -> Society {
    let settings = DataSettings {
        database: job.database.clone(),
        key_database: Some(job.key_database.clone()),
        keys: Some(job.folder.join("keys.toml")),
        witness_file: Vec::new(),
        operator: None,
        events: None,
        policy: Some(job.folder.join("policy.toml")),
    };
    loop {
        match Society::open(&settings, Opening::TO_READ, Clock::machine(), |_| {}).await {
            Ok(society) => return society,
            Err(fault) => {
                println!("{fault}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Gives one command, and answers with its line in the journal.
async fn give(society: &Society, member: usize, random: &mut StdRng) -> String {
    let attribution = society.attribution("Test", "test");
    let command = attribution.id;
    let member = MemberId(Uuid::from_u128(member.try_into().unwrap()));
    let (giver, mut random, mut again) = (society.clone(), StdRng::from_rng(random), false);
    let limits = Arc::new(society.policy.policy.limits.clone());
    let outcome = society
        .commands
        .run::<Onboarding, Infallible, _, _>(member.to_string(), attribution, move |state| {
            let step = step(
                &giver,
                &state,
                std::mem::replace(&mut again, true),
                &mut random,
            );
            let (at, limits) = (giver.clock.now(), limits.clone());
            std::future::ready(Ok(Issued {
                at,
                limits,
                command: step,
            }))
        })
        .await;
    said(&outcome, &command.to_string())
}

fn said(
    outcome: &Result<Outcome<Onboarding>, CommandError<Refusal, Infallible>>,
    command: &str,
) -> String {
    match outcome {
        Ok(outcome) => format!(
            "{command} stored {} {}\n",
            outcome.events.len(),
            outcome.mark
        ),
        Err(CommandError::Refused(_)) => format!("{command} refused\n"),
        Err(CommandError::Busy) => format!("{command} given-up\n"),
        Err(CommandError::Store(_)) => format!("{command} unknown\n"),
        Err(CommandError::Unsettled(never)) => match *never {},
    }
}

/// Steps that ask for no mails. A second try, after whatever happened to the first, is now and then one that is refused: then the first must
/// not happen after all.
fn step(society: &Society, state: &Onboarding, again: bool, random: &mut StdRng) -> Step {
    let nobody = SessionId(Uuid::nil());
    let session = state.session.as_ref().map_or(nobody, |open| open.id);
    if state.enrolment.is_none() || again && random.random_range(0..4) == 0 {
        return enrol(society);
    }
    match random.random_range(0..10) {
        0 => Step::LogOut {
            session,
            why: LogOutReason::Member,
        },
        1 => Step::ConfirmBirthDate {
            session,
            matches: random.random(),
            waiting_until: None,
        },
        other => Step::SignIn {
            session: SessionId(society.entropy.id()),
            against: state.credential_in_force(),
            check: if other < 4 {
                PasswordCheck::Mismatch
            } else {
                PasswordCheck::Match
            },
            lapsed: None,
            known_browser: true,
            code: NewCode {
                challenge: ChallengeId(society.entropy.id()),
                key: KeyId("k".to_owned()),
                language: Language::Ja,
                sent_to_address: Vec::new(),
            },
        },
    }
}
