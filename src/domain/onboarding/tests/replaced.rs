//! Another password in the present one's place: what it takes, that it counts at once, what it ends, and how often it may be.

use super::*;
use crate::domain::delivery::MailKind;
use crate::domain::onboarding::NoticeState;
use PasswordCheck::{Match, Mismatch, Replaced};

const NEW: u128 = 5;
const REPLACED: CredentialInForce = CredentialInForce::Own(credential(NEW));

/// Completed in session 2, and password 5 set at minute 11.
fn in_force() -> Vec<Event> {
    and(until(Step::Completed), [replaced(NEW, minute(11))])
}

/// Password 6 in the place of password 5.
fn once_more() -> Command {
    Command::ReplacePassword {
        session: session(2),
        against: REPLACED,
        check: Match,
        credential: credential(6),
        form: form(6),
    }
}

fn notice_about(n: u128, past: Vec<Event>) -> Result<NoticeState, Refusal> {
    fold(past).notice_state(credential(n).into())
}

#[test]
fn with_the_present_password_another_counts_at_once() {
    given(until(Step::Completed))
        .when(replace_password(NEW, Match))
        .then([replaced(NEW, minute(11))]);
    let state = fold(in_force());
    assert_eq!(state.credential_in_force(), REPLACED);
    given(in_force())
        .when(sign_in(3, OWN, Match))
        .refused(Refusal::StaleFacts);
}

#[test]
fn the_session_goes_on_and_the_next_sign_in_takes_the_new_password_and_a_code() {
    let state = fold(in_force());
    assert!(state.has_session(session(2)));
    assert_eq!(state.session_kind(), Some(SessionKind::Full));
    given(in_force())
        .at(minute(20))
        .when(sign_in(3, REPLACED, Match))
        .then([
            logged_out(2, LogOutReason::Superseded),
            accepted(3, minute(20)),
            code_issued(3, minute(20)),
        ]);
}

#[test]
fn a_wrong_present_password_is_a_failing_sign_in_and_changes_nothing() {
    for (check, why) in [
        (Mismatch, CredentialFault::WrongPassword),
        (Replaced, CredentialFault::InitialPasswordReplaced),
    ] {
        given(until(Step::Completed))
            .when(replace_password(NEW, check))
            .then([Event::CredentialsRejected { why }]);
    }
}

#[test]
fn only_a_full_session_of_whoever_has_completed_is_asked_for_it() {
    given(until(Step::Otp))
        .when(replace_password(NEW, Match))
        .out_of_order(Step::Otp);
    let again = [
        logged_out(2, LogOutReason::Member),
        accepted(3, minute(11)),
        code_issued(3, minute(11)),
    ];
    given(and(until(Step::Completed), again))
        .when(replace_password(NEW, Match))
        .refused(Refusal::SessionEnded);
}

#[test]
fn a_comparison_with_a_password_that_was_replaced_meanwhile_is_settled_again() {
    for check in [Match, Mismatch] {
        given(in_force())
            .when(replace_password(6, check))
            .refused(Refusal::StaleFacts);
    }
}

#[test]
fn the_same_form_twice_is_one_change_however_it_compares() {
    for check in [Match, Mismatch, Replaced] {
        given(in_force())
            .when(replace_password(NEW, check))
            .then_nothing();
    }
}

#[test]
fn it_is_told_by_a_notice_of_its_own() {
    let told: Vec<_> = in_force().iter().filter_map(Event::notice).collect();
    assert_eq!(
        told,
        [MailKind::AccountSetUp, MailKind::PasswordChangeNotice]
    );
}

#[test]
fn whoever_replaces_it_again_and_again_cannot_end_what_tells_of_the_first() {
    let more = (6..30).map(|n| replaced(n, minute(11)));
    let past = and(in_force(), more);
    assert_eq!(notice_about(1, past.clone()), Ok(NoticeState::Open));
    given(past)
        .when(report_not_me())
        .then([Event::NotMeReported {}]);
}

#[test]
fn after_a_reset_notices_are_about_that_one_and_those_of_before_count_on() {
    let past = [
        reset_requested(1, NEW, minute(11)),
        reset_confirmed(NEW, NEW, minute(12)),
        reset(NEW),
        accepted(3, minute(2000)),
        login_succeeded(3),
        replaced(6, minute(2001)),
    ];
    let past = and(until(Step::Completed), past);
    assert_eq!(notice_about(1, past.clone()), Ok(NoticeState::Open));
    assert_eq!(notice_about(NEW, past.clone()), Ok(NoticeState::Open));
    let own = fold(past).password.unwrap();
    assert_eq!(own.notice(), credential(NEW).into());
}

#[test]
fn health_data_are_held_back_as_long_as_they_were() {
    let past = [
        reset_requested(1, NEW, minute(11)),
        reset_confirmed(NEW, NEW, minute(12)),
        reset(NEW),
    ];
    let before = fold(and(until(Step::Completed), past)).password.unwrap();
    let mut state = fold(and(until(Step::Completed), [replaced(NEW, minute(11))]));
    assert_eq!(state.password.unwrap().reset, None);
    state.password = Some(before);
    state.apply(replaced(6, minute(2000)));
    assert_eq!(state.password.unwrap().reset, before.reset);
}

#[test]
fn it_ends_a_coming_password_and_its_links_and_a_coming_address() {
    let coming = [
        change_requested(7, minute(11)),
        change_followed(7),
        change_confirmed(7, minute(12)),
        reset_requested(1, 8, minute(13)),
        reset_confirmed(8, 8, minute(14)),
        reset_requested(1, 9, minute(15)),
        replaced(NEW, minute(16)),
    ];
    let state = fold(and(until(Step::Completed), coming));
    let link = state.reset_state(minute(17), &Limits::default(), issue(9));
    assert_eq!(link, Err(Refusal::LinkReplaced));
    let then = state.as_of(minute(16 + 96 * 60));
    assert_eq!(then.credential_in_force(), REPLACED);
    assert_eq!(then.contact.as_ref().map(|it| it.id), Some(contact(1)));
}

#[test]
fn a_reset_that_comes_due_first_ends_the_session_that_asks() {
    let past = [
        reset_requested(1, 8, minute(11)),
        reset_confirmed(8, 8, minute(12)),
    ];
    let past = and(until(Step::Completed), past);
    let counts_from = minute(12 + 24 * 60);
    let just_before = counts_from - SignedDuration::from_micros(1);
    given(past.clone())
        .at(just_before)
        .when(replace_password(NEW, Match))
        .then([replaced(NEW, just_before)]);
    given(past)
        .at(counts_from)
        .when(replace_password(NEW, Match))
        .refused(Refusal::SessionEnded);
}

#[test]
fn so_many_an_hour_are_all_that_is_told_of_also_after_a_new_letter() {
    let mut limits = Limits::default();
    limits.email_link.mails.per_hour = 1;
    given(in_force())
        .at(minute(70))
        .under(limits.clone())
        .when(once_more())
        .refused(Refusal::BudgetSpent { until: minute(71) });
    given(in_force())
        .at(minute(71))
        .under(limits)
        .when(once_more())
        .then([replaced(6, minute(71))]);
    let state = fold(and(in_force(), [reissued(1, minute(20))]));
    assert_eq!(state.passwords_replaced, [minute(11)]);
}
