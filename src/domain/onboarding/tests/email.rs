//! Steps 5 to 8: the address, its correction, its links, the reader who knows nothing of it, and 更新.

use super::*;
use crate::domain::onboarding::LinkState;

fn disowned(n: u128) -> Event {
    Event::EmailDisowned {
        contact: contact(n),
    }
}

fn same_address(n: u128) -> Command {
    Command::RegisterEmail {
        session: session(1),
        contact: contact(9),
        same_as: Some(contact(n)),
        link: new_link(9),
    }
}

#[test]
fn an_address_is_registered_and_a_link_of_an_hour_mailed() {
    given(until(Step::Email))
        .at(minute(1))
        .when(register_email(1))
        .then([registered(1, minute(1))]);
}

#[test]
fn the_same_address_again_stores_nothing() {
    given(until(Step::EmailLink))
        .when(same_address(1))
        .then_nothing();
}

#[test]
fn the_same_address_stores_nothing_when_it_is_past_correcting_too() {
    given(until(Step::Password))
        .when(same_address(1))
        .then_nothing();
}

#[test]
fn an_address_said_to_be_the_same_as_a_replaced_one_is_settled_again() {
    given(and(until(Step::EmailLink), [registered(2, minute(2))]))
        .when(same_address(1))
        .refused(Refusal::StaleFacts);
}

#[test]
fn an_address_said_to_be_the_same_as_a_disowned_one_is_settled_again() {
    given(and(until(Step::EmailLink), [disowned(1)]))
        .when(same_address(1))
        .refused(Refusal::StaleFacts);
}

#[test]
fn the_address_can_be_corrected_until_the_method_is_chosen() {
    for step in [Step::EmailLink, Step::EmailUpdate, Step::OtpMethod] {
        given(until(step))
            .when(register_email(2))
            .then([registered(2, minute(11))]);
    }
}

#[test]
fn a_corrected_address_has_to_be_confirmed_from_the_beginning() {
    for step in [Step::EmailLink, Step::EmailUpdate, Step::OtpMethod] {
        let state = fold(and(until(step), [registered(2, minute(2))]));
        assert_eq!(state.due(), Step::EmailLink, "corrected at {step:?}");
    }
}

#[test]
fn another_address_after_the_method_is_chosen_is_out_of_order() {
    given(until(Step::Password))
        .when(register_email(2))
        .out_of_order(Step::Password);
}

#[test]
fn a_resend_mails_another_link_to_the_same_address() {
    given(until(Step::EmailLink))
        .at(minute(2))
        .when(resend_link(2))
        .then([reissued_link(1, 2, minute(2))]);
}

#[test]
fn a_resend_without_an_address_is_out_of_order() {
    given(until(Step::Email))
        .when(resend_link(1))
        .out_of_order(Step::Email);
}

#[test]
fn a_resend_after_the_link_was_followed_stores_nothing() {
    given(until(Step::EmailUpdate))
        .when(resend_link(2))
        .then_nothing();
}

#[test]
fn a_link_is_followed_without_a_session() {
    let past = and(
        until(Step::EmailLink),
        [logged_out(1, LogOutReason::Expiry)],
    );
    given(past).when(follow(1, 1)).then([followed(1)]);
}

#[test]
fn a_link_followed_twice_stores_nothing() {
    given(until(Step::EmailUpdate))
        .when(follow(1, 1))
        .then_nothing();
}

#[test]
fn a_link_followed_again_after_the_update_stores_nothing() {
    given(until(Step::OtpMethod))
        .when(follow(1, 1))
        .then_nothing();
}

#[test]
fn a_link_counts_up_to_the_last_moment_of_its_hour() {
    given(until(Step::EmailLink))
        .at(clock(60, 59))
        .when(follow(1, 1))
        .then([followed(1)]);
}

#[test]
fn a_link_is_expired_after_its_hour() {
    given(until(Step::EmailLink))
        .at(minute(61))
        .when(follow(1, 1))
        .refused(Refusal::LinkExpired);
}

#[test]
fn a_followed_link_stays_followed_after_its_hour() {
    given(until(Step::EmailUpdate))
        .at(minute(61))
        .when(follow(1, 1))
        .then_nothing();
}

#[test]
fn the_first_link_stays_good_after_a_resend() {
    given(and(
        until(Step::EmailLink),
        [reissued_link(1, 2, minute(2))],
    ))
    .when(follow(1, 1))
    .then([followed(1)]);
}

