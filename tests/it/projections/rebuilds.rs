//! Rebuilds: all read models or one, made anew beside the live ones, and put in their place at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use kadode::database::Insert;
use kadode::ledger::Leaves;
use kadode::projections::status::StatusProjection;
use kadode::subscription::{ApplyError, Before, Projection, Projector, REBUILT_AT_ONCE};
use tokio::sync::Notify;

use super::*;

#[tokio::test]
async fn a_rebuild_of_all_or_of_one_is_what_stood_there_before() {
    let house = House::new().await;
    house.walk(1, 200).await;
    let projector = house.society.projector();
    projector.catch_up().await.unwrap();
    let indexes = indexes(&house.society).await;
    assert!(indexes.iter().any(|(table, _)| table == "parked_events"));
    for only in [
        None,
        Some("member_status"),
        Some("history"),
        Some("mail_requests"),
        None,
    ] {
        projector.rebuild(only, |_| {}).await.unwrap();
        expect_folded(&house.society).await;
    }
    // The tables are whole again, keys and indexes too.
    assert_eq!(self::indexes(&house.society).await, indexes);
    let left: i64 = sqlx::query_scalar(
        "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name LIKE '%_rebuild'",
    )
    .fetch_one(&house.society.database.read)
    .await
    .unwrap();
    assert_eq!(left, 0);
    house.walk(2, 50).await;
    projector.catch_up().await.unwrap();
    expect_folded(&house.society).await;
}

/// The members, and those of the copy before, do it all again as others, all at once; answers how many events there are then: those of several
/// batches.
pub(super) async fn all_again(society: &Society) -> usize {
    for digit in 1..=6 {
        write(
            society,
            &format!(
                "INSERT INTO events SELECT (SELECT MAX(position) FROM events) + ROW_NUMBER() OVER (ORDER BY sequence, position), \
                 aggregate_type, substr(aggregate_id, 1, {digit} - 1) || 'f' || substr(aggregate_id, {digit} + 1), sequence, \
                 event_type, event_version, payload, metadata, (SELECT MAX(recorded_at) FROM events) \
                 FROM events WHERE aggregate_type = 'onboarding' AND substr(aggregate_id, {digit}, 1) <> 'f' ORDER BY sequence, position"
            ),
        )
        .await;
    }
    let events = log_of(society).await.len();
    assert!(events > 2 * usize::try_from(REBUILT_AT_ONCE).unwrap());
    events
}

#[tokio::test]
async fn a_rebuild_in_many_batches_is_what_each_member_did() {
    let house = House::new().await;
    house.walk(1, 200).await;
    house.society.projector().catch_up().await.unwrap();
    let events = all_again(&house.society).await;
    let projector = house.society.projector();
    projector.rebuild(None, |_| {}).await.unwrap();
    expect_folded(&house.society).await;
    projector.rebuild(None, |_| {}).await.unwrap();
    expect_folded(&house.society).await;
    assert!(projector.compare(|_| {}).await.unwrap().is_empty());

    // What is read ahead is folded there and then, and not once more after what it came behind is written.
    let counting = Arc::new(CountsFolds {
        folds: StatusProjection(house.society.log.clone()),
        folded: AtomicUsize::new(0),
    });
    let (log, database) = (house.society.log.clone(), house.society.database.clone());
    let read_models: Vec<Arc<dyn Projection>> = vec![counting.clone()];
    let projector = Projector::new(log, database, read_models, Arc::new(Leaves::default()));
    projector
        .rebuild(Some("member_status"), |_| {})
        .await
        .unwrap();
    assert_eq!(counting.folded.load(Ordering::SeqCst), events);
    expect_folded(&house.society).await;
}

/// A read model that counts the events it folds.
struct CountsFolds {
    folds: StatusProjection,
    folded: AtomicUsize,
}

impl Projection for CountsFolds {
    fn name(&self) -> &'static str {
        self.folds.name()
    }

    fn tables(&self) -> &'static [&'static str] {
        self.folds.tables()
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        self.folded.fetch_add(batch.len(), Ordering::SeqCst);
        self.folds.fold(batch, suffix, before)
    }
}

/// The tables' indexes, each with what it is over.
async fn indexes(society: &Society) -> Vec<(String, String)> {
    let sql = "SELECT tbl_name, CASE WHEN sql IS NULL THEN 'key' ELSE substr(sql, instr(sql, '(')) END AS over \
        FROM sqlite_master WHERE type = 'index' ORDER BY tbl_name, over";
    let read = &society.database.read;
    sqlx::query_as(sql).fetch_all(read).await.unwrap()
}

#[tokio::test]
async fn a_rebuild_mends_tables_that_were_spoilt() {
    let house = House::new().await;
    house.walk(1, 100).await;
    let projector = house.society.projector();
    projector.catch_up().await.unwrap();
    write(&house.society, "DELETE FROM history").await;
    write(&house.society, "UPDATE member_status SET status = '{}'").await;
    projector.rebuild(None, |_| {}).await.unwrap();
    expect_folded(&house.society).await;
}

#[tokio::test]
async fn a_rebuild_of_all_goes_on_from_where_lagging_read_models_are() {
    let house = House::new().await;
    house.walk(1, 100).await;
    house.society.projector().catch_up().await.unwrap();
    house.walk(2, 100).await;
    house
        .society
        .projector()
        .rebuild(None, |_| {})
        .await
        .unwrap();
    expect_folded(&house.society).await;
}

