//! The manual's four cohorts, at the days on which one ends and the next begins.

use jiff::civil::date;

use super::*;

fn sample() -> Policy {
    toml::from_str(include_str!("../../../policies/sample.toml")).unwrap()
}

/// The name of the sample's cohort for a member.
fn placed(registered: bool, joined_on: Date) -> Result<String, CohortFault> {
    assign(&sample(), registered, joined_on).map(|cohort| cohort.name.clone())
}

#[track_caller]
fn belongs(registered: bool, joined_on: Date, cohort: &str) {
    assert_eq!(placed(registered, joined_on), Ok(cohort.to_owned()));
}

#[test]
fn who_registered_and_joined_by_the_migration_is_in_cohort_a() {
    for day in [date(1985, 4, 1), date(2024, 12, 2), date(2026, 3, 25)] {
        belongs(true, day, "registered-before-migration");
    }
}

#[test]
fn who_joined_after_the_migration_cannot_have_registered() {
    let fault = placed(true, date(2026, 3, 26));
    assert_eq!(fault, Err(CohortFault::JoinedAfterRegistration));
}

#[test]
fn who_joined_by_2024_12_01_without_registering_is_in_cohort_b() {
    for day in [date(1985, 4, 1), date(2024, 12, 1)] {
        belongs(false, day, "joined-to-2024-12-01");
    }
}

#[test]
fn who_joined_from_2024_12_02_to_2026_03_25_without_registering_is_in_cohort_c() {
    for day in [date(2024, 12, 2), date(2026, 3, 25)] {
        belongs(false, day, "joined-2024-12-02-to-2026-03-25");
    }
}

#[test]
fn who_joined_from_2026_03_26_is_in_cohort_d() {
    for day in [date(2026, 3, 26), date(2030, 1, 1)] {
        belongs(false, day, "joined-from-2026-03-26");
    }
}

#[test]
fn a_day_that_no_cohort_covers_is_said_to_fit_none() {
    let mut policy = sample();
    policy
        .cohorts
        .retain(|cohort| cohort.name != "joined-from-2026-03-26");
    let fault = assign(&policy, false, date(2026, 3, 26)).unwrap_err();
    assert_eq!(fault, CohortFault::NoneFits);
}

#[test]
fn where_cohorts_overlap_the_first_counts() {
    let mut policy = sample();
    for cohort in &mut policy.cohorts {
        cohort.registered_on_old_portal = None;
        cohort.joined_from = None;
        cohort.joined_to = None;
    }
    let cohort = assign(&policy, false, date(2026, 3, 26)).unwrap();
    assert_eq!(cohort.name, "registered-before-migration");
}
