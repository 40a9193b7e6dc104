//! A roster that comes again is held against what was imported: whoever is enrolled stays as they are, and whatever differs
//! is named.

use serde_json::{Value, json};

use super::house::{Done, HEADER, House};

/// A member known by a GID, with all columns filled.
const HANAKO: [&str; 10] = [
    "hanako01",
    "1",
    "11111",
    "1980-01-01",
    "見本 花子",
    "G1",
    "2005-04-01",
    "0",
    "7",
    "77777",
];

const COLUMNS: [&str; 10] = [
    "user_id",
    "symbol",
    "number",
    "birth_date",
    "name",
    "gid",
    "joined_on",
    "registered_on_old_portal",
    "symbol_at_migration",
    "number_at_migration",
];

/// Imports a roster of these rows, which have all columns.
fn import(house: &House, rows: &[[&str; 10]], arguments: &[&str]) -> Done {
    let rows: Vec<String> = rows.iter().map(|row| row.join(",")).collect();
    let text = format!("{}\n{}\n", COLUMNS.join(","), rows.join("\n"));
    house.import(&house.file("roster.csv", text.as_bytes()), arguments)
}

/// A house in which that member is enrolled.
fn with_hanako() -> House {
    let house = House::new();
    let done = import(&house, &[HANAKO], &[]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    house
}

/// That member with other texts in some columns.
fn hanako_with<'a>(changes: &[(&str, &'a str)]) -> [&'a str; 10] {
    let mut row: [&'a str; 10] = HANAKO;
    for (column, text) in changes {
        let place = COLUMNS.iter().position(|name| name == column).unwrap();
        row[place] = text;
    }
    row
}

fn places(report: &Value) -> Vec<(u64, &str)> {
    let errors = report["errors"].as_array().unwrap();
    errors
        .iter()
        .map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["column"].as_str().unwrap(),
            )
        })
        .collect()
}

#[tokio::test]
async fn a_corrected_birth_date_is_named_and_nothing_is_imported() {
    let house = with_hanako();
    let before = house.enrolments().await;
    let new = [
        "kp2",
        "1",
        "3",
        "1980-01-01",
        "青木 美咲",
        "G2",
        "2005-04-01",
        "0",
        "",
        "",
    ];
    let corrected = hanako_with(&[("birth_date", "1980-10-10")]);
    let done = import(&house, &[new, corrected], &[]);
    assert_eq!(done.code, 2);
    let report = done.report();
    assert_eq!(places(&report), [(3, "birth_date")]);
    assert_eq!(
        [&report["new"], &report["unchanged"], &report["conflicts"]],
        [1, 0, 1]
    );
    assert_eq!(house.enrolments().await, before);
}

#[test]
fn every_column_that_no_roster_changes_is_named() {
    let house = with_hanako();
    for (column, text) in [
        ("user_id", "hanako02"),
        ("birth_date", "1980-10-10"),
        ("joined_on", "2005-05-01"),
        ("registered_on_old_portal", "1"),
        ("symbol_at_migration", "8"),
        ("number_at_migration", "88888"),
    ] {
        let done = import(&house, &[hanako_with(&[(column, text)])], &[]);
        let report = done.report();
        assert_eq!(places(&report), [(2, column)], "{column}");
        assert_eq!(
            (done.code, &report["conflicts"]),
            (2, &json!(1)),
            "{column}"
        );
    }
}

#[test]
fn all_columns_of_a_row_that_no_roster_changes_are_named_as_one_conflict() {
    let house = with_hanako();
    let row = hanako_with(&[
        ("user_id", "hanako02"),
        ("birth_date", "1980-10-10"),
        ("name", "別名 花子"),
    ]);
    let report = import(&house, &[row], &[]).report();
    assert_eq!(places(&report), [(2, "birth_date"), (2, "user_id")]);
    assert_eq!(report["conflicts"], 1);
}

#[test]
fn what_differs_is_told_without_a_value_and_with_what_to_do() {
    let house = with_hanako();
    let row = hanako_with(&[("birth_date", "1980-10-10"), ("name", "別名 花子")]);
    let done = import(&house, &[row], &[]);
    let told = format!("{}{}", done.stdout, done.stderr);
    for value in ["1980", "花子", "11111", "hanako", "G1"] {
        assert!(!told.contains(value), "{value}: {told}");
    }
    assert!(told.contains("put the former value back"), "{told}");
}

#[test]
fn the_same_data_in_other_writing_are_unchanged() {
    let house = with_hanako();
    let row = hanako_with(&[
        ("user_id", "ＨＡＮＡＫＯ０１"),
        ("number", "１１１１１"),
        ("birth_date", "S55.1.1"),
        ("gid", "Ｇ１"),
        ("joined_on", "平成17年4月1日"),
        ("registered_on_old_portal", "いいえ"),
    ]);
    let done = import(&house, &[row], &[]);
    assert_eq!((done.code, &done.report()["unchanged"]), (0, &json!(1)));
}

