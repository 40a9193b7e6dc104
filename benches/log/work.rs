//! What is done, over and over: members are enrolled and go through all steps.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kadode::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, MemberId, SessionId,
};
use kadode::domain::onboarding::{
    CodeCheck, Command, CredentialInForce, Issued, LogOutReason, NewCode, NewLink, OtpMethod,
    PasswordCheck,
};
use kadode::domain::policy::Limits;
use kadode::domain::values::{KeyId, Language};
use kadode::policies::LoadedPolicy;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::table::Times;
use crate::{Fault, Kind};

/// Whoever carries commands out.
pub(crate) trait Worker: Clone + Send + Sync + 'static {
    /// Carries one out.
    fn give(
        &self,
        member: MemberId,
        command: Issued,
    ) -> impl Future<Output = Result<(), Fault>> + Send;
}

/// How fast something went.
pub(crate) struct Rate {
    pub(crate) each_second: f64,
    pub(crate) times: Times,
}

/// The rules, and ids of its own.
#[derive(Clone)]
pub(crate) struct Story {
    limits: Arc<Limits>,
    policy: LoadedPolicy,
}

impl Story {
    pub(crate) fn read() -> Result<Self, Fault> {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("policies/sample.toml");
        let policy = LoadedPolicy::read(&file)?;
        Ok(Self {
            limits: Arc::new(policy.policy.limits.clone()),
            policy,
        })
    }

    /// The commands that take one member through all steps, in their order.
    pub(crate) fn commands(&self) -> impl Iterator<Item = Issued> {
        let at: Timestamp = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24 * 365 * 56);
        let (first, second) = (SessionId(fresh()), SessionId(fresh()));
        let (contact, issue) = (ContactId(fresh()), IssueId(fresh()));
        let (credential, challenge) = (CredentialId(fresh()), ChallengeId(fresh()));
        let key = KeyId("k".to_owned());
        let sign_in = |session, against| Command::SignIn {
            session,
            against,
            check: PasswordCheck::Match,
            lapsed: None,
            known_browser: true,
            code: NewCode {
                challenge,
                key: key.clone(),
                language: Language::Ja,
                sent_to_address: Vec::new(),
            },
        };
        let commands = [
            Command::Enrol {
                cohort: "joined-to-2024-12-01".to_owned(),
                policy: self.policy.version.clone(),
                import: ImportId(Uuid::from_u128(1)),
                joined_month: None,
                terms: None,
                valid_from: at,
                expires_at: at + SignedDuration::from_hours(24 * 30),
            },
            sign_in(first, CredentialInForce::Initial(0)),
            Command::ConfirmBirthDate {
                session: first,
                matches: true,
                waiting_until: None,
            },
            Command::RegisterEmail {
                session: first,
                contact,
                same_as: None,
                link: NewLink {
                    issue,
                    key: key.clone(),
                    language: Language::Ja,
                    sent_to_address: Vec::new(),
                },
            },
            Command::FollowEmailLink { contact, issue },
            Command::UpdateEmail {
                session: first,
                code: None,
            },
            Command::ChooseOtpMethod {
                session: first,
                method: OtpMethod::Email,
            },
            Command::ChangePassword {
                session: first,
                credential,
                form: FormId(fresh()),
            },
            Command::LogOut {
                session: first,
                why: LogOutReason::Member,
            },
            sign_in(second, CredentialInForce::Own(credential)),
            Command::SubmitOtp {
                session: second,
                against: Some(challenge),
                check: CodeCheck::Match,
            },
        ];
        let limits = self.limits.clone();
        (0..).zip(commands).map(move |(seconds, command)| Issued {
            at: at + SignedDuration::from_secs(seconds),
            limits: limits.clone(),
            command,
        })
    }
}

/// A random id.
pub(crate) fn fresh() -> Uuid {
    Uuid::from_u128(rand::random())
}

/// How fast `clients` at once have `worker` carry commands out, each one after the other.
pub(crate) async fn measure<W: Worker>(
    worker: &W,
    clients: usize,
    lasting: Duration,
) -> Result<Rate, Fault> {
    let story = Story::read()?;
    let one = |worker: W| {
        let story = story.clone();
        move |until: Instant| {
            let (worker, story) = (worker.clone(), story.clone());
            async move {
                let mut times = Vec::new();
                loop {
                    let member = MemberId(fresh());
                    for command in story.commands() {
                        let began = Instant::now();
                        if began >= until {
                            return Ok(times);
                        }
                        worker.give(member, command).await?;
                        times.push(began.elapsed());
                    }
                }
            }
        }
    };
    rate(clients, lasting, one(worker.clone())).await
}

/// How fast `clients` at once do something, each until the time is over.
pub(crate) async fn rate<F, Fut>(clients: usize, lasting: Duration, one: F) -> Result<Rate, Fault>
where
    F: Fn(Instant) -> Fut,
    Fut: Future<Output = Result<Vec<Duration>, Fault>> + Send + 'static,
{
    let began = Instant::now();
    let mut all = JoinSet::new();
    for _ in 0..clients {
        all.spawn(one(began + lasting));
    }
    let mut times = Vec::new();
    while let Some(some) = all.join_next().await {
        times.extend(some??);
    }
    let times = Times::of(times);
    Ok(Rate {
        each_second: f64::from(times.count()) / began.elapsed().as_secs_f64(),
        times,
    })
}

/// A fresh database on the server that `scripts/with-postgres` started, or in a folder.
pub(crate) async fn fresh_database(
    kind: Kind,
    folder: &tempfile::TempDir,
    name: &str,
) -> Result<String, Fault> {
    if kind == Kind::Sqlite {
        return Ok(format!("sqlite:{}", folder.path().join(name).display()));
    }
    let server = server()?;
    let name = format!("bench_{name}_{}", std::process::id());
    let mut connection =
        <sqlx::PgConnection as sqlx::Connection>::connect(&format!("{server}/postgres")).await?;
    sqlx::query(&format!("CREATE DATABASE {name}"))
        .execute(&mut connection)
        .await?;
    Ok(format!("{server}/{name}"))
}

/// The URL of that server, without a database.
pub(crate) fn server() -> Result<String, Fault> {
    let url = std::env::var_os("KADODE_TEST_POSTGRES").and_then(|url| url.into_string().ok());
    url.ok_or_else(|| "there is no PostgreSQL server: run scripts/log-speed".into())
}
