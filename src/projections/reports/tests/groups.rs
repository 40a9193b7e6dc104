//! Whoever may not see persons is told of no fewer than five.

use serde_json::json;
use uuid::Uuid;

use super::super::counts::{Count, Counts, Key, Topic};
use super::super::format::plain;
use super::super::groups::keep_hidden;
use super::super::report::{Asked, Basis, Value};
use super::super::{Name, make};
use super::{Log, columns_of, minute, noon, number, text};
use crate::projections::history::kinds::KINDS;

/// So many members of each cohort.
fn society(cohorts: &[(&str, u128)]) -> Log {
    let mut log = Log::default();
    let mut n = 0;
    for (cohort, members) in cohorts {
        for _ in 0..*members {
            n += 1;
            log = log.enrolled(n, noon(0), cohort);
        }
    }
    log
}

fn cohorts(log: &Log) -> Vec<[Value; 2]> {
    let rows = log.shielded(Name::Completion, noon(1), ["by", "group", "imported"]);
    let of_cohorts = rows.into_iter().filter(|[by, ..]| *by == text("cohort"));
    of_cohorts
        .map(|[_, group, imported]| [group, imported])
        .collect()
}

#[test]
fn a_group_of_five_stands_by_itself() {
    let log = society(&[("a", 5), ("b", 9)]);
    assert_eq!(
        cohorts(&log),
        [[text("a"), number(5)], [text("b"), number(9)]]
    );
}

#[test]
fn small_groups_are_one_row_together() {
    let log = society(&[("a", 2), ("b", 9), ("c", 3)]);
    assert_eq!(
        cohorts(&log),
        [[text("b"), number(9)], [text("small_groups"), number(5)]]
    );
}

#[test]
fn a_single_small_group_takes_the_next_smallest_with_it_since_the_sum_would_tell() {
    let log = society(&[("a", 4), ("b", 9), ("c", 7)]);
    assert_eq!(
        cohorts(&log),
        [[text("b"), number(9)], [text("small_groups"), number(11)]]
    );
}

#[test]
fn who_may_see_persons_sees_small_groups_too() {
    let log = society(&[("a", 1)]);
    let rows = log.rows(Name::Completion, noon(1), ["by", "group", "imported"]);
    assert!(rows.contains(&[text("cohort"), text("a"), number(1)]));
}

#[test]
fn days_of_few_members_go_together_until_there_are_five() {
    let mut log = Log::default();
    for (n, day) in [(1, 0), (2, 0), (3, 1), (4, 2), (5, 2), (6, 5)] {
        log = log.enrolled(n, noon(day), "a");
    }
    let rows = log.shielded(
        Name::CompletionByDay,
        noon(9),
        ["from", "day", "imported", "imported_so_far"],
    );
    let day = |day| Value::Date(jiff::civil::date(2026, 4, day));
    assert_eq!(
        rows,
        [
            [day(1), day(3), number(5), number(5)],
            [
                text("small_groups"),
                Value::None,
                Value::Hidden,
                Value::Hidden
            ],
        ]
    );
}

/// A table of numbers, of which those below five are hidden, and then whatever must be.
fn told<const N: usize>(rows: [[i64; N]; 3], rows_add_up: bool) -> Vec<Vec<Option<i64>>> {
    let shield = Asked {
        shield: true,
        ..Asked::default()
    };
    let cell = |number| Value::members(number, shield);
    let mut rows: Vec<Vec<Value>> = rows.map(|row| row.map(cell).into()).into();
    keep_hidden(&mut rows, 0..N, rows_add_up);
    let number = |cell: &Value| {
        if let Value::Number(number) = cell {
            Some(*number)
        } else {
            None
        }
    };
    rows.iter()
        .map(|row| row.iter().map(number).collect())
        .collect()
}

#[test]
fn what_is_hidden_in_one_group_is_not_what_the_others_leave_of_all() {
    let all_and_two = [[53, 70], [3, 20], [50, 50]];
    assert_eq!(
        told(all_and_two, false),
        [[Some(53), Some(70)], [None, Some(20)], [None, Some(50)]]
    );
}

#[test]
fn what_is_hidden_in_one_state_is_not_what_the_others_leave_of_the_group() {
    let all_and_two = [[53, 67], [3, 17], [50, 50]];
    assert_eq!(
        told(all_and_two, true),
        [[Some(53), Some(67)], [None, None], [None, None]]
    );
}

#[test]
fn two_that_are_hidden_cover_each_other() {
    let all_and_two = [[45, 9, 20], [3, 4, 10], [42, 5, 10]];
    assert_eq!(
        told(all_and_two, true),
        [
            [Some(45), Some(9), Some(20)],
            [None, None, Some(10)],
            [None, None, Some(10)]
        ]
    );
}

