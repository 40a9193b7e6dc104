//! Whoever may not see persons is told of no fewer than five.

use super::super::Name;
use super::super::report::Value;
use super::{Log, noon, number, text};

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
