//! Rosters: planned by one, approved by another, carried out once.

use cqrs_es::DomainEvent;
use uuid::Uuid;

use super::*;
use crate::domain::onboarding::{Grounds, Reason};

fn at(hour: u8) -> Timestamp {
    format!("2026-11-26T{hour:02}:00:00Z").parse().unwrap()
}

fn import(number: u128) -> ImportId {
    ImportId(Uuid::from_u128(number))
}

fn staff(number: u128) -> StaffId {
    StaffId(Uuid::from_u128(number))
}

fn grounds() -> Grounds {
    Grounds {
        reason: Reason::RegularUpdate,
        ticket: "T-1".parse().unwrap(),
    }
}

fn content(file: &str) -> Content {
    Content {
        file: file.to_owned(),
        plan: format!("plan of {file}"),
        policy: "sample@0".to_owned(),
        complete: true,
        valid_from: at(0),
        rows: 3,
        new: 1,
        changed: 1,
        unchanged: 1,
        returned: 0,
        left: 2,
        by_cohort: BTreeMap::from([("old".to_owned(), 3)]),
    }
}

fn unfinished(rosters: &Rosters, file: &str) -> Option<ImportId> {
    let Content {
        file,
        complete,
        policy,
        ..
    } = content(file);
    rosters.unfinished(&file, complete, &policy)
}

fn plan(number: u128, by: u128) -> Command {
    Command::Plan {
        import: import(number),
        proposed: Proposed {
            by: staff(by),
            grounds: grounds(),
            expires_at: at(20),
        },
        content: content("a"),
    }
}

fn approve(number: u128, by: u128) -> Command {
    Command::Approve {
        import: import(number),
        staff: staff(by),
        plan: content("a").plan,
    }
}

fn decline(number: u128, by: u128) -> Command {
    Command::Decline {
        import: import(number),
        staff: staff(by),
    }
}

fn begin(number: u128, file: &str) -> Command {
    Command::Begin {
        import: import(number),
        plan: content(file).plan,
    }
}

fn begin_alone(number: u128) -> Command {
    Command::BeginAlone {
        import: import(number),
        user: "operator".to_owned(),
        content: content("a"),
    }
}

fn finish(number: u128) -> Command {
    Command::Finish {
        import: import(number),
    }
}

/// What came of commands, each an hour after the one before, by the names of the events; every append is one that the rules make.
fn told(commands: impl IntoIterator<Item = Command>) -> (Rosters, Vec<Result<String, Refusal>>) {
    let mut rosters = Rosters::default();
    let told = (1..).zip(commands).map(|(hour, command)| {
        let at = at(hour);
        let events = rosters.decide(&Issued { at, command })?;
        let mut names = String::new();
        if !events.is_empty() {
            assert!(rosters.yields(&events, at), "{events:?}");
        }
        for event in events {
            names.push_str(&event.event_type());
            rosters.apply(event);
        }
        Ok(names)
    });
    let told = told.collect();
    (rosters, told)
}

fn names(told: &[Result<String, Refusal>]) -> Vec<&str> {
    told.iter().map(|it| it.as_deref().unwrap()).collect()
}

#[test]
fn a_plan_is_carried_out_once_a_second_person_has_approved_it() {
    let steps = [plan(1, 1), approve(1, 2), begin(1, "a"), finish(1)];
    let (rosters, told) = told(steps);
    let expected = [
        "RosterPlanned",
        "RosterApproved",
        "RosterBegun",
        "RosterApplied",
    ];
    assert_eq!(names(&told), expected);
    assert_eq!(rosters.import(import(1)).unwrap().stage, Stage::Applied);
    assert_eq!(rosters.due(), None);
}

#[test]
fn who_proposed_it_is_no_second_person() {
    let (_, told) = told([plan(1, 1), approve(1, 1)]);
    assert_eq!(told[1], Err(Refusal::OwnPlan));
}

#[test]
fn what_was_not_seen_is_not_approved() {
    let other = Command::Approve {
        import: import(1),
        staff: staff(2),
        plan: "another".to_owned(),
    };
    let (_, told) = told([plan(1, 1), other]);
    assert_eq!(told[1], Err(Refusal::OtherPlan));
}

