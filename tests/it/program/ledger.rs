//! `kadode ledger` as auditors and operators run it: what it prints, and how it ends.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use kadode::database::Database;
use kadode::ledger::{Note, Verifier};
use serde_json::{Value, json};

use super::{house_with_member, house_with_member_on_server, with_member};
use crate::import::house::{Done, House};
use crate::import::letters::carried_out;
use crate::support::app::eventually;
use crate::support::program::Program;

fn ledger(house: &House, arguments: &[&str]) -> Done {
    let arguments = [&["ledger"], arguments].concat();
    Done::of(&mut house.command(&arguments))
}

/// An auditor has the program, and none of its settings.
fn verify(package: &Path, arguments: &[&str]) -> Done {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kadode"));
    command.env_clear().args(["ledger", "verify"]).arg(package);
    Done::of(command.args(arguments))
}

fn export(house: &House) -> Done {
    ledger(house, &["export", "package"])
}

#[track_caller]
fn expect_code(done: &Done, code: i32) {
    assert_eq!(done.code, code, "{}{}", done.stdout, done.stderr);
}

#[test]
fn a_checkpoint_is_printed_as_it_lies_beside_the_keys_and_anybody_may_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let house = house_with_member();
    let done = ledger(&house, &["checkpoint"]);
    expect_code(&done, 0);
    let file = house.path("keys.toml.checkpoint");
    assert_eq!(done.stdout, fs::read_to_string(&file).unwrap());
    assert!(Note::parse(&done.stdout).is_ok());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(ledger(&house, &["checkpoint"]).stdout, done.stdout);
}

#[test]
fn a_package_is_checked_by_somebody_who_has_nothing_but_it() {
    let house = house_with_member();
    let exported = export(&house);
    expect_code(&exported, 0);
    let package = house.path("package");
    let done = verify(&package, &["--without-reports"]);
    expect_code(&done, 0);
    assert_eq!(done.report()["reports"], json!(false));
    assert!(done.stderr.contains("the reports were not checked"));
    let done = verify(&package, &[]);
    expect_code(&done, 0);
    assert_eq!(done.report()["reports"], json!(true));
    assert_eq!(done.report()["ok"], true);
    assert_eq!(done.report()["size"], exported.report()["size"]);
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    // With the key and the checkpoint of before, from elsewhere.
    let [key, since] = ["key.vkey", "checkpoint"].map(|name| {
        let kept = house.path(name);
        fs::copy(package.join(name), &kept).unwrap();
        kept.display().to_string()
    });
    let done = verify(&package, &["--key", &key, "--since", &since]);
    expect_code(&done, 0);
    assert_eq!(done.report()["since"], done.report()["size"]);
    let text = fs::read_to_string(key).unwrap();
    assert_eq!(
        Verifier::parse(text.trim()).unwrap().to_string(),
        done.report()["key"]
    );
}

#[tokio::test]
async fn a_package_that_was_taken_out_is_told_in_the_next_one_and_in_the_report_on_access() {
    let house = house_with_member();
    let first = export(&house);
    expect_code(&first, 0);
    let again = ledger(&house, &["export", "package"]);
    assert!(again.refusal().contains("there is something in it"));
    let told = carried_out(&house).await;
    let size = &first.report()["size"];
    assert_eq!(told.len(), 1);
    assert_eq!(
        (&told[0].0["what"], &told[0].0["rows"]),
        (&json!("package"), size)
    );
    let second = ledger(&house, &["export", "next"]);
    expect_code(&second, 0);
    let next = house.path("next");
    let events = fs::read_to_string(next.join("events.jsonl")).unwrap();
    assert!(events.lines().last().unwrap().contains("DataExported"));
    expect_code(&verify(&next, &[]), 0);
    let report = Done::of(&mut house.command(&["report", "access", "--format", "json"])).report();
    let row = &report["rows"][0];
    let of = ["viewer", "view", "purpose", "times"].map(|name| row[name].clone());
    assert_eq!(
        of,
        [
            json!("operator"),
            json!("package"),
            json!("command_line"),
            json!(2)
        ]
    );
}

#[test]
fn a_tampered_package_ends_with_1_and_names_the_place() {
    let house = house_with_member();
    export(&house);
    let events = house.path("package").join("events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    fs::write(
        &events,
        text.replacen(
            "joined-to-2024-12-01\",\"exp",
            "joined-from-2026-03-26\",\"exp",
            1,
        ),
    )
    .unwrap();
    let done = verify(&house.path("package"), &[]);
    expect_code(&done, 1);
    let fault = &done.report()["fault"];
    assert_eq!(
        (&fault["what"], &fault["position"]),
        (&Value::from("leaf"), &Value::from(3))
    );
    assert!(
        done.stderr
            .starts_with("kadode: WRONG (leaf) at event 3 (onboarding-"),
        "{}",
        done.stderr
    );
}

#[test]
fn what_is_no_package_ends_with_2_and_one_line() {
    let house = house_with_member();
    let refusal = verify(&house.path(""), &[]);
    assert!(refusal.refusal().contains("this is no package of a ledger"));
    let refusal = verify(&house.path("nowhere"), &[]);
    assert!(refusal.refusal().contains("this is no package of a ledger"));
}

/// All that lies in the house's folder, also what is hidden.
fn names_in(house: &House) -> BTreeSet<OsString> {
    let entries = fs::read_dir(house.path("")).unwrap();
    entries.map(|entry| entry.unwrap().file_name()).collect()
}

