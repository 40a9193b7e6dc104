//! The way out: read models and leaves are a fold of the log, whatever happens meanwhile.

mod parking;
mod rebuilds;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kadode::app::Society;
use kadode::domain::delivery::DeliveryEvent;
use kadode::domain::ids::MemberId;
use kadode::ledger;
use kadode::projections::history;
use kadode::projections::reports::counting::{Counting, day_of};
use kadode::projections::reports::reader::counted;
use kadode::projections::reports::report::Basis;
use kadode::projections::reports::{Name, make};
use kadode::projections::status::{MemberStatus, StatusReader};
use kadode::store::{Position, Recorded};
use kadode::subscription::FollowError;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::app::{START, eventually};
use crate::support::walk::{House, walk};

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
