//! The way in: lost races, stale facts, outcomes that are not known, callers that go away.

use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::future::join_all;
use kadode::ambient::{Clock, Entropy};
use kadode::app::Society;
use kadode::commands::{Actor, Attribution, CommandError, Commands, Outcome};
use kadode::database::{self, Database};
use kadode::domain::attempts::{Attempts, Tally};
use kadode::domain::ids::{ChallengeId, CommandId, CredentialId, ImportId, MemberId, SessionId};
use kadode::domain::onboarding::{
    Command, CredentialInForce, Event, Issued, NewCode, Onboarding, PasswordCheck, Refusal,
};
use kadode::domain::policy::{Limits, PolicyVersion};
use kadode::domain::values::{KeyId, Language};
use kadode::store::{EventLog, Recorded};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::support::app::{App, INITIAL_PASSWORD, START, USER_ID, eventually, seconds};
use crate::support::walk;

/// A log, the way into it, and another program on the same file.
struct Bench {
    folder: TempDir,
    database: Database,
    log: EventLog,
    commands: Commands,
    entropy: Entropy,
}

impl Bench {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::standing_at(START.parse().unwrap());
        let database = open(&folder).await;
        let log = EventLog::open(database.clone(), clock.clone())
            .await
            .unwrap();
        Self {
            folder,
            database,
            commands: Commands::new(log.clone()),
            log,
            entropy: Entropy::new(clock),
        }
    }

    fn attribution(&self) -> Attribution {
        attribution(&self.entropy)
    }

    /// Another program on the same file.
    async fn other(&self) -> Commands {
        let clock = Clock::standing_at(START.parse().unwrap());
        Commands::new(
            EventLog::open(open(&self.folder).await, clock)
                .await
                .unwrap(),
        )
    }

    async fn stream(&self, kind: &str, id: &str) -> Vec<Recorded> {
        self.log.read_stream(kind, id).await.unwrap()
    }

    async fn onboarding<F, Fut>(
        &self,
        settle: F,
    ) -> Result<Outcome<Onboarding>, CommandError<Refusal, Infallible>>
    where
        F: FnMut(Arc<Onboarding>) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Issued, Infallible>> + Send + 'static,
    {
        self.commands
            .run("m1".to_owned(), self.attribution(), settle)
            .await
    }
}

/// A fresh command's.
pub(crate) fn attribution(entropy: &Entropy) -> Attribution {
    Attribution {
        id: CommandId(entropy.id()),
        command: "Test",
        actor: Actor::Member("m1".to_owned()),
        request_id: Some("r1".to_owned()),
        policy: "p@1".to_owned(),
        trace: None,
    }
}

async fn open(folder: &TempDir) -> Database {
    let url = format!("sqlite:{}", folder.path().join("log.sqlite").display());
    let database = Database::open(&url).await.unwrap();
    database.migrate(&database::MAIN).await.unwrap();
    database
}

pub(crate) fn tally() -> Tally {
    Tally {
        window: START.parse().unwrap(),
        counts: vec![("mismatch".to_owned(), 1)],
    }
}

pub(crate) type Tallied = Result<Outcome<Attempts>, CommandError<Infallible, Infallible>>;

async fn tally_by(commands: &Commands, attribution: Attribution) -> Tallied {
    let settle = |_| std::future::ready(Ok(tally()));
    commands.run("d1".to_owned(), attribution, settle).await
}

pub(crate) fn issued(command: Command) -> Issued {
    Issued {
        at: seconds(1),
        limits: Arc::new(Limits::default()),
        command,
    }
}

pub(crate) fn enrol() -> Issued {
    issued(Command::Enrol {
        cohort: "c".to_owned(),
        policy: PolicyVersion {
            name: "p".to_owned(),
            sha256: "1".to_owned(),
        },
        import: ImportId(Uuid::from_u128(1)),
        joined_month: None,
        terms: None,
        valid_from: seconds(0),
        expires_at: seconds(1000),
    })
}

pub(crate) fn sign_in(against: CredentialInForce) -> Issued {
    issued(Command::SignIn {
        session: SessionId(Uuid::from_u128(2)),
        against,
        check: PasswordCheck::Match,
        lapsed: None,
        known_browser: true,
        code: NewCode {
            challenge: ChallengeId(Uuid::from_u128(3)),
            key: KeyId("k".to_owned()),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        },
    })
}