#[test]
fn a_number_of_the_migration_that_only_repeats_the_present_one_is_no_change() {
    let house = House::new();
    let plain = hanako_with(&[("symbol_at_migration", ""), ("number_at_migration", "")]);
    import(&house, &[plain], &[]);
    let row = hanako_with(&[
        ("symbol_at_migration", "1"),
        ("number_at_migration", "11111"),
    ]);
    let done = import(&house, &[row], &[]);
    assert_eq!((done.code, &done.report()["unchanged"]), (0, &json!(1)));
}

#[test]
fn letter_case_of_a_user_id_is_a_change_where_the_policy_says_so() {
    let house = House::new();
    let policy = include_str!("../../../policies/sample.toml").replace(
        "user_id_case_sensitive = false",
        "user_id_case_sensitive = true",
    );
    house.file("policy.toml", policy.as_bytes());
    import(&house, &[HANAKO], &[]);
    let report = import(&house, &[hanako_with(&[("user_id", "Hanako01")])], &[]).report();
    assert_eq!(places(&report), [(2, "user_id")]);
}

#[test]
fn a_user_id_that_a_row_leaves_to_us_is_not_compared() {
    let house = House::new();
    let roster = |user_id: &str| format!("{user_id},1,4,1980-01-01,森 太一,,2026-04-01,0");
    let done = house.import(&house.roster(&roster("kp4")), &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let done = house.import(&house.roster(&roster("")), &[]);
    assert_eq!((done.code, &done.report()["unchanged"]), (0, &json!(1)));
}

#[test]
fn who_has_no_gid_and_another_birth_date_is_told_to_be_perhaps_the_same_person() {
    let house = House::new();
    house.import(
        &house.roster("kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0"),
        &[],
    );
    let done = house.import(
        &house.roster("kp1,1,2,1980-10-10,山川 一郎,,2005-04-01,0"),
        &[],
    );
    let report = done.report();
    assert_eq!((done.code, places(&report)), (2, vec![(2, "user_id")]));
    let why = report["errors"][0]["why"].as_str().unwrap();
    assert!(
        why.contains("the same person") && why.contains("what differs: birth_date)"),
        "{why}"
    );
    assert!(!why.contains("1980"), "{why}");
}

#[tokio::test]
async fn a_gid_that_is_added_removed_or_changed_makes_nobody_a_second_member() {
    for ([before, after], changed) in [(["", "G1"], 1), (["G1", ""], 0), (["G1", "G2"], 1)] {
        let house = House::new();
        let roster =
            |gid: &str| house.roster(&format!(",1,4,1980-01-01,森 太一,{gid},2026-04-01,0"));
        house.import(&roster(before), &["--letters", "out.csv"]);
        let enrolled = house.enrolments().await;
        let done = house.import(&roster(after), &["--letters", "again.csv"]);
        assert_eq!((done.code, &done.report()["changed"]), (0, &json!(changed)));
        assert_eq!(house.enrolments().await, enrolled);
    }
}

#[tokio::test]
async fn an_erased_member_is_named() {
    let house = with_hanako();
    let [(member, _)] = house.enrolments().await.try_into().unwrap();
    let society = house.society().await;
    society.vault.destroy_keys(member).await.unwrap();
    society.close().await;
    let done = import(&house, &[HANAKO], &[]);
    assert_eq!((done.code, places(&done.report())), (2, vec![(2, "")]));
}

#[test]
fn a_dry_run_names_the_same_as_the_import() {
    let house = with_hanako();
    let new = [
        "kp2",
        "1",
        "3",
        "1990-01-01",
        "青木 美咲",
        "G2",
        "2005-04-01",
        "0",
        "",
        "",
    ];
    let rows = [
        hanako_with(&[("birth_date", "1980-10-10"), ("joined_on", "2005-05-01")]),
        new,
    ];
    let dry = import(&house, &rows, &["--dry-run"]);
    let real = import(&house, &rows, &[]);
    assert_eq!((dry.code, dry.stdout), (real.code, real.stdout));
}

#[test]
fn a_change_beyond_the_first_five_hundred_rows_is_named_by_its_line() {
    let house = House::new();
    let text = |birth_date: &str| {
        let rows = (0..600).map(|n| {
            let born = if n == 599 { birth_date } else { "1980-01-01" };
            format!("kp{n},1,{n},{born},見本 {n}号,G{n},2005-04-01,0")
        });
        format!("{HEADER}\n{}\n", rows.collect::<Vec<_>>().join("\n"))
    };
    let first = house.file("first.csv", text("1980-01-01").as_bytes());
    assert_eq!(house.import(&first, &[]).code, 0);
    let later = house.file("later.csv", text("1980-10-10").as_bytes());
    let report = house.import(&later, &[]).report();
    assert_eq!(places(&report), [(601, "birth_date")]);
    assert_eq!(report["unchanged"], 599);
}
