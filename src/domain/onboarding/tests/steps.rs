//! Steps 3, 4 and 9: the date of birth, the notes on use, and the own password.

use super::*;

#[test]
fn a_wrong_date_of_birth_is_kept_in_the_history() {
    given(until(Step::BirthDate))
        .when(confirm_birth_date(1, false))
        .then([Event::BirthDateRejected {}]);
}

#[test]
fn the_date_of_birth_of_the_roster_is_confirmed() {
    given(until(Step::BirthDate))
        .when(confirm_birth_date(1, true))
        .then([Event::BirthDateConfirmed {}]);
}

#[test]
fn a_date_of_birth_is_not_looked_at_during_a_waiting_time() {
    let until_then = minute(12);
    given(until(Step::BirthDate))
        .when(Command::ConfirmBirthDate {
            session: session(1),
            matches: true,
            waiting_until: Some(until_then),
        })
        .refused(Refusal::Waiting { until: until_then });
}

#[test]
fn a_confirmed_date_of_birth_is_not_checked_again() {
    given(until(Step::Email))
        .when(confirm_birth_date(1, false))
        .then_nothing();
}

fn with_terms(more: impl IntoIterator<Item = Event>) -> Vec<Event> {
    let past = vec![
        enrolled_with(Some("2026-04")),
        accepted(1, minute(0)),
        Event::BirthDateConfirmed {},
    ];
    and(past, more)
}

fn terms_accepted() -> Event {
    Event::TermsAccepted {
        version: "2026-04".to_owned(),
    }
}

#[test]
fn the_notes_on_use_are_accepted_where_the_policy_has_them() {
    given(with_terms([]))
        .when(accept_terms("2026-04"))
        .then([terms_accepted()]);
}

#[test]
fn the_address_waits_for_the_notes_on_use() {
    given(with_terms([]))
        .when(register_email(1))
        .out_of_order(Step::Terms);
}

#[test]
fn other_notes_on_use_than_those_of_the_enrolment_are_refused() {
    given(with_terms([]))
        .when(accept_terms("2025-10"))
        .refused(Refusal::OtherTerms);
}

#[test]
fn notes_on_use_that_were_accepted_are_not_accepted_twice() {
    given(with_terms([terms_accepted()]))
        .when(accept_terms("2026-04"))
        .then_nothing();
}

#[test]
fn the_address_follows_the_notes_on_use() {
    given(with_terms([terms_accepted()]))
        .at(minute(1))
        .when(register_email(1))
        .then([registered(1, minute(1))]);
}

#[test]
fn without_notes_on_use_in_the_policy_there_is_nothing_to_accept() {
    given(until(Step::Email))
        .when(accept_terms("2026-04"))
        .out_of_order(Step::Email);
}

#[test]
fn an_own_password_completes_the_first_login_in_the_same_append() {
    given(until(Step::Password))
        .when(change_password(1))
        .then([password_changed(1), Event::FirstLoginCompleted {}]);
}

#[test]
fn the_same_password_form_again_stores_nothing() {
    given(until(Step::LogOut))
        .when(Command::ChangePassword {
            session: session(1),
            credential: credential(2),
            form: form(1),
        })
        .then_nothing();
}

#[test]
fn another_password_form_finds_the_password_set() {
    given(until(Step::LogOut))
        .when(change_password(2))
        .refused(Refusal::AlreadySet);
}

#[test]
fn the_password_form_from_a_later_session_is_used_up() {
    given(until(Step::Completed))
        .when(Command::ChangePassword {
            session: session(2),
            credential: credential(2),
            form: form(1),
        })
        .refused(Refusal::FormUsed);
}
