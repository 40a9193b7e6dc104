//! Which browsers need no code to go on in the first login.

use super::support::at_rest;
use super::*;

/// Whether a browser that showed itself the member's at that minute needs no code after these events.
fn is_known(past: Vec<Event>, shown: i64) -> bool {
    fold(past).knows_browser_of(minute(shown))
}

#[test]
fn before_an_address_is_entered_the_date_of_birth_makes_a_browser_known() {
    assert!(is_known(at_rest(Step::Email), 0));
}

/// The address is entered at minute 1.
#[test]
fn of_those_before_the_address_was_entered_none_is_known() {
    for step in [Step::EmailUpdate, Step::OtpMethod] {
        assert!(!is_known(at_rest(step), 0));
        assert!(is_known(at_rest(step), 1));
    }
}

#[test]
fn a_corrected_address_makes_those_strangers_who_had_a_code_to_the_one_before() {
    let past = and(
        until(Step::OtpMethod),
        [registered(2, minute(6)), followed(2), verified(2)],
    );
    assert!(!is_known(past.clone(), 5));
    assert!(is_known(past, 6));
}

#[test]
fn a_new_letter_or_a_freeze_makes_all_browsers_of_before_strangers() {
    let letter = and(at_rest(Step::Email), [reissued(1, minute(11))]);
    let frozen = and(
        at_rest(Step::Email),
        [
            intervened(Intervention::Freeze, Reason::DeviceLost),
            Event::AccountFrozen {},
            Event::AccountReleased {},
        ],
    );
    for past in [letter, frozen] {
        let state = fold(past.clone());
        assert_eq!(state.forgets_browsers_before(), Some(minute(11)));
        assert!(!is_known(past.clone(), 10));
        assert!(is_known(past, 11));
    }
}

/// Session 1 entered the address, and somebody has signed in since.
fn another_came_before_the_update() -> Vec<Event> {
    let superseded = Event::LoggedOut {
        session: session(1),
        why: LogOutReason::Superseded,
    };
    and(
        until(Step::EmailUpdate),
        [superseded, accepted(2, minute(4))],
    )
}

#[test]
fn in_a_browser_that_nobody_knows_the_update_mails_a_code() {
    given(another_came_before_the_update())
        .when(update_elsewhere(2))
        .then([verified(1), code_issued(2, minute(11))]);
}

#[test]
fn without_that_code_a_session_that_came_before_the_update_takes_no_step_and_enters_no_other_address()
 {
    let past = and(
        another_came_before_the_update(),
        [verified(1), code_issued(2, minute(11))],
    );
    given(past.clone())
        .when(Command::ChooseOtpMethod {
            session: session(2),
            method: OtpMethod::Email,
        })
        .out_of_order(Step::Otp);
    given(past)
        .when(Command::RegisterEmail {
            session: session(2),
            contact: contact(2),
            same_as: None,
            link: new_link(2),
        })
        .out_of_order(Step::Otp);
}

#[test]
fn with_that_code_the_step_after_the_update_is_due() {
    let past = and(
        another_came_before_the_update(),
        [verified(1), code_issued(2, minute(11))],
    );
    given(past.clone())
        .when(submit(2, CodeCheck::Match))
        .then([sign_in_confirmed(2)]);
    let confirmed = fold(and(past, [sign_in_confirmed(2)]));
    assert_eq!(confirmed.due(), Step::OtpMethod);
}

#[test]
fn once_it_was_pressed_the_update_mails_no_other_code() {
    let past = and(
        another_came_before_the_update(),
        [verified(1), code_issued(2, minute(11))],
    );
    given(past).when(update_elsewhere(3)).then_nothing();
}

#[test]
fn where_the_budget_leaves_no_room_for_the_code_the_address_stays_unconfirmed() {
    let mut limits = Limits::default();
    limits.otp.mails.per_hour = 1;
    let elsewhere = NewCode {
        sent_to_address: vec![minute(10)],
        ..new_code(2)
    };
    given(another_came_before_the_update())
        .under(limits)
        .when(Command::UpdateEmail {
            session: session(2),
            code: Some(elsewhere),
        })
        .refused(Refusal::BudgetSpent { until: minute(70) });
}

/// The session began an hour before: what is asked of its code counts from the code.
#[test]
fn the_code_of_an_update_can_be_asked_for_again() {
    let past = and(
        another_came_before_the_update(),
        [verified(1), code_issued(2, minute(60))],
    );
    assert_eq!(
        fold(past.clone()).session.map(|open| open.began),
        Some(minute(60))
    );
    given(past)
        .at(minute(62))
        .when(resend_otp(3))
        .then([code_reissued(2, minute(62), minute(70))]);
}