#[test]
fn a_society_of_few_is_not_told_at_all() {
    let log = society(&[("a", 1), ("b", 2)]);
    for row in log.shielded(Name::Completion, noon(1), ["imported", "percent"]) {
        assert_eq!(row, [Value::Hidden, Value::Hidden]);
    }
    for row in log.shielded(Name::Imports, noon(1), ["cohort", "imported"]) {
        assert_eq!(row, [text("small_groups"), Value::Hidden]);
    }
}

/// The cells of a report for readers who may not see persons, in the rows that begin with these.
fn cells_of<const N: usize>(
    log: &Log,
    name: Name,
    begin: &str,
    columns: [&str; N],
) -> Vec<[Value; N]> {
    let rows = log.shielded(name, noon(9), columns);
    rows.into_iter()
        .filter(|row| row[0] == text(begin))
        .collect()
}

/// Staff freeze a member.
fn frozen(log: Log, n: u128) -> Log {
    let staff = Uuid::from_u128(9);
    let intervened = json!({
        "type": "Intervened", "intervention": "freeze", "staff": staff,
        "grounds": {"reason": "suspected_misuse", "ticket": "HD-1"},
    });
    log.of(n, noon(1), intervened)
        .of(n, noon(1), json!({"type": "AccountFrozen"}))
}

#[test]
fn what_staff_did_for_few_is_not_told_by_its_number() {
    let columns = ["intervention", "times"];
    let mut log = society(&[("a", 9)]);
    for n in 1..=4 {
        log = frozen(log, n);
    }
    let told = |log: &Log| cells_of(log, Name::Interventions, "freeze", columns);
    assert_eq!(told(&log), [[text("freeze"), Value::Hidden]]);
    assert_eq!(told(&frozen(log, 5)), [[text("freeze"), number(5)]]);
}

/// Else who was frozen, less who was released, would be the number that the reconciliation hides.
#[test]
fn of_events_that_tell_of_members_only_the_sum_is_told() {
    let mut log = society(&[("a", 20)]);
    for n in 1..=9 {
        log = frozen(log, n);
    }
    for n in 1..=6 {
        log = log.of(n, noon(2), json!({"type": "AccountReleased"}));
    }
    let log = log.event(
        noon(2),
        ("staff", Uuid::from_u128(9).to_string()),
        json!({"type": "StaffDisabled"}),
    );
    let rows = log.shielded(Name::Events, noon(9), ["type", "events"]);
    let told: Vec<_> = rows.iter().filter(|row| row[1] != Value::Hidden).collect();
    assert_eq!(
        told,
        [
            &[text("StaffDisabled"), number(1)],
            &[text("all"), number(20 + 9 * 2 + 6 + 1)]
        ]
    );
    let types = [
        "AccountFrozen",
        "AccountReleased",
        "Intervened",
        "MemberEnrolled",
    ];
    for event in types {
        assert!(rows.contains(&[text(event), Value::Hidden]), "{event}");
    }
}

#[test]
fn every_type_of_event_that_is_told_by_its_number_is_of_no_member() {
    let mut counts = Counts::default();
    for (event, _) in KINDS {
        let key = Key {
            topic: Topic::Events,
            cohort: String::new(),
            of: [event.to_owned(), String::new(), String::new()],
        };
        counts.add(jiff::civil::date(2026, 4, 1), Count { key, number: 9 });
    }
    let asked = Asked {
        shield: true,
        ..Asked::default()
    };
    let basis = Basis {
        asked,
        ..Basis::default()
    };
    let report = make(Name::Events, &counts, &[], basis);
    let told = columns_of(&report, ["type", "events"]).into_iter();
    let told: Vec<String> = told
        .filter(|[_, number]| *number != Value::Hidden)
        .map(|[event, _]| plain(&event))
        .collect();
    assert_eq!(
        told,
        [
            "AccessTokenIssued",
            "AccessTokenRevoked",
            "AuditDataViewed",
            "DataExported",
            "DataKeysRewrapped",
            "MasterKeyAdded",
            "MasterKeyChanged",
            "PolicyAdopted",
            "RestoredFromBackup",
            "RosterAbandoned",
            "RosterApplied",
            "RosterApproved",
            "RosterBegun",
            "RosterDeclined",
            "RosterOutdated",
            "RosterPlanned",
            "StaffAdded",
            "StaffDisabled",
            "StaffPasswordChanged",
            "StaffPasswordReset",
            "StaffRoleChanged",
            "StaffSignInRejected",
            "StaffSignedIn",
            "StaffSignedOut",
            "StaffTotpReset",
            "TracesDestroyed",
            "all",
        ]
    );
}

/// So many wrong codes of one member on a day.
fn wrong_codes(mut log: Log, n: u128, day: i64, tries: i64) -> Log {
    for _ in 0..tries {
        log = log.of(
            n,
            noon(day),
            json!({"type": "OtpRejected", "tries_left": 4}),
        );
    }
    log
}

