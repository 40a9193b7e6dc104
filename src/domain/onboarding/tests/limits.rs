//! How many mails may leave, how soon, and what a policy may change about it.

use super::*;
use crate::domain::onboarding::{Budget, ToAddress};
use crate::domain::policy::MailLimits;

fn spent(until: Timestamp) -> Refusal {
    Refusal::BudgetSpent { until }
}

/// Addresses 1 to `count`, each entered so many minutes after the one before.
fn addresses(count: u8, minutes_apart: i64) -> Vec<Event> {
    let entered = (1..=count).map(|n| registered(n.into(), minute(i64::from(n) * minutes_apart)));
    and(until(Step::Email), entered)
}

/// So many sign-ins with the own password, ids from 2 on, each so many minutes after the one before; the last is open.
fn sign_ins(count: u8, minutes_apart: i64) -> Vec<Event> {
    let each = (1..=count).flat_map(|n| {
        let at = minute(i64::from(n) * minutes_apart);
        let n = u128::from(n);
        let end = (n > 1).then(|| logged_out(n, LogOutReason::Superseded));
        end.into_iter()
            .chain([accepted(n + 1, at), code_issued(n + 1, at)])
    });
    and(until(Step::SignInAgain), each)
}

#[test]
fn a_link_is_not_sent_again_within_a_minute() {
    given(until(Step::EmailLink))
        .at(clock(1, 59))
        .when(resend_link(2))
        .refused(Refusal::TooSoon { until: minute(2) });
}

#[test]
fn the_minute_between_links_counts_from_the_last_of_them() {
    given(and(
        until(Step::EmailLink),
        [reissued_link(1, 2, minute(5))],
    ))
    .at(clock(5, 59))
    .when(resend_link(3))
    .refused(Refusal::TooSoon { until: minute(6) });
}

#[test]
fn a_correction_need_not_wait_a_minute() {
    given(until(Step::EmailLink))
        .at(clock(1, 1))
        .when(register_email(2))
        .then([registered(2, clock(1, 1))]);
}

fn five_links() -> Vec<Event> {
    let more = (2..=5).map(|n| reissued_link(1, n, minute(i64::try_from(n).unwrap())));
    and(until(Step::EmailLink), more)
}

#[test]
fn an_address_entered_gets_five_links() {
    given(five_links())
        .at(minute(6))
        .when(resend_link(6))
        .refused(spent(minute(1 + 24 * 60)));
}

#[test]
fn the_fifth_link_to_an_address_is_still_sent() {
    let mut past = five_links();
    past.pop();
    given(past)
        .at(minute(5))
        .when(resend_link(5))
        .then([reissued_link(1, 5, minute(5))]);
}

#[test]
fn another_address_entered_gets_links_of_its_own() {
    given(and(five_links(), [registered(6, minute(6))]))
        .at(minute(7))
        .when(resend_link(7))
        .then([reissued_link(6, 7, minute(7))]);
}

#[test]
fn a_member_gets_ten_links_an_hour_over_all_addresses() {
    given(addresses(10, 1))
        .at(minute(11))
        .when(register_email(11))
        .refused(spent(minute(61)));
}

#[test]
fn a_resend_counts_towards_the_ten_links_an_hour() {
    given(addresses(10, 1))
        .at(minute(11))
        .when(resend_link(11))
        .refused(spent(minute(61)));
}

#[test]
fn the_eleventh_link_leaves_when_the_first_is_an_hour_old() {
    given(addresses(10, 1))
        .at(minute(61))
        .when(register_email(11))
        .then([registered(11, minute(61))]);
}

#[test]
fn a_member_gets_twenty_links_a_day() {
    given(addresses(20, 10))
        .at(minute(270))
        .when(register_email(21))
        .refused(spent(minute(10 + 24 * 60)));
}

#[test]
fn the_twenty_first_link_leaves_when_the_first_is_a_day_old() {
    let day_later = minute(10 + 24 * 60);
    given(addresses(20, 10))
        .at(day_later)
        .when(register_email(21))
        .then([registered(21, day_later)]);
}

#[test]
fn disowning_an_address_gives_no_links_back() {
    let past = and(
        addresses(10, 1),
        [Event::EmailDisowned {
            contact: contact(10),
        }],
    );
    given(past)
        .at(minute(11))
        .when(register_email(11))
        .refused(spent(minute(61)));
}

