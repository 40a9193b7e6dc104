//! What every event log has to hold, as one suite over whatever store it is given.

#[path = "../contract/cases.rs"]
mod cases;
mod file;
mod groups;
mod network;
mod outages;
mod rows;
mod tls;
mod traps;

mod kurrent;

use cqrs_es::persist::PersistedEventRepository;
use kadode::ambient::Clock;
use kadode::database::{self, Database, Transaction};
use kadode::domain::attempts::Attempts;
use kadode::store::EventLog;
use sqlx::Executor;
use tempfile::TempDir;
use tokio::task::JoinSet;

use self::cases::{
    Place, all, append, event, expect_gapless, follow, note, positions, soon, standing, try_append,
    with_all_cases,
};
use crate::support::postgres::Places;

/// One whose events are in a SQL database.
trait SqlPlace: Place {
    /// Tries a statement past the log, as somebody with the database's password may.
    async fn tamper(&self, statement: &'static str) -> Result<(), String>;

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
}

impl SqlPlace for Sqlite {
    async fn tamper(&self, statement: &'static str) -> Result<(), String> {
        let database = self.database().await;
        let outcome = sqlx::query(statement).execute(&database.write).await;
        outcome.map(drop).map_err(|error| error.to_string())
    }

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
}

impl SqlPlace for Places {
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

/// Cases as tests of one store.
macro_rules! tests {
    ($store:ident, $cases:path, $place:ty: $($case:ident),+ $(,)?) => {
        mod $store {
            use $cases as cases;

            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    cases::$case::<$place>().await;
                }
            )+
        }
    };
}

/// The cases about SQL as tests of one store.
macro_rules! sql_tests {
    ($store:ident, $place:ty) => {
        tests!($store, super::super::store, $place:
            events_cannot_be_changed_or_deleted,
            a_reader_sees_no_gap_behind_slow_and_aborted_writers,
            positions_and_sequences_may_be_longer_than_32_bits,
        );
    };
}

with_all_cases!(tests! sqlite, super::cases, super::Sqlite:);
with_all_cases!(tests! postgres, super::cases, super::Places:);
with_all_cases!(tests! kurrent_beside_sqlite, super::cases, super::kurrent::Beside<super::Sqlite>:);
with_all_cases!(tests! kurrent_beside_postgres, super::cases, super::kurrent::Beside<super::Places>:);
sql_tests!(sqlite_alone, super::Sqlite);
sql_tests!(postgres_alone, super::Places);

async fn events_cannot_be_changed_or_deleted<P: SqlPlace>() {
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
