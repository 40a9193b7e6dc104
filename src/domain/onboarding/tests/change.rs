//! A changed address: what it takes, when it counts, and what ends it before.

use super::*;
use crate::domain::delivery::MailKind;
use crate::domain::onboarding::{LinkState, NoticeState};
use Intervention::{Erase, Freeze, ReissueCredentials};
use PasswordCheck::{Match, Mismatch, Replaced};

const NEW: u128 = 5;

/// Completed in session 2, and another address entered at minute 11.
fn requested() -> Vec<Event> {
    and(until(Step::Completed), [change_requested(NEW, minute(11))])
}

fn followed() -> Vec<Event> {
    and(requested(), [change_followed(NEW)])
}

/// Confirmed at minute 20, so that it counts from minute 20 of the third day after.
fn pending() -> Vec<Event> {
    and(followed(), [change_confirmed(NEW, minute(20))])
}

fn in_force() -> Vec<Event> {
    and(pending(), [changed(NEW)])
}

fn counts_from() -> Timestamp {
    minute(20 + 72 * 60)
}

fn same_as(n: u128) -> Command {
    Command::ChangeEmail {
        session: session(2),
        against: OWN,
        check: Match,
        contact: contact(9),
        same_as: Some(contact(n)),
        link: new_link(9),
    }
}

fn report(about: ContactId) -> Command {
    Command::ReportNotMe {
        about: about.into(),
    }
}

fn address_at(state: &Onboarding, at: Timestamp) -> Option<ContactId> {
    state.as_of(at).contact.as_ref().map(|it| it.id)
}

#[test]
fn another_address_is_entered_with_the_password_and_a_link_of_an_hour_mailed() {
    given(until(Step::Completed))
        .when(change_email(NEW, Match))
        .then([change_requested(NEW, minute(11))]);
}

#[test]
fn with_a_wrong_password_nothing_is_told_of_the_address_and_it_is_in_the_history() {
    for (check, why) in [
        (Mismatch, CredentialFault::WrongPassword),
        (Replaced, CredentialFault::InitialPasswordReplaced),
    ] {
        given(pending())
            .when(change_email(NEW, check))
            .then([Event::CredentialsRejected { why }]);
    }
}

#[test]
fn a_password_compared_with_one_that_was_replaced_is_compared_again() {
    let mut stale = change_email(NEW, Match);
    if let Command::ChangeEmail { against, .. } = &mut stale {
        *against = CredentialInForce::Own(credential(9));
    }
    given(until(Step::Completed))
        .when(stale)
        .refused(Refusal::StaleFacts);
}

#[test]
fn only_a_full_session_changes_an_address() {
    let again = [
        logged_out(2, LogOutReason::Member),
        accepted(2, minute(11)),
        code_issued(2, minute(11)),
    ];
    for command in [change_email(NEW, Match), confirm_change(), cancel_change()] {
        given(and(followed(), again.clone()))
            .when(command.clone())
            .out_of_order(Step::Otp);
        given(and(followed(), [logged_out(2, LogOutReason::Member)]))
            .when(command)
            .refused(Refusal::SessionEnded);
    }
}

#[test]
fn before_completion_there_is_no_address_to_change() {
    let mut early = change_email(NEW, Match);
    if let Command::ChangeEmail { session: asks, .. } = &mut early {
        *asks = session(1);
    }
    given(until(Step::LogOut))
        .when(early)
        .out_of_order(Step::LogOut);
}

#[test]
fn the_present_address_is_no_other() {
    given(until(Step::Completed))
        .when(same_as(1))
        .refused(Refusal::SameAddress);
}

#[test]
fn the_coming_address_once_more_stores_nothing_until_its_link_is_over() {
    for past in [requested(), followed(), pending()] {
        given(past).when(same_as(NEW)).then_nothing();
    }
    given(requested())
        .at(minute(71))
        .when(same_as(NEW))
        .then([change_requested(9, minute(71))]);
}

