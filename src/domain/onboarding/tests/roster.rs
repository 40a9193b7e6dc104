//! What later rosters do to a member.

use super::support::at_rest;
use super::*;

const fn import(n: u128) -> ImportId {
    ImportId(Uuid::from_u128(n))
}

fn change(n: u128) -> Command {
    Command::ChangeProfile {
        import: import(n),
        fields: vec![ProfileField::Name, ProfileField::Number],
    }
}

fn changed(n: u128) -> Event {
    Event::ProfileChanged {
        import: import(n),
        fields: vec![ProfileField::Name, ProfileField::Number],
    }
}

const fn leave(n: u128) -> Command {
    Command::Leave { import: import(n) }
}

const fn left(n: u128) -> Event {
    Event::MemberLeft { import: import(n) }
}

const fn come_back(n: u128) -> Command {
    Command::Return { import: import(n) }
}

const fn back(n: u128) -> Event {
    Event::MemberReturned { import: import(n) }
}

#[test]
fn an_import_tells_once_what_changed_however_often_it_is_run() {
    let past = until(Step::Email);
    given(past.clone()).when(change(2)).then([changed(2)]);
    let told = and(past, [changed(2)]);
    given(told.clone()).when(change(2)).then_nothing();
    given(told).when(change(3)).then([changed(3)]);
}

#[test]
fn other_data_disturb_nobody_on_the_way() {
    let before = fold(until(Step::Email));
    let after = fold(and(until(Step::Email), [changed(2)]));
    assert_eq!(after.due(), before.due());
    assert_eq!(after.session, before.session);
}

#[test]
fn who_leaves_is_logged_out_and_cannot_sign_in_with_any_password() {
    given(until(Step::Email))
        .when(leave(2))
        .then([logged_out(1, LogOutReason::Left), left(2)]);
    let gone = and(at_rest(Step::Email), [left(2)]);
    let right = sign_in(2, INITIAL, PasswordCheck::Match);
    given(gone).when(right).refused(Refusal::Frozen);
    let gone = and(at_rest(Step::SignInAgain), [left(2)]);
    let right = sign_in(2, OWN, PasswordCheck::Match);
    given(gone).when(right).refused(Refusal::Frozen);
}

#[test]
fn nobody_leaves_twice_or_comes_back_who_never_left() {
    let gone = and(at_rest(Step::Email), [left(2)]);
    given(gone.clone()).when(leave(3)).then_nothing();
    given(at_rest(Step::Email))
        .when(come_back(3))
        .then_nothing();
    given(gone).when(come_back(3)).then([back(3)]);
}

#[test]
fn who_is_back_goes_on_where_they_were() {
    let past = and(at_rest(Step::Email), [left(2), back(3)]);
    let right = sign_in(2, INITIAL, PasswordCheck::Match);
    given(past).when(right).then([accepted(2, minute(11))]);
}

#[test]
fn a_new_letter_brings_nobody_back() {
    let past = and(
        at_rest(Step::SignInAgain),
        [left(2), reissued(1, minute(0))],
    );
    let right = sign_in(2, CredentialInForce::Initial(1), PasswordCheck::Match);
    given(past).when(right).refused(Refusal::Frozen);
}

#[test]
fn of_a_person_who_is_erased_no_roster_tells_anything() {
    let erased = and(at_rest(Step::Email), [Event::PersonalDataErased {}]);
    given(erased.clone())
        .when(change(2))
        .refused(Refusal::Erased);
    given(erased).when(leave(2)).refused(Refusal::Erased);
}
