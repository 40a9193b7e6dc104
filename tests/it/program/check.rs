//! `kadode check`: each way in which log, ledger and vault can come apart is a finding of its own.

use kadode::database::Database;
use reqwest::StatusCode;
use serde_json::{Value, json};

use super::house_with_member;
use crate::import::house::{Done, House};
use crate::support::app::{INITIAL_PASSWORD, USER_ID, eventually};
use crate::support::program::Program;

/// What may not be there.
const FAULTS: [&str; 8] = [
    "gaps",
    "dangling",
    "parked",
    "wrong_leaves",
    "changed_times",
    "missing_leaves",
    "surplus_leaves",
    "wrong_checkpoints",
];

/// Lets somebody change the log who has the file in hand.
const UNLOCK: &str = "DROP TRIGGER events_are_never_changed; DROP TRIGGER events_are_never_deleted";

/// A database in which a member has signed in, and everything is projected.
async fn house_with_events() -> House {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let client = program.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    eventually("the read models", async || {
        let ready = reqwest::get(format!("{}/readyz", program.url)).await;
        let ready: Value = ready.unwrap().json().await.unwrap();
        (ready["projected"] == ready["head"]).then_some(())
    })
    .await;
    program.stop().await;
    let sealed = Done::of(&mut house.command(&["ledger", "checkpoint"]));
    assert_eq!(sealed.code, 0, "{}", sealed.stderr);
    house
}

/// What is found in a copy of the database after these statements.
async fn found_after(house: &House, statements: &str) -> Done {
    check_after(house, statements, &[]).await
}

async fn check_after(house: &House, statements: &str, more: &[&str]) -> Done {
    for end in ["", ".keys"] {
        let from = house.path(&format!("kadode.sqlite{end}"));
        std::fs::copy(from, house.path(&format!("copy.sqlite{end}"))).unwrap();
    }
    let url = format!("sqlite:{}", house.path("copy.sqlite").display());
    let copy = Database::open_existing(&url).await.unwrap();
    for statement in statements.split(';') {
        sqlx::query(statement).execute(&copy.write).await.unwrap();
    }
    copy.close().await;
    let check = [&["check"], more].concat();
    Done::of(house.command(&check).env("KADODE_DATABASE", url))
}

#[tokio::test]
async fn every_tampering_is_a_finding_and_nothing_else_is() {
    let house = house_with_events().await;
    let untouched = found_after(&house, "SELECT 1").await;
    assert_eq!(untouched.code, 0, "{}", untouched.stdout);
    for (fault, tampering) in [
        (
            "wrong_leaves",
            "UPDATE events SET payload = json_set(payload, '$.joined_month', '2001-01') WHERE position = 2",
        ),
        (
            "changed_times",
            "UPDATE events SET recorded_at = '2026-01-01T00:00:00.000000Z' WHERE position = 2",
        ),
        ("gaps", "DELETE FROM events WHERE position = 2"),
        (
            "surplus_leaves",
            "DELETE FROM events WHERE position = (SELECT MAX(position) FROM events)",
        ),
        (
            "missing_leaves",
            "DELETE FROM ledger_leaves WHERE position = 2",
        ),
        (
            "wrong_checkpoints",
            "INSERT INTO ledger_checkpoints SELECT 1, sealed_at, note FROM ledger_checkpoints LIMIT 1",
        ),
        ("dangling", "DELETE FROM profiles"),
        (
            "parked",
            "INSERT INTO parked_events VALUES (2, 'onboarding', 'x', 'y')",
        ),
    ] {
        let done = found_after(&house, &format!("{UNLOCK}; {tampering}")).await;
        assert_eq!(done.code, 1, "{fault}: {}", done.stderr);
        let found = done.report();
        for other in FAULTS {
            assert_eq!(
                found[other],
                json!(i32::from(other == fault)),
                "{fault}: {found}"
            );
        }
    }
}

/// What pages and reports read is no part of what is signed.
#[tokio::test]
async fn a_read_model_that_is_not_what_the_log_says_is_found_where_one_asks() {
    let house = house_with_events().await;
    for (table, rows, tampering) in [
        ("none", 0, "SELECT 1"),
        (
            "history",
            1,
            "UPDATE history SET payload = '{}' WHERE position = 2",
        ),
        ("history", 2, "DELETE FROM history WHERE position < 3"),
        (
            "history",
            1,
            "INSERT INTO history SELECT 1000, recorded_at, event_type, event_version, stream_kind, stream_id, sequence, cohort, \
             member_id, actor, actor_id, outcome, payload, metadata, counts FROM history WHERE position = 2",
        ),
        (
            "history_counts",
            1,
            "UPDATE history_counts SET number = 7 WHERE topic = 'enrolled' AND day = ''",
        ),
        ("member_status", 1, "DELETE FROM member_status"),
    ] {
        let done = check_after(&house, tampering, &["--read-models"]).await;
        assert_eq!(
            done.code,
            i32::from(rows > 0),
            "{tampering}: {}",
            done.stderr
        );
        let wanted = if rows > 0 {
            json!({table: rows})
        } else {
            json!({})
        };
        assert_eq!(done.report()["wrong_rows"], wanted, "{tampering}");
        let unasked = found_after(&house, tampering).await;
        assert_eq!(unasked.report()["wrong_rows"], Value::Null);
    }
}