#[tokio::test]
async fn a_command_is_stored_with_who_gave_it_and_answers_where() {
    let bench = Bench::new().await;
    tally_by(&bench.commands, bench.attribution())
        .await
        .unwrap();
    let attribution = bench.attribution();
    let outcome = tally_by(&bench.commands, attribution.clone())
        .await
        .unwrap();
    assert_eq!((outcome.events.len(), outcome.mark), (1, 2));
    let stored = &bench.stream("attempts", "d1").await[1];
    let metadata = stored.metadata.as_object().unwrap();
    for (name, value) in [
        ("actor", "member"),
        ("actor_id", "m1"),
        ("command", "Test"),
        ("command_id", &attribution.id.to_string()),
        ("request_id", "r1"),
        ("policy", "p@1"),
        ("recorded_at", "2026-04-10T00:00:00.000000Z"),
    ] {
        assert_eq!(metadata[name], value);
    }
    assert!(
        metadata["software"]
            .as_str()
            .unwrap()
            .starts_with("kadode ")
    );
    assert!(!metadata.contains_key("trace"));
}

#[tokio::test]
async fn a_lost_race_is_settled_and_decided_afresh() {
    let bench = Bench::new().await;
    let rival = bench.other().await;
    let attribution = bench.attribution();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (saw, mut comes_between) = (seen.clone(), Some((rival, attribution)));
    let outcome = bench
        .onboarding(move |state: Arc<Onboarding>| {
            saw.lock().unwrap().push(state.enrolment.is_some());
            let rival = comes_between.take();
            async move {
                if let Some((rival, attribution)) = rival {
                    rival
                        .run::<Onboarding, Infallible, _, _>("m1".to_owned(), attribution, |_| {
                            std::future::ready(Ok(enrol()))
                        })
                        .await
                        .unwrap();
                }
                Ok(enrol())
            }
        })
        .await;
    assert!(matches!(
        outcome,
        Err(CommandError::Refused(Refusal::AlreadyEnrolled))
    ));
    assert_eq!(*seen.lock().unwrap(), [false, true]);
    assert_eq!(bench.stream("onboarding", "m1").await.len(), 1);
}

#[tokio::test]
async fn stale_facts_are_settled_again() {
    let bench = Bench::new().await;
    bench
        .onboarding(|_| std::future::ready(Ok(enrol())))
        .await
        .unwrap();
    let mut asked = 0;
    let outcome = bench
        .onboarding(move |_| {
            asked += 1;
            let replaced = CredentialInForce::Own(CredentialId(Uuid::from_u128(9)));
            let against = if asked == 1 {
                replaced
            } else {
                CredentialInForce::Initial(0)
            };
            std::future::ready(Ok(sign_in(against)))
        })
        .await
        .unwrap();
    assert!(matches!(
        outcome.events[..],
        [Event::CredentialsAccepted { .. }]
    ));
    assert_eq!(outcome.mark, 2);
}

#[tokio::test]
async fn a_refusal_stores_nothing() {
    let bench = Bench::new().await;
    let against = CredentialInForce::Initial(0);
    let outcome = bench
        .onboarding(move |_| std::future::ready(Ok(sign_in(against))))
        .await;
    assert!(matches!(
        outcome,
        Err(CommandError::Refused(Refusal::NotEnrolled))
    ));
    assert_eq!(bench.log.committed_head().await.unwrap(), 0);
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_found_and_not_doubled() {
    let bench = Bench::new().await;
    let attribution = bench.attribution();
    // The append reaches the file by another program; our own is answered with an error, for its connection is closed.
    let (other, lost) = (bench.other().await, attribution.clone());
    let (writer, mut first) = (bench.database.write.clone(), true);
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let outcome = bench
        .commands
        .run::<Attempts, Infallible, _, _>("d1".to_owned(), attribution, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let (other, lost, writer) = (other.clone(), lost.clone(), writer.clone());
            let is_first = std::mem::take(&mut first);
            async move {
                if is_first {
                    tally_by(&other, lost).await.unwrap();
                    writer.close().await;
                }
                Ok(tally())
            }
        })
        .await
        .unwrap();
    assert_eq!((outcome.events.len(), outcome.mark), (1, 1));
    assert_eq!(asked.load(Ordering::SeqCst), 1, "nothing is decided again");
    assert_eq!(bench.stream("attempts", "d1").await.len(), 1);
}

