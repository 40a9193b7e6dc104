//! `kadode import` and `kadode letters`: the program itself, on files.

mod again;
pub(crate) mod house;
mod interrupted;
mod later;
mod left_over;
pub(crate) mod letters;
mod refused;

use std::os::unix::fs::PermissionsExt;

use encoding_rs::SHIFT_JIS;
use serde_json::json;

use self::house::{HEADER, House, sample};

#[tokio::test]
async fn the_sample_roster_is_imported() {
    let house = House::new();
    let done = house.import(&sample(), &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(
        done.report(),
        json!({
            "rows": 38, "new": 38, "changed": 0, "unchanged": 0, "returned": 0, "left": 0, "conflicts": 0,
            "by_cohort": {
                "registered-before-migration": 12, "joined-to-2024-12-01": 10,
                "joined-2024-12-02-to-2026-03-25": 8, "joined-from-2026-03-26": 8,
            },
            "errors": [],
        })
    );
    assert_eq!(house.enrolments().await.len(), 38);
    assert_eq!(house.letters("out.csv").len(), 38);
}

#[tokio::test]
async fn the_manuals_example_may_sign_in_with_the_formula() {
    let house = House::new();
    house.import(&sample(), &["--letters", "out.csv"]);
    let society = house.society().await;
    let member = society
        .vault
        .profiles
        .find_by_user_id("HANAKO01")
        .await
        .unwrap()
        .0
        .unwrap();
    let stored = society.vault.profiles.get(member).await.unwrap();
    let formula = &society.policy.policy.cohorts[0].initial_password;
    let kadode::domain::policy::InitialPassword::Formula(parts) = formula else {
        panic!("cohort A has a formula");
    };
    let passwords = &society.vault.initial_passwords;
    assert!(passwords.matches_formula(&stored.profile, parts, "11111119800101"));
}

#[tokio::test]
async fn an_enrolment_says_what_the_roster_and_the_policy_say() {
    let house = House::new();
    let roster = house.roster("kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0");
    house.import(&roster, &["--valid-from", "2099-12-20"]);
    let [(_, event)] = house.enrolments().await.try_into().unwrap();
    assert_eq!(event["cohort"], "joined-to-2024-12-01");
    assert_eq!(event["joined_month"], "2005-04");
    assert_eq!(event["terms"], serde_json::Value::Null);
    // Midnight in Tokyo, and the sample policy's thirty days.
    assert_eq!(event["valid_from"], "2099-12-19T15:00:00Z");
    assert_eq!(event["expires_at"], "2100-01-18T15:00:00Z");
}

#[test]
fn a_repeated_import_finds_everything_unchanged() {
    let house = House::new();
    let roster = sample();
    house.import(&roster, &["--letters", "out.csv"]);
    let again = house.import(&roster, &[]);
    assert_eq!(again.code, 0, "{}", again.stderr);
    let report = again.report();
    assert_eq!(
        [
            &report["rows"],
            &report["new"],
            &report["unchanged"],
            &report["conflicts"]
        ],
        [38, 0, 38, 0]
    );
}

#[test]
fn a_dry_run_leaves_nothing_behind() {
    let house = House::new();
    let dry = house.import(&sample(), &["--letters", "out.csv", "--dry-run"]);
    assert_eq!(dry.code, 0, "{}", dry.stderr);
    assert_eq!(dry.report()["new"], 38);
    assert_eq!(house.files(), ["policy.toml"]);
}

#[test]
fn a_dry_run_changes_no_byte_and_says_what_the_import_would() {
    let house = House::new();
    house.import(&sample(), &["--letters", "out.csv"]);
    let more = house.roster(
        "hanako01,1,11111,1980-01-01,見本 花子,,2005-04-01,1\nkp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0",
    );
    let before = house.contents();
    let dry = house.import(&more, &["--letters", "out.csv", "--dry-run"]);
    assert_eq!(house.contents(), before);
    let real = house.import(&more, &["--letters", "out.csv"]);
    assert_eq!((dry.code, dry.report()), (real.code, real.report()));
    assert_eq!(dry.report()["new"], 1);
}

#[test]
fn a_roster_of_a_japanese_spreadsheet_is_imported() {
    let house = House::new();
    let text = "氏名,記号,番号,生年月日,ユーザID,加入日,旧ポータル登録\r\n髙橋　ソノ,1,00002,S55.1.1,kp1,2005/4/1,はい\r\n";
    let (bytes, _, unmappable) = SHIFT_JIS.encode(text);
    assert!(!unmappable);
    let done = house.import(&house.file("roster.csv", &bytes), &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stdout);
    let letters = house.letters("out.csv");
    assert_eq!(
        [
            &letters[0]["name"],
            &letters[0]["number"],
            &letters[0]["password"]
        ],
        ["髙橋 ソノ", "00002", ""]
    );
}

#[test]
fn a_roster_with_a_byte_order_mark_and_era_dates_is_imported() {
    let house = House::new();
    let text =
        format!("\u{feff}{HEADER}\nkp1,1,2,昭和55年1月1日,山川 一郎,,平成17年4月1日,いいえ\n");
    let done = house.import(&house.file("roster.csv", text.as_bytes()), &[]);
    assert_eq!((done.code, done.report()["new"].as_u64()), (0, Some(1)));
}

#[test]
fn every_file_is_for_its_owner_alone() {
    let house = House::new();
    house.import(&sample(), &["--letters", "out.csv"]);
    for file in [
        "keys.toml",
        "kadode.sqlite",
        "kadode.sqlite.importing",
        "kadode.sqlite.keys",
        "out.csv",
    ] {
        let mode = house.path(file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    assert_eq!(
        house.files(),
        [
            "kadode.sqlite",
            "kadode.sqlite.importing",
            "kadode.sqlite.keys",
            "keys.toml",
            "out.csv",
            "policy.toml"
        ]
    );
}

#[tokio::test]
async fn an_import_runs_beside_a_program_that_has_the_database_open() {
    let house = House::new();
    house.import(
        &house.roster("kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0"),
        &[],
    );
    let society = house.society().await;
    let before = society.log.head();
    let done = house.import(&sample(), &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    society.log.changed(before).await;
    // And the roster's beginning and end, and that letters were written.
    assert_eq!(society.log.committed_head().await.unwrap(), before + 41);
}
