//! What every event log has to hold, as one suite over whatever store it is given.

mod file;
mod groups;
mod network;
mod outages;
mod traps;

mod kurrent;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use jiff::{SignedDuration, Timestamp};
use kadode::ambient::Clock;
use kadode::database::{self, Database, Transaction};
use kadode::domain::attempts::Attempts;
use kadode::store::{EventLog, Position, Recorded};
use serde_json::{Value, json};
use sqlx::Executor;
use tempfile::TempDir;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::app::START;
use crate::support::postgres::Places;

/// A place that can hold one log.
trait Place: Send + Sync + 'static {
    /// An empty one.
    async fn new() -> Self;

    /// The log in it, as one more program opens it.
    async fn open(&self, clock: &Clock) -> EventLog;

    /// Tries a statement past the log, as somebody with the database's password may.
    async fn tamper(&self, statement: &'static str) -> Result<(), String>;

    /// Whether events have the time of the clock that the log was opened with.
    fn stamps_by_our_clock(&self) -> bool {
        true
    }
}

/// One whose events are in a SQL database.
trait SqlPlace: Place {
    /// An append to the log's end by a writer that has yet to commit: one event, the first of its stream.
    async fn append_slowly(&self, stream: &str) -> Transaction;

    /// Puts an event far out into the log: the 3,000,000,000th of it and of stream `a`.
    const FAR_OUT: &'static str;

    /// Makes the database refuse the events of stream `s7`, in each of its ways that blames a row.
    const REFUSES_S7: &'static [&'static str];
}

struct Sqlite(TempDir);

impl Sqlite {
    async fn database(&self) -> Database {
        let url = format!("sqlite:{}", self.0.path().join("log.sqlite").display());
        let database = Database::open(&url).await.unwrap();
        database.migrate(&database::MAIN).await.unwrap();
        database
    }
}

impl Place for Sqlite {
    async fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    async fn open(&self, clock: &Clock) -> EventLog {
        EventLog::open(self.database().await, clock.clone())
            .await
            .unwrap()
    }

    async fn tamper(&self, statement: &'static str) -> Result<(), String> {
        let database = self.database().await;
        let outcome = sqlx::query(statement).execute(&database.write).await;
        outcome.map(drop).map_err(|error| error.to_string())
    }
}

impl SqlPlace for Sqlite {
    async fn append_slowly(&self, stream: &str) -> Transaction {
        let mut transaction = self.database().await.begin().await.unwrap();
        sqlx::query(
            "INSERT INTO events SELECT COALESCE(MAX(position), 0) + 1, 'attempts', $1, 1, 'Noted', '1', '{}', '{}', \
             '2026-04-10T00:00:00.000000Z' FROM events",
        )
        .bind(stream)
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction
    }

    const FAR_OUT: &'static str = "DROP TRIGGER events_are_only_added; INSERT INTO events VALUES \
        (3000000000, 'attempts', 'a', 3000000000, 'Noted', '1', '{}', '{}', '2026-04-10T00:00:00.000000Z')";

    const REFUSES_S7: &'static [&'static str] = &[
        "CREATE TRIGGER bad BEFORE INSERT ON events WHEN NEW.aggregate_id = 's7' BEGIN SELECT RAISE(ABORT, 'no'); END",
        // As SQLite does by itself when the disk fails it in the middle of a transaction.
        "CREATE TRIGGER bad BEFORE INSERT ON events WHEN NEW.aggregate_id = 's7' BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
    ];
}

impl Place for Places {
    async fn new() -> Self {
        Self::new().await
    }

    async fn open(&self, clock: &Clock) -> EventLog {
        let database = Database::open(&self.main).await.unwrap();
        EventLog::open(database, clock.clone()).await.unwrap()
    }

    async fn tamper(&self, statement: &'static str) -> Result<(), String> {
        // Neither may, but the one by right and the other by a trigger.
        let mut outcome = Err(String::new());
        for url in [&self.main, &self.owner] {
            let database = Database::open(url).await.unwrap();
            // As it is: what is prepared holds one statement.
            let tampered = (&database.write).execute(statement).await;
            outcome = tampered.map(drop).map_err(|error| error.to_string());
            if outcome.is_ok() {
                return outcome;
            }
        }
        outcome
    }
}

