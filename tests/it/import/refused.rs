//! What is wrong is told in one line or in the report, and leaves nothing behind.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::json;

use super::house::{Done, House, sample};

const NEEDS_NO_LETTER: &str = "kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0";

/// Nothing but the policy is in the folder.
fn assert_untouched(house: &House) {
    assert_eq!(house.files(), ["policy.toml"]);
}

#[test]
fn wrong_rows_are_listed_and_nothing_is_imported() {
    let house = House::new();
    let roster = house.roster(&format!(
        "{NEEDS_NO_LETTER}\nkp1,1,3,1980-02-30,青木 美咲,,2005-04-01,0\nkp3,1,4,1980-01-01,=1+1,,2026-04-01,1"
    ));
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(done.code, 2);
    let report = done.report();
    let places: Vec<_> = report["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| {
            (
                error["line"].as_u64().unwrap(),
                error["column"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [
            (3, "birth_date"),
            (3, "user_id"),
            (4, "name"),
            (4, "registered_on_old_portal")
        ]
    );
    assert_eq!(report["rows"], 3);
    assert!(done.stderr.contains("4 errors"), "{}", done.stderr);
    assert_untouched(&house);
}

#[tokio::test]
async fn one_wrong_row_keeps_the_others_out_of_a_database() {
    let house = House::new();
    house.import(&house.roster(NEEDS_NO_LETTER), &[]);
    let more = house.roster("kp2,1,3,1980-01-01,青木 美咲,,2005-04-01,0\nkp3,,,,,,,");
    let before = house.contents();
    assert_eq!(house.import(&more, &[]).code, 2);
    assert_eq!(house.contents(), before);
    assert_eq!(house.enrolments().await.len(), 1);
}

#[test]
fn a_member_with_another_user_id_than_before_is_a_conflict() {
    let house = House::new();
    house.import(&house.roster(NEEDS_NO_LETTER), &[]);
    let roster = house.roster(
        "kp9,1,2,1980-01-01,山川 一郎,,2005-04-01,0\nkp2,1,3,1980-01-01,青木 美咲,,2005-04-01,0",
    );
    let done = house.import(&roster, &[]);
    let report = done.report();
    assert_eq!(done.code, 2);
    assert_eq!(
        (&report["conflicts"], &report["new"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&report["errors"][0]["line"], &report["errors"][0]["column"]),
        (&json!(2), &json!("user_id"))
    );
}

#[test]
fn a_user_id_of_another_member_is_a_conflict() {
    let house = House::new();
    house.import(&house.roster(NEEDS_NO_LETTER), &[]);
    let done = house.import(
        &house.roster("ＫＰ１,5,6,1990-01-01,別の 人,,2005-04-01,0"),
        &[],
    );
    assert_eq!((done.code, &done.report()["conflicts"]), (2, &json!(1)));
}

#[test]
fn letters_are_needed_for_who_gets_a_password_from_us() {
    let house = House::new();
    let roster = house.roster("kp1,1,2,1980-01-01,山川 一郎,,2026-04-01,0");
    assert!(house.import(&roster, &[]).refusal().contains("--letters"));
    assert!(
        house
            .import(&roster, &["--dry-run"])
            .refusal()
            .contains("--letters")
    );
    assert_untouched(&house);
}

#[test]
fn letters_are_needed_for_who_gets_a_user_id_from_us() {
    let house = House::new();
    let roster = house.roster(",1,2,1980-01-01,山川 一郎,,2025-04-01,0");
    assert!(house.import(&roster, &[]).refusal().contains("--letters"));
    assert_untouched(&house);
}

#[test]
fn letters_are_not_needed_again_for_who_was_imported_before() {
    let house = House::new();
    let roster = house.roster("kp1,1,2,1980-01-01,山川 一郎,,2026-04-01,0");
    assert_eq!(house.import(&roster, &["--letters", "out.csv"]).code, 0);
    assert_eq!(house.import(&roster, &[]).code, 0);
}

#[test]
fn a_policy_is_needed() {
    let house = House::new();
    let roster = house.roster(NEEDS_NO_LETTER);
    for (program, last) in [("import", roster.to_str().unwrap()), ("letters", "out.csv")] {
        let done = Done::of(house.command(&[program, last]).env_remove("KADODE_POLICY"));
        assert!(done.refusal().contains("--policy"));
    }
    assert_untouched(&house);
}

#[test]
fn a_policy_with_a_mistake_is_refused_with_its_line() {
    let house = House::new();
    fs::write(house.path("policy.toml"), "name = \"x\"\ncolour = 1\n").unwrap();
    let refusal = house.import(&house.roster(NEEDS_NO_LETTER), &[]);
    assert!(
        refusal.refusal().contains("policy.toml, line 2"),
        "{}",
        refusal.stderr
    );
    assert_untouched(&house);
}

#[test]
fn a_key_file_is_needed() {
    let house = House::new();
    let roster = house.roster(NEEDS_NO_LETTER);
    for extra in [None, Some("--dry-run")] {
        let mut command = house.command(&["import"]);
        command.arg(&roster).args(extra).env_remove("KADODE_KEYS");
        assert!(Done::of(&mut command).refusal().contains("KADODE_KEYS"));
    }
    assert_untouched(&house);
}

#[test]
fn a_file_that_is_no_key_file_is_refused_before_anything_is_created() {
    let house = House::new();
    let path = house.file("keys.toml", b"no keys");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let done = house.import(&house.roster(NEEDS_NO_LETTER), &["--letters", "out.csv"]);
    assert!(done.refusal().contains("not a key file"), "{}", done.stderr);
    assert_eq!(house.files(), ["keys.toml", "policy.toml"]);
}

#[test]
fn the_keys_of_another_database_are_refused() {
    let (house, other) = (House::new(), House::new());
    let roster = house.roster(NEEDS_NO_LETTER);
    house.import(&roster, &[]);
    other.import(&roster, &[]);
    fs::copy(other.path("keys.toml"), house.path("keys.toml")).unwrap();
    let before = house.contents();
    for arguments in [&["--dry-run"][..], &[]] {
        let done = house.import(&roster, arguments);
        assert!(done.refusal().contains("not the keys"), "{}", done.stderr);
    }
    let letters = Done::of(&mut house.command(&["letters", "out.csv"]));
    assert!(
        letters.refusal().contains("not the keys"),
        "{}",
        letters.stderr
    );
    assert!(house.contents().keys().eq(before.keys()));
}

#[test]
fn a_missing_roster_is_refused() {
    let house = House::new();
    let done = house.import(&house.path("nobody.csv"), &[]);
    assert!(done.refusal().contains("nobody.csv"), "{}", done.stderr);
    assert_untouched(&house);
}

#[test]
fn a_database_of_another_kind_is_refused_without_its_password() {
    let house = House::new();
    let roster = house.roster(NEEDS_NO_LETTER);
    let mut command = house.command(&["import"]);
    command
        .arg(&roster)
        .env("KADODE_DATABASE", "mysql://kadode:geheim@db/kadode");
    let done = Done::of(&mut command);
    assert!(done.refusal().contains("sqlite:PATH"), "{}", done.stderr);
    assert!(!done.stderr.contains("geheim"));
}

#[test]
fn credentials_that_would_have_expired_already_are_refused() {
    let house = House::new();
    let done = house.import(
        &house.roster(NEEDS_NO_LETTER),
        &["--valid-from", "2020-01-01"],
    );
    assert!(done.refusal().contains("--valid-from"), "{}", done.stderr);
    assert_untouched(&house);
}

#[test]
fn a_place_where_letters_cannot_be_written_is_refused_before_anything_is_created() {
    let house = House::new();
    let done = house.import(&sample(), &["--letters", "nowhere/out.csv"]);
    assert!(
        done.refusal().contains("nowhere/out.csv"),
        "{}",
        done.stderr
    );
    assert_untouched(&house);
}

#[test]
fn letters_are_never_written_over_something_else() {
    let house = House::new();
    let roster = house.roster(NEEDS_NO_LETTER);
    let done = house.import(&roster, &["--letters", "roster.csv"]);
    assert!(
        done.refusal().contains("holds something else"),
        "{}",
        done.stderr
    );
    house.import(&roster, &[]);
    let before = house.contents();
    let done = Done::of(&mut house.command(&["letters", "kadode.sqlite"]));
    assert!(
        done.refusal().contains("holds something else"),
        "{}",
        done.stderr
    );
    assert!(house.contents()["kadode.sqlite"] == before["kadode.sqlite"]);
}

#[test]
fn letters_of_a_database_that_is_not_there_are_refused() {
    let house = House::new();
    let done = Done::of(&mut house.command(&["letters", "out.csv"]));
    assert!(done.refusal().contains("no such file"), "{}", done.stderr);
    assert_untouched(&house);
}
