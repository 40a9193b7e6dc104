//! Reminders to those who have stopped on the way.

use super::support::at_rest;
use super::*;
use crate::domain::onboarding::Illegal;
use crate::domain::policy::ReminderLimits;

/// So many days after the first sign-in, at nine in the morning of Tokyo.
fn day(n: i64) -> Timestamp {
    minute(n * 24 * 60)
}

fn reminding() -> Limits {
    Limits {
        reminders: Some(ReminderLimits::default()),
        ..Limits::default()
    }
}

/// A reminder to somebody who has been at `step` since the first sign-in.
fn remind(step: Step) -> Command {
    Command::Remind {
        step,
        since: minute(0),
    }
}

fn reminded(step: Step, after_days: u32, at: Timestamp) -> Event {
    Event::MemberReminded {
        step,
        after_days,
        since: minute(0),
        at,
    }
}

/// What comes of a reminder at `at` to somebody who rests at step 9.
fn at_step_nine(at: Timestamp, more: impl IntoIterator<Item = Event>) -> Decided {
    given(and(at_rest(Step::Password), more))
        .at(at)
        .under(reminding())
        .when(remind(Step::Password))
}

#[test]
fn a_reminder_is_due_when_the_days_of_its_stage_have_passed_and_not_a_second_before() {
    at_step_nine(day(3) - SignedDuration::from_secs(1), []).refused(Refusal::NoReminder);
    at_step_nine(day(3), []).then([reminded(Step::Password, 3, day(3))]);
}

#[test]
fn each_stage_is_told_once() {
    let first = reminded(Step::Password, 3, day(3));
    at_step_nine(day(3), [first.clone()]).refused(Refusal::NoReminder);
    at_step_nine(day(6), [first.clone()]).refused(Refusal::NoReminder);
    at_step_nine(day(7), [first.clone()]).then([reminded(Step::Password, 7, day(7))]);
    let last = reminded(Step::Password, 14, day(14));
    at_step_nine(day(28), [first, last]).refused(Refusal::NoReminder);
}

#[test]
fn of_stages_that_passed_before_reminders_were_switched_on_only_the_last_is_told() {
    let told = reminded(Step::Password, 14, day(20));
    at_step_nine(day(20), []).then([told.clone()]);
    at_step_nine(day(21), [told]).refused(Refusal::NoReminder);
}

#[test]
fn a_wait_that_began_anew_is_reminded_of_from_its_first_stage_on() {
    let before = Event::MemberReminded {
        step: Step::Password,
        after_days: 14,
        since: day(-20),
        at: day(-6),
    };
    at_step_nine(day(3), [before]).then([reminded(Step::Password, 3, day(3))]);
}

#[test]
fn none_goes_at_night() {
    let hours = |n: i64| day(3) + SignedDuration::from_hours(n);
    // Day 3 begins at nine.
    at_step_nine(hours(11), []).refused(Refusal::NoReminder);
    at_step_nine(hours(23), []).refused(Refusal::NoReminder);
    at_step_nine(hours(24), []).then([reminded(Step::Password, 3, hours(24))]);
}

#[test]
fn none_goes_under_a_policy_without_them() {
    given(at_rest(Step::Password))
        .at(day(3))
        .when(remind(Step::Password))
        .refused(Refusal::NoReminder);
}

#[test]
fn none_goes_to_an_address_that_is_not_confirmed() {
    for step in [Step::Email, Step::EmailLink, Step::EmailUpdate] {
        given(at_rest(step))
            .at(day(3))
            .under(reminding())
            .when(remind(step))
            .refused(Refusal::NoReminder);
    }
}

#[test]
fn who_has_gone_on_or_completed_is_not_reminded_of_a_step_before() {
    for due in [Step::LogOut, Step::SignInAgain, Step::Otp] {
        given(until(due))
            .at(day(3))
            .under(reminding())
            .when(remind(Step::Password))
            .out_of_order(due);
    }
    given(until(Step::Completed))
        .at(day(3))
        .under(reminding())
        .when(remind(Step::Completed))
        .refused(Refusal::NoReminder);
}

#[test]
fn a_code_that_was_never_entered_does_not_hide_the_step_where_somebody_stopped() {
    let past = and(
        at_rest(Step::Password),
        [
            Event::CredentialsAccepted {
                session: session(2),
                at: minute(20),
            },
            code_issued(2, minute(20)),
        ],
    );
    assert_eq!(fold(past.clone()).due(), Step::Otp);
    given(past)
        .at(day(3))
        .under(reminding())
        .when(remind(Step::Password))
        .then([reminded(Step::Password, 3, day(3))]);
}

#[test]
fn who_can_go_on_with_a_person_alone_is_not_reminded() {
    let left = Event::MemberLeft {
        import: ImportId(Uuid::from_u128(2)),
    };
    at_step_nine(day(3), [Event::AccountFrozen {}]).refused(Refusal::NoReminder);
    at_step_nine(day(3), [Event::NotMeReported {}]).refused(Refusal::NoReminder);
    at_step_nine(day(3), [left]).refused(Refusal::NoReminder);
    at_step_nine(day(3), [Event::PersonalDataErased {}]).refused(Refusal::Erased);
    // The password on paper has ended.
    at_step_nine(day(29), []).refused(Refusal::NoReminder);
}

#[test]
fn what_waits_for_a_second_person_puts_a_reminder_off_until_it_is_decided_or_over() {
    let proposed = proposed(1, Intervention::ReissueCredentials, day(3));
    let declined = Event::InterventionDeclined {
        proposal: proposal(1),
        staff: staff(2),
    };
    at_step_nine(day(4), [proposed.clone()]).refused(Refusal::NoReminder);
    at_step_nine(day(4), [proposed.clone(), declined]).then([reminded(Step::Password, 3, day(4))]);
    at_step_nine(day(6), [proposed]).then([reminded(Step::Password, 3, day(6))]);
}

#[test]
fn after_a_new_letter_the_address_that_was_confirmed_is_still_reached() {
    let past = and(at_rest(Step::Password), [reissued(1, minute(0))]);
    given(past)
        .at(day(3))
        .under(reminding())
        .when(remind(Step::SignIn))
        .then([reminded(Step::SignIn, 3, day(3))]);
}

#[test]
fn a_reminder_that_came_too_early_is_found_in_the_history() {
    let found = |at| {
        let events = [reminded(Step::Password, 3, at)];
        fold(at_rest(Step::Password)).retrace(Append {
            events: &events,
            between: (at, at),
            limits: &Arc::new(reminding()),
            may_go_on: false,
        })
    };
    assert_eq!(found(day(3)), Ok(()));
    let early = found(day(2));
    assert!(
        matches!(early, Err(Illegal::Refused(_, Refusal::NoReminder))),
        "{early:?}"
    );
}
