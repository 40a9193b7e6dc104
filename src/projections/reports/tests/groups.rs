//! Whoever may not see persons is told of no fewer than five.

use super::super::Name;
use super::super::groups::keep_hidden;
use super::super::report::{Asked, Value};
use super::{Log, minute, noon, number, text};

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
