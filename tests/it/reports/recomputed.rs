//! The reports on a society of thousands, whose history is made by the rules: computed once more from the exported events, by a program in
//! another language that shares nothing with ours.

#[path = "../../../benches/shared/society/mod.rs"]
mod society;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use jiff::Timestamp;
use kadode::ambient::Clock;
use kadode::api::reports::format::Format;
use kadode::api::reports::making::{Ledger, Wanted, made};
use kadode::app::{Opening, Society as Opened};
use kadode::database::Database;
use kadode::domain::values::Language;
use kadode::projections::history::kinds::KINDS;
use kadode::projections::reports::counting::Counting;
use kadode::projections::reports::report::{Asked, Report};
use kadode::projections::reports::{Name, make};

use self::society::Society;
use crate::import::house::{Done, House};
use crate::support::postgres::owner_of;

const SEED: u64 = 20_260_401;

/// After all that the history tells.
fn now() -> Timestamp {
    "2026-09-01T00:00:00Z".parse().unwrap()
}

/// The data of `house`, whose log and read models hold the history of so many members, of a hundred of whom so many are active.
async fn filled(house: &House, members: u32, active: u32) -> Opened {
    let opened = Opened::open(&house.data(), Opening::TO_FILL, Clock::machine(), |_| ())
        .await
        .unwrap();
    let made = Society::of(members, active, SEED).unwrap();
    if opened.database.is_on_server() {
        let owner = Database::open(&owner_of(&house.path(""))).await.unwrap();
        made.write(&owner).await.unwrap();
        owner.close().await;
    } else {
        made.write(&opened.database).await.unwrap();
    }
    opened.projector().catch_up().await.unwrap();
    opened
}

/// What the program exports for auditors.
fn exported(house: &House) -> PathBuf {
    let done = Done::of(&mut house.command(&["ledger", "export", "package"]));
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    house.path("package")
}

/// All but the one on what was signed, which is of checkpoints and not of events.
fn counted_ones() -> impl Iterator<Item = Name> {
    let all = Name::ALL.into_iter();
    all.filter(|name| *name != Name::Integrity)
}

async fn report(
    opened: &Opened,
    ledger: &Ledger,
    name: Name,
    as_of: Option<Timestamp>,
    shield: bool,
) -> Report {
    let asked = Asked {
        shield,
        ..Asked::default()
    };
    let wanted = Wanted { name, as_of, asked };
    made(&opened.database.read, ledger, &wanted, now())
        .await
        .unwrap()
}

/// Writes every report as of these moments as JSON, with and without the shield, and answers with the files.
async fn written(house: &House, opened: &Opened, moments: &[Option<Timestamp>]) -> Vec<PathBuf> {
    let ledger = opened.ledger();
    let mut files = Vec::new();
    for as_of in moments {
        for name in counted_ones() {
            for shield in [false, true] {
                let report = report(opened, &ledger, name, *as_of, shield).await;
                let json = Format::Json.bytes(&report, Language::Ja).unwrap();
                let file = house.path(&format!("report-{}.json", files.len()));
                fs::write(&file, json).unwrap();
                files.push(file);
            }
        }
    }
    files
}

/// What the other program finds when it computes these reports once more.
fn recomputed(package: &PathBuf, files: &[PathBuf]) -> Done {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recompute/reports.py");
    let mut python = Command::new("python3");
    Done::of(python.arg(script).arg(package).args(files))
}

/// What is counted in memory, event by event, makes the reports that the read models make.
async fn expect_counted_alike(opened: &Opened) {
    let mut counting = Counting::default();
    let mut after = 0;
    loop {
        let events = opened.log.read_after(after, 5000).await.unwrap();
        let Some(last) = events.last() else { break };
        after = last.position;
        for event in &events {
            counting.take(event).unwrap();
        }
    }
    let (counts, end) = counting.counts();
    let ledger = opened.ledger();
    for name in counted_ones() {
        let stored = report(opened, &ledger, name, None, false).await;
        assert_eq!(make(name, counts, &[], stored.basis.clone()), stored);
        assert_eq!(
            (end.position, &end.policy),
            (stored.basis.position, &stored.basis.policy)
        );
    }
}