impl SqlPlace for Places {
    async fn append_slowly(&self, stream: &str) -> Transaction {
        let database = Database::open(&self.main).await.unwrap();
        let mut transaction = database.begin().await.unwrap();
        sqlx::query(
            "SELECT taken FROM append_events('{0}', '{attempts}', ARRAY[$1], '{1}', '{Noted}', '{1}', ARRAY['{}'], \
             ARRAY['{}'], '2026-04-10T00:00:00.000000Z')",
        )
        .bind(stream)
        .execute(&mut *transaction)
        .await
        .unwrap();
        transaction
    }

    const FAR_OUT: &'static str = "DO $$ BEGIN PERFORM set_config('kadode.appending', 'yes', true); INSERT INTO events VALUES \
        (3000000000, 'attempts', 'a', 3000000000, 'Noted', '1', '{}', '{}', '2026-04-10T00:00:00.000000Z'); END $$";

    // cqrs-es takes the code of any broken constraint for a lost race.
    const REFUSES_S7: &'static [&'static str] = &[
        "CREATE FUNCTION bad() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no' USING ERRCODE = '23505'; END $$; \
         CREATE TRIGGER bad BEFORE INSERT ON events FOR EACH ROW WHEN (NEW.aggregate_id = 's7') EXECUTE FUNCTION bad()",
    ];
}

/// Every case of the contract, for each store; and those about SQL, for SQL.
macro_rules! contract {
    ($($case:ident),+; of_sql: $($of_sql:ident),+ $(,)?) => {
        contract!(sqlite, super::Sqlite: $($case),+, $($of_sql),+);
        contract!(postgres, super::Places: $($case),+, $($of_sql),+);
        contract!(kurrent_beside_sqlite, super::kurrent::Beside<super::Sqlite>: $($case),+);
        contract!(kurrent_beside_postgres, super::kurrent::Beside<super::Places>: $($case),+);
    };
    ($store:ident, $place:ty: $($case:ident),+) => {
        mod $store {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    super::$case::<$place>().await;
                }
            )+
        }
    };
}

contract!(
    events_come_back_as_they_were_appended,
    positions_count_from_one_without_a_gap,
    an_append_that_does_not_follow_its_stream_is_a_conflict_and_stores_nothing,
    of_appends_that_race_for_a_stream_one_is_taken,
    many_writers_on_many_streams_lose_nothing,
    many_writers_on_one_stream_lose_nothing,
    time_never_runs_back_along_positions,
    a_reader_that_resumes_anywhere_sees_each_event_once,
    a_reader_during_appends_sees_each_event_once,
    two_programs_on_one_log_interleave_without_a_gap,
    a_reader_is_woken_by_commits_of_its_own_program,
    a_reader_is_woken_by_commits_of_another_program,
    writers_and_readers_that_restart_in_the_middle_go_on_where_they_were;
    of_sql: events_cannot_be_changed_or_deleted,
    a_reader_sees_no_gap_behind_slow_and_aborted_writers,
    a_hundred_thousand_events_are_kept_and_read_in_their_order,
    positions_and_sequences_may_be_longer_than_32_bits,
);

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

fn standing() -> Clock {
    Clock::standing_at(START.parse().unwrap())
}

fn event(stream: &str, sequence: usize, payload: Value) -> SerializedEvent {
    static COMMANDS: AtomicUsize = AtomicUsize::new(0);
    let command = COMMANDS.fetch_add(1, Ordering::Relaxed);
    SerializedEvent::new(
        stream.to_owned(),
        sequence,
        "attempts".to_owned(),
        "Noted".to_owned(),
        "1".to_owned(),
        payload,
        json!({"command_id": command.to_string()}),
    )
}

fn note(stream: &str, sequence: usize) -> SerializedEvent {
    event(stream, sequence, json!({"note": sequence}))
}

/// Appends and answers with the position; none for a conflict.
async fn append(log: &EventLog, events: &[SerializedEvent]) -> Option<Position> {
    match try_append(log, events).await {
        Ok(position) => Some(position),
        Err(PersistenceError::OptimisticLockError) => None,
        Err(error) => panic!("{error}"),
    }
}

async fn try_append(
    log: &EventLog,
    events: &[SerializedEvent],
) -> Result<Position, PersistenceError> {
    let repository = log.repository(soon());
    repository.persist::<Attempts>(events, None).await?;
    Ok(repository.committed().unwrap())
}

async fn all(log: &EventLog) -> Vec<Recorded> {
    log.read_after(0, i64::MAX).await.unwrap()
}

