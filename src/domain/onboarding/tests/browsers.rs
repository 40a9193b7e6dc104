//! Which browsers need no code at a sign-in of the first login.

use super::support::at_rest;
use super::*;

/// Whether a browser that showed itself the member's at that minute needs no code after these events.
fn is_known(past: Vec<Event>, shown: i64) -> bool {
    fold(past).knows_browser_of(minute(shown))
}

#[test]
fn before_an_address_is_confirmed_the_date_of_birth_makes_a_browser_known() {
    assert!(is_known(at_rest(Step::EmailUpdate), 0));
}

/// The address is entered at minute 1.
#[test]
fn of_those_before_a_confirmed_address_was_entered_none_is_known() {
    let past = at_rest(Step::OtpMethod);
    assert!(!is_known(past.clone(), 0));
    assert!(is_known(past, 1));
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
