//! A later roster tells what is new of who is enrolled, and, where it is one of everybody, who has left.

use kadode::domain::ids::{ImportId, MemberId};
use kadode::domain::rosters::{Command, Content, Rosters, Stage};
use kadode::domain::values::TOKYO;
use kadode::rosters::{Run, Window};
use kadode::vault::{Profile, Stored};
use serde_json::{Value, json};

use super::house::{Done, House};

const HANAKO: &str = "hanako01,1,11111,1980-01-01,見本 花子,G1,2005-04-01,0";
const TARO: &str = "taro01,1,22222,1975-05-05,見本 太郎,G2,2005-04-01,0";

fn import(house: &House, rows: &[&str], arguments: &[&str]) -> Done {
    let done = house.import(&house.roster(&rows.join("\n")), arguments);
    assert_eq!(done.code, 0, "{}{}", done.stdout, done.stderr);
    done
}

/// A house with both.
fn with_two() -> House {
    let house = House::new();
    import(&house, &[HANAKO, TARO], &[]);
    house
}

async fn member(house: &House, gid: &str) -> MemberId {
    let society = house.society().await;
    let found = society.vault.profiles.find_by_gid(gid).await.unwrap();
    society.close().await;
    found[0]
}

async fn stored(house: &House, member: MemberId) -> Stored {
    let society = house.society().await;
    let stored = society.vault.profiles.get(member).await.unwrap();
    society.close().await;
    stored
}

/// What the log has of a member since the enrolment.
async fn history(house: &House, member: MemberId) -> Vec<Value> {
    let society = house.society().await;
    let id = member.to_string();
    let events = society.log.read_stream("onboarding", &id).await.unwrap();
    society.close().await;
    events.into_iter().skip(1).map(|it| it.payload).collect()
}

async fn rosters(house: &House) -> Rosters {
    let society = house.society().await;
    let rosters = society.commands.load("society").await.unwrap();
    society.close().await;
    rosters
}

#[tokio::test]
async fn another_name_and_another_number_are_taken_over_and_the_log_names_the_fields_alone() {
    let house = with_two();
    let who = member(&house, "G1").await;
    let later = "hanako01,1,33333,1980-01-01,別名 花子,G1,2005-04-01,0";
    let done = import(&house, &[later], &[]);
    let report = done.report();
    assert_eq!(
        [&report["changed"], &report["unchanged"], &report["left"]],
        [1, 0, 0]
    );
    let Profile { name, number, .. } = stored(&house, who).await.profile;
    assert_eq!([name.as_str(), number.as_str()], ["別名 花子", "33333"]);
    let told = history(&house, who).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["type"], "ProfileChanged");
    assert_eq!(told[0]["fields"], json!(["name", "number"]));
    let text = told[0].to_string();
    assert!(!text.contains("33333") && !text.contains("別名"), "{text}");
}

#[tokio::test]
async fn the_initial_password_stays_that_of_the_first_roster() {
    let house = with_two();
    let who = member(&house, "G1").await;
    let before = stored(&house, who).await.profile;
    for later in [
        "hanako01,9,33333,1980-01-01,見本 花子,G1,2005-04-01,0",
        "hanako01,9,44444,1980-01-01,見本 花子,G1,2005-04-01,0",
        HANAKO,
    ] {
        import(&house, &[later], &[]);
        let after = stored(&house, who).await.profile;
        assert_eq!(after.initial_symbol(), before.initial_symbol());
        assert_eq!(after.initial_number(), before.initial_number());
    }
    assert_eq!(stored(&house, who).await.profile, before);
}

#[tokio::test]
async fn who_has_a_new_number_is_known_again_by_what_it_was_at_the_migration() {
    let house = House::new();
    import(&house, &["kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0"], &[]);
    let text = "user_id,symbol,number,birth_date,name,gid,joined_on,registered_on_old_portal,symbol_at_migration,number_at_migration\n\
                kp1,5,6,1980-01-01,山川 一郎,,2005-04-01,0,1,2\n";
    let later = house.file("later.csv", text.as_bytes());
    let report = house.import(&later, &[]).report();
    assert_eq!([&report["new"], &report["changed"]], [0, 1]);
    let report = house.import(&later, &[]).report();
    assert_eq!([&report["changed"], &report["unchanged"]], [0, 1]);
}

#[tokio::test]
async fn staff_find_a_member_by_the_new_number_and_no_longer_by_the_old() {
    let house = with_two();
    let who = member(&house, "G1").await;
    import(
        &house,
        &["hanako01,1,33333,1980-01-01,見本 花子,G1,2005-04-01,0"],
        &[],
    );
    let society = house.society().await;
    let profiles = &society.vault.profiles;
    let new = profiles.find_by_symbol_number("1", "33333").await.unwrap();
    let old = profiles.find_by_symbol_number("1", "11111").await.unwrap();
    society.close().await;
    assert_eq!((new, old), (vec![who], vec![]));
}

