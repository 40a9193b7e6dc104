//! A forgotten password: what it takes to set another, when that counts, and what ends it before.

use super::*;
use crate::domain::delivery::MailKind;
use crate::domain::onboarding::{NoticeState, ResetState};
use Intervention::{Freeze, ReissueCredentials};
use PasswordCheck::{Match, Mismatch};

const NEW: u128 = 5;
const RESET: CredentialInForce = CredentialInForce::Own(credential(NEW));

/// Completed in session 2, and link 5 asked for at minute 11.
fn requested() -> Vec<Event> {
    and(
        until(Step::Completed),
        [reset_requested(1, NEW, minute(11))],
    )
}

/// Password 5 set at minute 20, so that it counts from minute 20 of the next day.
fn pending() -> Vec<Event> {
    and(requested(), [reset_confirmed(NEW, NEW, minute(20))])
}

fn in_force() -> Vec<Event> {
    and(pending(), [reset(NEW)])
}

fn counts_from() -> Timestamp {
    minute(20 + 24 * 60)
}

fn just_before() -> Timestamp {
    counts_from() - SignedDuration::from_micros(1)
}

fn report(n: u128) -> Command {
    Command::ReportNotMe {
        about: credential(n).into(),
    }
}

fn link_state(state: &Onboarding, at: Timestamp, n: u128) -> Result<ResetState, Refusal> {
    state.reset_state(at, &Limits::default(), issue(n))
}

fn password_at(state: &Onboarding, at: Timestamp) -> CredentialInForce {
    state.as_of(at).credential_in_force()
}

#[test]
fn user_id_and_date_of_birth_mail_a_link_of_an_hour_to_the_address_in_force() {
    given(until(Step::Completed))
        .when(forget(NEW, true))
        .then([reset_requested(1, NEW, minute(11))]);
}

#[test]
fn a_wrong_date_of_birth_is_in_the_history_and_mails_nothing() {
    given(until(Step::Completed))
        .when(forget(NEW, false))
        .then([Event::PasswordResetRejected {}]);
    assert_eq!(Event::PasswordResetRejected {}.notice(), None);
}

#[test]
fn it_takes_a_password_of_the_members_own_and_nothing_else() {
    for due in [Step::SignIn, Step::BirthDate, Step::Email, Step::Password] {
        for matches in [true, false] {
            given(until(due))
                .when(forget(NEW, matches))
                .out_of_order(due);
        }
    }
    for due in [Step::LogOut, Step::SignInAgain] {
        given(until(due))
            .when(forget(NEW, true))
            .then([reset_requested(1, NEW, minute(11))]);
    }
}

#[test]
fn whoever_is_frozen_gone_or_erased_gets_no_link() {
    let ends = [
        (Event::AccountFrozen {}, Refusal::Frozen),
        (Event::NotMeReported {}, Refusal::Frozen),
        (
            Event::MemberLeft {
                import: ImportId(Uuid::from_u128(2)),
            },
            Refusal::Frozen,
        ),
        (Event::PersonalDataErased {}, Refusal::Erased),
    ];
    for (end, refusal) in ends {
        given(and(until(Step::Completed), [end]))
            .when(forget(NEW, true))
            .refused(refusal);
    }
}

#[test]
fn the_link_goes_to_the_address_in_force_and_never_to_one_that_is_to_come() {
    let past = [
        change_requested(7, minute(11)),
        change_followed(7),
        change_confirmed(7, minute(12)),
    ];
    let past = and(until(Step::Completed), past);
    given(past.clone())
        .at(minute(13))
        .when(forget(NEW, true))
        .then([reset_requested(1, NEW, minute(13))]);
    let comes = minute(12 + 72 * 60);
    given(past)
        .at(comes)
        .when(forget(NEW, true))
        .then([changed(7), reset_requested(7, NEW, comes)]);
}

