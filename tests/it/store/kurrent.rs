//! What the event log in KurrentDB does besides the contract: faults of the server and of the network, and its numbers. It runs on a
//! protocol double, or where that is possible, on the server that `KADODE_TEST_EVENTS` names.

use std::convert::Infallible;
use std::process::Command;
use std::time::Duration;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError};
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};
use kadode::ambient::{Clock, Entropy};
use kadode::commands::{Actor, Attribution, CommandError, Commands, Outcome};
use kadode::database::Database;
use kadode::domain::attempts::{Attempts, Tally};
use kadode::domain::ids::CommandId;
use kadode::store::{EventLog, GivenUp};
use tokio::time::Instant;

use super::{
    Place, SqlPlace, Sqlite, all, append, event, expect_gapless, note, standing, try_append,
};
use crate::support::app::START;
use crate::support::app::eventually;
use crate::support::kurrent::{Double, Fault};
use crate::support::postgres::Places;

/// A log in KurrentDB, whose numbers are in a SQL database.
pub(super) struct Beside<P> {
    sql: P,
    server: Server,
}

enum Server {
    Double(Double),
    Real(String),
}

/// A place that has a database.
pub(super) trait HasDatabase: Place {
    async fn database(&self) -> Database;
}

impl HasDatabase for Sqlite {
    async fn database(&self) -> Database {
        Self::database(self).await
    }
}

impl HasDatabase for Places {
    async fn database(&self) -> Database {
        Database::open(&self.main).await.unwrap()
    }
}

impl<P: HasDatabase> Place for Beside<P> {
    async fn new() -> Self {
        let server = match std::env::var_os("KADODE_TEST_EVENTS") {
            // Streams of its own, in a log that others write too.
            Some(url) => {
                let url = url.into_string().unwrap();
                let and = if url.contains('?') { '&' } else { '?' };
                Server::Real(format!(
                    "{url}{and}streamPrefix={}-",
                    Entropy::new(Clock::machine()).id()
                ))
            }
            None => Server::Double(Double::start()),
        };
        Self {
            sql: P::new().await,
            server,
        }
    }

    async fn open(&self, clock: &Clock) -> EventLog {
        let url = match &self.server {
            Server::Double(double) => {
                double.keep_time(clock);
                double.url()
            }
            Server::Real(url) => url.clone(),
        };
        let database = self.sql.database().await;
        EventLog::open_at(Some(&url), database, clock.clone())
            .await
            .unwrap()
    }

    fn stamps_by_our_clock(&self) -> bool {
        matches!(self.server, Server::Double(_))
    }
}

/// A log in a double, whose numbers are in a file.
async fn on_double() -> (Sqlite, Double, EventLog) {
    let (sqlite, double) = (Sqlite::new().await, Double::start());
    double.keep_time(&standing());
    let log = EventLog::open_at(Some(&double.url()), sqlite.database().await, standing()).await;
    (sqlite, double, log.unwrap())
}

