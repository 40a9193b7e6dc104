//! Appends that are committed together: each is taken or refused by itself.

use cqrs_es::persist::{PersistenceError, SerializedEvent};
use kadode::store::{EventLog, Position};
use serde_json::json;

use super::{Place, SqlPlace, Sqlite, all, event, expect_gapless, note, standing, try_append};
use crate::support::postgres::Places;

/// Appends that are handed to the writer before it has its turn, as one group; for a runtime of one thread.
async fn as_one_group(
    log: &EventLog,
    appends: Vec<Vec<SerializedEvent>>,
) -> Vec<Result<Position, PersistenceError>> {
    let mut waiting: Vec<_> = appends
        .iter()
        .map(|events| Box::pin(try_append(log, events)))
        .collect();
    for append in &mut waiting {
        assert!(futures::poll!(append).is_pending());
    }
    futures::future::join_all(waiting).await
}

async fn one_of_twenty_fails_alone<P: SqlPlace>() {
    for refuses_s7 in P::REFUSES_S7 {
        let place = P::new().await;
        let log = place.open(&standing()).await;
        place.tamper(refuses_s7).await.unwrap();
        let appends = (0..20).map(|number| {
            let stream = format!("s{number}");
            vec![note(&stream, 1), note(&stream, 2)]
        });
        let outcomes = as_one_group(&log, appends.collect()).await;
        for (number, outcome) in outcomes.into_iter().enumerate() {
            match outcome {
                Ok(_) => assert_ne!(number, 7),
                // No lost race: it would be tried again and again.
                Err(PersistenceError::ConnectionError(_)) => assert_eq!(number, 7),
                Err(other) => panic!("{number}: {other}"),
            }
        }
        let stored = all(&log).await;
        assert_eq!(stored.len(), 38);
        expect_gapless(&stored);
    }
}

#[tokio::test]
async fn an_append_that_sqlite_refuses_does_not_fail_its_neighbours() {
    one_of_twenty_fails_alone::<Sqlite>().await;
}

#[tokio::test]
async fn an_append_that_postgres_refuses_does_not_fail_its_neighbours() {
    one_of_twenty_fails_alone::<Places>().await;
}

async fn only_the_first_append_of_a_stream_is_taken<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let name = |name: &str| event("a", 1, json!({"name": name}));
    let appends = vec![
        vec![note("b", 1)],
        vec![name("first")],
        vec![name("second")],
        // It would follow the first, but was decided without having seen it.
        vec![note("a", 2)],
    ];
    let outcomes = as_one_group(&log, appends).await;
    let taken: Vec<_> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(taken, [true, true, false, false]);
    let stored = log.read_stream("attempts", "a").await.unwrap();
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].payload["name"], "first");
}

#[tokio::test]
async fn in_a_group_on_sqlite_only_the_first_append_of_a_stream_is_taken() {
    only_the_first_append_of_a_stream_is_taken::<Sqlite>().await;
}

#[tokio::test]
async fn in_a_group_on_postgres_only_the_first_append_of_a_stream_is_taken() {
    only_the_first_append_of_a_stream_is_taken::<Places>().await;
}