#[test]
fn links_are_apart_and_have_a_budget_of_their_own() {
    given(requested())
        .at(clock(11, 30))
        .when(forget(6, true))
        .refused(Refusal::TooSoon { until: minute(12) });
    let mut limits = Limits::default();
    limits.email_link.mails.per_hour = 1;
    given(requested())
        .at(minute(20))
        .under(limits)
        .when(forget(6, true))
        .refused(Refusal::BudgetSpent { until: minute(71) });
    let mut shared = forget(NEW, true);
    if let Command::RequestPasswordReset { link, .. } = &mut shared {
        link.sent_to_address = (0..10).map(minute).collect();
    }
    let mut limits = Limits::default();
    limits.email_link.mails.each = 11;
    given(until(Step::Completed))
        .under(limits)
        .when(shared)
        .refused(Refusal::BudgetSpent { until: minute(60) });
}

#[test]
fn a_new_letter_gives_no_further_links() {
    let state = fold(and(requested(), [reissued(1, minute(20))]));
    assert_eq!(state.reset_links_sent, [minute(11)]);
}

#[test]
fn by_the_link_another_password_is_set_which_counts_a_day_later() {
    given(requested())
        .at(minute(20))
        .when(reset_password(NEW, NEW))
        .then([reset_confirmed(NEW, NEW, minute(20))]);
    given(requested())
        .at(minute(71))
        .when(reset_password(NEW, NEW))
        .refused(Refusal::LinkExpired);
    given(requested())
        .when(reset_password(9, NEW))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn the_delay_is_that_of_the_policy() {
    let mut limits = Limits::default();
    limits.later.password_hours = 48;
    given(requested())
        .at(minute(20))
        .under(limits)
        .when(reset_password(NEW, NEW))
        .then([Event::PasswordResetConfirmed {
            issue: issue(NEW),
            credential: credential(NEW),
            form: form(NEW),
            at: minute(20),
            counts_from: minute(20 + 48 * 60),
        }]);
}

#[test]
fn a_link_sets_one_password_and_ends_the_others() {
    given(pending())
        .when(reset_password(NEW, NEW))
        .then_nothing();
    given(pending())
        .when(reset_password(NEW, 6))
        .refused(Refusal::AlreadySet);
    let both = [
        reset_requested(1, 6, minute(12)),
        reset_confirmed(6, 6, minute(20)),
    ];
    given(and(requested(), both))
        .when(reset_password(NEW, NEW))
        .refused(Refusal::LinkReplaced);
    let state = fold(pending());
    let set = ResetState::Set {
        counts_from: counts_from(),
    };
    assert_eq!(link_state(&state, minute(30), NEW), Ok(set));
    let state = fold(in_force());
    assert_eq!(link_state(&state, counts_from(), NEW), Ok(set));
    given(in_force())
        .at(counts_from())
        .when(reset_password(NEW, NEW))
        .then_nothing();
}

#[test]
fn every_link_counts_until_its_own_end() {
    let past = and(requested(), [reset_requested(1, 6, minute(30))]);
    for by in [NEW, 6] {
        given(past.clone())
            .at(minute(40))
            .when(reset_password(by, 7))
            .then([reset_confirmed(by, 7, minute(40))]);
    }
}

#[test]
fn another_password_takes_the_place_of_the_coming_one_and_waits_anew() {
    let past = [
        reset_requested(1, 6, minute(30)),
        reset_confirmed(6, 6, minute(40)),
    ];
    let state = fold(and(pending(), past));
    assert_eq!(password_at(&state, counts_from()), OWN);
    let later = counts_from() + SignedDuration::from_mins(20);
    let six = CredentialInForce::Own(credential(6));
    assert_eq!(password_at(&state, later), six);
}

#[test]
fn until_the_delay_is_over_the_old_password_counts_and_then_the_new_one_alone() {
    let state = fold(pending());
    assert_eq!(password_at(&state, just_before()), OWN);
    assert_eq!(password_at(&state, counts_from()), RESET);
    given(pending())
        .at(counts_from())
        .when(sign_in(3, OWN, Match))
        .refused(Refusal::StaleFacts);
    given(pending())
        .at(counts_from())
        .when(sign_in(3, RESET, Mismatch))
        .then([
            reset(NEW),
            Event::CredentialsRejected {
                why: CredentialFault::WrongPassword,
            },
        ]);
}

#[test]
fn the_new_password_alone_opens_nothing_it_needs_a_code_as_ever() {
    given(pending())
        .at(counts_from())
        .when(sign_in(3, RESET, Match))
        .then([
            reset(NEW),
            accepted(3, counts_from()),
            code_issued(3, counts_from()),
        ]);
    let signed_in = fold(and(in_force(), [accepted(3, counts_from())]));
    assert_eq!(signed_in.session_kind(), Some(SessionKind::OtpPending));
}

#[test]
fn with_the_new_password_the_session_and_its_code_end() {
    let state = fold(pending());
    assert!(state.as_of(just_before()).session.is_some());
    assert_eq!(state.as_of(counts_from()).session, None);
    given(pending())
        .at(counts_from())
        .when(log_out(2))
        .refused(Refusal::SessionEnded);
    let waiting = [
        logged_out(2, LogOutReason::Member),
        accepted(3, minute(30)),
        code_issued(3, minute(30)),
    ];
    let state = fold(and(pending(), waiting));
    assert_eq!(state.as_of(counts_from()).challenge, None);
}

#[test]
fn whoever_forgets_it_before_logging_out_for_the_first_time_goes_on_at_step_thirteen() {
    let past = [
        reset_requested(1, NEW, minute(11)),
        reset_confirmed(NEW, NEW, minute(20)),
        reset(NEW),
    ];
    let state = fold(and(until(Step::LogOut), past));
    assert_eq!(state.due(), Step::SignInAgain);
}

#[test]
fn a_full_session_takes_it_back() {
    given(pending())
        .when(cancel_reset(2))
        .then([reset_cancelled(NEW)]);
    given(until(Step::Completed))
        .when(cancel_reset(2))
        .then_nothing();
    let state = fold(and(pending(), [reset_cancelled(NEW)]));
    assert_eq!(password_at(&state, counts_from()), OWN);
}

#[test]
fn to_take_it_back_ends_the_links_that_were_asked_for_since() {
    let past = and(
        pending(),
        [reset_requested(1, 6, minute(30)), reset_cancelled(NEW)],
    );
    given(past)
        .at(minute(40))
        .when(reset_password(6, 6))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn five_links_a_day_are_the_most_for_an_address() {
    let hours = |n: u128| minute(11) + SignedDuration::from_hours(i64::try_from(n).unwrap());
    let sent: Vec<Timestamp> = (0..5).map(hours).collect();
    let asked = (0..5).map(|n| reset_requested(1, 20 + n, hours(n)));
    let mut link = new_link(NEW);
    link.sent_to_address = sent;
    given(and(until(Step::Completed), asked))
        .at(hours(6))
        .when(Command::RequestPasswordReset {
            matches: true,
            link,
        })
        .refused(Refusal::BudgetSpent {
            until: minute(11) + SignedDuration::from_hours(24),
        });
}

#[test]
fn a_password_that_an_address_would_end_before_it_counts_is_not_taken() {
    let at = minute(12) + SignedDuration::from_hours(48);
    let past = [
        change_requested(7, minute(11)),
        change_followed(7),
        change_confirmed(7, minute(12)),
        reset_requested(1, NEW, at - SignedDuration::from_mins(30)),
    ];
    let past = and(until(Step::Completed), past);
    let from = minute(12) + SignedDuration::from_hours(72);
    let state = fold(past.clone());
    assert_eq!(
        link_state(&state, at, NEW),
        Ok(ResetState::AddressChanges { from })
    );
    given(past.clone())
        .at(at)
        .when(reset_password(NEW, NEW))
        .refused(Refusal::LinkReplaced);
    let earlier = at - SignedDuration::from_micros(1);
    given(past)
        .at(earlier)
        .when(reset_password(NEW, NEW))
        .then([reset_confirmed(NEW, NEW, earlier)]);
}

#[test]
fn before_its_code_a_session_takes_nothing_back() {
    let again = [
        logged_out(2, LogOutReason::Member),
        accepted(3, minute(21)),
        code_issued(3, minute(21)),
    ];
    given(and(pending(), again))
        .when(cancel_reset(3))
        .out_of_order(Step::Otp);
    given(pending())
        .when(cancel_reset(9))
        .refused(Refusal::SessionEnded);
}

#[test]
fn the_setting_and_taking_it_back_are_told_and_the_link_is_none_of_the_notices() {
    let cancelled = reset_cancelled(NEW).notice();
    assert_eq!(cancelled, Some(MailKind::PasswordResetNotice));
    let told: Vec<_> = in_force().iter().filter_map(Event::notice).collect();
    assert_eq!(
        told,
        [MailKind::AccountSetUp, MailKind::PasswordResetNotice]
    );
}

#[test]
fn a_report_a_freeze_a_new_letter_leaving_and_an_erasure_end_it_with_its_links() {
    let out = logged_out(2, LogOutReason::Staff);
    let ends = [
        vec![Event::NotMeReported {}],
        vec![out.clone(), Event::AccountFrozen {}],
        vec![out.clone(), reissued(1, minute(30))],
        vec![
            logged_out(2, LogOutReason::Left),
            Event::MemberLeft {
                import: ImportId(Uuid::from_u128(2)),
            },
        ],
        vec![out, Event::PersonalDataErased {}],
    ];
    for end in ends {
        for past in [requested(), pending()] {
            let named = format!("{end:?}");
            let state = fold(and(past, end.clone()));
            assert_ne!(password_at(&state, counts_from()), RESET, "{named}");
            let link = link_state(&state, minute(31), NEW);
            assert_eq!(link, Err(Refusal::LinkReplaced), "{named}");
        }
    }
}

#[test]
fn a_released_account_does_not_take_it_up_again() {
    let past = [Event::AccountFrozen {}, Event::AccountReleased {}];
    let state = fold(and(pending(), past));
    assert_eq!(password_at(&state, counts_from()), OWN);
}

#[test]
fn whoever_it_was_not_reports_it_before_and_after_it_counts() {
    given(pending())
        .when(report(NEW))
        .then([Event::NotMeReported {}]);
    given(pending())
        .at(counts_from())
        .when(report(NEW))
        .then([reset(NEW), Event::NotMeReported {}]);
    given(in_force())
        .when(report(NEW))
        .then([Event::NotMeReported {}]);
    given(requested())
        .when(report(NEW))
        .refused(Refusal::NoticeReplaced);
}

#[test]
fn whoever_set_it_cannot_end_what_tells_of_it() {
    for more in [
        vec![reset_cancelled(NEW)],
        vec![
            reset_requested(1, 6, minute(30)),
            reset_confirmed(6, 6, minute(40)),
        ],
    ] {
        given(and(pending(), more))
            .when(report(NEW))
            .then([Event::NotMeReported {}]);
    }
}

#[test]
fn the_notice_about_the_set_up_counts_until_a_new_letter_whatever_password_came_since() {
    let about = credential(1).into();
    for past in [pending(), in_force()] {
        assert_eq!(fold(past).notice_state(about), Ok(NoticeState::Open));
    }
    let anew = [logged_out(2, LogOutReason::Staff), reissued(1, minute(30))];
    let state = fold(and(pending(), anew));
    assert_eq!(state.notice_state(about), Err(Refusal::NoticeReplaced));
}

#[test]
fn as_many_others_as_a_week_has_room_for_do_not_push_a_notice_out() {
    let others = (100..240).flat_map(|n| {
        let at = counts_from();
        [reset_requested(1, n, at), reset_confirmed(n, n, at)]
    });
    given(and(pending(), others))
        .when(report(NEW))
        .then([Event::NotMeReported {}]);
}

/// A change of address confirmed at minute 12, and password 5 set at minute 20.
fn both() -> Vec<Event> {
    let past = [
        change_requested(7, minute(11)),
        change_followed(7),
        change_confirmed(7, minute(12)),
        reset_requested(1, NEW, minute(13)),
        reset_confirmed(NEW, NEW, minute(20)),
    ];
    and(until(Step::Completed), past)
}

#[test]
fn a_password_that_counts_first_ends_the_change_of_address() {
    let state = fold(both());
    for at in [
        counts_from(),
        counts_from() + SignedDuration::from_hours(96),
    ] {
        let then = state.as_of(at);
        assert_eq!(then.credential_in_force(), RESET);
        assert_eq!(then.contact.as_ref().map(|it| it.id), Some(contact(1)));
        assert_eq!(then.coming, None);
    }
    // However late it is told.
    given(both())
        .at(counts_from() + SignedDuration::from_hours(96))
        .when(forget(6, false))
        .then([reset(NEW), Event::PasswordResetRejected {}]);
}

#[test]
fn an_address_that_counts_first_ends_the_coming_password_and_its_links() {
    let late = minute(12 + 71 * 60);
    let past = and(
        both(),
        [
            reset_cancelled(NEW),
            reset_requested(1, 6, late),
            reset_confirmed(6, 6, late),
            reset_requested(1, 8, minute(12 + 72 * 60 - 5)),
        ],
    );
    let state = fold(past);
    let at = late + SignedDuration::from_hours(48);
    let then = state.as_of(at);
    assert_eq!(then.contact.as_ref().map(|it| it.id), Some(contact(7)));
    assert_eq!(then.credential_in_force(), OWN);
    assert_eq!(
        link_state(&state.as_of(minute(12 + 72 * 60)), minute(12 + 72 * 60), 8),
        Err(Refusal::LinkReplaced)
    );
}

#[test]
fn staff_act_on_the_password_that_counts_by_then() {
    given(pending())
        .at(counts_from())
        .when(intervene(Freeze))
        .then([
            reset(NEW),
            intervened_at(counts_from(), Freeze, Reason::SuspectedMisuse),
            Event::AccountFrozen {},
        ]);
    let past = and(in_force(), [proposed(1, ReissueCredentials, counts_from())]);
    given(past)
        .at(counts_from())
        .when(approve(1, 2))
        .then([approved(1, counts_from()), reissued(1, counts_from())]);
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
fn an_auditor_finds_a_password_that_counts_too_early_or_too_late() {
    let told = [reset(NEW), Event::PasswordResetRejected {}];
    let silent = [Event::PasswordResetRejected {}];
    let second = SignedDuration::from_secs(1);
    let (before, after) = (counts_from() - second, counts_from() + second);
    assert!(retraced(pending(), &told, (after, after)));
    assert!(!retraced(pending(), &told, (before, before)));
    assert!(retraced(pending(), &silent, (before, before)));
    assert!(!retraced(pending(), &silent, (after, after)));
    // Nobody knows on which side of the moment it was decided.
    assert!(retraced(pending(), &told, (before, after)));
    // Nor, of an append that a checkpoint cuts in two, what else was asked for: with no room for a code, it was no sign-in.
    let hour = counts_from() - SignedDuration::from_mins(50);
    let codes = (0..10).map(|n| code_issued(2, hour + SignedDuration::from_mins(n)));
    let full = fold(and(pending(), codes));
    let cut = |between| {
        let found = full.retrace(Append {
            events: &[reset(NEW)],
            between,
            limits: &Arc::new(Limits::default()),
            may_go_on: true,
        });
        found.is_ok()
    };
    assert!(cut((after, after)));
    assert!(!cut((before, before)));
    assert!(retraced(pending(), &silent, (before, after)));
}

#[test]
fn an_auditor_finds_a_password_that_no_link_set_and_a_link_to_another_address() {
    let at = (counts_from(), counts_from());
    let told = [reset(NEW), Event::PasswordResetRejected {}];
    assert!(!retraced(requested(), &told, at));
    let twenty = (minute(20), minute(20));
    let set = [reset_confirmed(9, NEW, minute(20))];
    assert!(!retraced(requested(), &set, twenty));
    let elsewhere = [reset_requested(7, NEW, minute(20))];
    assert!(!retraced(until(Step::Completed), &elsewhere, twenty));
}
