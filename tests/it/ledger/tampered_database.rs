//! What somebody does who can write to the database: an export of it is found wrong and says where, and so does `kadode check` (see
//! `program::check`) or the sealing (see `sealing`).

use std::convert::Infallible;

use kadode::database::Database;
use kadode::domain::custody::{Command, Custody};
use kadode::domain::values::KeyId;

use super::{audited, checked, checked_since, expect_fault, exported, sealed, tamper};
use crate::support::postgres::owner_of;
use crate::support::walk::{House, walk};

/// SQLite's functions for JSON, as far as statements here need them, on PostgreSQL.
const AS_ON_SQLITE: [&str; 4] = [
    "ALTER TABLE events DISABLE TRIGGER USER",
    "CREATE OR REPLACE FUNCTION json_set(given JSONB, path TEXT, value TEXT) RETURNS JSONB LANGUAGE sql \
     AS 'SELECT jsonb_set(given, string_to_array(substr(path, 3), ''.''), to_jsonb(value))'",
    "CREATE OR REPLACE FUNCTION json_set(given JSON, path TEXT, value TEXT) RETURNS JSON LANGUAGE sql \
     AS 'SELECT json_set(given::jsonb, path, value)::json'",
    "CREATE OR REPLACE FUNCTION json_extract(given JSON, path TEXT) RETURNS TEXT LANGUAGE sql \
     AS 'SELECT given #>> string_to_array(substr(path, 3), ''.'')'",
];

/// What somebody does who has the database in hand, whichever it is.
async fn tamper_with(house: &House, statements: &str) {
    if !house.society.database.is_on_server() {
        return tamper(&house.society, statements).await;
    }
    let owner = Database::open(&owner_of(house.folder.path()))
        .await
        .unwrap();
    for statement in AS_ON_SQLITE.into_iter().chain(statements.split(';')) {
        sqlx::query(statement).execute(&owner.write).await.unwrap();
    }
    owner.close().await;
}

/// The first event of this type.
async fn first(house: &House, event_type: &str) -> i64 {
    nth(house, event_type, 0).await
}

async fn nth(house: &House, event_type: &str, number: usize) -> i64 {
    let events = house.society.log.read_after(0, 1000).await.unwrap();
    let these = events.iter().filter(|it| it.event_type == event_type);
    these.map(|it| it.position).nth(number).unwrap()
}

/// Fails unless an export of the database after these statements has this fault first.
async fn expect(house: &House, statements: &str, what: &str, position: Option<i64>) {
    tamper_with(house, statements).await;
    let package = exported(&house.society).await;
    let fault = expect_fault(&checked(package.path()), what, position);
    if let Some(position) = position {
        let events = house.society.log.read_after(position - 1, 1).await.unwrap();
        let there = events.first().filter(|it| it.position == position);
        let stream = there.map(|it| format!("{}-{}", it.stream_kind, it.stream_id));
        assert!(fault.stream.is_none() || stream.is_none() || fault.stream == stream);
    }
}

/// Has leaves and read models made anew from whatever the events are.
const FORGET_LEDGER: &str = "DELETE FROM ledger_leaves; DELETE FROM ledger_nodes; \
    UPDATE checkpoints SET position = 0 WHERE reader = 'read_models'; \
    DELETE FROM history; DELETE FROM history_members; DELETE FROM history_counts; DELETE FROM history_parts; DELETE FROM member_status; DELETE FROM mail_requests";

/// Makes leaves and nodes anew.
async fn grow(house: &House) {
    house.society.projector().catch_up().await.unwrap();
    let sealer = house.society.sealer().unwrap();
    let size = sealer.tree().size().await.unwrap();
    sealer.tree().grow(size).await.unwrap();
}

#[tokio::test]
async fn an_untouched_database_passes() {
    let house = audited().await;
    tamper_with(&house, "SELECT 1").await;
    assert!(checked(exported(&house.society).await.path()).ok);
}

#[tokio::test]
async fn a_changed_payload() {
    let house = audited().await;
    let change = "UPDATE events SET payload = json_set(payload, '$.joined_month', '2001-01') WHERE position = 5";
    expect(&house, change, "leaf", Some(5)).await;
}

#[tokio::test]
async fn a_changed_time() {
    let house = audited().await;
    let change = "UPDATE events SET metadata = json_set(metadata, '$.recorded_at', '2026-04-09T00:00:00.000000Z') WHERE position = 30";
    expect(&house, change, "leaf", Some(30)).await;
}

