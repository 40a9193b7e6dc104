//! Enrolment, steps 2, 11 and 13, the end of sessions, and the report that it was not the member.

use super::*;
use PasswordCheck::{Match, Mismatch, Replaced};

#[test]
fn a_member_is_enrolled_with_cohort_policy_and_the_time_of_the_credentials() {
    given(vec![]).when(enrol()).then([enrolled()]);
}

#[test]
fn a_member_is_enrolled_only_once() {
    given(until(Step::SignIn))
        .when(enrol())
        .refused(Refusal::AlreadyEnrolled);
}

#[test]
fn who_is_not_enrolled_cannot_sign_in() {
    given(vec![])
        .when(sign_in(1, INITIAL, Match))
        .refused(Refusal::NotEnrolled);
}

#[test]
fn the_initial_password_opens_a_session() {
    given(until(Step::SignIn))
        .at(minute(0))
        .when(sign_in(1, INITIAL, Match))
        .then([accepted(1, minute(0))]);
}

#[test]
fn a_wrong_password_is_kept_in_the_history() {
    given(until(Step::SignIn))
        .when(sign_in(1, INITIAL, Mismatch))
        .then([Event::CredentialsRejected {
            why: CredentialFault::WrongPassword,
        }]);
}

#[test]
fn a_wrong_password_leaves_the_open_session_alone() {
    let mut past = until(Step::BirthDate);
    past.push(Event::CredentialsRejected {
        why: CredentialFault::WrongPassword,
    });
    given(past)
        .when(confirm_birth_date(1, true))
        .then([Event::BirthDateConfirmed {}]);
}

#[test]
fn the_paper_s_password_is_named_as_replaced_once_the_member_has_an_own_one() {
    given(until(Step::SignInAgain))
        .when(sign_in(2, OWN, Replaced))
        .then([Event::CredentialsRejected {
            why: CredentialFault::InitialPasswordReplaced,
        }]);
}

#[test]
fn a_comparison_with_a_password_no_longer_in_force_is_settled_again() {
    given(until(Step::SignInAgain))
        .when(sign_in(2, INITIAL, Match))
        .refused(Refusal::StaleFacts);
}

#[test]
fn a_comparison_with_another_own_password_is_settled_again() {
    given(until(Step::SignInAgain))
        .when(sign_in(2, CredentialInForce::Own(credential(9)), Match))
        .refused(Refusal::StaleFacts);
}

#[test]
fn the_own_password_opens_a_session_and_mails_a_code_of_ten_minutes() {
    given(until(Step::SignInAgain))
        .at(minute(10))
        .when(sign_in(2, OWN, Match))
        .then([accepted(2, minute(10)), code_issued(2, minute(10))]);
}

#[test]
fn the_initial_password_does_not_count_before_its_first_moment() {
    given(until(Step::SignIn))
        .at(opening() - SignedDuration::from_micros(1))
        .when(sign_in(1, INITIAL, Match))
        .refused(Refusal::WindowClosed);
}

#[test]
fn the_initial_password_counts_from_its_first_moment() {
    given(until(Step::SignIn))
        .at(opening())
        .when(sign_in(1, INITIAL, Match))
        .then([accepted(1, opening())]);
}

#[test]
fn the_initial_password_counts_up_to_its_end() {
    let last = closing() - SignedDuration::from_micros(1);
    given(until(Step::SignIn))
        .at(last)
        .when(sign_in(1, INITIAL, Match))
        .then([accepted(1, last)]);
}

#[test]
fn the_initial_password_no_longer_counts_at_its_end() {
    given(until(Step::SignIn))
        .at(closing())
        .when(sign_in(1, INITIAL, Match))
        .refused(Refusal::WindowClosed);
}

#[test]
fn a_wrong_password_outside_the_window_stores_nothing() {
    given(until(Step::SignIn))
        .at(closing())
        .when(sign_in(1, INITIAL, Mismatch))
        .refused(Refusal::WindowClosed);
}

#[test]
fn the_own_password_outlives_the_window_of_the_initial_one() {
    given(until(Step::SignInAgain))
        .at(closing())
        .when(sign_in(2, OWN, Match))
        .then([accepted(2, closing()), code_issued(2, closing())]);
}

#[test]
fn a_session_that_is_open_when_the_window_closes_may_go_on() {
    given(until(Step::BirthDate))
        .at(closing())
        .when(confirm_birth_date(1, true))
        .then([Event::BirthDateConfirmed {}]);
}

