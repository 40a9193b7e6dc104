//! Profiles that a killed run left are finished with what the roster says now.

use kadode::domain::ids::{ImportId, MemberId};
use kadode::domain::policy::InitialPassword;
use kadode::vault::{FIRST_ISSUE, Profile, Stored, VaultError};

use super::house::{Done, House};

/// 森 太一, who gets password and user ID from us.
fn taichi() -> Profile {
    Profile {
        user_id: "abcdefghij".to_owned(),
        name: "森 太一".to_owned(),
        symbol: "1".to_owned(),
        number: "4".to_owned(),
        symbol_at_migration: None,
        number_at_migration: None,
        birth_date: "1980-01-01".parse().unwrap(),
        gid: None,
        joined_on: "2026-04-01".parse().unwrap(),
        registered: false,
    }
}

/// A house with one member and these profiles without an event, as a run that is killed in between leaves them.
async fn with_left_over(profiles: &[Profile]) -> (House, Vec<MemberId>) {
    let house = House::new();
    let done = house.import(
        &house.roster("kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0"),
        &[],
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    let society = house.society().await;
    let rows: Vec<_> = profiles
        .iter()
        .map(|profile| (MemberId(society.entropy.id()), profile.clone()))
        .collect();
    let import = ImportId(society.entropy.id());
    let now = society.clock.now();
    let members = rows.iter().map(|(member, _)| *member).collect();
    let inserted = society.vault.profiles.insert(import, &rows, &[], now).await;
    inserted.unwrap();
    society.close().await;
    (house, members)
}

/// The profile of the one enrolled member with this user ID.
async fn enrolled(house: &House, user_id: &str) -> Stored {
    let enrolments = house.enrolments().await;
    let society = house.society().await;
    let profiles = &society.vault.profiles;
    let member = profiles.find_by_user_id(user_id).await.unwrap().0.unwrap();
    assert!(enrolments.iter().any(|(enrolled, _)| *enrolled == member));
    let stored = profiles.get(member).await.unwrap();
    society.close().await;
    stored
}

#[tokio::test]
async fn a_profile_without_an_event_is_taken_up_with_its_id_and_user_id() {
    let (house, left_over) = with_left_over(&[taichi()]).await;
    let roster = house.roster(",1,4,1980-01-01,森 太一,,2026-04-01,0");
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!((done.code, done.report()["new"].as_u64()), (0, Some(1)));
    assert_eq!(house.letters("out.csv")[0]["user_id"], "abcdefghij");
    assert_eq!(enrolled(&house, "abcdefghij").await.member, left_over[0]);
}

#[tokio::test]
async fn a_profile_without_an_event_gets_no_letter() {
    let (house, _) = with_left_over(&[taichi()]).await;
    Done::of(&mut house.command(&["letters", "out.csv"]));
    assert_eq!(house.letters("out.csv").len(), 1);
}

#[tokio::test]
async fn a_row_corrected_meanwhile_is_what_is_enrolled() {
    let wrong = Profile {
        user_id: "kp4".to_owned(),
        gid: Some("G4".to_owned()),
        joined_on: "2005-04-01".parse().unwrap(),
        ..taichi()
    };
    let (house, left_over) = with_left_over(&[wrong]).await;
    let roster = house.roster("kp5,3,00005,1980-10-10,森 大一,G4,2005-05-01,1");
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!((done.code, done.report()["new"].as_u64()), (0, Some(1)));

    let letter = &house.letters("out.csv")[0];
    assert_eq!(
        ["user_id", "name", "symbol", "number"].map(|column| letter[column].as_str()),
        ["kp5", "森 大一", "3", "00005"]
    );
    let stored = enrolled(&house, "kp5").await;
    assert_eq!(stored.member, left_over[0]);
    let society = house.society().await;
    let formula = &society.policy.policy.cohorts[0].initial_password;
    let InitialPassword::Formula(parts) = formula else {
        panic!("cohort A has a formula");
    };
    let passwords = &society.vault.initial_passwords;
    assert!(passwords.matches_formula(&stored.profile, parts, "30000519801010"));
    let profiles = &society.vault.profiles;
    assert_eq!(profiles.find_by_user_id("kp4").await.unwrap().0, None);
    let again = house.import(&roster, &[]);
    assert_eq!(
        (again.code, again.report()["unchanged"].as_u64()),
        (0, Some(1))
    );
}

#[tokio::test]
async fn a_birth_date_corrected_meanwhile_without_a_gid_leaves_nothing_of_the_wrong_one() {
    let wrong = Profile {
        user_id: "kp4".to_owned(),
        ..taichi()
    };
    let (house, left_over) = with_left_over(&[wrong]).await;
    let roster = house.roster("kp4,1,4,1980-10-10,森 太一,,2026-04-01,0");
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stdout);
    let stored = enrolled(&house, "kp4").await;
    assert_eq!(stored.profile.birth_date.to_string(), "1980-10-10");
    let society = house.society().await;
    let profiles = &society.vault.profiles;
    assert!(matches!(
        profiles.get(left_over[0]).await,
        Err(VaultError::Missing(_))
    ));
    let letter = &house.letters("out.csv")[0];
    let passwords = &society.vault.initial_passwords;
    assert!(
        passwords
            .matches_printed(&stored, FIRST_ISSUE, None, &letter["password"])
            .unwrap()
    );
}