fn positions(events: &[Recorded]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// The first `count` events, read a few at a time while they come.
async fn follow(log: EventLog, count: usize) -> Vec<Recorded> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let position = i64::try_from(seen.len()).unwrap();
        log.changed(position).await;
        seen.extend(log.read_after(position, 7).await.unwrap());
    }
    seen
}

/// Fails unless the log is numbered from 1 without a gap, and each stream as well.
fn expect_gapless(events: &[Recorded]) {
    let count = i64::try_from(events.len()).unwrap();
    assert_eq!(positions(events), (1..=count).collect::<Vec<_>>());
    let mut lengths = std::collections::HashMap::new();
    for event in events {
        let length = lengths.entry(&event.stream_id).or_insert(0);
        *length += 1;
        assert_eq!(event.sequence, *length, "in stream {}", event.stream_id);
    }
}

async fn events_come_back_as_they_were_appended<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let payload = json!({
        "text": "見本 \"花子\" \\ \u{0} \u{1f338}", "number": i64::MAX, "nested": {"z": [1, null, true], "a": {}},
    });
    let appended = [event("a", 1, payload.clone()), note("a", 2)];
    append(&log, &appended).await;
    let stored = all(&log).await;
    assert_eq!(stored[0].payload, payload);
    if place.stamps_by_our_clock() {
        assert_eq!(stored[0].recorded_at, START.parse().unwrap());
    }
    let mut metadata = appended[0].metadata.clone();
    metadata["recorded_at"] = format!("{:.6}", stored[0].recorded_at).into();
    assert_eq!(stored[0].metadata, metadata);
    assert_eq!(
        (stored[0].stream_kind.as_str(), stored[0].stream_id.as_str()),
        ("attempts", "a")
    );
    assert_eq!(
        (
            stored[0].event_type.as_str(),
            stored[0].event_version.as_str()
        ),
        ("Noted", "1")
    );
    assert_eq!(stored[1].sequence, 2);
    assert_eq!(log.read_stream("attempts", "a").await.unwrap(), stored);
    let loaded = log
        .repository(soon())
        .get_events::<Attempts>("a")
        .await
        .unwrap();
    assert_eq!(loaded[0].payload, payload);
}

async fn positions_count_from_one_without_a_gap<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    assert_eq!(
        append(&log, &[note("a", 1), note("a", 2), note("a", 3)]).await,
        Some(3)
    );
    assert_eq!(append(&log, &[note("b", 1)]).await, Some(4));
    // What was refused takes no number.
    assert_eq!(append(&log, &[note("b", 1)]).await, None);
    assert_eq!(append(&log, &[note("a", 4)]).await, Some(5));
    assert_eq!(log.head(), 5);
    assert_eq!(log.committed_head().await.unwrap(), 5);
    expect_gapless(&all(&log).await);
}

async fn an_append_that_does_not_follow_its_stream_is_a_conflict_and_stores_nothing<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    append(&log, &[note("a", 1)]).await.unwrap();
    for sequences in [&[1][..], &[3], &[1, 2], &[2, 2], &[2, 4], &[3, 2], &[0, 1]] {
        let events: Vec<_> = sequences.iter().map(|&n| note("a", n)).collect();
        assert_eq!(append(&log, &events).await, None, "{sequences:?}");
    }
    assert_eq!(all(&log).await.len(), 1);
    assert_eq!(append(&log, &[note("a", 2), note("a", 3)]).await, Some(3));
}

async fn of_appends_that_race_for_a_stream_one_is_taken<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut racing = JoinSet::new();
    for _ in 0..100 {
        let log = log.clone();
        racing.spawn(async move { append(&log, &[note("a", 1), note("a", 2)]).await });
    }
    let taken = racing.join_all().await.into_iter().flatten().count();
    assert_eq!(taken, 1);
    assert_eq!(all(&log).await.len(), 2);
}

async fn many_writers_on_many_streams_lose_nothing<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let log = log.clone();
        writers.spawn(async move {
            let stream = format!("s{writer}");
            let mut told = Vec::new();
            for sequence in 1..=50 {
                let position = append(&log, &[note(&stream, sequence)]).await.unwrap();
                told.push((position, stream.clone(), i64::try_from(sequence).unwrap()));
            }
            told
        });
    }
    let mut told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    told.sort();
    let stored = all(&log).await;
    expect_gapless(&stored);
    let stored: Vec<_> = stored
        .into_iter()
        .map(|event| (event.position, event.stream_id, event.sequence))
        .collect();
    assert_eq!(stored, told);
}

