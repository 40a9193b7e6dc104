//! An import that was killed is finished by the next, whatever it had come to.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use kadode::domain::ids::MemberId;

use super::house::{House, sample};

/// Waits until the condition holds; gives up after a minute.
fn wait_until(condition: impl Fn() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "this takes too long"
        );
        std::thread::yield_now();
    }
}

#[tokio::test]
async fn a_killed_import_is_finished_by_the_next() {
    const MEMBERS: usize = 5000;
    let house = House::new();
    let roster = house.large_roster(MEMBERS);
    let mut child = house
        .command(&["import", "--letters", "out.csv"])
        .arg(&roster)
        .spawn()
        .unwrap();
    let part = house.path("out.csv.part");
    // The letters of one batch are there, those of the next are not.
    wait_until(|| fs::metadata(&part).is_ok_and(|part| part.len() > 20_000));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!house.path("out.csv").exists());
    let before = house.enrolments().await.len();
    assert!(before < MEMBERS, "the import was over before it was killed");

    let done = house.import(&roster, &["--letters", "out.csv"]);
    assert_eq!(done.code, 0, "{}", done.stderr);
    let report = done.report();
    assert_eq!(report["new"].as_u64().unwrap(), (MEMBERS - before) as u64);
    assert_eq!(report["unchanged"].as_u64().unwrap(), before as u64);

    let enrolments = house.enrolments().await;
    let members: BTreeSet<MemberId> = enrolments.iter().map(|(member, _)| *member).collect();
    assert_eq!((enrolments.len(), members.len()), (MEMBERS, MEMBERS));
    let letters = house.letters("out.csv");
    let numbers: Vec<_> = letters
        .iter()
        .map(|letter| letter["number"].clone())
        .collect();
    let expected: Vec<_> = (0..MEMBERS).map(|n| format!("{n:05}")).collect();
    assert!(
        numbers == expected,
        "a letter is missing, there twice, or out of order"
    );
    assert!(!part.exists());
    assert_eq!(
        house.import(&roster, &[]).report()["unchanged"].as_u64(),
        Some(MEMBERS as u64)
    );
}

#[test]
fn an_import_waits_for_another_that_has_not_enrolled_everybody_yet() {
    let house = House::new();
    let roster = house.roster("kp1,1,2,1980-01-01,山川 一郎,,2005-04-01,0");
    house.import(&roster, &[]);
    let turn = fs::File::open(house.path("kadode.sqlite.importing")).unwrap();
    turn.lock().unwrap();
    let mut child = house.command(&["import"]).arg(&roster).spawn().unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut told = String::new();
    stderr.read_line(&mut told).unwrap();
    assert!(told.contains("another import"), "{told}");
    turn.unlock().unwrap();
    assert!(child.wait().unwrap().success());
}

#[tokio::test]
async fn two_imports_of_one_roster_at_once_enrol_everybody_once() {
    let house = House::new();
    house.import(
        &house.roster("kp99999,9,9,1980-01-01,山川 一郎,,2005-04-01,0"),
        &[],
    );
    let roster = house.large_roster(1000);
    let children = ["a.csv", "b.csv"].map(|letters| {
        house
            .command(&["import", "--letters", letters])
            .arg(&roster)
            .spawn()
            .unwrap()
    });
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    let enrolments = house.enrolments().await;
    let members: BTreeSet<MemberId> = enrolments.iter().map(|(member, _)| *member).collect();
    assert_eq!((enrolments.len(), members.len()), (1001, 1001));
    assert!(house.letters("a.csv") == house.letters("b.csv"));
}

#[test]
fn letters_that_another_run_is_writing_are_left_to_it() {
    let house = House::new();
    let part = fs::File::create(house.path("out.csv.part")).unwrap();
    part.lock().unwrap();
    let done = house.import(&sample(), &["--letters", "out.csv"]);
    assert!(done.refusal().contains("another run"), "{}", done.stderr);
    assert_eq!(house.files(), ["out.csv.part", "policy.toml"]);
}