#[tokio::test]
async fn user_ids_exchanged_meanwhile_are_those_of_the_rows() {
    let wrong = [("kp3", "3"), ("kp4", "4")].map(|(user_id, number)| Profile {
        user_id: user_id.to_owned(),
        number: number.to_owned(),
        ..taichi()
    });
    let (house, left_over) = with_left_over(&wrong).await;
    let roster = house.roster(
        "kp4,1,3,1980-01-01,森 太一,,2026-04-01,0\nkp3,1,4,1980-01-01,森 太一,,2026-04-01,0",
    );
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(enrolled(&house, "kp4").await.member, left_over[0]);
    assert_eq!(enrolled(&house, "kp3").await.member, left_over[1]);
}

#[tokio::test]
async fn a_user_id_that_moved_to_a_far_row_meanwhile_takes_nobody_away() {
    let wrong = Profile {
        user_id: "moved".to_owned(),
        ..taichi()
    };
    let (house, left_over) = with_left_over(&[wrong]).await;
    let between: Vec<String> = (100..650)
        .map(|n| format!("kp{n},1,{n},1980-01-01,見本 {n}号,,2005-04-01,0"))
        .collect();
    let between = between.join("\n");
    let roster = house.roster(&format!(
        "kp4,1,4,1980-01-01,森 太一,,2026-04-01,0\n{between}\nmoved,1,5,1980-01-01,森 二郎,,2026-04-01,0"
    ));
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(enrolled(&house, "kp4").await.member, left_over[0]);
    assert_eq!(enrolled(&house, "moved").await.profile.number, "5");
}

#[tokio::test]
async fn a_left_over_profile_that_two_rows_name_is_taken_up_once() {
    let wrong = Profile {
        gid: Some("G4".to_owned()),
        ..taichi()
    };
    let (house, left_over) = with_left_over(&[wrong]).await;
    let roster = house.roster(
        "kp4,1,5,1980-01-01,森 太一,G4,2026-04-01,0\nkp5,1,4,1980-01-01,森 二郎,,2026-04-01,0",
    );
    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    assert_eq!(enrolled(&house, "kp4").await.member, left_over[0]);
    assert_ne!(enrolled(&house, "kp5").await.member, left_over[0]);
}

#[tokio::test]
async fn a_user_id_of_a_roster_is_not_kept_for_a_row_without_one() {
    let wrong = Profile {
        user_id: "kp4".to_owned(),
        ..taichi()
    };
    let (house, _) = with_left_over(&[wrong]).await;
    let roster = house.roster(",1,4,1980-01-01,森 太一,,2026-04-01,0");
    house.import(&roster, &["--letters", "out.csv"]);
    let user_id = &house.letters("out.csv")[0]["user_id"];
    assert_eq!(user_id.len(), 10);
    enrolled(&house, user_id).await;
}

#[tokio::test]
async fn a_dry_run_after_a_killed_run_says_what_the_import_does() {
    let (house, _) = with_left_over(&[taichi()]).await;
    let roster = house.roster(
        "kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0\n,1,4,1980-01-01,森 大一,,2026-04-01,0",
    );
    let dry = house.import(&roster, &["--letters", "out.csv", "--dry-run"]);
    let real = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!((dry.code, dry.stdout), (real.code, real.stdout));
}