#[test]
fn every_link_has_its_own_end() {
    let past = and(until(Step::EmailLink), [reissued_link(1, 2, minute(30))]);
    let given = given(past).at(minute(61));
    given.when(follow(1, 1)).refused(Refusal::LinkExpired);
    given.when(follow(1, 2)).then([followed(1)]);
}

#[test]
fn the_link_of_a_replaced_address_is_dead() {
    given(and(until(Step::EmailLink), [registered(2, minute(2))]))
        .when(follow(1, 1))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn the_link_of_a_disowned_address_is_dead() {
    given(and(until(Step::EmailLink), [disowned(1)]))
        .when(follow(1, 1))
        .refused(Refusal::LinkDisowned);
}

#[test]
fn a_link_of_another_issue_than_those_mailed_is_dead() {
    given(until(Step::EmailLink))
        .when(follow(1, 9))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn looking_at_a_link_tells_whether_it_was_followed_or_verified() {
    for (step, state) in [
        (Step::EmailLink, LinkState::Open),
        (Step::EmailUpdate, LinkState::Followed),
        (Step::OtpMethod, LinkState::Verified),
    ] {
        let seen = fold(until(step)).link_state(minute(11), contact(1), issue(1));
        assert_eq!(seen, Ok(state), "when {step:?} is due");
    }
}

#[test]
fn a_reader_can_disown_the_address_before_following_the_link() {
    given(until(Step::EmailLink))
        .when(disown(1, 1))
        .then([disowned(1)]);
}

#[test]
fn a_reader_can_disown_the_address_until_the_update() {
    given(until(Step::EmailUpdate))
        .when(disown(1, 1))
        .then([disowned(1)]);
}

#[test]
fn an_address_is_not_disowned_after_the_update() {
    given(until(Step::OtpMethod))
        .when(disown(1, 1))
        .out_of_order(Step::OtpMethod);
}

#[test]
fn an_address_is_disowned_once() {
    given(and(until(Step::EmailLink), [disowned(1)]))
        .when(disown(1, 1))
        .then_nothing();
}

#[test]
fn an_expired_link_disowns_nothing() {
    given(until(Step::EmailLink))
        .at(minute(61))
        .when(disown(1, 1))
        .refused(Refusal::LinkExpired);
}

#[test]
fn a_replaced_address_has_nothing_to_disown() {
    given(and(until(Step::EmailLink), [registered(2, minute(2))]))
        .when(disown(1, 1))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn a_disowned_address_leads_back_to_step_5() {
    for step in [Step::EmailLink, Step::EmailUpdate] {
        assert_eq!(fold(and(until(step), [disowned(1)])).due(), Step::Email);
    }
}

#[test]
fn another_address_may_follow_a_disowned_one() {
    given(and(until(Step::EmailLink), [disowned(1)]))
        .when(register_email(2))
        .then([registered(2, minute(11))]);
}

#[test]
fn the_update_verifies_an_address_whose_link_was_followed() {
    given(until(Step::EmailUpdate))
        .when(update_email())
        .then([verified(1)]);
}

#[test]
fn the_update_waits_for_the_link() {
    given(until(Step::EmailLink))
        .when(update_email())
        .out_of_order(Step::EmailLink);
}

#[test]
fn the_update_waits_for_the_link_of_the_corrected_address() {
    given(and(until(Step::EmailUpdate), [registered(2, minute(2))]))
        .when(update_email())
        .out_of_order(Step::EmailLink);
}

#[test]
fn a_second_update_stores_nothing() {
    given(until(Step::OtpMethod))
        .when(update_email())
        .then_nothing();
}

#[test]
fn the_update_may_come_from_a_later_session_than_the_address() {
    let past = and(
        until(Step::EmailUpdate),
        [
            logged_out(1, LogOutReason::Superseded),
            accepted(2, minute(5)),
        ],
    );
    given(past)
        .when(Command::UpdateEmail {
            session: session(2),
            code: None,
        })
        .then([verified(1)]);
}

#[test]
fn the_method_is_chosen() {
    given(until(Step::OtpMethod))
        .when(choose_method())
        .then([Event::OtpMethodChosen {
            method: OtpMethod::Email,
        }]);
}

#[test]
fn the_method_is_chosen_once() {
    given(until(Step::Password))
        .when(choose_method())
        .then_nothing();
}