/// What `kadode-contract` says of the cluster at `url`, and whether it ended well.
async fn contract_tried_on(url: String) -> (bool, String) {
    let run = move || {
        let program = env!("CARGO_BIN_EXE_kadode-contract");
        Command::new(program).arg(url).output().unwrap()
    };
    let ended = tokio::task::spawn_blocking(run).await.unwrap();
    let said = [ended.stdout, ended.stderr].concat();
    (ended.status.success(), String::from_utf8(said).unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_operator_can_try_the_contract_by_a_program_of_its_own() {
    let double = Double::start();
    let (well, said) = contract_tried_on(double.url()).await;
    assert!(well && said.ends_with("16 of 16 cases hold\n"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_contract_is_not_said_to_hold_where_there_is_no_cluster() {
    let (well, said) = contract_tried_on("esdb://127.0.0.1:9?tls=false".to_owned()).await;
    assert!(
        !well && said.starts_with("kadode-contract: ") && said.lines().count() == 1,
        "{said}"
    );
}

/// Two appends, of which the first meets these faults, are stored once each.
async fn is_stored_once_though(faults: &[Fault]) {
    let (_sqlite, double, log) = on_double().await;
    double.fail_appends(faults.to_vec());
    assert_eq!(append(&log, &[note("a", 1), note("a", 2)]).await, Some(2));
    assert!(double.has_failed());
    assert_eq!(append(&log, &[note("a", 3)]).await, Some(3));
    assert_eq!(double.events(), 3);
    expect_gapless(&all(&log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_answer_was_cut_off_is_stored_once() {
    is_stored_once_though(&[Fault::CutAfterCommit]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_was_cut_off_is_stored_once() {
    is_stored_once_though(&[Fault::CutBeforeCommit, Fault::CutBeforeCommit]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_is_not_answered_is_stored_once() {
    is_stored_once_though(&[Fault::SilentAfterCommit]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_to_a_server_that_is_not_ready_is_stored_once() {
    is_stored_once_though(&[Fault::Unavailable, Fault::DeadlineExceeded]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_lost_its_race_while_its_fate_was_unknown_is_a_conflict() {
    let (sqlite, double, log) = on_double().await;
    let database = sqlite.database().await;
    let other = EventLog::open_at(Some(&double.url()), database, standing()).await;
    let other = other.unwrap();
    double.fail_appends([Fault::SilentBeforeCommit]);
    let late = tokio::spawn(async move { append(&log, &[note("a", 1)]).await });
    eventually("the fault", async || double.has_failed().then_some(())).await;
    assert_eq!(append(&other, &[note("a", 1)]).await, Some(1));
    assert_eq!(late.await.unwrap(), None);
    assert_eq!(double.events(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_goes_to_the_node_that_leads() {
    let (_sqlite, double, log) = on_double().await;
    let leader = Double::beside(&double);
    double.fail_appends([Fault::NotLeader(leader.address)]);
    assert_eq!(append(&log, &[note("a", 1)]).await, Some(1));
    assert!(leader.calls() > 0);
    assert_eq!(double.events(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_sent_on_to_a_leader_that_is_away_is_stored_when_another_leads() {
    let (_sqlite, double, log) = on_double().await;
    let away = Double::beside(&double);
    away.kill();
    double.fail_appends([Fault::NotLeader(away.address)]);
    assert_eq!(append(&log, &[note("a", 1)]).await, Some(1));
    assert!(double.has_failed());
    assert_eq!(double.events(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_goes_on_without_the_node_that_led() {
    let sqlite = Sqlite::new().await;
    let first = Double::start();
    let second = Double::beside(&first);
    let url = format!(
        "esdb://kadode:secret@{},{}?tls=false",
        first.address, second.address
    );
    let log = EventLog::open_at(Some(&url), sqlite.database().await, standing()).await;
    let log = log.unwrap();
    append(&log, &[note("a", 1)]).await;
    let calls = second.calls();
    first.kill();
    assert_eq!(append(&log, &[note("a", 2)]).await, Some(2));
    assert!(second.calls() > calls);
    assert_eq!(all(&log).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_to_a_server_that_is_away_is_given_up_and_never_stored() {
    let (_sqlite, double, log) = on_double().await;
    double.kill();
    assert!(log.committed_head().await.is_err());
    let soon = Instant::now() + Duration::from_millis(300);
    let appended = log.repository(soon);
    let appended = appended.persist::<Attempts>(&[note("a", 1)], None).await;
    let Err(PersistenceError::ConnectionError(error)) = appended else {
        panic!("{appended:?}")
    };
    assert!(error.is::<GivenUp>(), "{error}");
    double.start_again();
    // The client has found nobody to connect to, and never would again.
    assert_eq!(append(&log, &[note("b", 1)]).await, Some(1));
    assert_eq!(double.events(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_goes_on_when_the_server_is_back() {
    let (_sqlite, double, log) = on_double().await;
    append(&log, &[note("a", 1)]).await;
    double.kill();
    let error = log.read_after(0, 10).await.unwrap_err().to_string();
    assert!(
        error.starts_with("the event store cannot be read: no connection"),
        "{error}"
    );
    assert!(log.committed_head().await.is_err());
    double.start_again();
    assert_eq!(all(&log).await.len(), 1);
    assert_eq!(log.committed_head().await.unwrap(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_a_silent_server_is_told_so_within_three_seconds() {
    let (_sqlite, double, log) = on_double().await;
    append(&log, &[note("a", 1)]).await;
    double.fail_reads([Fault::SilentBeforeCommit; 3]);
    let began = Instant::now();
    let error = log.read_stream("attempts", "a").await.unwrap_err();
    assert!(began.elapsed() < Duration::from_secs(3), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_that_end_early_cost_no_event() {
    let (_sqlite, double, log) = on_double().await;
    for sequence in 1..=10 {
        double.fail_reads([Fault::EndsAfter(0), Fault::EndsAfter(1)]);
        assert!(append(&log, &[note("a", sequence)]).await.is_some());
    }
    double.fail_reads([Fault::EndsAfter(3), Fault::CutBeforeCommit]);
    let mut read = log.read_after(0, 100).await.unwrap();
    let last = read.last().unwrap().position;
    read.extend(log.read_after(last, 100).await.unwrap());
    assert_eq!(read.len(), 10);
    expect_gapless(&read);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_of_others_have_no_number() {
    let (_sqlite, double, log) = on_double().await;
    double.store_others("$stats-127.0.0.1:2113", 1200);
    append(&log, &[note("a", 1)]).await;
    for stream in [
        "attempts2-a",
        "Attempts-a",
        "orders-a",
        "attempts",
        "x-attempts-a",
    ] {
        double.store_others(stream, 1);
    }
    append(&log, &[note("a", 2)]).await;
    double.store_others("$stats-127.0.0.1:2113", 1200);
    append(&log, &[note("b", 1)]).await;
    let stored = all(&log).await;
    assert_eq!(stored.len(), 3);
    expect_gapless(&stored);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn societies_on_one_server_do_not_see_each_other() {
    let double = Double::start();
    let mut logs = Vec::new();
    for prefix in ["one-", "two-"] {
        let url = format!("{}&streamPrefix={prefix}", double.url());
        let database = Sqlite::new().await;
        let log = EventLog::open_at(Some(&url), database.database().await, standing()).await;
        logs.push((database, log.unwrap()));
    }
    for (_, log) in &logs {
        assert_eq!(append(log, &[note("a", 1)]).await, Some(1));
    }
    for (_, log) in &logs {
        assert_eq!(log.committed_head().await.unwrap(), 1);
        assert_eq!(
            log.read_stream("attempts", "a").await.unwrap(),
            all(log).await
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_that_another_program_left_without_a_number_gets_one() {
    let (_sqlite, double, log) = on_double().await;
    append(&log, &[note("a", 1)]).await;
    // Another program's numbers are elsewhere, and so it gives none here.
    let elsewhere = Sqlite::new().await;
    let database = elsewhere.database().await;
    let other = EventLog::open_at(Some(&double.url()), database, standing()).await;
    let other = other.unwrap();
    append(&other, &[note("a", 2)]).await;
    let later = log.read_stream_after("attempts", "a", 1).await.unwrap();
    assert_eq!(later.len(), 1);
    assert_eq!((later[0].position, later[0].sequence), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_has_the_servers_time_but_none_before_an_earlier_events() {
    let (_sqlite, double, log) = on_double().await;
    append(&log, &[note("a", 1)]).await;
    double.set_back(SignedDuration::from_hours(1));
    append(&log, &[note("a", 2)]).await;
    let start: Timestamp = START.parse().unwrap();
    let stored = all(&log).await;
    assert_eq!(stored[1].recorded_at, start);
    assert_eq!(
        stored[1].metadata["recorded_at"],
        "2026-04-09T23:00:00.000000Z"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn numbers_cannot_be_changed_deleted_or_left_out() {
    let (sqlite, double, log) = on_double().await;
    append(&log, &[note("a", 1)]).await;
    let places = Places::new().await;
    let database = HasDatabase::database(&places).await;
    let beside_postgres = EventLog::open_at(Some(&double.url()), database, standing()).await;
    assert_eq!(beside_postgres.unwrap().head(), 1);
    for statement in [
        "UPDATE positions SET commit_position = 7",
        "DELETE FROM positions WHERE position = 1",
    ] {
        assert!(sqlite.tamper(statement).await.is_err(), "{statement}");
        assert!(places.tamper(statement).await.is_err(), "{statement}");
    }
    let with_a_gap = "INSERT INTO positions SELECT 3, 9, 9, aggregate_type, aggregate_id, 9, recorded_at FROM positions";
    assert!(sqlite.tamper(with_a_gap).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_a_kind_that_no_reader_knows_is_refused() {
    let (_sqlite, double, log) = on_double().await;
    let mut stranger = event("a", 1, serde_json::json!({}));
    stranger.aggregate_type = "orders".to_owned();
    let appended = try_append(&log, &[stranger]).await.unwrap_err();
    assert!(appended.to_string().contains("orders"), "{appended}");
    assert_eq!(double.events(), 0);
}

type Tallied = Result<Outcome<Attempts>, CommandError<Infallible, Infallible>>;

/// A command of its own, always on the same stream.
async fn tally(commands: &Commands) -> Tallied {
    let attribution = Attribution {
        id: CommandId(Entropy::new(standing()).id()),
        command: "Test",
        actor: Actor::System("test"),
        request_id: None,
        policy: "p@1".to_owned(),
        trace: None,
    };
    let tally = Tally {
        window: START.parse().unwrap(),
        counts: vec![("mismatch".to_owned(), 1)],
    };
    let settle = move |_| std::future::ready(Ok(tally.clone()));
    commands.run("d1".to_owned(), attribution, settle).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_events_have_no_number_yet_is_not_given_twice() {
    let (sqlite, double, log) = on_double().await;
    let commands = Commands::new(log);
    tally(&commands).await.unwrap();
    let lock = sqlite.database().await.begin().await.unwrap();
    // It stands, but nobody can say at which number.
    assert!(matches!(
        tally(&commands).await,
        Err(CommandError::Store(_))
    ));
    assert_eq!(double.events(), 2);
    lock.rollback().await.unwrap();
    assert_eq!(tally(&commands).await.unwrap().mark, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_whose_append_was_never_answered_is_found_by_its_id() {
    let (_sqlite, double, log) = on_double().await;
    let commands = Commands::new(log);
    // As many as are tried.
    double.fail_appends([Fault::SilentAfterCommit; 3]);
    let Outcome { events, mark, .. } = tally(&commands).await.unwrap();
    assert!(double.has_failed());
    assert_eq!((events.len(), mark), (1, 1));
    assert_eq!(double.events(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_with_tls_is_spoken_to_by_the_user_and_the_authority_of_the_url() {
    let folder = tempfile::tempdir().unwrap();
    let certificate = folder.path().join("authority.pem");
    let double = Double::start_with_tls(&certificate);
    let url = format!(
        "esdb://kadode:p%40ss@{}?tlsCaFile={}",
        double.address,
        certificate.display()
    );
    let sqlite = Sqlite::new().await;
    let log = EventLog::open_at(Some(&url), sqlite.database().await, standing()).await;
    assert_eq!(append(&log.unwrap(), &[note("a", 1)]).await, Some(1));
    let basic = format!("Basic {}", BASE64.encode(b"kadode:p@ss"));
    assert_eq!(double.authorization(), Some(basic));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_certificate_nobody_vouches_for_is_not_spoken_to() {
    let folder = tempfile::tempdir().unwrap();
    let double = Double::start_with_tls(&folder.path().join("authority.pem"));
    let url = format!("esdb://kadode:secret@{}", double.address);
    let sqlite = Sqlite::new().await;
    let log = EventLog::open_at(Some(&url), sqlite.database().await, standing()).await;
    let refused = log.err().unwrap();
    assert!(
        refused.starts_with(&format!("esdb://{}: ", double.address)),
        "{refused}"
    );
    assert!(!refused.contains("secret"), "{refused}");
    assert_eq!(double.calls(), 0);
}