#[test]
fn nothing_begins_that_nobody_approved() {
    let (_, told) = told([plan(1, 1), begin(1, "a")]);
    assert_eq!(told[1], Err(Refusal::NotOpen));
}

#[test]
fn what_would_do_something_else_by_now_is_outdated() {
    let (rosters, told) = told([plan(1, 1), approve(1, 2), begin(1, "b"), begin(1, "a")]);
    assert_eq!(told[2].as_deref(), Ok("RosterOutdated"));
    assert_eq!(told[3], Err(Refusal::NotOpen));
    assert_eq!(rosters.due(), None);
}

#[test]
fn a_run_that_was_killed_goes_on_though_less_is_left_to_do() {
    let steps = [plan(1, 1), approve(1, 2), begin(1, "a"), begin(1, "b")];
    let (rosters, told) = told(steps);
    assert_eq!(told[3].as_deref(), Ok(""));
    assert_eq!(rosters.due().unwrap().id, import(1));
}

#[test]
fn one_that_was_declined_is_over() {
    let (_, told) = told([plan(1, 1), decline(1, 1), approve(1, 2)]);
    assert_eq!(told[1].as_deref(), Ok("RosterDeclined"));
    assert_eq!(told[2], Err(Refusal::NotOpen));
}

#[test]
fn a_proposal_ends_with_its_time() {
    let mut rosters = Rosters::default();
    let issued = |at, command| Issued { at, command };
    let planned = rosters.decide(&issued(at(1), plan(1, 1))).unwrap();
    for event in planned {
        rosters.apply(event);
    }
    let late = rosters.decide(&issued(at(20), approve(1, 2)));
    assert_eq!(late, Err(Refusal::NotOpen));
    let next = rosters.decide(&issued(at(20), plan(2, 1)));
    assert!(next.is_ok(), "the next need not wait for it");
}

#[test]
fn a_second_plan_waits_for_the_end_of_the_first() {
    let steps = [plan(1, 1), plan(2, 2), approve(1, 2), plan(2, 2)];
    let (_, told) = told(steps);
    assert_eq!(told[1], Err(Refusal::AnotherOpen));
    assert_eq!(told[3], Err(Refusal::AnotherOpen));
}

#[test]
fn the_command_line_needs_nobody_and_goes_on_under_the_same_id_after_a_kill() {
    let (rosters, told_first) = told([begin_alone(1), begin_alone(1)]);
    assert_eq!(names(&told_first), ["RosterBegun", ""]);
    assert_eq!(unfinished(&rosters, "a"), Some(import(1)));
    assert_eq!(unfinished(&rosters, "b"), None);
    let (rosters, _) = told([begin_alone(1), finish(1)]);
    assert_eq!(unfinished(&rosters, "a"), None);
}

#[test]
fn the_command_line_does_not_come_between_a_roster_that_two_people_began() {
    let steps = [plan(1, 1), approve(1, 2), begin(1, "a"), begin_alone(2)];
    let (_, told) = told(steps);
    assert_eq!(told[3], Err(Refusal::AnotherOpen));
}

#[test]
fn a_run_that_was_killed_long_ago_is_not_taken_up_after_another() {
    let (rosters, _) = told([begin_alone(1), begin_alone(2), finish(2)]);
    assert_eq!(unfinished(&rosters, "a"), None);
    assert_eq!(rosters.left().count(), 1);
}

#[test]
fn what_cannot_be_ended_is_given_up_and_the_next_roster_is_open_to_all() {
    let abandon = Command::Abandon { import: import(1) };
    let steps = [
        plan(1, 1),
        approve(1, 2),
        begin(1, "a"),
        abandon,
        plan(2, 1),
    ];
    let (rosters, told) = told(steps);
    assert_eq!(told[3].as_deref(), Ok("RosterAbandoned"));
    assert_eq!(told[4].as_deref(), Ok("RosterPlanned"));
    assert_eq!(rosters.due(), None);
}

#[test]
fn the_end_is_told_once() {
    let (_, told) = told([begin_alone(1), finish(1), finish(1), finish(2)]);
    assert_eq!(told[2].as_deref(), Ok(""));
    assert_eq!(told[3], Err(Refusal::NotOpen));
}
