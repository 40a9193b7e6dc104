//! Step 14: the one-time password, its resends, its tries and its end.

use super::*;
use CodeCheck::{Match, Mismatch, Spent};

fn completed() -> [Event; 2] {
    [login_succeeded(2), Event::OnboardingCompleted {}]
}

#[test]
fn the_right_code_completes_the_onboarding_in_the_same_append() {
    given(until(Step::Otp))
        .when(submit(2, Match))
        .then(completed());
}

#[test]
fn a_wrong_code_tells_how_many_tries_are_left() {
    given(until(Step::Otp))
        .when(submit(2, Mismatch))
        .then([code_rejected(4)]);
}

#[test]
fn the_fifth_try_may_still_be_right() {
    let past = and(until(Step::Otp), [4, 3, 2, 1].map(code_rejected));
    given(past).when(submit(2, Match)).then(completed());
}

#[test]
fn the_fifth_wrong_try_is_the_last() {
    let past = and(until(Step::Otp), [4, 3, 2, 1].map(code_rejected));
    given(past)
        .when(submit(2, Mismatch))
        .then([code_rejected(0)]);
}

fn dead() -> Vec<Event> {
    and(until(Step::Otp), [4, 3, 2, 1, 0].map(code_rejected))
}

#[test]
fn after_five_wrong_tries_the_right_code_is_dead() {
    given(dead())
        .when(submit(2, Match))
        .refused(Refusal::CodeDead);
}

#[test]
fn after_five_wrong_tries_there_is_no_resend() {
    given(dead()).when(resend_otp(3)).refused(Refusal::CodeDead);
}

#[test]
fn after_five_wrong_tries_a_new_sign_in_brings_a_new_code() {
    given(dead())
        .when(sign_in(3, OWN, PasswordCheck::Match))
        .then([
            logged_out(2, LogOutReason::Superseded),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ]);
}

#[test]
fn a_new_sign_in_begins_with_all_its_tries() {
    let past = and(
        dead(),
        [
            logged_out(2, LogOutReason::Superseded),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ],
    );
    given(past)
        .when(Command::SubmitOtp {
            session: session(3),
            against: Some(challenge(3)),
            check: Mismatch,
        })
        .then([code_rejected(4)]);
}

#[test]
fn a_resend_does_not_give_tries_back() {
    let past = and(
        until(Step::Otp),
        [
            code_rejected(4),
            code_rejected(3),
            code_reissued(3, minute(16), minute(26)),
        ],
    );
    given(past)
        .at(minute(17))
        .when(submit(3, Mismatch))
        .then([code_rejected(2)]);
}

#[test]
fn a_code_counts_until_nine_minutes_and_fifty_nine_seconds() {
    given(until(Step::Otp))
        .at(clock(19, 59))
        .when(submit(2, Match))
        .then(completed());
}

#[test]
fn a_code_is_expired_at_ten_minutes() {
    given(until(Step::Otp))
        .at(minute(20))
        .when(submit(2, Match))
        .refused(Refusal::CodeExpired);
}

#[test]
fn a_wrong_code_after_the_end_costs_no_try() {
    given(until(Step::Otp))
        .at(minute(20))
        .when(submit(2, Mismatch))
        .refused(Refusal::CodeExpired);
}

#[test]
fn a_resend_sends_the_same_code_while_half_its_life_is_left() {
    given(until(Step::Otp))
        .at(minute(15))
        .when(resend_otp(3))
        .then([code_reissued(2, minute(15), minute(20))]);
}

#[test]
fn a_resend_sends_a_new_code_when_less_than_half_its_life_is_left() {
    given(until(Step::Otp))
        .at(clock(15, 1))
        .when(resend_otp(3))
        .then([code_reissued(3, clock(15, 1), clock(25, 1))]);
}

#[test]
fn a_resend_after_the_end_sends_a_new_code() {
    given(until(Step::Otp))
        .at(minute(21))
        .when(resend_otp(3))
        .then([code_reissued(3, minute(21), minute(31))]);
}

#[test]
fn the_life_of_a_code_sent_twice_counts_from_its_first_mail() {
    let past = and(until(Step::Otp), [code_reissued(2, minute(15), minute(20))]);
    given(past)
        .at(minute(20))
        .when(submit(2, Match))
        .refused(Refusal::CodeExpired);
}