#[test]
fn a_third_address_takes_the_place_of_the_coming_one_and_begins_anew() {
    given(pending())
        .at(minute(30))
        .when(change_email(6, Match))
        .then([change_requested(6, minute(30))]);
    let state = fold(and(pending(), [change_requested(6, minute(30))]));
    assert_eq!(address_at(&state, counts_from()), Some(contact(1)));
    given(and(requested(), [change_requested(6, minute(30))]))
        .when(follow(NEW, NEW))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn links_to_other_addresses_are_apart_and_have_a_budget_of_their_own() {
    given(requested())
        .at(clock(11, 30))
        .when(change_email(6, Match))
        .refused(Refusal::TooSoon { until: minute(12) });
    let mut limits = Limits::default();
    limits.email_link.mails.per_hour = 1;
    // The link of step 5, at minute 1, counts for nothing here.
    given(until(Step::Completed))
        .under(limits.clone())
        .when(change_email(NEW, Match))
        .then([change_requested(NEW, minute(11))]);
    given(and(requested(), [change_cancelled(NEW)]))
        .at(minute(20))
        .under(limits)
        .when(change_email(6, Match))
        .refused(Refusal::BudgetSpent { until: minute(71) });
}

#[test]
fn a_mailbox_gets_only_so_many_links_in_a_day_whoever_enters_it() {
    let mut often = change_email(NEW, Match);
    if let Command::ChangeEmail { link, .. } = &mut often {
        link.sent_to_address = (0..5).map(|n| minute(-n * 120)).collect();
    }
    given(until(Step::Completed))
        .when(often)
        .refused(Refusal::BudgetSpent {
            until: minute(16 * 60),
        });
}

#[test]
fn a_new_letter_gives_no_further_links() {
    let state = fold(and(requested(), [reissued(1, minute(20))]));
    assert_eq!(state.change_links_sent, [minute(11)]);
}

#[test]
fn its_link_is_followed_on_any_device_within_its_hour_and_again_stores_nothing() {
    given(requested())
        .when(follow(NEW, NEW))
        .then([change_followed(NEW)]);
    given(followed()).when(follow(NEW, NEW)).then_nothing();
    given(requested())
        .at(minute(71))
        .when(follow(NEW, NEW))
        .refused(Refusal::LinkExpired);
}

#[test]
fn whoever_reads_the_mailbox_and_knows_of_nothing_ends_the_change() {
    let disowned = Event::EmailChangeDisowned {
        contact: contact(NEW),
    };
    for past in [requested(), followed()] {
        given(past).when(disown(NEW, NEW)).then([disowned.clone()]);
    }
    let past = and(followed(), [disowned]);
    given(past.clone())
        .when(confirm_change())
        .refused(Refusal::NothingToConfirm);
    given(past)
        .when(follow(NEW, NEW))
        .refused(Refusal::LinkDisowned);
}

#[test]
fn the_member_confirms_it_after_the_link_and_it_counts_three_days_later() {
    given(requested())
        .when(confirm_change())
        .refused(Refusal::NothingToConfirm);
    given(followed())
        .at(minute(20))
        .when(confirm_change())
        .then([change_confirmed(NEW, minute(20))]);
    given(pending()).when(confirm_change()).then_nothing();
}

#[test]
fn the_delay_is_that_of_the_policy() {
    let mut limits = Limits::default();
    limits.later.address_hours = 24;
    given(followed())
        .at(minute(20))
        .under(limits)
        .when(confirm_change())
        .then([Event::EmailChangeConfirmed {
            contact: contact(NEW),
            replaces: contact(1),
            at: minute(20),
            counts_from: minute(20 + 24 * 60),
        }]);
}

#[test]
fn until_the_delay_is_over_codes_and_notices_go_where_they_went() {
    let state = fold(pending());
    let just_before = counts_from() - SignedDuration::from_micros(1);
    let before = state.as_of(just_before);
    assert_eq!(address_at(&state, just_before), Some(contact(1)));
    assert_eq!(before.mailbox.map(|it| it.contact), Some(contact(1)));
    let after = state.as_of(counts_from());
    assert_eq!(address_at(&state, counts_from()), Some(contact(NEW)));
    assert_eq!(after.mailbox.map(|it| it.contact), Some(contact(NEW)));
    assert_eq!(after.coming, None);
}

#[test]
fn only_the_confirmation_tells_the_present_address() {
    let told: Vec<_> = in_force().iter().filter_map(Event::notice).collect();
    assert_eq!(told, [MailKind::AccountSetUp, MailKind::EmailChangeNotice]);
}

#[test]
fn what_is_stored_next_after_the_delay_tells_of_it_first() {
    let past = and(pending(), [logged_out(2, LogOutReason::Member)]);
    given(past.clone())
        .at(counts_from())
        .when(sign_in(3, OWN, Match))
        .then([
            changed(NEW),
            accepted(3, counts_from()),
            code_issued(3, counts_from()),
        ]);
    given(past)
        .at(counts_from())
        .when(sign_in(3, OWN, Mismatch))
        .then([
            changed(NEW),
            Event::CredentialsRejected {
                why: CredentialFault::WrongPassword,
            },
        ]);
}

#[test]
fn where_nothing_is_stored_nothing_is_told() {
    given(pending())
        .at(counts_from())
        .when(cancel_change())
        .then_nothing();
    given(pending())
        .at(counts_from())
        .when(confirm_change())
        .refused(Refusal::NothingToConfirm);
}

#[test]
fn the_member_cancels_it_as_long_as_it_does_not_count() {
    for past in [requested(), followed(), pending()] {
        given(past)
            .at(minute(30))
            .when(cancel_change())
            .then([change_cancelled(NEW)]);
    }
    given(until(Step::Completed))
        .when(cancel_change())
        .then_nothing();
    let state = fold(and(pending(), [change_cancelled(NEW)]));
    assert_eq!(address_at(&state, counts_from()), Some(contact(1)));
}

#[test]
fn a_later_session_confirms_and_cancels_as_well() {
    let later = |command: fn(SessionId) -> Command| command(session(3));
    let past = |past: Vec<Event>| {
        let signed_in = [
            logged_out(2, LogOutReason::Member),
            accepted(3, minute(30)),
            code_issued(3, minute(30)),
            login_succeeded(3),
        ];
        given(and(past, signed_in)).at(minute(31))
    };
    past(followed())
        .when(later(|session| Command::ConfirmEmailChange { session }))
        .then([change_confirmed(NEW, minute(31))]);
    past(pending())
        .when(later(|session| Command::CancelEmailChange { session }))
        .then([change_cancelled(NEW)]);
}

#[test]
fn a_report_a_freeze_a_new_letter_and_an_erasure_end_a_pending_change() {
    let out = logged_out(2, LogOutReason::Staff);
    let ends = [
        vec![Event::NotMeReported {}],
        vec![out.clone(), Event::AccountFrozen {}],
        vec![out.clone(), reissued(1, minute(30))],
        vec![out, Event::PersonalDataErased {}],
    ];
    for end in ends {
        let named = format!("{end:?}");
        let state = fold(and(pending(), end));
        assert_ne!(
            address_at(&state, counts_from()),
            Some(contact(NEW)),
            "{named}"
        );
        assert_eq!(state.coming, None, "{named}");
    }
}

#[test]
fn a_released_account_does_not_take_up_the_change_again() {
    let past = [Event::AccountFrozen {}, Event::AccountReleased {}];
    let state = fold(and(pending(), past));
    assert_eq!(address_at(&state, counts_from()), Some(contact(1)));
}

#[test]
fn whoever_it_was_not_reports_it_before_and_after_it_counts() {
    given(pending())
        .when(report(contact(NEW)))
        .then([Event::NotMeReported {}]);
    given(pending())
        .at(counts_from())
        .when(report(contact(NEW)))
        .then([changed(NEW), Event::NotMeReported {}]);
    given(in_force())
        .when(report(contact(NEW)))
        .then([Event::NotMeReported {}]);
}

#[test]
fn whoever_asked_for_a_change_cannot_end_what_tells_of_it() {
    for more in [
        vec![change_cancelled(NEW)],
        vec![change_cancelled(NEW), change_requested(NEW + 1, minute(60))],
    ] {
        given(and(pending(), more))
            .when(report(contact(NEW)))
            .then([Event::NotMeReported {}]);
    }
}

#[test]
fn a_notice_about_a_change_that_was_never_confirmed_reports_nothing() {
    for past in [followed(), until(Step::Completed)] {
        given(past)
            .when(report(contact(NEW)))
            .refused(Refusal::NoticeReplaced);
    }
    // Nor does the address of the set-up, of which no notice tells.
    let set_up = [
        registered(7, minute(2)),
        super::followed(7),
        verified(7),
        Event::OtpMethodChosen {
            method: OtpMethod::Email,
        },
        password_changed(1),
        Event::FirstLoginCompleted {},
    ];
    given(and(until(Step::EmailLink), set_up))
        .when(report(contact(7)))
        .refused(Refusal::NoticeReplaced);
}

#[test]
fn the_notice_about_the_set_up_still_counts_during_and_after_a_change() {
    for past in [pending(), in_force()] {
        let state = fold(past);
        let about = credential(1).into();
        assert_eq!(state.notice_state(about), Ok(NoticeState::Open));
    }
}

#[test]
fn an_address_that_an_attacker_changed_to_is_told_nothing_after_the_report() {
    let state = fold(and(in_force(), [Event::NotMeReported {}]));
    assert_eq!(state.mailbox, None);
}

#[test]
fn the_address_that_was_replaced_leads_nowhere_and_the_new_one_is_verified() {
    let state = fold(in_force());
    let at = counts_from();
    assert_eq!(
        state.link_state(at, contact(1), issue(1)),
        Err(Refusal::LinkReplaced)
    );
    assert_eq!(
        state.link_state(at, contact(NEW), issue(NEW)),
        Ok(LinkState::Verified)
    );
    assert_eq!(state.due(), Step::Completed);
}

#[test]
fn staff_act_on_the_address_that_counts_by_then() {
    for intervention in [Freeze, Erase, ReissueCredentials] {
        let state = fold(pending());
        let limits = Limits::default();
        assert_eq!(
            state.offer(counts_from(), &limits, intervention),
            state
                .as_of(counts_from())
                .offer(counts_from(), &limits, intervention)
        );
    }
    given(pending())
        .at(counts_from())
        .when(intervene(Freeze))
        .then([
            changed(NEW),
            intervened_at(counts_from(), Freeze, Reason::SuspectedMisuse),
            logged_out(2, LogOutReason::Staff),
            Event::AccountFrozen {},
        ]);
}

/// What an auditor finds of these events, decided on between those moments.
fn retraced(past: Vec<Event>, events: &[Event], between: (Timestamp, Timestamp)) -> bool {
    let found = fold(past).retrace(Append {
        events,
        between,
        limits: &Arc::new(Limits::default()),
        may_go_on: false,
    });
    found.is_ok()
}

#[test]
fn an_auditor_finds_a_change_that_counts_too_early_or_too_late() {
    let rejected = Event::CredentialsRejected {
        why: CredentialFault::WrongPassword,
    };
    let told = [changed(NEW), rejected.clone()];
    let silent = [rejected];
    let second = SignedDuration::from_secs(1);
    let (before, after) = (counts_from() - second, counts_from() + second);
    assert!(retraced(pending(), &told, (after, after)));
    assert!(!retraced(pending(), &told, (before, before)));
    assert!(retraced(pending(), &silent, (before, before)));
    assert!(!retraced(pending(), &silent, (after, after)));
    // Nobody knows on which side of the moment it was decided.
    assert!(retraced(pending(), &told, (before, after)));
    assert!(retraced(pending(), &silent, (before, after)));
}

#[test]
fn an_auditor_finds_a_change_that_was_never_confirmed() {
    let at = (counts_from(), counts_from());
    let code = [
        changed(NEW),
        Event::CredentialsRejected {
            why: CredentialFault::WrongPassword,
        },
    ];
    assert!(!retraced(followed(), &code, at));
    assert!(!retraced(
        requested(),
        &[change_confirmed(NEW, minute(20))],
        at
    ));
}