#[tokio::test]
async fn who_is_not_in_a_roster_of_everybody_has_left_and_who_is_in_the_next_is_back() {
    let house = with_two();
    let who = member(&house, "G2").await;
    let report = import(&house, &[HANAKO], &[]).report();
    assert_eq!(report["left"], 0, "a roster of some says nothing of others");
    let alone = house.import(&house.roster(HANAKO), &["--complete"]);
    assert!(alone.refusal().contains("--leavers 1"), "{}", alone.stderr);
    let report = import(&house, &[HANAKO], &["--complete", "--leavers", "1"]).report();
    assert_eq!([&report["left"], &report["unchanged"]], [1, 1]);
    assert!(stored(&house, who).await.has_left);
    let report = import(&house, &[HANAKO], &["--complete"]).report();
    assert_eq!(report["left"], 0, "nobody leaves twice");
    let report = import(&house, &[HANAKO, TARO], &["--complete"]).report();
    assert_eq!([&report["returned"], &report["unchanged"]], [1, 1]);
    assert!(!stored(&house, who).await.has_left);
    let told = history(&house, who).await;
    let types: Vec<_> = told.iter().map(|it| it["type"].as_str().unwrap()).collect();
    assert_eq!(types, ["MemberLeft", "MemberReturned"]);
}

#[test]
fn no_variable_of_the_environment_makes_anybody_leave() {
    let house = with_two();
    let roster = house.roster(HANAKO);
    let mut command = house.command(&["import"]);
    let command = command.arg(&roster).env("KADODE_COMPLETE", "true");
    let done = Done::of(command.env("KADODE_LEAVERS", "1"));
    assert_eq!(done.report()["left"], 0);
}

#[tokio::test]
async fn a_dry_run_counts_the_same_and_does_nothing() {
    let house = with_two();
    let who = member(&house, "G1").await;
    let later = "hanako01,1,33333,1980-01-01,見本 花子,G1,2005-04-01,0";
    let dry = import(&house, &[later], &["--complete", "--dry-run"]);
    assert!(history(&house, who).await.is_empty());
    let real = import(&house, &[later], &["--complete", "--leavers", "1"]);
    assert_eq!(dry.stdout, real.stdout);
    assert_eq!(real.report()["left"], 1);
}

#[tokio::test]
async fn every_import_is_recorded_with_its_file_and_who_ran_it() {
    let house = House::new();
    let roster = house.roster(HANAKO);
    let done = Done::of(
        house
            .command(&["import"])
            .arg(&roster)
            .env("KADODE_OPERATOR", "operator7"),
    );
    assert_eq!(done.code, 0, "{}", done.stderr);
    let [recorded] = rosters(&house).await.imports.try_into().unwrap();
    assert_eq!(recorded.stage, Stage::Applied);
    assert_eq!((recorded.content.rows, recorded.content.new), (1, 1));
    let sum = std::process::Command::new("sha256sum")
        .arg(&roster)
        .output()
        .unwrap();
    let sum = String::from_utf8(sum.stdout).unwrap();
    assert!(sum.starts_with(&recorded.content.file), "{sum}");
    let society = house.society().await;
    let events = society.log.read_after(0, 100).await.unwrap();
    society.close().await;
    let begun = events.iter().find(|it| it.event_type == "RosterBegun");
    assert_eq!(begun.unwrap().payload["user"], "operator7");
    let enrolled = events.iter().find(|it| it.event_type == "MemberEnrolled");
    let import = &enrolled.unwrap().payload["import"];
    assert_eq!(*import, json!(recorded.id));
}

#[test]
fn a_roster_of_everybody_with_nobody_in_it_is_refused() {
    let house = with_two();
    let done = house.import(&house.roster(""), &["--complete", "--leavers", "2"]);
    assert_eq!(done.code, 2);
    assert!(
        done.stdout.contains("there is nobody in this roster"),
        "{}",
        done.stdout
    );
}

#[test]
fn two_rows_of_one_member_are_named() {
    let house = House::new();
    let taichi =
        |number: &str, gid: &str| format!(",1,{number},1980-01-01,森 太一,{gid},2026-04-01,0");
    let (by_gid, by_numbers) = (taichi("5", "G9"), taichi("4", ""));
    import(&house, &[&taichi("4", "G9")], &["--letters", "out.csv"]);
    let rows = house.roster(&format!("{by_gid}\n{by_numbers}"));
    let done = house.import(&rows, &["--dry-run"]);
    assert_eq!(done.code, 2, "{}", done.stderr);
    let error = &done.report()["errors"][0];
    assert_eq!(error["line"], 3);
    let why = error["why"].as_str().unwrap();
    assert!(why.contains("the member of line 2 once more"), "{why}");
}

#[tokio::test]
async fn who_left_by_a_run_that_was_killed_is_back_by_the_next_roster() {
    let house = with_two();
    let who = member(&house, "G2").await;
    let society = house.society().await;
    // As a run leaves it that is killed between log and vault.
    let members = society.members();
    let before = rosters(&house).await.imports[0].content.clone();
    let begin = Command::BeginAlone {
        import: ImportId(society.entropy.id()),
        user: "somebody".to_owned(),
        content: Content {
            complete: true,
            ..before
        },
    };
    Run::tell(&members, "Test", begin).await.unwrap();
    let today = TOKYO.to_datetime(society.clock.now()).date();
    let window = Window::new(today, 30, today).unwrap();
    let run = Run::new(&members, ImportId(society.entropy.id()), window);
    run.let_go(&[who], |_| ()).await.unwrap();
    let profiles = &society.vault.profiles;
    profiles.note_left(&[who], false).await.unwrap();
    society.close().await;
    let report = import(&house, &[HANAKO, TARO], &[]).report();
    assert_eq!(report["returned"], 1);
    let told = history(&house, who).await;
    assert_eq!(told.last().unwrap()["type"], "MemberReturned");
}