#[tokio::test]
async fn an_event_deleted_in_the_middle() {
    let house = audited().await;
    expect(
        &house,
        "DELETE FROM events WHERE position = 20",
        "position",
        Some(20),
    )
    .await;
}

#[tokio::test]
async fn an_event_deleted_at_the_end() {
    let house = audited().await;
    let head = house.society.log.committed_head().await.unwrap();
    let delete = "DELETE FROM events WHERE position = (SELECT MAX(position) FROM events)";
    expect(&house, delete, "missing", Some(head)).await;
}

#[tokio::test]
async fn two_events_swapped() {
    let house = audited().await;
    let swap = "UPDATE events SET position = -1 WHERE position = 20; UPDATE events SET position = 20 WHERE position = 21; \
        UPDATE events SET position = 21 WHERE position = -1";
    expect(&house, swap, "leaf", Some(20)).await;
}

#[tokio::test]
async fn two_events_of_one_stream_in_another_order() {
    let house = audited().await;
    let place = first(&house, "BirthDateConfirmed").await;
    let same = "aggregate_id = (SELECT aggregate_id FROM events WHERE position = $)"
        .replace('$', &place.to_string());
    let swap = format!(
        "UPDATE events SET sequence = -1 WHERE {same} AND sequence = 2; UPDATE events SET sequence = 2 WHERE {same} AND sequence = 3; \
         UPDATE events SET sequence = 3 WHERE sequence = -1"
    );
    let events = house.society.log.read_after(0, 1000).await.unwrap();
    let stream = &events[usize::try_from(place).unwrap() - 1].stream_id;
    let second = events
        .iter()
        .find(|it| it.stream_id == *stream && it.sequence == 2);
    expect(&house, &swap, "leaf", Some(second.unwrap().position)).await;
}

/// All later events move up by one, and their leaves and the nodes over them are made anew: all that a database can be made to say.
#[tokio::test]
async fn an_event_inserted_and_back_dated() {
    let house = audited().await;
    // In two steps, since no two may have one position even for a moment.
    let insert = "UPDATE events SET position = -1 - position WHERE position >= 10; \
        UPDATE events SET position = -position WHERE position < 0; \
        INSERT INTO events SELECT 10, aggregate_type, 'forged', 1, event_type, event_version, payload, metadata, recorded_at \
        FROM events WHERE position = 9";
    tamper_with(&house, &format!("{insert}; {FORGET_LEDGER}")).await;
    grow(&house).await;
    let report = checked(exported(&house.society).await.path());
    expect_fault(&report, "root", None);
}

#[tokio::test]
async fn a_sealed_address_given_to_another_member() {
    let house = audited().await;
    let one = first(&house, "EmailRegistered").await;
    let other = nth(&house, "EmailRegistered", 1).await;
    let of = |position| {
        format!(
            "(SELECT json_extract(payload, '$.contact') FROM events WHERE position = {position})"
        )
    };
    let swap = format!(
        "UPDATE events SET payload = json_set(payload, '$.contact', CASE position WHEN {one} THEN {} ELSE {} END) \
         WHERE position IN ({one}, {other})",
        of(other),
        of(one)
    );
    expect(&house, &swap, "leaf", Some(one)).await;
}

#[tokio::test]
async fn a_code_said_to_be_derived_with_another_key() {
    let house = audited().await;
    let place = first(&house, "EmailRegistered").await;
    let change = format!(
        "UPDATE events SET payload = json_set(payload, '$.key', 'older') WHERE position = {place}"
    );
    expect(&house, &change, "leaf", Some(place)).await;
}

/// Records what is done with the society's master keys.
async fn custody(house: &House, command: Command) {
    let attribution = house.society.attribution("Test", "operator");
    let settle = move |_| std::future::ready(Ok::<_, Infallible>(command.clone()));
    let commands = &house.society.commands;
    let stream = "society".to_owned();
    let done = commands.run::<Custody, _, _, _>(stream, attribution, settle);
    done.await.unwrap();
}