/// In the middle of the day with most sign-ins and at its end, at the end of a later day, and at the end of all.
async fn expect_recomputed_alike(house: House, members: u32) {
    let opened = filled(&house, members, 10).await;
    let [same_day, _, later, _] = Society::ends_of_days();
    let moments = [
        Some(Society::busy_moment()),
        Some(same_day),
        Some(later),
        None,
    ];
    let files = written(&house, &opened, &moments).await;
    expect_counted_alike(&opened).await;
    // Which is an event of its own, after all that was counted.
    let done = recomputed(&exported(&house), &files);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

#[tokio::test]
async fn every_report_on_twenty_thousand_members_is_what_another_program_computes_from_the_exported_events()
 {
    expect_recomputed_alike(House::new(), 20_000).await;
}

#[tokio::test]
async fn every_report_on_postgres_is_what_another_program_computes_from_the_exported_events() {
    // What is counted is the same; what differs is how the database adds it up.
    expect_recomputed_alike(House::on_server(), 4_000).await;
}

/// Else reports that are computed alike would say little.
#[tokio::test]
async fn the_made_history_is_one_that_the_rules_make() {
    let house = House::new();
    filled(&house, 2_000, 60).await.close().await;
    exported(&house);
    let done = Done::of(&mut house.command(&["ledger", "verify", "package"]));
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
}

/// Else there would be more that was compared on nothing.
#[tokio::test]
async fn the_made_history_has_every_type_of_event_but_what_follows_a_proof_of_identity() {
    let house = House::new();
    let opened = filled(&house, 2_000, 60).await;
    let types = sqlx::query_scalar("SELECT DISTINCT event_type FROM events");
    let types: Vec<String> = types.fetch_all(&opened.database.read).await.unwrap();
    let mut missing = KINDS.map(|(event, _)| event).to_vec();
    missing.retain(|event| !types.iter().any(|it| it == event));
    assert_eq!(
        missing,
        ["EmailCleared", "AccountReleased", "CredentialsReissued"]
    );
}

#[tokio::test]
async fn a_number_that_was_changed_in_a_report_is_named_by_the_other_program() {
    let house = House::new();
    let opened = filled(&house, 200, 60).await;
    let ledger = opened.ledger();
    let report = report(&opened, &ledger, Name::Funnel, None, false).await;
    let json = Format::Json.bytes(&report, Language::Ja).unwrap();
    let json = String::from_utf8(json).unwrap();
    let (before, after) = json.split_once(r#""birth_date","entered":"#).unwrap();
    let (found, after) = after.split_once(',').unwrap();
    let said: i64 = found.parse::<i64>().unwrap() + 1;
    let changed = format!(r#"{before}"birth_date","entered":{said},{after}"#);
    let file = house.file("report.json", changed.as_bytes());
    let done = recomputed(&exported(&house), &[file]);
    assert_eq!(done.code, 1, "{}{}", done.stdout, done.stderr);
    let line = done.stdout.lines().next().unwrap();
    let end = format!(
        "row 2 [3, 'birth_date', {found}], column entered: the program says {said}, the events say {found}"
    );
    assert!(
        line.starts_with("funnel as of ") && line.ends_with(&end),
        "{line}"
    );
}

#[tokio::test]
async fn counts_that_are_built_anew_are_those_that_grew() {
    let house = House::new();
    let opened = filled(&house, 1_000, 60).await;
    let grown = tables(&opened).await;
    let projector = opened.projector();
    projector.rebuild(Some("history"), |_| ()).await.unwrap();
    assert_eq!(tables(&opened).await, grown);
    expect_counted_alike(&opened).await;
}

/// What the reports are made of. What came to nothing need not have a row.
async fn tables(opened: &Opened) -> [Vec<String>; 4] {
    let mut tables = Vec::new();
    for sql in [
        "SELECT topic || '|' || day || '|' || cohort || '|' || of_a || '|' || of_b || '|' || of_c || '|' || number FROM history_counts \
         WHERE number <> 0 ORDER BY topic, day, cohort, of_a, of_b, of_c",
        "SELECT topic || '|' || day || '|' || part || '|' || counts FROM history_parts ORDER BY topic, day, part",
        "SELECT member_id || track FROM history_members ORDER BY member_id",
        "SELECT position || counts FROM history ORDER BY position",
    ] {
        let rows = sqlx::query_scalar(sql).fetch_all(&opened.database.read);
        tables.push(rows.await.unwrap());
    }
    tables.try_into().unwrap()
}