#[test]
fn an_address_gets_ten_links_an_hour_whichever_members_enter_it() {
    let mut link = new_link(1);
    link.sent_to_address = vec![minute(1); 10];
    given(until(Step::Email))
        .when(Command::RegisterEmail {
            session: session(1),
            contact: contact(1),
            same_as: None,
            link,
        })
        .refused(spent(minute(61)));
}

#[test]
fn a_resend_counts_what_the_address_got_from_others() {
    let mut link = new_link(2);
    link.sent_to_address = vec![minute(1); 10];
    given(until(Step::EmailLink))
        .when(Command::ResendEmailLink {
            session: session(1),
            link,
        })
        .refused(spent(minute(61)));
}

#[test]
fn links_are_not_counted_as_codes() {
    let many = (2..=20).map(|n| reissued_link(1, n, minute(1)));
    given(and(until(Step::SignInAgain), many))
        .when(sign_in(2, OWN, PasswordCheck::Match))
        .then([accepted(2, minute(11)), code_issued(2, minute(11))]);
}

#[test]
fn a_code_is_not_sent_again_within_a_minute() {
    given(until(Step::Otp))
        .at(clock(10, 59))
        .when(resend_otp(3))
        .refused(Refusal::TooSoon { until: minute(11) });
}

#[test]
fn a_code_is_sent_again_after_a_minute() {
    given(until(Step::Otp))
        .at(minute(11))
        .when(resend_otp(3))
        .then([code_reissued(2, minute(11), minute(20))]);
}

#[test]
fn a_sign_in_mails_five_codes_until_it_lapses() {
    let more = (11..=14).map(|n| code_reissued(2, minute(n), minute(20)));
    given(and(until(Step::Otp), more))
        .at(minute(15))
        .when(resend_otp(3))
        .refused(spent(minute(25)));
}

#[test]
fn the_fifth_code_of_a_sign_in_is_still_sent() {
    let more = (11..=13).map(|n| code_reissued(2, minute(n), minute(20)));
    given(and(until(Step::Otp), more))
        .at(minute(14))
        .when(resend_otp(3))
        .then([code_reissued(2, minute(14), minute(20))]);
}

#[test]
fn a_member_gets_ten_codes_an_hour_over_all_sign_ins() {
    given(sign_ins(10, 1))
        .at(minute(11))
        .when(sign_in(12, OWN, PasswordCheck::Match))
        .refused(spent(minute(61)));
}

#[test]
fn a_wrong_password_is_rejected_whatever_the_budget() {
    given(sign_ins(10, 1))
        .at(minute(11))
        .when(sign_in(12, OWN, PasswordCheck::Mismatch))
        .then([Event::CredentialsRejected {
            why: CredentialFault::WrongPassword,
        }]);
}

#[test]
fn a_resend_counts_towards_the_ten_codes_an_hour() {
    let more = (11..=18).map(|n| code_reissued(2, minute(n), minute(20)));
    let past = and(
        and(until(Step::Otp), more),
        [
            logged_out(2, LogOutReason::Superseded),
            accepted(3, minute(19)),
            code_issued(3, minute(19)),
        ],
    );
    given(past)
        .at(minute(20))
        .when(Command::ResendOtp {
            session: session(3),
            code: new_code(4),
        })
        .refused(spent(minute(70)));
}

#[test]
fn the_eleventh_code_leaves_when_the_first_is_an_hour_old() {
    given(sign_ins(10, 1))
        .at(minute(61))
        .when(sign_in(12, OWN, PasswordCheck::Match))
        .then([
            logged_out(11, LogOutReason::Superseded),
            accepted(12, minute(61)),
            code_issued(12, minute(61)),
        ]);
}

#[test]
fn a_member_gets_twenty_codes_a_day() {
    given(sign_ins(20, 10))
        .at(minute(270))
        .when(sign_in(22, OWN, PasswordCheck::Match))
        .refused(spent(minute(10 + 24 * 60)));
}

#[test]
fn an_address_gets_ten_codes_an_hour_whichever_members_it_serves() {
    let mut code = new_code(2);
    code.sent_to_address = vec![minute(1); 10];
    given(until(Step::SignInAgain))
        .when(Command::SignIn {
            session: session(2),
            against: OWN,
            check: PasswordCheck::Match,
            lapsed: None,
            known_browser: true,
            code,
        })
        .refused(spent(minute(61)));
}

#[test]
fn a_resend_of_a_code_counts_what_the_address_got_from_others() {
    let mut code = new_code(3);
    code.sent_to_address = vec![minute(1); 10];
    given(until(Step::Otp))
        .when(Command::ResendOtp {
            session: session(2),
            code,
        })
        .refused(spent(minute(61)));
}

