//! What cqrs-es and postgres-es would make of some of the database's answers, and what must become of them here.

use std::convert::Infallible;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use kadode::ambient::Entropy;
use kadode::commands::Commands;
use kadode::database::Database;
use kadode::domain::attempts::Attempts;
use kadode::store::EventLog;
use serde_json::json;
use sqlx::Executor;

use super::{Place, Sqlite, all, append, expect_gapless, note, soon, standing, try_append};
use crate::commands::{attribution, tally};
use crate::support::app::eventually;
use crate::support::postgres::Places;

/// The server interrupts whatever it likes for reasons of its own; postgres-es calls that unexpected, as it does a server that is away.
#[tokio::test]
async fn a_command_whose_append_the_server_interrupts_is_tried_again_and_stored_once() {
    // A conflict of serialization, a deadlock, a lock that did not come free, a statement that was cancelled.
    for code in ["40001", "40P01", "55P03", "57014"] {
        let places = Places::new().await;
        let owner = Database::open(&places.owner).await.unwrap();
        // The first two times; sequences do not come back with a transaction.
        for statement in [
            "CREATE SEQUENCE tries".to_owned(),
            "GRANT USAGE ON tries TO PUBLIC".to_owned(),
            format!(
                "CREATE FUNCTION interrupt() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN \
                 IF nextval('tries') <= 2 THEN RAISE 'interrupted' USING ERRCODE = '{code}'; END IF; RETURN NEW; END $$"
            ),
            "CREATE TRIGGER interrupts BEFORE INSERT ON events FOR EACH ROW EXECUTE FUNCTION interrupt()"
                .to_owned(),
        ] {
            sqlx::query(&statement).execute(&owner.write).await.unwrap();
        }
        let log = places.open(&standing()).await;
        let outcome = Commands::new(log.clone())
            .run::<Attempts, Infallible, _, _>(
                "d1".to_owned(),
                attribution(&Entropy::new(standing())),
                |_| std::future::ready(Ok(tally())),
            )
            .await;
        assert_eq!(outcome.unwrap().mark, 1, "{code}");
        assert_eq!(all(&log).await.len(), 1, "{code}");
    }
}

/// PostgreSQL stores no NUL in a text, nor in JSONB; payloads are JSON as it was written, and may have it escaped.
#[tokio::test]
async fn a_nul_that_postgres_cannot_store_is_refused_alone_and_is_no_lost_race() {
    let places = Places::new().await;
    let log = places.open(&standing()).await;
    let nul = |metadata: &str, event_type: &str| {
        SerializedEvent::new(
            "s7".to_owned(),
            1,
            "attempts".to_owned(),
            event_type.to_owned(),
            "1".to_owned(),
            json!({}),
            json!({"command_id": metadata}),
        )
    };
    for bad in [nul("\0", "Noted"), nul("c", "No\0ted")] {
        let outcome = try_append(&log, &[bad]).await;
        assert!(
            matches!(outcome, Err(PersistenceError::ConnectionError(_))),
            "{outcome:?}"
        );
    }
    append(&log, &[note("s7", 1)]).await.unwrap();
    expect_gapless(&all(&log).await);
}

/// cqrs-es's own streams end without an error where the database goes away in the middle; so there are none.
async fn nothing_is_streamed(log: EventLog) {
    append(&log, &[note("a", 1)]).await.unwrap();
    let repository = log.repository(soon());
    assert!(repository.stream_events::<Attempts>("a").await.is_err());
    assert!(repository.stream_all_events::<Attempts>().await.is_err());
}

#[tokio::test]
async fn a_stream_that_could_end_unnoticed_is_not_to_be_had_on_sqlite() {
    nothing_is_streamed(Sqlite::new().await.open(&standing()).await).await;
}

#[tokio::test]
async fn a_stream_that_could_end_unnoticed_is_not_to_be_had_on_postgres() {
    nothing_is_streamed(Places::new().await.open(&standing()).await).await;
}

/// Streams of one event each, and how often some of them are asked for.
const STREAMS: i64 = 20_000;
const ASKED: i64 = 8;

/// As an import does in the first minute, before the server knows how different the ids of its streams are.
#[tokio::test]
async fn which_streams_have_begun_is_not_looked_for_in_the_whole_log() {
    let places = Places::new().await;
    let owner = Database::open(&places.owner).await.unwrap();
    let mut connection = owner.write.acquire().await.unwrap();
    let fill = format!(
        "SET kadode.appending = 'yes'; INSERT INTO events SELECT n, 'onboarding', 's' || n, 1, 'Noted', '1', '{{}}', '{{}}', \
         '2026-07-01T00:00:00.000000Z' FROM generate_series(1, {STREAMS}) AS n"
    );
    connection.execute(fill.as_str()).await.unwrap();
    let log = places.open(&standing()).await;
    let asked: Vec<String> = (STREAMS - 49..=STREAMS + 50)
        .map(|n| format!("s{n}"))
        .collect();
    for _ in 0..ASKED {
        let begun = log.begun("onboarding", &asked).await.unwrap();
        assert_eq!(begun.len(), 50);
    }
    let read = eventually("the server's count", || async {
        let (scans, read): (i64, i64) = sqlx::query_as(
            "SELECT seq_scan + idx_scan, seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relname = 'events'",
        )
        .fetch_one(&owner.read)
        .await
        .unwrap();
        (scans >= ASKED).then_some(read)
    })
    .await;
    assert!(read < STREAMS, "{read} rows were read");
}
