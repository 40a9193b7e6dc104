//! What the log in a file of SQLite's alone has to hold.

use std::sync::Arc;

use cqrs_es::persist::PersistenceError;
use kadode::store::EventLog;
use serde_json::json;
use tokio::task::JoinSet;

use super::{
    Place, SqlPlace, Sqlite, all, append, event, expect_gapless, note, positions, standing,
    try_append,
};
use crate::support::app::eventually;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_on_when_the_full_disk_has_room_again() {
    let place = Sqlite::new().await;
    let database = place.database().await;
    let log = EventLog::open(database.clone(), standing()).await.unwrap();
    sqlx::query("PRAGMA max_page_count = 60")
        .execute(&database.write)
        .await
        .unwrap();
    let big = |sequence| event("a", sequence, json!({"big": "x".repeat(20_000)}));
    let mut sequence = 1;
    while try_append(&log, &[big(sequence)]).await.is_ok() {
        sequence += 1;
        assert!(sequence < 1000, "the disk is never full");
    }
    // The limit was that connection's own, and whatever failed is done with.
    append(&log, &[big(sequence)]).await.unwrap();
    expect_gapless(&all(&log).await);
}

#[tokio::test]
async fn a_row_that_is_no_json_does_not_stop_its_readers() {
    let place = Sqlite::new().await;
    let log = place.open(&standing()).await;
    append(&log, &[note("a", 1)]).await;
    place
        .tamper("INSERT INTO events VALUES (2, 'attempts', 'b', 1, 'Noted', '1', '{oops', '{}', '2026-04-10T00:00:00.000000Z')")
        .await
        .unwrap();
    append(&log, &[note("a", 2)]).await;
    let stored = all(&log).await;
    assert_eq!(positions(&stored), [1, 2, 3]);
    assert_eq!(stored[1].payload, json!("{oops"));
}

#[tokio::test]
async fn an_append_to_a_closed_database_is_an_error_and_no_panic() {
    let place = Sqlite::new().await;
    let database = place.database().await;
    let log = EventLog::open(database.clone(), standing()).await.unwrap();
    append(&log, &[note("a", 1)]).await;
    database.close().await;
    let outcome = try_append(&log, &[note("a", 2)]).await;
    assert!(matches!(outcome, Err(PersistenceError::ConnectionError(_))));
    assert!(log.read_after(0, 1).await.is_err());
    assert!(log.committed_head().await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_write_ahead_log_stays_small_while_readers_never_rest() {
    let place = Sqlite::new().await;
    let log = Arc::new(place.open(&standing()).await);
    let mut readers = JoinSet::new();
    for _ in 0..4 {
        let log = log.clone();
        readers.spawn(async move {
            loop {
                log.read_after(0, 5).await.unwrap();
            }
        });
    }
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let log = log.clone();
        writers.spawn(async move {
            let text = "x".repeat(2000);
            for sequence in 1..=250 {
                let event = event(&format!("s{writer}"), sequence, json!({"text": text}));
                append(&log, &[event]).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    readers.shutdown().await;
    let wal = place.0.path().join("log.sqlite-wal");
    let size = eventually("the file", async || std::fs::metadata(&wal).ok())
        .await
        .len();
    assert!(size < 8 * 1024 * 1024, "{size} bytes");
}