#[tokio::test]
async fn another_master_key_said_to_have_come_into_use() {
    let house = audited().await;
    let [key, before] = ["2027", "2026"].map(|name| KeyId(name.to_owned()));
    custody(&house, Command::AddMasterKey { key: key.clone() }).await;
    custody(&house, Command::ChangeMasterKey { key, before }).await;
    sealed(&house.society).await.unwrap();
    let place = first(&house, "MasterKeyChanged").await;
    let change = "UPDATE events SET payload = json_set(payload, '$.key', '2026') WHERE event_type = 'MasterKeyChanged'";
    expect(&house, change, "leaf", Some(place)).await;
}

/// The database itself would not have it; whoever owns it can do away with that.
#[tokio::test]
async fn a_number_of_a_stream_given_twice() {
    let house = audited().await;
    let place = first(&house, "CredentialsAccepted").await;
    let allow = if house.society.database.is_on_server() {
        "ALTER TABLE events DROP CONSTRAINT events_aggregate_type_aggregate_id_sequence_key"
    } else {
        "CREATE TABLE forged AS SELECT * FROM events; DROP TABLE events; ALTER TABLE forged RENAME TO events"
    };
    let double = format!("UPDATE events SET sequence = sequence - 1 WHERE position = {place}");
    tamper_with(&house, &format!("{allow}; {double}; {FORGET_LEDGER}")).await;
    grow(&house).await;
    let report = checked(exported(&house.society).await.path());
    expect_fault(&report, "sequence", Some(place));
}

#[tokio::test]
async fn a_leaf_changed_or_taken_away() {
    let house = audited().await;
    let change = "UPDATE ledger_leaves SET hash = (SELECT hash FROM ledger_leaves WHERE position = 8) WHERE position = 7";
    expect(&house, change, "leaf", Some(7)).await;
    expect(
        &house,
        "DELETE FROM ledger_leaves WHERE position = 6",
        "leaf",
        Some(6),
    )
    .await;
}

/// The event, its leaf and all nodes over it fit together; what was signed does not.
#[tokio::test]
async fn an_event_changed_together_with_its_leaf() {
    let house = audited().await;
    let change = "UPDATE events SET payload = json_set(payload, '$.joined_month', '2001-01') WHERE position = 5";
    tamper_with(&house, &format!("{change}; {FORGET_LEDGER}")).await;
    grow(&house).await;
    let report = checked(exported(&house.society).await.path());
    expect_fault(&report, "root", None);
}

#[tokio::test]
async fn a_checkpoint_changed_taken_away_or_moved() {
    let house = audited().await;
    let change = "UPDATE ledger_checkpoints SET size = size + 1 WHERE size = (SELECT MIN(size) FROM ledger_checkpoints)";
    expect(&house, change, "checkpoint", None).await;
    let house = audited().await;
    let change = "UPDATE ledger_checkpoints SET note = replace(note, 'kenpo', 'other') WHERE size = (SELECT MIN(size) FROM ledger_checkpoints)";
    expect(&house, change, "signature", None).await;
}

#[tokio::test]
async fn a_node_changed_so_that_no_proof_holds() {
    let house = audited().await;
    let change = "UPDATE ledger_nodes SET hash = (SELECT hash FROM ledger_leaves WHERE position = 8) WHERE level > 0";
    expect(&house, change, "consistency", None).await;
}

/// Both views are whole and signed; they only cannot both be true.
#[tokio::test]
async fn a_fork_into_two_views() {
    let house = audited().await;
    let fork = House {
        folder: tempfile::tempdir().unwrap(),
        society: house.society.clone(),
    };
    for name in [
        "kadode.sqlite",
        "kadode.sqlite-wal",
        "kadode.sqlite.keys",
        "kadode.sqlite.keys-wal",
        "keys.toml",
        "keys.toml.checkpoint",
    ] {
        let from = house.folder.path().join(name);
        if from.exists() {
            std::fs::copy(from, fork.folder.path().join(name)).unwrap();
        }
    }
    let society = crate::support::walk::open(&fork.folder).await;
    let fork = House { society, ..fork };
    walk(&house.society, 21, 30).await;
    walk(&fork.society, 22, 30).await;
    let mut packages = Vec::new();
    for society in [&house.society, &fork.society] {
        sealed(society).await.unwrap();
        packages.push(exported(society).await);
    }
    for (one, other) in [(0, 1), (1, 0)] {
        let [package, other] = [one, other].map(|number| packages[number].path());
        assert!(checked(package).ok);
        let report = checked_since(package, Some(&other.join("checkpoint")));
        expect_fault(&report, "since", None);
    }
}