#[tokio::test]
async fn a_store_that_comes_back_within_two_seconds_takes_the_command_once() {
    let bench = Bench::new().await;
    let database = open(&bench.folder).await;
    let tamper = async |statement: &str| {
        sqlx::query(statement)
            .execute(&database.write)
            .await
            .unwrap();
    };
    tamper("CREATE TRIGGER away BEFORE INSERT ON events BEGIN SELECT RAISE(ROLLBACK, 'away'); END")
        .await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let running = bench.commands.run::<Attempts, Infallible, _, _>(
        "d1".to_owned(),
        bench.attribution(),
        move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            std::future::ready(Ok(tally()))
        },
    );
    let back = async {
        eventually("a second try", async || {
            (asked.load(Ordering::SeqCst) > 1).then_some(())
        })
        .await;
        tamper("DROP TRIGGER away").await;
    };
    let (outcome, ()) = tokio::join!(running, back);
    assert_eq!(outcome.unwrap().mark, 1);
    assert_eq!(bench.stream("attempts", "d1").await.len(), 1);
}

#[tokio::test]
async fn a_caller_who_goes_away_does_not_cut_the_command() {
    let bench = Bench::new().await;
    let (begun, begins) = oneshot::channel();
    let (go_on, may_go_on) = oneshot::channel::<()>();
    let mut parts = Some((begun, may_go_on));
    let running = bench.commands.run::<Attempts, Infallible, _, _>(
        "d1".to_owned(),
        bench.attribution(),
        move |_| {
            let parts = parts.take();
            async move {
                if let Some((begun, may_go_on)) = parts {
                    begun.send(()).unwrap();
                    may_go_on.await.unwrap();
                }
                Ok(tally())
            }
        },
    );
    tokio::select! {
        _ = running => panic!("it cannot end before it may go on"),
        begun = begins => begun.unwrap(),
    }
    // `running` is dropped by now.
    go_on.send(()).unwrap();
    bench.log.changed(0).await;
    assert_eq!(bench.stream("attempts", "d1").await.len(), 1);
}

#[tokio::test]
async fn commands_on_one_stream_take_turns_and_are_settled_once_each() {
    let bench = Bench::new().await;
    let settled = Arc::new(AtomicUsize::new(0));
    let all = (0..50).map(|_| {
        let settled = settled.clone();
        bench.commands.run::<Attempts, Infallible, _, _>(
            "d1".to_owned(),
            bench.attribution(),
            move |_| {
                settled.fetch_add(1, Ordering::SeqCst);
                std::future::ready(Ok(tally()))
            },
        )
    });
    for outcome in join_all(all).await {
        outcome.unwrap();
    }
    assert_eq!(bench.stream("attempts", "d1").await.len(), 50);
    assert_eq!(settled.load(Ordering::SeqCst), 50);
}