async fn many_writers_on_one_stream_lose_nothing<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let log = log.clone();
        writers.spawn(async move {
            let mut next = 1;
            let mut told = Vec::new();
            for number in 0..20 {
                let name = format!("{writer}/{number}");
                loop {
                    let mine = event("one", next, json!({"name": name}));
                    if let Some(position) = append(&log, &[mine]).await {
                        told.push((position, name));
                        next += 1;
                        break;
                    }
                    // There is no other stream, so the log is as long as this one.
                    next = usize::try_from(log.head()).unwrap() + 1;
                }
            }
            told
        });
    }
    let mut told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    told.sort();
    let stored = all(&log).await;
    expect_gapless(&stored);
    let stored: Vec<_> = stored
        .iter()
        .map(|event| {
            let name = event.payload["name"].as_str().unwrap();
            (event.position, name.to_owned())
        })
        .collect();
    assert_eq!(stored, told);
}

async fn time_never_runs_back_along_positions<P: Place>() {
    let (place, clock) = (P::new().await, standing());
    let log = place.open(&clock).await;
    append(&log, &[note("a", 1)]).await;
    let start: Timestamp = START.parse().unwrap();
    clock.set_back(SignedDuration::from_hours(1));
    append(&log, &[note("a", 2)]).await;
    // Nor does another program's clock turn it back, by an hour or by days.
    for hours in [1, 100] {
        let behind = Clock::standing_at(start - SignedDuration::from_hours(hours));
        append(&place.open(&behind).await, &[note(&hours.to_string(), 1)]).await;
    }
    // Nor does it stand still.
    clock.advance(SignedDuration::from_secs(1));
    append(&log, &[note("a", 3)]).await;
    let times: Vec<_> = all(&log).await.iter().map(|it| it.recorded_at).collect();
    if !place.stamps_by_our_clock() {
        assert!(times.is_sorted(), "{times:?}");
        return;
    }
    assert_eq!(times[..4], [start; 4]);
    assert_eq!(times[4], start + SignedDuration::from_secs(1));
}

async fn a_reader_that_resumes_anywhere_sees_each_event_once<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    for sequence in 1..=20 {
        append(&log, &[note("a", sequence), note("a", sequence + 1)]).await;
        append(&log, &[note("b", sequence)]).await;
    }
    let stored = all(&log).await;
    for (from, position) in (0..=stored.len()).zip(0..) {
        for limit in [1, 3, 1000] {
            let read = log.read_after(position, limit).await.unwrap();
            let to = stored.len().min(from + usize::try_from(limit).unwrap());
            assert_eq!(read, stored[from..to], "{limit} after {from}");
        }
    }
}

async fn a_reader_during_appends_sees_each_event_once<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let reading = place.open(&standing()).await;
    let reader = tokio::spawn(follow(reading, 800));
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let log = log.clone();
        writers.spawn(async move {
            for sequence in 1..=100 {
                append(&log, &[note(&format!("s{writer}"), sequence)]).await;
            }
        });
    }
    writers.join_all().await;
    let seen = reader.await.unwrap();
    expect_gapless(&seen);
    assert_eq!(seen, all(&log).await);
}

async fn two_programs_on_one_log_interleave_without_a_gap<P: Place>() {
    let place = P::new().await;
    let logs = [place.open(&standing()).await, place.open(&standing()).await];
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let log = logs[writer % 2].clone();
        writers.spawn(async move {
            for sequence in 1..=25 {
                append(&log, &[note(&format!("s{writer}"), sequence)])
                    .await
                    .unwrap();
            }
        });
    }
    writers.join_all().await;
    let stored = all(&logs[0]).await;
    assert_eq!(stored.len(), 200);
    expect_gapless(&stored);
    // A stream that the other program has lengthened meanwhile is a lost race here too.
    assert_eq!(append(&logs[0], &[note("s1", 25)]).await, None);
    assert_eq!(append(&logs[0], &[note("s1", 26)]).await, Some(201));
}

async fn a_reader_is_woken_by_commits_of_its_own_program<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut waiting = std::pin::pin!(log.changed(0));
    assert!(futures::poll!(&mut waiting).is_pending());
    append(&log, &[note("a", 1)]).await;
    waiting.await;
    // What is committed already is not waited for.
    log.changed(0).await;
}