#[test]
fn few_tries_are_of_few_members_and_nothing_leaves_their_number_over() {
    let mut log = society(&[("a", 9)]);
    for (day, tries) in [(1, 1), (2, 8), (3, 6)] {
        log = wrong_codes(log, 1, day, tries);
    }
    let columns = ["what", "tries", "members"];
    let hidden = || Value::Hidden;
    let what = || text("OtpRejected");
    assert_eq!(
        cells_of(&log, Name::Attempts, "OtpRejected", columns),
        [
            [what(), hidden(), hidden()],
            [what(), number(8), hidden()],
            [what(), hidden(), hidden()],
        ]
    );
}

#[test]
fn few_failures_at_a_step_are_not_told_there_either() {
    let log = wrong_codes(society(&[("a", 9)]), 1, 1, 3);
    let columns = ["name", "failed_tries"];
    assert_eq!(
        cells_of(&log, Name::Funnel, "sign_in", columns),
        [[text("sign_in"), Value::Hidden]]
    );
}

#[test]
fn failed_sign_ins_of_staff_are_told() {
    let rejected = json!({"type": "StaffSignInRejected", "why": "wrong_code"});
    let log =
        society(&[("a", 9)]).event(noon(1), ("staff", Uuid::from_u128(9).to_string()), rejected);
    assert_eq!(
        cells_of(
            &log,
            Name::Attempts,
            "StaffSignInRejected",
            ["what", "tries"]
        ),
        [[text("StaffSignInRejected"), number(1)]]
    );
}

#[test]
fn few_mails_and_few_codes_are_not_told() {
    let mut log = society(&[("a", 20)]);
    for n in 1..=12 {
        log = log.registers(n, noon(1)).mail(
            n,
            noon(1),
            json!({"type": "MailAccepted", "kind": "email_link", "smtp_code": 250, "domain_class": "other"}),
        );
    }
    for n in 1..=3 {
        log = log
            .of(n, noon(1), json!({"type": "EmailLinkFollowed", "contact": Uuid::from_u128(1)}))
            .mail(
                n,
                noon(1),
                json!({"type": "MailFailed", "kind": "otp", "smtp_code": 550, "domain_class": "other"}),
            );
    }
    assert_eq!(
        log.shielded(Name::Mail, noon(9), ["kind", "mails"]),
        [
            [text("email_link"), number(12)],
            [text("otp"), Value::Hidden]
        ]
    );
    // Nine not used of twelve would tell that three were; so would a quarter.
    let columns = [
        "kind",
        "issued",
        "reissued",
        "used",
        "unused",
        "used_percent",
    ];
    assert_eq!(
        log.shielded(Name::Codes, noon(9), columns),
        [[
            text("email_link"),
            number(12),
            Value::Hidden,
            Value::Hidden,
            number(9),
            Value::Hidden
        ]]
    );
}

/// `codes` tells how many mails of the kind were asked for.
#[test]
fn few_mails_of_one_outcome_are_not_what_the_others_leave_of_their_kind() {
    let became = |n: u128| match n {
        1..=2 => ("MailFailed", "other", 550),
        3..=9 => ("MailAccepted", "mobile", 250),
        _ => ("MailAccepted", "other", 250),
    };
    let mut log = society(&[("a", 20)]);
    for n in 1..=20 {
        let (event, domain, code) = became(n);
        let mail = json!({"type": event, "kind": "otp", "smtp_code": code, "domain_class": domain});
        log = log.mail(n, noon(1), mail);
    }
    assert_eq!(
        log.shielded(Name::Mail, noon(9), ["domain_class", "outcome", "mails"]),
        [
            [text("mobile"), text("accepted"), Value::Hidden],
            [text("other"), text("accepted"), number(11)],
            [text("other"), text("failed"), Value::Hidden]
        ]
    );
}

#[test]
fn the_time_of_one_is_not_told_as_that_of_many() {
    let mut log = society(&[("a", 12)]);
    for n in 1..=12 {
        let began = minute(60 * 24 + i64::try_from(n * n).unwrap() * 20);
        log = log.completes(n, began);
    }
    let rows = log.shielded(
        Name::TimeToComplete,
        noon(20),
        [
            "since",
            "completed",
            "seconds_p10",
            "seconds_p50",
            "seconds_p95",
            "seconds_max",
        ],
    );
    let rows = rows.into_iter();
    // All took as long from their first sign-in, which tells of all twelve.
    for [_, completed, p10, p50, p95, max] in rows.filter(|row| row[0] == text("valid_from")) {
        assert_eq!(completed, number(12));
        assert_eq!(
            [p10, p95, max],
            [Value::Hidden, Value::Hidden, Value::Hidden]
        );
        assert_ne!(p50, Value::Hidden);
    }
}
