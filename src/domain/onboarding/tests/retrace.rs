//! What an auditor's look at stored appends finds illegal. That every legal one passes is shown where histories are made: by exhaustion
//! (`every_history`) and at random (`sequences`).

use proptest::prelude::*;

use super::every_history::forbidden_by_the_monitor;
use super::sequences::random_history;
use super::*;
use crate::domain::onboarding::Illegal;

/// What is found of these events, stored after `past` and decided on between minutes 11 and 12.
fn found(past: Vec<Event>, events: &[Event]) -> Result<(), Illegal> {
    retraced(past, events, false)
}

fn retraced(past: Vec<Event>, events: &[Event], may_go_on: bool) -> Result<(), Illegal> {
    fold(past).retrace(Append {
        events,
        between: (minute(11), minute(12)),
        limits: &Arc::new(Limits::default()),
        may_go_on,
    })
}

#[track_caller]
fn expect_no_command(past: Vec<Event>, events: &[Event]) {
    let found = found(past, events);
    assert!(matches!(found, Err(Illegal::NoCommand(_))), "{found:?}");
}

#[track_caller]
fn expect_refused(past: Vec<Event>, events: &[Event], refusal: &Refusal) {
    match found(past, events) {
        Err(Illegal::Refused(_, why)) => assert_eq!(why, *refusal),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn expect_other(past: Vec<Event>, events: &[Event]) {
    let found = found(past, events);
    assert!(matches!(found, Err(Illegal::Other(_))), "{found:?}");
}

const METHOD: Event = Event::OtpMethodChosen {
    method: OtpMethod::Email,
};

/// As programs of before stored it; whether the browser was known is told nowhere.
#[test]
fn an_address_that_a_later_session_confirmed_without_a_code_is_legal() {
    let superseded = Event::LoggedOut {
        session: session(1),
        why: LogOutReason::Superseded,
    };
    let past = and(
        until(Step::EmailUpdate),
        [superseded, accepted(2, minute(4))],
    );
    assert_eq!(found(past, &[verified(1)]), Ok(()));
}

#[test]
fn a_step_that_was_passed_over() {
    let due = |due| Refusal::OutOfOrder { due };
    expect_refused(
        until(Step::BirthDate),
        &[registered(1, minute(11))],
        &due(Step::BirthDate),
    );
    expect_refused(
        until(Step::EmailLink),
        &[verified(1)],
        &due(Step::EmailLink),
    );
    expect_refused(until(Step::EmailUpdate), &[METHOD], &due(Step::EmailUpdate));
    let password = [password_changed(1), Event::FirstLoginCompleted {}];
    expect_refused(until(Step::OtpMethod), &password, &due(Step::OtpMethod));
}

#[test]
fn a_sign_in_that_asked_for_no_code() {
    expect_other(until(Step::SignInAgain), &[accepted(2, minute(11))]);
}

#[test]
fn a_code_where_none_is_due() {
    let both = [accepted(2, minute(11)), code_issued(2, minute(11))];
    expect_other(until(Step::SignIn), &both);
    expect_no_command(until(Step::LogOut), &[code_issued(1, minute(11))]);
}

#[test]
fn a_code_that_was_never_mailed() {
    expect_refused(
        until(Step::Otp),
        &[
            Event::OtpLoginSucceeded {
                session: session(2),
                challenge: challenge(7),
            },
            Event::OnboardingCompleted {},
        ],
        &Refusal::StaleFacts,
    );
}

#[test]
fn a_code_that_was_accepted_after_its_end() {
    let done = [login_succeeded(2), Event::OnboardingCompleted {}];
    assert_eq!(found(until(Step::Otp), &done), Ok(()));
    // Mailed at minute 0, so over at 10.
    let mut past = until(Step::SignInAgain);
    past.extend([accepted(2, minute(0)), code_issued(2, minute(0))]);
    expect_refused(past, &done, &Refusal::CodeExpired);
}

#[test]
fn a_code_that_was_accepted_just_before_its_end_and_stored_just_after() {
    let mut past = until(Step::SignInAgain);
    let mailed = clock(1, 30);
    past.extend([accepted(2, mailed), code_issued(2, mailed)]);
    assert_eq!(
        found(past, &[login_succeeded(2), Event::OnboardingCompleted {}]),
        Ok(())
    );
}

#[test]
fn a_code_that_counts_longer_than_the_policy_says() {
    let mut longer = code_issued(2, minute(11));
    if let Event::OtpIssued { expires_at, .. } = &mut longer {
        *expires_at = minute(31);
    }
    expect_other(until(Step::SignInAgain), &[accepted(2, minute(11)), longer]);
}

#[test]
fn a_sixth_try() {
    let rejected = (0..5).rev().map(code_rejected);
    expect_refused(
        and(until(Step::Otp), rejected),
        &[code_rejected(0)],
        &Refusal::CodeDead,
    );
}

#[test]
fn a_count_of_tries_that_is_not_the_true_one() {
    expect_other(until(Step::Otp), &[code_rejected(5)]);
}

#[test]
fn a_completion_without_its_login_or_a_second_time() {
    expect_no_command(until(Step::Otp), &[Event::OnboardingCompleted {}]);
    expect_other(until(Step::Otp), &[login_succeeded(2)]);
    let mut again = until(Step::Completed);
    again.extend([
        logged_out(2, LogOutReason::Member),
        accepted(3, minute(11)),
        code_issued(3, minute(11)),
    ]);
    expect_other(again, &[login_succeeded(3), Event::OnboardingCompleted {}]);
}

#[test]
fn what_a_session_did_that_was_over() {
    let over = and(until(Step::LogOut), [logged_out(1, LogOutReason::Member)]);
    expect_refused(
        over.clone(),
        &[logged_out(1, LogOutReason::Member)],
        &Refusal::SessionEnded,
    );
    expect_refused(over, &[Event::BirthDateRejected {}], &Refusal::SessionEnded);
}

#[test]
fn a_session_that_was_superseded_by_none() {
    expect_no_command(
        until(Step::BirthDate),
        &[logged_out(1, LogOutReason::Superseded)],
    );
    let both = [
        logged_out(1, LogOutReason::Superseded),
        accepted(2, minute(11)),
    ];
    assert_eq!(found(until(Step::BirthDate), &both), Ok(()));
    expect_other(until(Step::BirthDate), &[accepted(2, minute(11))]);
}

#[test]
fn a_sign_in_after_the_initial_credentials_had_ended() {
    let expires_at = minute(5);
    let mut late = enrolled();
    if let Event::MemberEnrolled {
        expires_at: end, ..
    } = &mut late
    {
        *end = expires_at;
    }
    expect_refused(
        vec![late],
        &[accepted(1, minute(11))],
        &Refusal::WindowClosed,
    );
}

#[test]
fn a_sign_in_to_a_frozen_account() {
    let frozen = and(until(Step::SignIn), [Event::NotMeReported {}]);
    expect_refused(frozen, &[accepted(1, minute(11))], &Refusal::Frozen);
}

#[test]
fn mails_beyond_the_budget_or_too_soon_after_one_another() {
    let until_then = |refusal| match refusal {
        Err(Illegal::Refused(_, refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    let soon = found(until(Step::EmailLink), &[reissued_link(1, 2, clock(1, 30))]);
    assert!(matches!(until_then(soon), Refusal::TooSoon { .. }));
    let many = (2..6).map(|n| reissued_link(1, n, minute(i64::try_from(n).unwrap())));
    let past = and(until(Step::EmailLink), many);
    let sixth = found(past, &[reissued_link(1, 6, minute(11))]);
    assert!(matches!(until_then(sixth), Refusal::BudgetSpent { .. }));
}

#[test]
fn a_second_enrolment_and_anything_before_the_first() {
    expect_refused(
        until(Step::SignIn),
        &[enrolled()],
        &Refusal::AlreadyEnrolled,
    );
    expect_refused(
        Vec::new(),
        &[accepted(1, minute(11))],
        &Refusal::NotEnrolled,
    );
}

#[test]
fn events_of_several_commands_in_one_append_or_none() {
    expect_no_command(until(Step::EmailUpdate), &[verified(1), METHOD]);
    expect_no_command(until(Step::Password), &[password_changed(1)]);
    expect_no_command(until(Step::SignIn), &[]);
}

/// Where nobody has read further, every beginning of an append passes, and nothing else.
#[test]
fn an_append_that_may_go_on() {
    let superseded = logged_out(1, LogOutReason::Superseded);
    let second = [accepted(2, minute(11)), code_issued(2, minute(11))];
    let appends: [(Step, &[Event]); 4] = [
        (
            Step::Password,
            &[password_changed(1), Event::FirstLoginCompleted {}],
        ),
        (Step::SignInAgain, &second),
        (
            Step::Otp,
            &[login_succeeded(2), Event::OnboardingCompleted {}],
        ),
        (Step::BirthDate, &[superseded, accepted(2, minute(11))]),
    ];
    for (due, events) in appends {
        for end in 1..events.len() {
            let beginning = events.split_at(end).0;
            assert_eq!(retraced(until(due), beginning, true), Ok(()), "{due:?}");
            assert!(found(until(due), beginning).is_err(), "{due:?}");
            let frozen = and(until(due), [Event::NotMeReported {}]);
            assert!(retraced(frozen, beginning, true).is_err(), "{due:?}");
        }
    }
}

/// What somebody does to a history of appends.
#[derive(Clone, Copy, Debug)]
enum Tampering {
    Drop,
    Double,
    SwapWithNext,
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_tampered_history_passes_that_an_independent_monitor_forbids(
        appends in random_history(),
        place in any::<prop::sample::Index>(),
        how in prop::sample::select(vec![Tampering::Drop, Tampering::Double, Tampering::SwapWithNext]),
    ) {
        prop_assume!(!appends.is_empty());
        let mut appends = appends;
        let place = place.index(appends.len());
        match how {
            Tampering::Drop => drop(appends.remove(place)),
            Tampering::Double => appends.insert(place, appends[place].clone()),
            Tampering::SwapWithNext if place + 1 < appends.len() => appends.swap(place, place + 1),
            Tampering::SwapWithNext => return Ok(()),
        }
        let limits = Arc::new(Limits::default());
        let mut state = Onboarding::default();
        let legal = appends.iter().all(|(at, events)| {
            let found = state.retrace(Append { events, between: (*at, *at), limits: &limits, may_go_on: false });
            for event in events {
                state.apply(event.clone());
            }
            found.is_ok()
        });
        if legal {
            let events = appends.iter().flat_map(|(_, events)| events);
            prop_assert_eq!(forbidden_by_the_monitor(events), None);
        }
    }
}