#[test]
fn a_sign_in_supersedes_the_open_session_in_the_same_append() {
    given(until(Step::Email))
        .when(sign_in(2, INITIAL, Match))
        .then([
            logged_out(1, LogOutReason::Superseded),
            accepted(2, minute(11)),
        ]);
}

#[test]
fn a_sign_in_ends_a_session_that_had_run_out_by_expiry() {
    let command = Command::SignIn {
        session: session(2),
        against: INITIAL,
        check: Match,
        lapsed: Some(session(1)),
        known_browser: true,
        code: new_code(2),
    };
    given(until(Step::Email))
        .when(command)
        .then([logged_out(1, LogOutReason::Expiry), accepted(2, minute(11))]);
}

#[test]
fn a_lapsed_session_that_is_not_the_present_one_does_not_change_why_that_one_ends() {
    let command = Command::SignIn {
        session: session(2),
        against: INITIAL,
        check: Match,
        lapsed: Some(session(9)),
        known_browser: true,
        code: new_code(2),
    };
    given(until(Step::Email)).when(command).then([
        logged_out(1, LogOutReason::Superseded),
        accepted(2, minute(11)),
    ]);
}

#[test]
fn who_closed_the_tab_at_step_10_comes_back_at_step_13() {
    given(until(Step::LogOut))
        .when(sign_in(2, OWN, Match))
        .then([
            logged_out(1, LogOutReason::Superseded),
            accepted(2, minute(11)),
            code_issued(2, minute(11)),
        ]);
}

#[test]
fn a_log_out_ends_the_session_for_the_reason_it_gives() {
    for why in [
        LogOutReason::Member,
        LogOutReason::Expiry,
        LogOutReason::Staff,
    ] {
        given(until(Step::Email))
            .when(Command::LogOut {
                session: session(1),
                why,
            })
            .then([logged_out(1, why)]);
    }
}

#[test]
fn a_second_log_out_finds_no_session() {
    given(until(Step::SignInAgain))
        .when(log_out(1))
        .refused(Refusal::SessionEnded);
}

#[test]
fn a_log_out_before_step_11_is_due_does_not_count_as_step_11() {
    let past = and(
        until(Step::Password),
        [
            logged_out(1, LogOutReason::Member),
            accepted(2, minute(5)),
            password_changed(1),
            Event::FirstLoginCompleted {},
        ],
    );
    assert_eq!(fold(past).due(), Step::LogOut);
}

#[test]
fn any_end_of_the_session_counts_as_step_11_when_it_is_due() {
    for why in [
        LogOutReason::Member,
        LogOutReason::Expiry,
        LogOutReason::Superseded,
        LogOutReason::Staff,
    ] {
        let past = and(until(Step::LogOut), [logged_out(1, why)]);
        assert_eq!(fold(past).due(), Step::SignInAgain, "{why:?}");
    }
}

#[test]
fn a_member_may_report_that_it_was_not_them_without_a_session() {
    given(until(Step::SignInAgain))
        .when(report_not_me())
        .then([Event::NotMeReported {}]);
}

#[test]
fn a_notice_of_a_password_that_counts_no_more_reports_nothing() {
    let about = credential(9).into();
    given(until(Step::SignInAgain))
        .when(Command::ReportNotMe { about })
        .refused(Refusal::NoticeReplaced);
    given(until(Step::Password))
        .when(report_not_me())
        .refused(Refusal::NoticeReplaced);
}

#[test]
fn a_second_report_stores_nothing() {
    given(and(until(Step::Email), [Event::NotMeReported {}]))
        .when(report_not_me())
        .then_nothing();
}

#[test]
fn the_report_ends_the_session() {
    given(and(until(Step::Email), [Event::NotMeReported {}]))
        .when(register_email(1))
        .refused(Refusal::SessionEnded);
}

#[test]
fn the_report_kills_the_code() {
    given(and(until(Step::Otp), [Event::NotMeReported {}]))
        .when(submit(2, CodeCheck::Match))
        .refused(Refusal::SessionEnded);
}

#[test]
fn a_frozen_account_is_not_opened_by_the_right_password() {
    given(and(until(Step::Email), [Event::NotMeReported {}]))
        .when(sign_in(2, INITIAL, Match))
        .refused(Refusal::Frozen);
}

#[test]
fn a_frozen_account_takes_no_note_of_a_wrong_password() {
    given(and(until(Step::Email), [Event::NotMeReported {}]))
        .when(sign_in(2, INITIAL, Mismatch))
        .refused(Refusal::Frozen);
}
