//! The rules of accounts, shown by given events, a command and what follows.

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{
    Command, Event, Facts, Initial, Issued, Password, Refusal, Role, Scope, SignInFault,
    SignOutReason, Staff, Totp,
};
use crate::domain::ids::{CredentialId, PrintId, SessionId, TokenId, TotpId};
use crate::domain::values::KeyId;

const SESSION: SessionId = SessionId(Uuid::from_u128(1));
const OTHER_SESSION: SessionId = SessionId(Uuid::from_u128(2));
const CREDENTIAL: CredentialId = CredentialId(Uuid::from_u128(1));
const TOKEN: TokenId = TokenId(Uuid::from_u128(1));

fn start() -> Timestamp {
    "2026-04-10T00:00:00Z".parse().unwrap()
}

fn later() -> Timestamp {
    start() + SignedDuration::from_hours(24 * 7)
}

fn key() -> KeyId {
    KeyId("2026".to_owned())
}

fn initial(n: u128) -> Initial {
    Initial {
        print: PrintId(Uuid::from_u128(n)),
        key: key(),
        expires_at: later(),
    }
}

fn totp(n: u128) -> Totp {
    Totp {
        totp: TotpId(Uuid::from_u128(n)),
        key: key(),
    }
}

fn added(role: Role) -> Event {
    Event::StaffAdded {
        role,
        initial: initial(1),
        totp: totp(1),
    }
}

fn own_password() -> Event {
    Event::StaffPasswordChanged {
        credential: CREDENTIAL,
    }
}

fn signed_in(session: SessionId, step: i64) -> Event {
    Event::StaffSignedIn { session, step }
}

/// An auditor who is signed in with the code of step 100, and has a password of their own.
fn working() -> Vec<Event> {
    vec![
        added(Role::Auditor),
        signed_in(SESSION, 100),
        own_password(),
    ]
}

fn rejected(why: SignInFault) -> [Event; 1] {
    [Event::StaffSignInRejected { why }]
}

fn ended(session: SessionId, why: SignOutReason) -> Event {
    Event::StaffSignedOut { session, why }
}

/// A sign-in with all that is right, against one's own password and with the code of this step.
fn facts(step: i64) -> Facts {
    Facts {
        against: Password::Own(CREDENTIAL),
        password_matches: true,
        totp: totp(1),
        step: Some(step),
    }
}

fn with_printed_password(step: i64) -> Facts {
    Facts {
        against: Password::Initial(initial(1)),
        ..facts(step)
    }
}

fn sign_in(facts: Facts) -> Command {
    Command::SignIn {
        session: OTHER_SESSION,
        facts,
        lapsed: None,
    }
}

fn issue(scope: Scope) -> Command {
    Command::IssueToken {
        token: TOKEN,
        scopes: vec![scope],
        expires_at: later(),
    }
}

fn issued(scope: Scope) -> Event {
    Event::AccessTokenIssued {
        token: TOKEN,
        scopes: vec![scope],
        expires_at: later(),
    }
}

fn fold(events: impl IntoIterator<Item = Event>) -> Staff {
    let mut state = Staff::default();
    for event in events {
        state.apply(event);
    }
    state
}

struct Given {
    state: Staff,
    at: Timestamp,
}

#[derive(Debug)]
struct Decided(Result<Vec<Event>, Refusal>);

fn given(past: impl IntoIterator<Item = Event>) -> Given {
    Given {
        state: fold(past),
        at: start(),
    }
}

impl Given {
    fn at(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    #[track_caller]
    fn when(&self, command: Command) -> Decided {
        let decided = self.state.decide(&Issued {
            at: self.at,
            command,
        });
        // Whatever the rules make, whoever checks a package finds again; also where it ends within the append.
        let at = [self.at, self.at];
        for events in decided.iter().filter(|events| !events.is_empty()) {
            assert!(self.state.yields(events, at, false), "{events:?}");
            assert!(self.state.yields(&events[..1], at, true), "{events:?}");
        }
        Decided(decided)
    }

    #[track_caller]
    fn never(&self, events: impl IntoIterator<Item = Event>) {
        let events: Vec<_> = events.into_iter().collect();
        assert!(
            !self.state.yields(&events, [self.at, self.at], false),
            "{events:?}"
        );
    }
}

impl Decided {
    #[track_caller]
    fn then(self, events: impl IntoIterator<Item = Event>) {
        assert_eq!(self.0, Ok(events.into_iter().collect()));
    }

