//! The verdict on a load: all that must be true at its end, and one line of figures.

use std::collections::BTreeMap;
use std::time::Duration;

use kadode::app::Society;
use serde_json::{Value, json};

use super::load::Load;
use super::log;
use super::mails;
use super::seen::Seen;
use crate::import::house::{Done, House};
use crate::support::program::Program;

/// The tables of the read models, with the ledger's leaves.
const TABLES: [&str; 8] = [
    "member_status",
    "history",
    "history_members",
    "history_counts",
    "history_parts",
    "mail_requests",
    "parked_events",
    "ledger_leaves",
];

/// Which rows of a table are compared: sums of 0 are left out, since whether they are written depends on where batches end.
fn compared(table: &str) -> &'static str {
    match table {
        "history_counts" => "WHERE number <> 0",
        _ => "",
    }
}

/// Lets everybody come to the end, ends the program, and fails unless all is as it must be. Prints the figures after
/// `what`, which says what was done to the program, as a row of the table of `scripts/crashes`. Answers how many steps were stored
/// and not answered.
pub(super) async fn conclude(
    what: &str,
    house: &House,
    mut load: Load,
    program: Program,
    seen: Seen,
) -> usize {
    load.finish().await;
    let took = load.began.elapsed();
    nothing_waits(&program).await;
    expect_no_panic(&program);
    // Told to stop, it would store one more count of refusals, which nobody projects before the next start.
    program.kill();

    let found = check(house);
    let society = house.society().await;
    seen.expect_kept(&society.database).await;
    let log = society.log.read_after(0, i64::MAX).await.unwrap();
    let members = members(&society, &load).await;
    society.close().await;
    log::expect_legal(&log, load.members);
    let acknowledged = load.journal.acknowledged();
    log::expect_kept(&acknowledged, &members, &log, &seen);
    let unanswered = log::unanswered(&acknowledged, &members, &log, &seen);
    let received = load.mails.received();
    let surplus = mails::expect_each_once(&log, &received, &seen);
    expect_rebuilt(house).await;

    println!(
        "| {what} | {} members, {} requests acknowledged, {} turned away, {} asked again as the answer was lost, of which {unanswered} were \
         stored, {} events, {} mails, {} of them twice (taken {} ms before the end at most), {:.0} s | nothing lost, doubled or unlike its \
         rebuild | holds |",
        load.members,
        *load.journal.answered.borrow(),
        *load.journal.refused.borrow(),
        *load.journal.lost.borrow(),
        found["events"],
        received.len(),
        surplus.copies,
        surplus.longest.as_millis(),
        took.as_secs_f64(),
    );
    unanswered
}

/// Prints a row that says what cannot be tried on this machine, and why. `scripts/crashes` then fails.
pub(super) fn not_tried(what: &str, why: &str) {
    println!("| {what} | {why} | | not tried |");
}

/// How many steps were stored and not answered so far.
pub(super) async fn unanswered(house: &House, load: &Load, seen: &Seen) -> usize {
    let society = house.society().await;
    let log = society.log.read_after(0, i64::MAX).await.unwrap();
    let members = members(&society, load).await;
    society.close().await;
    log::unanswered(&load.journal.acknowledged(), &members, &log, seen)
}

/// Fails if the program has told of a panic.
pub(super) fn expect_no_panic(program: &Program) {
    let said = program.said();
    assert!(!said.contains("panicked"), "{said}");
}

/// A mail that met a bad disk twice rests a quarter of a minute.
const MAILS_END: Duration = Duration::from_mins(1);

async fn nothing_waits(program: &Program) {
    let looking = async {
        loop {
            let ready = reqwest::get(format!("{}/readyz", program.url)).await;
            let ready: Value = ready.unwrap().json().await.unwrap();
            if ready["mails_waiting"] == 0 && ready["projected"] == ready["head"] {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let ended = tokio::time::timeout(MAILS_END, looking).await;
    assert!(ended.is_ok(), "mails still wait: {}", program.said());
}

fn check(house: &House) -> Value {
    let check = Done::of(&mut house.command(&["check"]));
    assert_eq!(check.code, 0, "{} {}", check.stdout, check.stderr);
    let found = check.report();
    let open = [&found["not_projected"], &found["mails_waiting"]];
    assert_eq!(open, [&json!(0), &json!(0)]);
    found
}

/// The members' ids, by their number in the roster.
async fn members(society: &Society, load: &Load) -> Vec<String> {
    let mut members = Vec::new();
    for user_id in &load.user_ids {
        let found = society.vault.profiles.find_by_user_id(user_id).await;
        members.push(found.unwrap().0.unwrap().to_string());
    }
    members
}

/// Fails unless every read model is what `kadode rebuild` makes of the log.
async fn expect_rebuilt(house: &House) {
    let before = dump(house).await;
    let rebuild = Done::of(&mut house.command(&["rebuild"]));
    assert_eq!(rebuild.code, 0, "{}", rebuild.stderr);
    let after = dump(house).await;
    for (table, rows) in before {
        assert!(rows == after[table], "{table} is not what its rebuild is");
        // A log may be too short for a part of it to be over.
        if table != "history_parts" {
            assert_eq!(rows.is_empty(), table == "parked_events", "{table}");
        }
    }
}

async fn dump(house: &House) -> BTreeMap<&'static str, Vec<String>> {
    let society = house.society().await;
    let mut tables = BTreeMap::new();
    for table in TABLES {
        let columns: Vec<String> = sqlx::query_scalar("SELECT name FROM pragma_table_info($1)")
            .bind(table)
            .fetch_all(&society.database.read)
            .await
            .unwrap();
        let sql = format!(
            "SELECT json_array({}) AS row FROM {table} {} ORDER BY row",
            columns.join(", "),
            compared(table),
        );
        let rows = sqlx::query_scalar(&sql)
            .fetch_all(&society.database.read)
            .await;
        tables.insert(table, rows.unwrap());
    }
    society.close().await;
    tables
}
