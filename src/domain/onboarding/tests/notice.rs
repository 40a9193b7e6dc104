//! Where notices go, and what they tell of.

use super::*;
use crate::domain::delivery::MailKind;

fn told_at(past: Vec<Event>) -> Option<ContactId> {
    fold(past).mailbox.map(|mailbox| mailbox.contact)
}

#[test]
fn a_notice_goes_to_an_address_that_was_verified_and_to_no_other() {
    assert_eq!(told_at(until(Step::EmailUpdate)), None);
    assert_eq!(told_at(until(Step::OtpMethod)), Some(contact(1)));
    let corrected = and(until(Step::OtpMethod), [registered(2, minute(3))]);
    assert_eq!(told_at(corrected), None);
}

#[test]
fn after_a_new_letter_the_address_before_it_is_told_until_another_is_entered() {
    let past = and(until(Step::Completed), [reissued(1, minute(20))]);
    assert_eq!(told_at(past.clone()), Some(contact(1)));
    let began = [
        accepted(3, minute(30)),
        Event::BirthDateConfirmed {},
        registered(2, minute(31)),
    ];
    assert_eq!(told_at(and(past, began)), None);
}

#[test]
fn an_address_of_whom_the_member_reported_is_told_nothing_even_after_the_release() {
    let reported = and(until(Step::SignInAgain), [Event::NotMeReported {}]);
    assert_eq!(told_at(reported.clone()), None);
    let released = [Event::AccountReleased {}, reissued(1, minute(20))];
    assert_eq!(told_at(and(reported, released)), None);
}

#[test]
fn an_address_that_was_taken_away_is_told_nothing() {
    let cleared = Event::EmailCleared {
        contact: contact(1),
    };
    assert_eq!(told_at(and(until(Step::Password), [cleared])), None);
}

#[test]
fn an_address_that_was_taken_away_is_told_of_a_new_letter_after_it_until_another_is_entered() {
    let cleared = Event::EmailCleared {
        contact: contact(1),
    };
    let letter = [cleared, reissued(1, minute(20))];
    let past = and(until(Step::Completed), letter);
    let told = |past| fold(past).told_at(None).map(|mailbox| mailbox.contact);
    assert_eq!(told(past.clone()), Some(contact(1)));
    let began = [
        accepted(3, minute(30)),
        Event::BirthDateConfirmed {},
        registered(2, minute(31)),
    ];
    assert_eq!(told(and(past, began)), None);
}

#[test]
fn that_an_address_was_taken_away_is_told_there_whatever_was_entered_after_it() {
    let past = and(
        until(Step::OtpMethod),
        [
            Event::EmailCleared {
                contact: contact(1),
            },
            registered(2, minute(12)),
            followed(2),
            verified(2),
        ],
    );
    let state = fold(past);
    let told = |away| state.told_at(away).map(|mailbox| mailbox.contact);
    assert_eq!(told(Some(contact(1))), Some(contact(1)));
    assert_eq!(told(None), Some(contact(2)));
}

#[test]
fn an_address_that_nobody_had_confirmed_is_not_told_that_it_was_taken_away() {
    let cleared = Event::EmailCleared {
        contact: contact(1),
    };
    let state = fold(and(until(Step::EmailUpdate), [cleared]));
    assert_eq!(state.told_at(Some(contact(1))), None);
}

#[test]
fn a_set_up_and_what_staff_do_is_told_and_nothing_that_the_member_does_alone() {
    let logged_out = |why| Event::LoggedOut {
        session: session(1),
        why,
    };
    assert_eq!(
        reissued(1, minute(20)).notice(),
        Some(MailKind::SupportActed)
    );
    assert_eq!(
        logged_out(LogOutReason::Staff).notice(),
        Some(MailKind::SupportActed)
    );
    assert_eq!(logged_out(LogOutReason::Member).notice(), None);
    let of_the_way = until(Step::Completed);
    let told = of_the_way.iter().filter_map(Event::notice);
    assert_eq!(told.collect::<Vec<_>>(), [MailKind::AccountSetUp]);
}