    #[track_caller]
    fn refused(self, refusal: Refusal) {
        assert_eq!(self.0, Err(refusal));
    }
}

#[test]
fn an_account_is_made_once() {
    let add = Command::Add {
        role: Role::Auditor,
        initial: initial(1),
        totp: totp(1),
    };
    given([]).when(add.clone()).then([added(Role::Auditor)]);
    given([added(Role::Support)])
        .when(add)
        .refused(Refusal::AlreadyAdded);
}

#[test]
fn nothing_can_be_done_with_an_account_that_was_never_made() {
    for command in [
        sign_in(facts(100)),
        Command::Disable,
        issue(Scope::AuditRead),
    ] {
        given([]).when(command).refused(Refusal::Unknown);
    }
}

#[test]
fn printed_password_and_code_begin_the_first_session_and_ones_own_password_is_due() {
    let past = [added(Role::Auditor)];
    given(past.clone())
        .when(sign_in(with_printed_password(100)))
        .then([signed_in(OTHER_SESSION, 100)]);
    assert!(fold(past).password_is_due());
    assert!(!fold(working()).password_is_due());
}

#[test]
fn the_printed_password_counts_for_its_time_only() {
    given([added(Role::Auditor)])
        .at(later())
        .when(sign_in(with_printed_password(100)))
        .then(rejected(SignInFault::PasswordExpired));
}

#[test]
fn a_wrong_password_is_rejected_whatever_the_code() {
    let wrong = Facts {
        password_matches: false,
        ..facts(101)
    };
    given(working())
        .when(sign_in(wrong))
        .then(rejected(SignInFault::WrongPassword));
}

#[test]
fn the_right_password_alone_is_not_enough() {
    let no_code = Facts {
        step: None,
        ..facts(101)
    };
    given(working())
        .when(sign_in(no_code))
        .then(rejected(SignInFault::WrongCode));
}

#[test]
fn a_code_is_taken_once_and_none_from_before_it() {
    for spent in [99, 100] {
        given(working())
            .when(sign_in(facts(spent)))
            .then(rejected(SignInFault::CodeUsed));
    }
}

#[test]
fn a_second_sign_in_ends_the_first_session() {
    given(working()).when(sign_in(facts(101))).then([
        ended(SESSION, SignOutReason::Superseded),
        signed_in(OTHER_SESSION, 101),
    ]);
}

#[test]
fn a_session_whose_time_ran_out_is_said_to_have_expired() {
    let command = Command::SignIn {
        session: OTHER_SESSION,
        facts: facts(101),
        lapsed: Some(SESSION),
    };
    given(working()).when(command).then([
        ended(SESSION, SignOutReason::Expiry),
        signed_in(OTHER_SESSION, 101),
    ]);
}

#[test]
fn what_was_compared_against_something_replaced_is_settled_again() {
    given(working())
        .when(sign_in(with_printed_password(101)))
        .refused(Refusal::StaleFacts);
    let other_authenticator = Facts {
        totp: totp(2),
        ..facts(101)
    };
    given(working())
        .when(sign_in(other_authenticator))
        .refused(Refusal::StaleFacts);
}

#[test]
fn ones_own_password_replaces_the_printed_one_once() {
    let change = Command::ChangePassword {
        session: SESSION,
        credential: CREDENTIAL,
    };
    given([added(Role::Auditor), signed_in(SESSION, 100)])
        .when(change.clone())
        .then([own_password()]);
    given(working()).when(change).refused(Refusal::AlreadySet);
}

#[test]
fn only_the_present_session_can_change_the_password_or_sign_out() {
    let change = Command::ChangePassword {
        session: OTHER_SESSION,
        credential: CREDENTIAL,
    };
    given([added(Role::Auditor), signed_in(SESSION, 100)])
        .when(change)
        .refused(Refusal::SessionEnded);
    let sign_out = |session| Command::SignOut { session };
    given(working())
        .when(sign_out(OTHER_SESSION))
        .refused(Refusal::SessionEnded);
    given(working())
        .when(sign_out(SESSION))
        .then([ended(SESSION, SignOutReason::Own)]);
}

#[test]
fn a_disabled_account_has_neither_session_nor_tokens_and_signs_in_no_more() {
    let mut past = working();
    past.extend([issued(Scope::AuditRead), Event::StaffDisabled {}]);
    let state = fold(past.clone());
    assert_eq!(state.session, None);
    assert_eq!(state.scopes_of(TOKEN, start()), []);
    given(past.clone())
        .when(sign_in(facts(101)))
        .then(rejected(SignInFault::Disabled));
    given(past.clone()).when(Command::Disable).then([]);
    given(past)
        .when(issue(Scope::AuditRead))
        .refused(Refusal::Disabled);
}

#[test]
fn another_authenticator_ends_the_session_and_begins_its_codes_anew() {
    let mut past = working();
    past.push(Event::StaffTotpReset { totp: totp(2) });
    assert_eq!(fold(past.clone()).session, None);
    let with_the_other = Facts {
        totp: totp(2),
        ..facts(100)
    };
    given(past)
        .when(sign_in(with_the_other))
        .then([signed_in(OTHER_SESSION, 100)]);
}

#[test]
fn a_password_that_was_reset_ends_the_session_and_is_to_be_changed_again() {
    let mut past = working();
    past.push(Event::StaffPasswordReset {
        initial: initial(2),
    });
    let state = fold(past);
    assert_eq!(state.session, None);
    assert!(state.password_is_due());
}

#[test]
fn a_role_that_is_the_same_is_no_change() {
    let change = |role| Command::ChangeRole { role };
    given(working()).when(change(Role::Auditor)).then([]);
    given(working())
        .when(change(Role::Compliance))
        .then([Event::StaffRoleChanged {
            role: Role::Compliance,
        }]);
}

#[test]
fn a_token_is_for_what_its_owners_role_opens() {
    given(working())
        .when(issue(Scope::AuditRead))
        .then([issued(Scope::AuditRead)]);
    given([added(Role::Support)])
        .when(issue(Scope::AuditRead))
        .refused(Refusal::NotOfRole(Scope::AuditRead));
    given([added(Role::Compliance)])
        .when(issue(Scope::AuditMembers))
        .refused(Refusal::NotOfRole(Scope::AuditMembers));
}

#[test]
fn a_token_counts_until_it_expires_or_is_revoked() {
    let mut past = working();
    past.push(issued(Scope::AuditRead));
    let state = fold(past.clone());
    assert_eq!(state.scopes_of(TOKEN, start()), [Scope::AuditRead]);
    assert_eq!(state.scopes_of(TOKEN, later()), []);
    let revoke = Command::RevokeToken { token: TOKEN };
    given(past.clone())
        .when(revoke.clone())
        .then([Event::AccessTokenRevoked { token: TOKEN }]);
    past.push(Event::AccessTokenRevoked { token: TOKEN });
    assert_eq!(fold(past.clone()).scopes_of(TOKEN, start()), []);
    given(past).when(revoke).refused(Refusal::UnknownToken);
}

#[test]
fn what_the_rules_never_make_is_found() {
    let begun = || working().into_iter().chain([signed_in(SESSION, 5)]);
    given([]).never([signed_in(SESSION, 5)]);
    given(begun()).never([added(Role::Auditor)]);
    given(begun()).never([]);
    // A code for the second time, and a session beside an open one.
    given(begun()).never([
        ended(SESSION, SignOutReason::Superseded),
        signed_in(OTHER_SESSION, 5),
    ]);
    given(begun()).never([signed_in(OTHER_SESSION, 6)]);
    given(begun()).never([ended(OTHER_SESSION, SignOutReason::Own)]);
    given(begun()).never([rejected(SignInFault::PasswordExpired)[0].clone()]);
    given([added(Role::Support)]).never([issued(Scope::AuditRead)]);
    given(begun().chain([Event::StaffDisabled {}])).never([signed_in(OTHER_SESSION, 6)]);
}

#[test]
fn every_event_is_stored_under_its_own_name_and_read_back() {
    let all = [
        added(Role::Auditor),
        Event::StaffRoleChanged {
            role: Role::Support,
        },
        Event::StaffPasswordReset {
            initial: initial(1),
        },
        Event::StaffTotpReset { totp: totp(1) },
        own_password(),
        signed_in(SESSION, 100),
        Event::StaffSignInRejected {
            why: SignInFault::CodeUsed,
        },
        ended(SESSION, SignOutReason::Own),
        Event::StaffDisabled {},
        issued(Scope::AuditRead),
        Event::AccessTokenRevoked { token: TOKEN },
    ];
    for event in all {
        let stored = serde_json::to_value(&event).unwrap();
        assert_eq!(stored["type"], event.name());
        assert_eq!(serde_json::from_value::<Event>(stored).unwrap(), event);
    }
}
