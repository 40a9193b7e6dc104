//! Parking: an event that cannot be folded, and what is behind it in its stream, holds up nobody else.

use kadode::ambient::Clock;
use kadode::app::Opening;
use kadode::config::DataSettings;
use kadode::database::Database;
use kadode::subscription::REBUILT_AT_ONCE;

use super::rebuilds::all_again;
use super::*;
use crate::support::postgres::Places;
use crate::support::walk::{enrol, give};

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

#[tokio::test]
async fn a_part_of_the_log_is_added_up_though_its_last_event_is_parked() {
    let house = House::new().await;
    let society = &house.society;
    house.walk(1, 200).await;
    all_again(society).await;
    write(society, "DROP TRIGGER events_are_never_changed").await;
    write(
        society,
        &format!(
            "UPDATE events SET payload = '{{\"type\":\"NeverHeardOf\"}}' WHERE position = {REBUILT_AT_ONCE}"
        ),
    )
    .await;
    let log = log_of(society).await;
    let as_of = log.last().unwrap().recorded_at;
    society.clock.advance(SignedDuration::from_secs(1));
    house.walk(2, 10).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    for _ in ["as it grew", "built anew"] {
        let parked = parked(society).await;
        assert_eq!(parked[0].0, REBUILT_AT_ONCE);
        let told: Vec<Recorded> = log
            .iter()
            .filter(|event| event.recorded_at <= as_of)
            .filter(|event| {
                parked
                    .iter()
                    .all(|(position, _)| *position != event.position)
            })
            .cloned()
            .collect();
        expect_reports(society, &told, Some(as_of)).await;
        let parts: Vec<Position> =
            sqlx::query_scalar("SELECT DISTINCT part FROM history_parts ORDER BY part")
                .fetch_all(&society.database.read)
                .await
                .unwrap();
        assert_eq!(parts[..2], [0, 1]);
        projector.rebuild(None, |_| {}).await.unwrap();
    }
}

#[tokio::test]
async fn a_damaged_count_holds_up_nobody_and_is_told_to_whoever_asks_for_its_part() {
    let house = House::new().await;
    let society = &house.society;
    house.walk(1, 200).await;
    let projector = society.projector();
    projector.catch_up().await.unwrap();
    write(
        society,
        "UPDATE history SET counts = 'odd' WHERE position = 7",
    )
    .await;
    all_again(society).await;
    let as_of = log_of(society).await.last().unwrap().recorded_at;
    society.clock.advance(SignedDuration::from_secs(1));
    house.walk(2, 10).await;
    let head = society.log.committed_head().await.unwrap();
    assert_eq!(projector.catch_up().await.unwrap(), head);
    assert_eq!(parked(society).await, []);
    let pool = &society.database.read;
    assert!(counted(pool, Name::Funnel, Some(as_of)).await.is_err());
    assert!(counted(pool, Name::Funnel, None).await.is_ok());
    projector.rebuild(None, |_| {}).await.unwrap();
    assert!(counted(pool, Name::Funnel, Some(as_of)).await.is_ok());
    expect_folded(society).await;
}

/// Between the cells that PostgreSQL takes stands such a character.
#[tokio::test]
async fn an_event_with_a_control_character_is_parked_on_a_server_too() {
    let (folder, places) = (tempfile::tempdir().unwrap(), Places::new().await);
    let data = DataSettings {
        database: places.main,
        key_database: Some(places.keys),
        keys: Some(folder.path().join("keys.toml")),
        witness_file: Vec::new(),
        operator: None,
        policy: Some("policies/sample.toml".into()),
        events: None,
    };
    let clock = Clock::standing_at(START.parse().unwrap());
    let society = Society::open(&data, Opening::TO_FILL, clock, |_| {})
        .await
        .unwrap();
    let members = walk(&society, 1, 20).await;
    let owner = Database::open(&places.owner).await.unwrap();
    let mut transaction = owner.begin().await.unwrap();
    for statement in [
        "SELECT set_config('kadode.appending', 'yes', true)".to_owned(),
        format!(
            "INSERT INTO events SELECT MAX(position) + 1, 'onboarding', '{}' || chr(29), 1, 'Odd' || chr(29), '1', \
             '{{\"type\":\"Odd\\u001d\"}}', '{{}}', MAX(recorded_at) FROM events",
            members[0]
        ),
    ] {
        sqlx::query(&statement)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let last = walk(&society, 2, 20).await;
    let head = society.log.committed_head().await.unwrap();
    assert_eq!(society.projector().catch_up().await.unwrap(), head);
    assert_eq!(parked(&society).await.len(), 1);
    let statuses = stored(&society).await.statuses;
    assert!(statuses.contains_key(&last[0].to_string()));
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
