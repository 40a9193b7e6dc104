//! The way out: read models and leaves are a fold of the log, whatever happens meanwhile.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use kadode::app::Society;
use kadode::database::Insert;
use kadode::domain::delivery::DeliveryEvent;
use kadode::domain::ids::MemberId;
use kadode::ledger::{self, Leaves};
use kadode::projections::history;
use kadode::projections::reports::counting::{Counting, day_of};
use kadode::projections::reports::reader::counted;
use kadode::projections::reports::report::Basis;
use kadode::projections::reports::{Name, make};
use kadode::projections::status::{MemberStatus, StatusProjection, StatusReader};
use kadode::store::{Position, Recorded};
use kadode::subscription::{
    ApplyError, Before, FollowError, Projection, Projector, REBUILT_AT_ONCE,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::support::app::{START, eventually};
use crate::support::walk::{House, enrol, give, walk};

/// What the read models and the ledger have to hold: folded here, one event after the other.
#[derive(Debug, Default, PartialEq)]
struct Fold {
    statuses: BTreeMap<String, MemberStatus>,
    history: Vec<(String, Position, String, Value)>,
    mail_requests: Vec<(String, Position)>,
    leaves: Vec<(Position, String)>,
}

async fn log_of(society: &Society) -> Vec<Recorded> {
    society.log.read_after(0, i64::MAX).await.unwrap()
}

async fn folded(society: &Society) -> Fold {
    let mut fold = Fold::default();
    for event in log_of(society).await {
        fold.leaves.push((event.position, ledger::leaf_of(&event)));
        let member = match event.stream_kind.as_str() {
            "onboarding" => event.stream_id.clone(),
            "mail" => {
                let told: DeliveryEvent = serde_json::from_value(event.payload.clone()).unwrap();
                told.mail().member.to_string()
            }
            _ => continue,
        };
        fold.history.push((
            member.clone(),
            event.position,
            event.event_type.clone(),
            event.payload.clone(),
        ));
        if event.stream_kind != "onboarding" {
            continue;
        }
        let asks_for_mail = [
            "EmailRegistered",
            "EmailLinkReissued",
            "OtpIssued",
            "OtpReissued",
        ];
        if asks_for_mail.contains(&event.event_type.as_str()) {
            fold.mail_requests.push((member.clone(), event.position));
        }
        fold.statuses
            .entry(member)
            .or_default()
            .fold(&event)
            .unwrap();
    }
    fold
}

async fn stored(society: &Society) -> Fold {
    let pool = &society.database.read;
    let statuses: Vec<(String, String)> =
        sqlx::query_as("SELECT member_id, status FROM member_status")
            .fetch_all(pool)
            .await
            .unwrap();
    let history: Vec<(String, Position, String, String)> = sqlx::query_as(
        "SELECT member_id, position, event_type, payload FROM history WHERE member_id IS NOT NULL ORDER BY position",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mail_requests =
        sqlx::query_as("SELECT member_id, position FROM mail_requests ORDER BY position")
            .fetch_all(pool)
            .await
            .unwrap();
    Fold {
        statuses: statuses
            .into_iter()
            .map(|(member, status)| (member, serde_json::from_str(&status).unwrap()))
            .collect(),
        history: history
            .into_iter()
            .map(|(member, position, event, payload)| {
                let payload = serde_json::from_str(&payload).unwrap();
                (member, position, event, payload)
            })
            .collect(),
        mail_requests,
        leaves: ledger::leaves(pool, 0, i64::MAX).await.unwrap(),
    }
}

/// Fails unless the read models are what the log says, up to its end.
async fn expect_folded(society: &Society) {
    assert_eq!(stored(society).await, folded(society).await);
    expect_reports(society, &log_of(society).await, None).await;
    assert_eq!(parked(society).await, []);
    let head = society.log.committed_head().await.unwrap();
    assert_eq!(checkpoint(society).await, head);
}

/// Fails unless each report is the one that these events make, which are those up to the moment, or all.
async fn expect_reports(society: &Society, events: &[Recorded], as_of: Option<Timestamp>) {
    let mut counting = Counting::default();
    for event in events {
        counting.take(event).unwrap();
    }
    let (counts, end) = counting.counts();
    for name in Name::ALL {
        let basis = Basis {
            as_of: end.recorded_at.unwrap_or_default(),
            ..Basis::default()
        };
        let found = counted(&society.database.read, name, as_of).await.unwrap();
        assert_eq!(
            make(name, &found.counts, &[], basis.clone()),
            make(name, counts, &[], basis)
        );
        assert_eq!(
            (found.position, found.policy),
            (end.position, end.policy.clone())
        );
    }
}

#[tokio::test]
async fn reports_as_of_any_event_are_those_that_the_events_until_then_make() {
    let house = House::new().await;
    for seed in 1..=3 {
        house.walk(seed, 50).await;
        house.society.clock.advance(SignedDuration::from_hours(12));
    }
    house.society.projector().catch_up().await.unwrap();
    let log = log_of(&house.society).await;
    let days: BTreeSet<_> = log.iter().map(|event| day_of(event.recorded_at)).collect();
    assert!(days.len() > 1);
    for (at, event) in log.iter().enumerate() {
        let is_last_of_its_moment = log
            .get(at + 1)
            .is_none_or(|next| next.recorded_at > event.recorded_at);
        if is_last_of_its_moment {
            expect_reports(&house.society, &log[..=at], Some(event.recorded_at)).await;
        }
    }
}

async fn checkpoint(society: &Society) -> Position {
    sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = 'read_models'")
        .fetch_one(&society.database.read)
        .await
        .unwrap()
}

async fn parked(society: &Society) -> Vec<(Position, String)> {
    sqlx::query_as("SELECT position, why FROM parked_events ORDER BY position")
        .fetch_all(&society.database.read)
        .await
        .unwrap()
}

async fn write(society: &Society, statement: &str) {
    sqlx::query(statement)
        .execute(&society.database.write)
        .await
        .unwrap();
}

/// Puts an event into the log that no version of ours can read, at the end of the member's stream.
async fn poison(society: &Society, member: MemberId) -> Position {
    let length = society
        .log
        .read_stream("onboarding", &member.to_string())
        .await
        .unwrap()
        .len();
    write(
        society,
        &format!(
            "INSERT INTO events SELECT MAX(position) + 1, 'onboarding', '{member}', {}, 'BirthDateConfirmed', '1', \
             '{{\"type\":\"NeverHeardOf\"}}', '{{}}', MAX(recorded_at) FROM events",
            length + 1
        ),
    )
    .await;
    society.log.committed_head().await.unwrap()
}

/// Mends the event, as somebody who owns the file can.
async fn mend(society: &Society, position: Position) {
    write(society, "DROP TRIGGER events_are_never_changed").await;
    write(
        society,
        &format!(
            "UPDATE events SET payload = '{{\"type\":\"BirthDateConfirmed\"}}' WHERE position = {position}"
        ),
    )
    .await;
}

/// Appends an event behind the poison, past the commands, which cannot read the stream.
async fn append_behind(society: &Society, member: MemberId) {
    write(
        society,
        &format!(
            "INSERT INTO events SELECT (SELECT MAX(position) + 1 FROM events), aggregate_type, aggregate_id, \
             sequence + 1, 'BirthDateRejected', '1', '{{\"type\":\"BirthDateRejected\"}}', '{{}}', recorded_at \
             FROM events WHERE aggregate_id = '{member}' ORDER BY sequence DESC LIMIT 1"
        ),
    )
    .await;
}

#[tokio::test]
async fn read_models_are_a_fold_of_the_log_after_random_journeys() {
    let house = House::new().await;
    for seed in 1..=3 {
        house.walk(seed, 150).await;
        house.society.projector().catch_up().await.unwrap();
        expect_folded(&house.society).await;
    }
    let log = log_of(&house.society).await;
    for kind in ["OnboardingCompleted", "EmailDisowned", "OtpReissued"] {
        let happened = log.iter().any(|event| event.event_type == kind);
        assert!(happened, "{kind} never happened on these journeys");
    }
}

#[tokio::test]
async fn a_members_history_is_read_in_the_order_of_the_log() {
    let house = House::new().await;
    let members = house.walk(1, 100).await;
    house.society.projector().catch_up().await.unwrap();
    let entries = history::of_member(&house.society.database.read, members[0])
        .await
        .unwrap();
    let stream = house
        .society
        .log
        .read_stream("onboarding", &members[0].to_string())
        .await
        .unwrap();
    assert!(stream.len() > 5);
    assert_eq!(entries.len(), stream.len());
    for (entry, event) in entries.iter().zip(&stream) {
        assert_eq!(entry.position, event.position);
        assert_eq!(entry.recorded_at, event.recorded_at);
        assert_eq!(entry.payload, event.payload);
    }
}

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
async fn all_again(society: &Society) -> usize {
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

#[tokio::test]
async fn a_rebuild_in_many_batches_parks_what_the_live_read_models_park() {
    let house = House::new().await;
    let society = &house.society;
    let members = house.walk(1, 200).await;
    poison(society, members[0]).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    all_again(society).await;
    append_behind(society, members[0]).await;
    projector.catch_up().await.unwrap();
    let before = (stored(society).await, parked(society).await);
    assert!(before.1.len() > 2, "those who did it again are parked too");
    projector.rebuild(None, |_| {}).await.unwrap();
    assert_eq!((stored(society).await, parked(society).await), before);
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

#[tokio::test]
async fn an_event_that_cannot_be_read_is_parked_and_others_go_on() {
    let house = House::new().await;
    let society = &house.society;
    let members = house.walk(1, 40).await;
    let before = folded(society).await;
    let bad = poison(society, members[0]).await;
    append_behind(society, members[0]).await;
    let other = MemberId(uuid::Uuid::from_u128(5));
    give(society, other, enrol(society)).await;
    append_behind(society, members[0]).await;
    let projector = society.projector();
    assert_eq!(projector.catch_up().await.unwrap(), bad + 3);

    let parked_now = parked(society).await;
    let positions: Vec<_> = parked_now.iter().map(|(position, _)| *position).collect();
    assert_eq!(positions, [bad, bad + 1, bad + 3]);
    assert!(parked_now[0].1.contains("NeverHeardOf"));
    let after = stored(society).await;
    let member = members[0].to_string();
    assert_eq!(after.statuses[&member], before.statuses[&member]);
    assert_eq!(after.history.len(), before.history.len() + 1);
    assert!(after.statuses.contains_key(&other.to_string()));
    let leaves: Vec<_> = log_of(society)
        .await
        .iter()
        .map(|event| (event.position, ledger::leaf_of(event)))
        .collect();
    assert_eq!(after.leaves, leaves);

    // What comes later waits behind it too, in a batch of its own.
    append_behind(society, members[0]).await;
    projector.catch_up().await.unwrap();
    assert_eq!(parked(society).await.len(), 4);

    let reader = StatusReader::new(
        society.log.clone(),
        society.database.read.clone(),
        projector.progress(),
        society.clock.clone(),
    );
    let health = reader.health().await.unwrap();
    assert_eq!((health.parked, health.projected), (4, health.head));
}

#[tokio::test]
async fn a_damaged_row_is_blamed_on_no_event_and_written_anew_from_the_log() {
    let house = House::new().await;
    let society = &house.society;
    let members = house.walk(1, 40).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    write(society, "UPDATE member_status SET status = '{\"odd\":'").await;
    let reader = StatusReader::new(
        society.log.clone(),
        society.database.read.clone(),
        projector.progress(),
        society.clock.clone(),
    );
    let right = folded(society).await;
    let status = reader.of(members[0]).await.unwrap();
    assert_eq!(status.as_ref(), right.statuses.get(&members[0].to_string()));
    for member in &members {
        append_behind(society, *member).await;
        append_behind(society, *member).await;
    }
    projector.catch_up().await.unwrap();
    expect_folded(society).await;
}

#[tokio::test]
async fn a_rebuild_after_the_repair_empties_the_parking() {
    let house = House::new().await;
    let society = &house.society;
    let members = house.walk(1, 10).await;
    let bad = poison(society, members[0]).await;
    append_behind(society, members[0]).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    let before = stored(society).await;

    // While it is still there, a rebuild goes round it, and keeps it.
    for only in [None, Some("history")] {
        projector.rebuild(only, |_| {}).await.unwrap();
        assert_eq!(stored(society).await, before);
        assert_eq!(parked(society).await.len(), 2);
    }
    mend(society, bad).await;
    // One read model alone must not show what the others cannot.
    projector.rebuild(Some("history"), |_| {}).await.unwrap();
    assert_eq!(stored(society).await, before);
    projector.rebuild(None, |_| {}).await.unwrap();
    assert_eq!(parked(society).await, []);
    let after = stored(society).await;
    let mut right = folded(society).await;
    // The ledger is never rewritten: it still tells what had been stored.
    assert_ne!(after.leaves, right.leaves);
    right.leaves.clone_from(&after.leaves);
    assert_eq!(after, right);
}

#[tokio::test]
async fn an_event_that_breaks_a_constraint_is_parked() {
    let house = House::new().await;
    let society = &house.society;
    let members = house.walk(1, 10).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    let next = society.log.committed_head().await.unwrap() + 1;
    write(
        society,
        &format!(
            "INSERT INTO history (position, recorded_at, event_type, event_version, stream_kind, stream_id, sequence, member_id, \
             actor, outcome, payload, metadata, counts) VALUES ({next}, '', 'X', '', '', '', 0, '{}', '', '', '{{}}', '{{}}', '[]')",
            members[0]
        ),
    )
    .await;
    append_behind(society, members[0]).await;
    append_behind(society, members[1]).await;
    projector.catch_up().await.unwrap();
    let positions: Vec<_> = parked(society).await.into_iter().map(|row| row.0).collect();
    assert_eq!(positions, [next]);

    // Its stream can be read all the same, and so its member's status is folded from there.
    let reader = StatusReader::new(
        society.log.clone(),
        society.database.read.clone(),
        projector.progress(),
        society.clock.clone(),
    );
    let status = reader.of(members[0]).await.unwrap().unwrap();
    assert_eq!(status.position, next);
    assert_eq!(
        status,
        folded(society).await.statuses[&members[0].to_string()]
    );
}

#[tokio::test]
async fn a_projector_killed_at_any_point_goes_on_without_a_gap_or_a_double() {
    let house = House::new().await;
    let society = &house.society;
    let mut random = StdRng::seed_from_u64(11);
    let mut kills = 0;
    for seed in 0..4 {
        house.walk(seed, 100).await;
        let head = society.log.committed_head().await.unwrap();
        let mut patience = 100;
        loop {
            let projector = society.projector();
            let life = Duration::from_micros(random.random_range(0..patience));
            match tokio::time::timeout(life, projector.catch_up()).await {
                Ok(Ok(_)) => break,
                // The last breath of the one before: its commit was on its way when it was killed.
                Ok(Err(FollowError::CheckpointMoved(_))) | Err(_) => {}
                Ok(Err(error)) => panic!("{error}"),
            }
            kills += 1;
            patience = patience * 5 / 4;
        }
        assert_eq!(checkpoint(society).await, head);
        expect_folded(society).await;
    }
    assert!(kills > 10, "{kills} kills show little");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_projectors_on_one_database_double_nothing_and_park_nothing() {
    let house = House::new().await;
    let society = &house.society;
    let mut projecting = JoinSet::new();
    for _ in 0..3 {
        let projector = house.open_again().await.projector();
        projecting.spawn(async move { projector.run().await });
    }
    house.walk(1, 300).await;
    let head = society.log.committed_head().await.unwrap();
    eventually("the projectors", async || {
        let stored: Option<Position> =
            sqlx::query_scalar("SELECT position FROM checkpoints WHERE reader = 'read_models'")
                .fetch_optional(&society.database.read)
                .await
                .unwrap();
        (stored == Some(head)).then_some(())
    })
    .await;
    projecting.shutdown().await;
    expect_folded(society).await;
}

#[tokio::test]
async fn a_projector_that_comes_second_blames_no_event() {
    let house = House::new().await;
    house.walk(1, 20).await;
    house.society.projector().catch_up().await.unwrap();
    let moved = sqlx::query("UPDATE checkpoints SET position = 0")
        .execute(&house.society.database.write)
        .await
        .unwrap();
    assert_eq!(moved.rows_affected(), 1);
    // A projector that read the checkpoint just before another one moved it: here the other is a trigger.
    write(
        &house.society,
        "CREATE TRIGGER other BEFORE UPDATE ON checkpoints BEGIN SELECT RAISE(IGNORE); END",
    )
    .await;
    let outcome = house.society.projector().catch_up().await;
    assert!(
        matches!(outcome, Err(FollowError::CheckpointMoved(_))),
        "{outcome:?}"
    );
    assert_eq!(parked(&house.society).await, []);
}

#[tokio::test]
async fn however_far_the_read_model_has_come_a_status_is_that_of_the_log() {
    let house = House::new().await;
    let society = &house.society;
    let projector = society.projector();
    let reader = StatusReader::new(
        society.log.clone(),
        society.database.read.clone(),
        projector.progress(),
        society.clock.clone(),
    );
    let mut members = Vec::new();
    for seed in 0..3 {
        members.extend(house.walk(seed, 100).await);
        let right = folded(society).await;
        for member in &members {
            let status = reader.of(*member).await.unwrap().unwrap();
            assert_eq!(status, right.statuses[&member.to_string()]);
        }
        // The next ones stand in the log alone.
        projector.catch_up().await.unwrap();
    }
    let nobody = MemberId(uuid::Uuid::nil());
    assert_eq!(reader.of(nobody).await.unwrap(), None);
}

#[test]
fn a_leaf_is_the_hash_of_the_canonical_event() {
    let event = Recorded {
        position: 7,
        stream_kind: "onboarding".to_owned(),
        stream_id: "0196".to_owned(),
        sequence: 2,
        event_type: "EmailVerified".to_owned(),
        event_version: "1".to_owned(),
        payload: json!({"type": "EmailVerified", "contact": "門出\n"}),
        metadata: json!({"software": "kadode 0", "actor": "member"}),
        recorded_at: START.parse().unwrap(),
    };
    // printf '\0{"metadata":{"actor":"member","software":"kadode 0"},"payload":{"contact":"門出\\n","type":"EmailVerified"},
    // "position":7,"sequence":2,"stream":"onboarding-0196","type":"EmailVerified","version":"1"}' (in one line) | sha256sum
    assert_eq!(
        ledger::leaf_of(&event),
        "bab3ff589fbc716388383ffb803a2ec071c5f0d8d6840f25d1037cfdb1e31098"
    );
}