#[tokio::test]
async fn a_rebuild_of_one_goes_no_further_than_the_others_are() {
    let house = House::new().await;
    house.walk(1, 100).await;
    let projector = house.society.projector();
    projector.catch_up().await.unwrap();
    let before = stored(&house.society).await;
    house.walk(2, 100).await;
    projector
        .rebuild(Some("member_status"), |_| {})
        .await
        .unwrap();
    assert_eq!(stored(&house.society).await, before);
    projector.catch_up().await.unwrap();
    expect_folded(&house.society).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_while_others_read_and_append_is_never_seen_half() {
    let house = House::new().await;
    let society = &house.society;
    house.walk(1, 150).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    let live = tokio::spawn(async move { projector.run().await });
    let least = stored(society).await.history.len();
    let (reading, watching) = (society.clone(), house.open_again().await);
    let reader = tokio::spawn(async move {
        loop {
            for society in [&reading, &watching] {
                let seen: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM history")
                    .fetch_one(&society.database.read)
                    .await
                    .unwrap();
                assert!(usize::try_from(seen).unwrap() >= least, "{seen} of {least}");
            }
        }
    });
    // As `kadode rebuild` beside `kadode serve`, with members going on.
    let beside = house.open_again().await;
    let rebuilding = async {
        for only in [None, Some("history"), None] {
            beside.projector().rebuild(only, |_| {}).await.unwrap();
        }
    };
    tokio::join!(rebuilding, walk(society, 2, 150));
    let head = society.log.committed_head().await.unwrap();
    eventually("the projector", async || {
        (checkpoint(society).await == head).then_some(())
    })
    .await;
    assert!(!reader.is_finished());
    reader.abort();
    live.abort();
    expect_folded(society).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rebuild_waits_for_another_programs_lock_and_goes_on_from_where_it_was() {
    let house = House::new().await;
    house.walk(1, 100).await;
    house.society.projector().catch_up().await.unwrap();
    let (beside, other) = (house.open_again().await, house.open_again().await);
    let (told, mut hears) = tokio::sync::mpsc::unbounded_channel();
    let (locked, lock) = std::sync::mpsc::channel::<()>();
    let rebuilding = tokio::spawn(async move {
        let told = move |position| {
            told.send(position).unwrap();
            // It goes on when the other program has its lock, and later without asking.
            let _ = lock.recv();
        };
        beside.projector().rebuild(None, told).await
    });
    let first = hears.recv().await.unwrap();
    // More to fold.
    house.walk(2, 100).await;
    let held = other.database.begin().await.unwrap();
    drop(locked);
    // Whoever gives up after this has waited longer than a writer waits.
    for _ in 0..2 {
        house.society.database.begin().await.unwrap_err();
    }
    assert!(!rebuilding.is_finished());
    held.rollback().await.unwrap();
    rebuilding.await.unwrap().unwrap();
    expect_folded(&house.society).await;
    let second = hears.recv().await.unwrap();
    assert!(second > first, "{second} after {first}");
}

#[tokio::test]
async fn read_models_are_rebuilt_where_nothing_was_served_yet() {
    let house = House::new().await;
    house.walk(1, 20).await;
    let projector = house.society.projector();
    projector.rebuild(None, |_| {}).await.unwrap();
    expect_folded(&house.society).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_rebuilds_at_once_neither_spoils_the_other() {
    let house = House::new().await;
    house.walk(1, 600).await;
    house.society.projector().catch_up().await.unwrap();
    let mut rebuilding = JoinSet::new();
    for only in [None, Some("member_status"), None, Some("history")] {
        let society = house.open_again().await;
        rebuilding.spawn(async move { society.projector().rebuild(only, |_| {}).await });
    }
    let outcomes = rebuilding.join_all().await;
    assert!(outcomes.iter().any(Result::is_ok), "{outcomes:?}");
    expect_folded(&house.society).await;
    house
        .society
        .projector()
        .rebuild(None, |_| {})
        .await
        .unwrap();
    expect_folded(&house.society).await;
}

/// The read model of statuses, which has folded and waits before it is written.
struct Late {
    folds: StatusProjection,
    folded: Notify,
    go_on: Notify,
}

impl Projection for Late {
    fn name(&self) -> &'static str {
        self.folds.name()
    }

    fn tables(&self) -> &'static [&'static str] {
        self.folds.tables()
    }

    fn fold<'a>(
        &'a self,
        batch: &'a [Recorded],
        suffix: &'a str,
        before: &'a mut Before<'_>,
    ) -> BoxFuture<'a, Result<Vec<Insert>, ApplyError>> {
        Box::pin(async move {
            let inserts = self.folds.fold(batch, suffix, before).await;
            self.folded.notify_one();
            self.go_on.notified().await;
            inserts
        })
    }
}

#[tokio::test]
async fn what_was_folded_from_tables_that_gave_way_to_rebuilt_ones_is_not_written() {
    let house = House::new().await;
    let society = &house.society;
    house.walk(1, 40).await;
    society.projector().catch_up().await.unwrap();
    house.walk(2, 10).await;
    let late = Arc::new(Late {
        folds: StatusProjection(society.log.clone()),
        folded: Notify::new(),
        go_on: Notify::new(),
    });
    let (log, database) = (society.log.clone(), society.database.clone());
    let read_models: Vec<Arc<dyn Projection>> = vec![late.clone()];
    let projector = Projector::new(log, database, read_models, Arc::new(Leaves::default()));
    let projecting = tokio::spawn(async move { projector.catch_up().await });
    late.folded.notified().await;
    // One alone goes no further than the live ones are, and moves no checkpoint of theirs.
    let rebuilt = society.projector();
    rebuilt
        .rebuild(Some("member_status"), |_| {})
        .await
        .unwrap();
    late.go_on.notify_one();
    let ended = projecting.await.unwrap();
    assert!(
        matches!(ended, Err(FollowError::CheckpointMoved(_))),
        "{ended:?}"
    );
    society.projector().catch_up().await.unwrap();
    expect_folded(society).await;
}