#[tokio::test]
async fn a_race_that_another_program_wins_for_two_seconds_is_given_up() {
    let bench = Bench::new().await;
    let (commands, attribution) = (bench.other().await, bench.attribution());
    let began = Instant::now();
    let outcome = bench
        .commands
        .run::<Attempts, Infallible, _, _>("d1".to_owned(), bench.attribution(), move |_| {
            let (commands, attribution) = (commands.clone(), attribution.clone());
            async move {
                tally_by(&commands, attribution).await.unwrap();
                Ok(tally())
            }
        })
        .await;
    assert!(matches!(outcome, Err(CommandError::Busy)));
    assert!(began.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_store_that_is_away_is_told_within_seconds() {
    let bench = Bench::new().await;
    tally_by(&bench.commands, bench.attribution())
        .await
        .unwrap();
    bench.database.close().await;
    let outcome = tally_by(&bench.commands, bench.attribution()).await;
    assert!(matches!(outcome, Err(CommandError::Store(_))));
    assert!(bench.commands.load::<Attempts>("d1").await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_locked_store_is_told_to_all_within_seconds_and_takes_nothing_later() {
    let bench = Bench::new().await;
    let other = open(&bench.folder).await;
    let lock = other.begin().await.unwrap();
    let began = Instant::now();
    let given = (0..5).map(|number| {
        let settle = |_| std::future::ready(Ok(tally()));
        bench.commands.run::<Attempts, Infallible, _, _>(
            format!("d{number}"),
            bench.attribution(),
            settle,
        )
    });
    for outcome in join_all(given).await {
        assert!(matches!(
            outcome,
            Err(CommandError::Busy | CommandError::Store(_))
        ));
    }
    let took = began.elapsed();
    // The writer is still waiting for the lock: with what was given up a moment ago.
    lock.rollback().await.unwrap();
    assert!(took < Duration::from_secs(4), "{took:?}");
    let next = tally_by(&bench.commands, bench.attribution()).await;
    assert_eq!(next.unwrap().mark, 1);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_stops_the_commands_of_its_stream_alone() {
    let bench = Bench::new().await;
    sqlx::query(
        "INSERT INTO events VALUES (1, 'attempts', 'd0', 1, 'AttemptsTallied', '1', '{\"odd\":1}', '{}', \
         '2026-04-10T00:00:00.000000Z')",
    )
    .execute(&bench.database.write)
    .await
    .unwrap();
    let odd = bench
        .commands
        .run::<Attempts, Infallible, _, _>("d0".to_owned(), bench.attribution(), |_| {
            std::future::ready(Ok(tally()))
        })
        .await;
    assert!(matches!(odd, Err(CommandError::Store(_))));
    tally_by(&bench.commands, bench.attribution())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_request_whose_client_hangs_up_is_carried_out() {
    let (app, member) = App::with_member().await;
    let authority = app.url.strip_prefix("http://").unwrap();
    let body = format!("{{\"user_id\":\"{USER_ID}\",\"password\":\"{INITIAL_PASSWORD}\"}}");
    let request = format!(
        "POST /api/v1/sessions HTTP/1.1\r\nhost: {authority}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(authority).await.unwrap();
    connection.write_all(request.as_bytes()).await.unwrap();
    drop(connection);
    // The session is written last of all, after the event.
    eventually("the session", async || {
        let sessions: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sessions")
            .fetch_one(&app.society.database.read)
            .await
            .unwrap();
        (sessions == 1).then_some(())
    })
    .await;
    assert_eq!(
        app.events(member).await,
        ["MemberEnrolled", "CredentialsAccepted"]
    );
}

#[tokio::test]
async fn no_command_is_refused_for_what_was_true_before_another_program_wrote() {
    let house = walk::House::new().await;
    let other = house.open_again().await;
    let member = MemberId(house.society.entropy.id());
    let session = SessionId(house.society.entropy.id());
    let give = async |society: &Society, command: Command| {
        let issued = Issued {
            at: society.clock.now(),
            limits: Arc::new(society.policy.policy.limits.clone()),
            command,
        };
        let settle = move |_| std::future::ready(Ok::<_, Infallible>(issued.clone()));
        let attribution = society.attribution("Test", "test");
        society
            .commands
            .run::<Onboarding, _, _, _>(member.to_string(), attribution, settle)
            .await
    };
    let sign_in = Command::SignIn {
        session,
        against: CredentialInForce::Initial(0),
        check: PasswordCheck::Match,
        lapsed: None,
        known_browser: true,
        code: NewCode {
            challenge: ChallengeId(house.society.entropy.id()),
            key: KeyId("k".to_owned()),
            language: Language::Ja,
            sent_to_address: Vec::new(),
        },
    };
    let confirm = Command::ConfirmBirthDate {
        session,
        matches: true,
        waiting_until: None,
    };
    give(&house.society, walk::enrol(&house.society))
        .await
        .unwrap();
    // Of this session, the first program knows nothing.
    give(&other, sign_in).await.unwrap();
    let confirmed = give(&house.society, confirm.clone()).await.unwrap();
    assert_eq!(confirmed.events.len(), 1);
    // And of this confirmation, the other: it is done, and not done again.
    let again = give(&other, confirm).await.unwrap();
    assert_eq!(again.events, []);
    assert!(again.state.birth_date_confirmed);
}

#[tokio::test]
async fn a_stream_that_is_not_as_empty_as_was_presumed_is_loaded() {
    let bench = Bench::new().await;
    tally_by(&bench.other().await, bench.attribution())
        .await
        .unwrap();
    bench.commands.presume_empty::<Attempts>("d1");
    tally_by(&bench.commands, bench.attribution())
        .await
        .unwrap();
    let stream = bench.stream("attempts", "d1").await;
    let sequences: Vec<_> = stream.iter().map(|event| event.sequence).collect();
    assert_eq!(sequences, [1, 2]);
}