#[test]
fn a_sign_in_that_mails_no_code_needs_no_budget() {
    let mut code = new_code(1);
    code.sent_to_address = vec![minute(1); 99];
    given(until(Step::SignIn))
        .at(minute(2))
        .when(Command::SignIn {
            session: session(1),
            against: INITIAL,
            check: PasswordCheck::Match,
            lapsed: None,
            known_browser: true,
            code,
        })
        .then([accepted(1, minute(2))]);
}

#[test]
fn the_later_of_two_spent_budgets_decides() {
    let limits = Limits {
        email_link: crate::domain::policy::LinkLimits {
            mails: MailLimits {
                per_hour: 1,
                per_day: 1,
                ..MailLimits::default()
            },
            ..crate::domain::policy::LinkLimits::default()
        },
        ..Limits::default()
    };
    given(addresses(1, 1))
        .under(limits)
        .at(minute(2))
        .when(register_email(2))
        .refused(spent(minute(1 + 24 * 60)));
}

#[test]
fn a_policy_with_fewer_tries_counts_at_once() {
    let mut limits = Limits::default();
    limits.otp.tries = 2;
    given(and(until(Step::Otp), [4, 3].map(code_rejected)))
        .under(limits)
        .when(submit(2, CodeCheck::Match))
        .refused(Refusal::CodeDead);
}

#[test]
fn a_policy_with_a_shorter_life_of_codes_does_not_touch_those_mailed() {
    let mut limits = Limits::default();
    limits.otp.lifetime_minutes = 1;
    given(until(Step::Otp))
        .under(limits)
        .at(minute(19))
        .when(submit(2, CodeCheck::Match))
        .then([login_succeeded(2), Event::OnboardingCompleted {}]);
}

#[test]
fn mails_older_than_a_day_are_forgotten() {
    let sent = fold(addresses(20, 24 * 60)).links_sent;
    assert_eq!(sent, [minute(20 * 24 * 60)]);
}

#[test]
fn the_end_of_time_stops_nobody() {
    let past = and(
        until(Step::SignInAgain),
        [accepted(2, Timestamp::MAX), code_issued_at_the_end()],
    );
    given(past)
        .at(Timestamp::MAX)
        .when(resend_otp(3))
        .then([code_reissued(3, Timestamp::MAX, Timestamp::MAX)]);
}

fn code_issued_at_the_end() -> Event {
    Event::OtpIssued {
        session: session(2),
        challenge: challenge(2),
        key: key(),
        language: Language::Ja,
        at: Timestamp::MAX,
        expires_at: Timestamp::MAX,
    }
}

/// What staff are shown of budgets, so many minutes after the first sign-in.
fn shown_spent(past: Vec<Event>, at: Timestamp) -> Vec<(Budget, Option<Timestamp>)> {
    fold(past).spent(at, &Limits::default(), &ToAddress::default())
}

#[test]
fn what_staff_are_shown_of_a_spent_budget_opens_when_the_member_is_no_longer_refused() {
    let opens = minute(1 + 24 * 60);
    assert_eq!(
        shown_spent(five_links(), minute(6)),
        [(Budget::EmailLinks, Some(opens))]
    );
    assert_eq!(shown_spent(five_links(), opens), []);
    given(five_links())
        .at(opens)
        .when(resend_link(6))
        .then([reissued_link(1, 6, opens)]);
}

#[test]
fn staff_are_shown_that_another_sign_in_brings_new_tries_at_the_code() {
    let wrong = |left| Event::OtpRejected { tries_left: left };
    let past = and(until(Step::Otp), [4, 3, 2, 1].map(wrong));
    assert_eq!(shown_spent(past.clone(), minute(11)), []);
    let past = and(past, [wrong(0)]);
    assert_eq!(shown_spent(past, minute(11)), [(Budget::CodeTries, None)]);
}

#[test]
fn staff_are_shown_mails_of_others_to_the_same_address() {
    let to_address = ToAddress {
        codes: (1..=10).map(minute).collect(),
        ..ToAddress::default()
    };
    let state = fold(until(Step::SignInAgain));
    let spent = state.spent(minute(11), &Limits::default(), &to_address);
    assert_eq!(spent, [(Budget::Codes, Some(minute(61)))]);
}

#[test]
fn of_somebody_who_is_forgotten_no_budget_is_shown() {
    let past = and(five_links(), [Event::PersonalDataErased {}]);
    assert_eq!(shown_spent(past, minute(6)), []);
}