async fn a_reader_is_woken_by_commits_of_another_program<P: Place>() {
    let place = P::new().await;
    let (log, other) = (place.open(&standing()).await, place.open(&standing()).await);
    let mut waiting = std::pin::pin!(log.changed(0));
    assert!(futures::poll!(&mut waiting).is_pending());
    append(&other, &[note("a", 1)]).await;
    waiting.await;
    assert_eq!(log.head(), 1);
}

async fn events_cannot_be_changed_or_deleted<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    append(&log, &[note("a", 1)]).await;
    let before = all(&log).await;
    for statement in [
        "UPDATE events SET payload = '{}'",
        "DELETE FROM events WHERE position = 1",
        "INSERT OR REPLACE INTO events SELECT position, aggregate_type, aggregate_id, sequence, event_type, \
         event_version, '{}', metadata, recorded_at FROM events",
        "INSERT OR REPLACE INTO events SELECT 2, aggregate_type, aggregate_id, sequence, event_type, \
         event_version, '{}', metadata, recorded_at FROM events",
        "INSERT INTO events SELECT 3, aggregate_type, aggregate_id, 2, event_type, event_version, payload, metadata, \
         recorded_at FROM events",
    ] {
        assert!(place.tamper(statement).await.is_err(), "{statement}");
    }
    assert_eq!(all(&log).await, before);
}

async fn a_reader_sees_no_gap_behind_slow_and_aborted_writers<P: SqlPlace>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let reader = tokio::spawn(follow(place.open(&standing()).await, 45));
    for round in 0..10 {
        let before = log.committed_head().await.unwrap();
        let slow = place.append_slowly(&format!("slow{round}")).await;
        let streams: Vec<_> = (0..4).map(|it| format!("s{round}-{it}")).collect();
        let mut waiting = JoinSet::new();
        for stream in streams {
            let log = log.clone();
            waiting.spawn(async move { append(&log, &[note(&stream, 1)]).await.unwrap() });
        }
        tokio::task::yield_now().await;
        assert_eq!(log.committed_head().await.unwrap(), before);
        if round % 2 == 0 {
            slow.commit().await.unwrap();
        } else {
            drop(slow);
        }
        waiting.join_all().await;
    }
    let seen = reader.await.unwrap();
    expect_gapless(&seen);
    assert_eq!(seen, all(&log).await);
}

async fn writers_and_readers_that_restart_in_the_middle_go_on_where_they_were<P: Place>() {
    let place = P::new().await;
    let mut seen: Vec<Recorded> = Vec::new();
    for run in 0..10 {
        let log = place.open(&standing()).await;
        append(&log, &[note("a", 2 * run + 1), note("a", 2 * run + 2)]).await;
        append(&log, &[note(&format!("s{run}"), 1)]).await;
        // A reader that stops in the middle of what there is.
        let position = i64::try_from(seen.len()).unwrap();
        seen.extend(log.read_after(position, 2).await.unwrap());
    }
    let log = place.open(&standing()).await;
    let position = i64::try_from(seen.len()).unwrap();
    seen.extend(log.read_after(position, 1000).await.unwrap());
    assert_eq!(seen.len(), 30);
    expect_gapless(&seen);
    assert_eq!(seen, all(&log).await);
}

async fn a_hundred_thousand_events_are_kept_and_read_in_their_order<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for writer in 0..10 {
        let log = log.clone();
        writers.spawn(async move {
            for number in 0..100 {
                let stream = format!("s{writer}-{number}");
                let events: Vec<_> = (1..=100).map(|it| note(&stream, it)).collect();
                append(&log, &events).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let mut seen = Vec::new();
    loop {
        let position = i64::try_from(seen.len()).unwrap();
        let batch = log.read_after(position, 500).await.unwrap();
        if batch.is_empty() {
            break;
        }
        seen.extend(batch);
    }
    assert_eq!(seen.len(), 100_000);
    expect_gapless(&seen);
}

async fn positions_and_sequences_may_be_longer_than_32_bits<P: SqlPlace>() {
    let place = P::new().await;
    place.tamper(P::FAR_OUT).await.unwrap();
    let log = place.open(&standing()).await;
    let far = 3_000_000_001;
    let next = note("a", 3_000_000_001);
    assert_eq!(append(&log, std::slice::from_ref(&next)).await, Some(far));
    let read = log.read_after(far - 1, 10).await.unwrap();
    assert_eq!((read[0].position, read[0].sequence), (far, far));
    let loaded = log.repository(soon()).get_events::<Attempts>("a").await;
    assert_eq!(loaded.unwrap()[1].sequence, next.sequence);
}