#[test]
fn a_comparison_with_a_replaced_code_is_settled_again() {
    let past = and(until(Step::Otp), [code_reissued(3, minute(16), minute(26))]);
    given(past)
        .at(minute(17))
        .when(submit(2, Match))
        .refused(Refusal::StaleFacts);
}

#[test]
fn a_comparison_with_no_code_at_all_is_settled_again() {
    given(until(Step::Otp))
        .when(Command::SubmitOtp {
            session: session(2),
            against: None,
            check: Match,
        })
        .refused(Refusal::StaleFacts);
}

#[test]
fn the_new_code_of_a_resend_completes() {
    let past = and(until(Step::Otp), [code_reissued(3, minute(16), minute(26))]);
    given(past).at(clock(25, 59)).when(submit(3, Match)).then([
        Event::OtpLoginSucceeded {
            session: session(2),
            challenge: challenge(3),
        },
        Event::OnboardingCompleted {},
    ]);
}

#[test]
fn a_code_counts_only_for_the_session_that_asked_for_it() {
    let past = and(
        until(Step::Otp),
        [
            logged_out(2, LogOutReason::Superseded),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ],
    );
    given(past)
        .at(minute(12))
        .when(submit(2, Match))
        .refused(Refusal::SessionEnded);
}

#[test]
fn the_code_of_an_earlier_session_is_settled_again_in_a_later_one() {
    let past = and(
        until(Step::Otp),
        [
            logged_out(2, LogOutReason::Superseded),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ],
    );
    given(past)
        .at(minute(12))
        .when(Command::SubmitOtp {
            session: session(3),
            against: Some(challenge(2)),
            check: Match,
        })
        .refused(Refusal::StaleFacts);
}

#[test]
fn a_code_pressed_twice_stores_nothing() {
    given(until(Step::Completed))
        .when(submit(2, Match))
        .then_nothing();
}

#[test]
fn a_spent_code_is_used_up_for_another_session() {
    let past = and(
        until(Step::Completed),
        [
            logged_out(2, LogOutReason::Member),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ],
    );
    given(past)
        .at(minute(12))
        .when(Command::SubmitOtp {
            session: session(3),
            against: Some(challenge(3)),
            check: Spent,
        })
        .refused(Refusal::CodeUsed);
}

#[test]
fn a_spent_code_is_remembered_with_the_key_it_was_derived_with() {
    let spent = fold(until(Step::Completed)).spent_challenge.unwrap();
    assert_eq!((spent.id, spent.key), (challenge(2), key()));
}

#[test]
fn a_new_code_is_derived_with_the_key_then_in_use() {
    let event = Event::OtpReissued {
        session: session(2),
        challenge: challenge(3),
        key: KeyId("2027".to_owned()),
        language: Language::Ja,
        at: minute(16),
        expires_at: minute(26),
    };
    let code = fold(and(until(Step::Otp), [event])).challenge.unwrap();
    assert_eq!(code.key, KeyId("2027".to_owned()));
}

#[test]
fn a_resend_after_completion_stores_nothing() {
    given(until(Step::Completed))
        .when(resend_otp(3))
        .then_nothing();
}

#[test]
fn a_log_out_kills_the_code() {
    let past = and(until(Step::Otp), [logged_out(2, LogOutReason::Member)]);
    assert_eq!(fold(past).challenge, None);
}

#[test]
fn a_later_sign_in_needs_a_code_too() {
    let past = and(
        until(Step::Completed),
        [logged_out(2, LogOutReason::Member)],
    );
    given(past)
        .when(sign_in(3, OWN, PasswordCheck::Match))
        .then([accepted(3, minute(11)), code_issued(3, minute(11))]);
}

#[test]
fn a_later_sign_in_does_not_complete_the_onboarding_again() {
    let past = and(
        until(Step::Completed),
        [
            logged_out(2, LogOutReason::Member),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ],
    );
    given(past)
        .at(minute(12))
        .when(Command::SubmitOtp {
            session: session(3),
            against: Some(challenge(3)),
            check: Match,
        })
        .then([login_succeeded(3)]);
}

#[test]
fn a_completed_member_in_the_middle_of_a_sign_in_owes_the_code() {
    let past = and(
        until(Step::Completed),
        [
            logged_out(2, LogOutReason::Member),
            accepted(3, minute(11)),
            code_issued(3, minute(11)),
        ],
    );
    assert_eq!(fold(past).due(), Step::Otp);
}