#[test]
fn a_folder_with_something_in_it_is_left_alone_and_nothing_stays_beside_it() {
    let house = house_with_member();
    fs::create_dir(house.path("package")).unwrap();
    expect_code(&export(&house), 0);
    let before = names_in(&house);
    let again = export(&house);
    assert!(
        again.refusal().contains("there is something in it"),
        "{}",
        again.stderr
    );
    assert_eq!(names_in(&house), before);
    let nowhere = ledger(&house, &["export", "nowhere/package"]);
    assert!(
        nowhere.refusal().contains("nowhere/package"),
        "{}",
        nowhere.stderr
    );
}

#[tokio::test]
async fn a_key_file_from_before_the_ledger_was_signed_is_completed_by_migrate() {
    let house = house_with_member();
    let keys = fs::read_to_string(house.path("keys.toml")).unwrap();
    let (before, _) = keys.split_once("\n# The key that signs").unwrap();
    house.file("keys.toml", before.as_bytes());
    forget_fingerprint(&house).await;
    let done = ledger(&house, &["checkpoint"]);
    assert!(
        done.refusal().contains("has no key for the ledger yet"),
        "{}",
        done.stderr
    );
    let migrated = Done::of(&mut house.command(&["migrate"]));
    expect_code(&migrated, 0);
    assert!(
        migrated
            .stderr
            .contains("added the key that signs the audit ledger"),
        "{}",
        migrated.stderr
    );
    expect_code(&ledger(&house, &["checkpoint"]), 0);
}

async fn forget_fingerprint(house: &House) {
    let database = Database::open_existing(&house.data().database)
        .await
        .unwrap();
    sqlx::query("DELETE FROM meta WHERE name = 'ledger_key'")
        .execute(&database.write)
        .await
        .unwrap();
    database.close().await;
}

#[test]
fn a_lost_checkpoint_is_told_by_the_ledger_and_by_check() {
    let house = house_with_member();
    expect_code(&ledger(&house, &["checkpoint"]), 0);
    let check = Done::of(&mut house.command(&["check"]));
    assert_eq!(
        (check.code, &check.report()["not_sealing"]),
        (0, &Value::Null)
    );
    fs::remove_file(house.path("keys.toml.checkpoint")).unwrap();
    let refused = ledger(&house, &["checkpoint"]);
    assert!(
        refused.refusal().contains("put back the last one you have"),
        "{}",
        refused.stderr
    );
    let check = Done::of(&mut house.command(&["check"]));
    expect_code(&check, 1);
    let told = check.report()["not_sealing"].as_str().unwrap().to_owned();
    assert!(
        told.contains("keys.toml.checkpoint: no such file"),
        "{told}"
    );
    // An auditor is given what there is.
    expect_code(&export(&house), 0);
    expect_code(&verify(&house.path("package"), &[]), 0);
}

#[tokio::test]
async fn a_serve_that_cannot_seal_says_so_once_a_minute_and_serves_all_the_same() {
    let house = house_with_member();
    expect_code(&ledger(&house, &["checkpoint"]), 0);
    let note = fs::read(house.path("keys.toml.checkpoint")).unwrap();
    fs::remove_file(house.path("keys.toml.checkpoint")).unwrap();
    let arguments = ["--mail", "file:mails", "--metrics", "127.0.0.1:0"];
    let program = Program::serve_with(&house, &arguments, &[]).await;
    let metrics = program.said();
    let (_, metrics) = metrics.split_once("metrics on ").unwrap();
    let metrics = metrics.lines().next().unwrap().to_owned();
    expect_metric(&metrics, "kadode_ledger_refused 1").await;
    let ready = reqwest::get(format!("{}/readyz", program.url)).await;
    assert_eq!(ready.unwrap().status(), 200);
    // It tries again every few seconds, and finds the file.
    fs::write(house.path("keys.toml.checkpoint"), note).unwrap();
    expect_metric(&metrics, "kadode_ledger_refused 0").await;
    let said = program.said();
    let told = said
        .matches("no checkpoint of the audit ledger is signed")
        .count();
    assert_eq!(told, 1, "{said}");
    assert!(said.contains("put back the last one you have"), "{said}");
}

async fn expect_metric(url: &str, line: &str) {
    eventually(line, async || {
        let metrics = reqwest::get(url).await.unwrap().text().await.unwrap();
        metrics.lines().any(|it| it == line).then_some(())
    })
    .await;
}

#[tokio::test]
async fn an_export_and_a_checkpoint_beside_a_running_serve() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    for _ in 0..5 {
        expect_code(&ledger(&house, &["checkpoint"]), 0);
    }
    expect_code(&export(&house), 0);
    expect_code(&verify(&house.path("package"), &[]), 0);
    program.stop().await;
}

#[test]
fn witness_files_are_written_where_a_setting_names_them() {
    let house = house_with_member();
    let mut command = house.command(&["ledger", "checkpoint"]);
    let done = Done::of(command.env("KADODE_WITNESS_FILE", "one,two"));
    expect_code(&done, 0);
    for witness in ["one", "two"] {
        assert_eq!(
            fs::read_to_string(house.path(witness)).unwrap(),
            done.stdout
        );
    }
}

#[test]
fn a_package_from_a_server_passes() {
    let house = house_with_member_on_server();
    expect_code(&export(&house), 0);
    expect_code(&verify(&house.path("package"), &[]), 0);
}

#[test]
fn a_package_from_an_event_store_passes() {
    let (house, _double) = House::on_kurrent();
    let house = with_member(house);
    expect_code(&export(&house), 0);
    let done = verify(&house.path("package"), &[]);
    expect_code(&done, 0);
    let manifest = fs::read_to_string(house.path("package").join("manifest.json")).unwrap();
    assert!(
        manifest.contains("\"events_in\": \"event-store\""),
        "{manifest}"
    );
}
