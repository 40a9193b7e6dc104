//! What staff may do for a member, alone or with a second person, and what a browser that nobody knows may do.

use super::*;
use crate::domain::onboarding::{Ticket, Verdict};
use Intervention::*;

/// The usual story up to `step`, with the session ended.
pub(super) fn at_rest(step: Step) -> Vec<Event> {
    and(until(step), [logged_out(1, LogOutReason::Member)])
}

const SECOND_LETTER: CredentialInForce = CredentialInForce::Initial(1);

fn sign_in_against(n: u128, against: CredentialInForce) -> Command {
    sign_in(n, against, PasswordCheck::Match)
}

fn cleared(n: u128) -> Event {
    Event::EmailCleared {
        contact: contact(n),
    }
}

fn frozen_by_report() -> Vec<Event> {
    and(until(Step::SignInAgain), [Event::NotMeReported {}])
}

fn proofing() -> Event {
    intervened(RecordProofing, Reason::InPerson)
}

#[test]
fn staff_mail_the_link_again_under_the_member_s_own_budget() {
    given(until(Step::EmailLink))
        .when(intervene(ResendEmailLink))
        .then([
            intervened(ResendEmailLink, Reason::MailNotReceived),
            reissued_link(1, 9, minute(11)),
        ]);
    given(until(Step::EmailLink))
        .at(clock(1, 30))
        .when(intervene(ResendEmailLink))
        .refused(Refusal::TooSoon { until: minute(2) });
}

#[test]
fn a_link_that_was_followed_needs_no_other() {
    given(until(Step::EmailUpdate))
        .when(intervene(ResendEmailLink))
        .then_nothing();
}

#[test]
fn staff_take_an_address_away_that_is_not_verified_yet() {
    given(until(Step::EmailUpdate))
        .when(intervene(ClearEmail))
        .then([intervened(ClearEmail, Reason::AddressMistyped), cleared(1)]);
    let past = and(until(Step::EmailUpdate), [cleared(1)]);
    assert_eq!(fold(past).due(), Step::Email);
}

#[test]
fn a_link_to_an_address_that_was_taken_away_leads_nowhere() {
    given(and(until(Step::EmailLink), [cleared(1)]))
        .when(follow(1, 1))
        .refused(Refusal::LinkReplaced);
}

#[test]
fn a_verified_address_is_taken_away_by_two_people_only() {
    let past = until(Step::Password);
    given(past.clone())
        .when(intervene(ClearEmail))
        .refused(Refusal::NeedsApproval);
    given(past.clone())
        .when(propose(1, ClearEmail))
        .refused(Refusal::NotProven);
    let proven = and(past, [proofing(), proposed(1, ClearEmail, minute(10))]);
    given(proven)
        .when(approve(1, 2))
        .then([approved(1, minute(11)), cleared(1)]);
}

#[test]
fn an_address_that_codes_go_to_is_not_taken_away() {
    given(until(Step::Completed))
        .when(propose(1, ClearEmail))
        .out_of_order(Step::Completed);
}

#[test]
fn staff_end_a_session_and_freeze_an_account_with_it() {
    given(until(Step::Email)).when(intervene(EndSession)).then([
        intervened(EndSession, Reason::DeviceLost),
        logged_out(1, LogOutReason::Staff),
    ]);
    given(until(Step::Email)).when(intervene(Freeze)).then([
        intervened(Freeze, Reason::SuspectedMisuse),
        logged_out(1, LogOutReason::Staff),
        Event::AccountFrozen {},
    ]);
}

#[test]
fn what_stands_already_is_not_done_twice() {
    let frozen = and(at_rest(Step::Email), [Event::AccountFrozen {}]);
    given(frozen).when(intervene(Freeze)).then_nothing();
    given(at_rest(Step::Email))
        .when(intervene(EndSession))
        .then_nothing();
    given(at_rest(Step::Email))
        .when(intervene(Release))
        .then_nothing();
    given(until(Step::Email))
        .when(intervene(ClearEmail))
        .then_nothing();
}

#[test]
fn under_a_policy_of_before_an_account_that_staff_froze_is_released_by_one_and_goes_on_where_it_was()
 {
    let frozen = and(at_rest(Step::Email), [Event::AccountFrozen {}]);
    given(frozen.clone())
        .when(sign_in(2, INITIAL, PasswordCheck::Match))
        .refused(Refusal::Frozen);
    let released = [
        intervened(Release, Reason::IdentityProven),
        Event::AccountReleased {},
    ];
    given(frozen.clone())
        .when(intervene(Release))
        .then(released.clone());
    given(and(frozen, released))
        .when(sign_in(2, INITIAL, PasswordCheck::Match))
        .then([accepted(2, minute(11))]);
}

#[test]
fn where_the_policy_asks_for_two_nobody_releases_an_account_alone() {
    let mut strict = Limits::default();
    strict.support.release_takes_two = true;
    let frozen = and(at_rest(Step::Email), [Event::AccountFrozen {}]);
    given(frozen.clone())
        .under(strict.clone())
        .when(intervene(Release))
        .refused(Refusal::NeedsApproval);
    given(frozen.clone())
        .under(strict.clone())
        .when(propose(1, Release))
        .then([proposed(1, Release, minute(11))]);
    given(and(frozen, [proposed(1, Release, minute(10))]))
        .under(strict)
        .when(approve(1, 2))
        .then([approved(1, minute(11)), Event::AccountReleased {}]);
}

#[test]
fn after_a_report_that_it_was_not_the_member_two_people_and_a_proof_release_and_the_member_starts_over()
 {
    let past = frozen_by_report();
    given(past.clone())
        .when(intervene(Release))
        .refused(Refusal::NeedsApproval);
    given(past.clone())
        .when(propose(1, Release))
        .refused(Refusal::NotProven);
    let proven = and(past, [proofing()]);
    given(proven.clone())
        .when(propose(1, Release))
        .then([proposed(1, Release, minute(11))]);
    given(and(proven, [proposed(1, Release, minute(10))]))
        .when(approve(1, 2))
        .then([
            approved(1, minute(11)),
            Event::AccountReleased {},
            reissued(1, minute(11)),
        ]);
}

#[test]
fn a_proof_from_before_the_report_proves_nothing() {
    let past = and(
        until(Step::SignInAgain),
        [proofing(), Event::NotMeReported {}],
    );
    given(past)
        .when(propose(1, Release))
        .refused(Refusal::NotProven);
}

#[test]
fn a_report_after_a_freeze_by_staff_still_asks_for_two_people() {
    let past = and(
        until(Step::SignInAgain),
        [Event::AccountFrozen {}, Event::NotMeReported {}],
    );
    given(past)
        .when(intervene(Release))
        .refused(Refusal::NeedsApproval);
}

#[test]
fn a_new_letter_takes_two_people() {
    given(until(Step::Email))
        .when(intervene(ReissueCredentials))
        .refused(Refusal::NeedsApproval);
    given(and(
        until(Step::Email),
        [proposed(1, ReissueCredentials, minute(10))],
    ))
    .when(approve(1, 2))
    .then([
        approved(1, minute(11)),
        logged_out(1, LogOutReason::Staff),
        reissued(1, minute(11)),
    ]);
}

#[test]
fn by_a_new_letter_the_member_starts_over_and_nothing_set_before_counts() {
    let state = fold(and(
        until(Step::Completed),
        [logged_out(2, LogOutReason::Staff), reissued(1, minute(11))],
    ));
    assert_eq!(state.due(), Step::SignIn);
    assert_eq!(state.credential_in_force(), SECOND_LETTER);
    assert_eq!(state.contact, None);
    assert!(!state.completed);
    assert_eq!(state.reissues, 1);
}

#[test]
fn a_new_letter_counts_from_its_issue_for_as_long_as_the_first_did() {
    let past = and(at_rest(Step::Email), [reissued(1, minute(11))]);
    let thirty_days_on = minute(11 + 30 * 24 * 60);
    given(past.clone())
        .at(thirty_days_on - SignedDuration::from_secs(1))
        .when(sign_in_against(2, SECOND_LETTER))
        .then([accepted(2, thirty_days_on - SignedDuration::from_secs(1))]);
    given(past)
        .at(thirty_days_on)
        .when(sign_in_against(2, SECOND_LETTER))
        .refused(Refusal::WindowClosed);
}

#[test]
fn each_new_letter_has_the_next_number() {
    let past = and(
        at_rest(Step::Email),
        [
            reissued(1, minute(5)),
            proposed(2, ReissueCredentials, minute(10)),
        ],
    );
    given(past)
        .when(approve(2, 2))
        .then([approved(2, minute(11)), reissued(2, minute(11))]);
}

#[test]
fn an_account_that_staff_froze_gets_a_letter_and_stays_frozen() {
    let past = and(
        at_rest(Step::Email),
        [
            Event::AccountFrozen {},
            proposed(1, ReissueCredentials, minute(10)),
        ],
    );
    given(past.clone())
        .when(approve(1, 2))
        .then([approved(1, minute(11)), reissued(1, minute(11))]);
    let reissued = and(past, [approved(1, minute(11)), reissued(1, minute(11))]);
    assert!(fold(reissued).frozen);
}

#[test]
fn after_a_report_a_letter_comes_with_the_release_alone() {
    given(frozen_by_report())
        .when(propose(1, ReissueCredentials))
        .refused(Refusal::Frozen);
}

#[test]
fn a_sign_in_that_was_compared_with_the_letter_before_is_compared_again() {
    let past = and(at_rest(Step::Email), [reissued(1, minute(5))]);
    given(past)
        .when(sign_in_against(2, INITIAL))
        .refused(Refusal::StaleFacts);
}

#[test]
fn what_was_proposed_of_how_a_member_stood_cannot_be_approved_of_how_they_stand_now() {
    let letter = and(
        at_rest(Step::Email),
        [
            proposed(1, ReissueCredentials, minute(3)),
            reissued(1, minute(5)),
        ],
    );
    given(letter)
        .when(approve(1, 2))
        .refused(Refusal::NoProposal);
    let address = and(
        until(Step::OtpMethod),
        [
            proofing(),
            proposed(1, ClearEmail, minute(5)),
            registered(2, minute(6)),
        ],
    );
    given(address)
        .when(approve(1, 2))
        .refused(Refusal::NoProposal);
}

#[test]
fn an_approval_that_would_do_nothing_is_none() {
    let past = and(
        frozen_by_report(),
        [
            proofing(),
            proposed(1, Release, minute(10)),
            Event::AccountReleased {},
        ],
    );
    given(past)
        .when(approve(1, 2))
        .refused(Refusal::NothingToDo);
}

#[test]
fn a_session_that_waits_for_a_code_learns_nothing_of_the_address_and_ends_with_it() {
    let past = and(
        at_rest(Step::OtpMethod),
        [
            accepted(2, minute(10)),
            code_issued(2, minute(10)),
            proofing(),
        ],
    );
    given(past.clone())
        .when(Command::RegisterEmail {
            session: session(2),
            contact: contact(7),
            same_as: Some(contact(1)),
            link: new_link(7),
        })
        .out_of_order(Step::Otp);
    given(and(past, [proposed(1, ClearEmail, minute(10))]))
        .when(approve(1, 2))
        .then([
            approved(1, minute(11)),
            logged_out(2, LogOutReason::Staff),
            cleared(1),
        ]);
}

#[test]
fn what_needs_nobody_else_is_not_proposed() {
    given(until(Step::EmailLink))
        .when(propose(1, ClearEmail))
        .refused(Refusal::NeedsNoApproval);
}

#[test]
fn nobody_approves_their_own_proposal() {
    given(and(
        until(Step::Email),
        [proposed(1, ReissueCredentials, minute(10))],
    ))
    .when(approve(1, 1))
    .refused(Refusal::OwnProposal);
}

#[test]
fn a_proposal_that_was_pressed_twice_is_one_and_so_is_its_approval() {
    let past = and(
        until(Step::Email),
        [proposed(1, ReissueCredentials, minute(10))],
    );
    given(past.clone())
        .when(propose(1, ReissueCredentials))
        .then_nothing();
    given(past.clone())
        .when(propose(2, ReissueCredentials))
        .refused(Refusal::AlreadyProposed);
    let done = [
        approved(1, minute(10)),
        logged_out(1, LogOutReason::Staff),
        reissued(1, minute(10)),
    ];
    given(and(past, done)).when(approve(1, 2)).then_nothing();
}

#[test]
fn a_proposal_ends_when_it_is_declined_or_its_time_is_over() {
    let past = and(
        until(Step::Email),
        [proposed(1, ReissueCredentials, minute(10))],
    );
    let declined = Event::InterventionDeclined {
        proposal: proposal(1),
        staff: staff(1),
    };
    given(past.clone())
        .when(decline(1, 1))
        .then([declined.clone()]);
    given(and(past.clone(), [declined]))
        .when(approve(1, 2))
        .refused(Refusal::ProposalOver);
    given(past.clone())
        .at(minute(10) + SignedDuration::from_hours(72))
        .when(approve(1, 2))
        .refused(Refusal::ProposalOver);
    given(past).when(approve(2, 2)).refused(Refusal::NoProposal);
}

#[test]
fn personal_data_are_shown_to_whoever_asked_once_another_approved_and_for_a_while() {
    given(until(Step::Email))
        .when(intervene(Unmask))
        .refused(Refusal::NeedsApproval);
    let state = fold(and(
        until(Step::Email),
        [proposed(1, Unmask, minute(10)), approved(1, minute(11))],
    ));
    assert_eq!(
        state.proposal(proposal(1)).unwrap().verdict,
        Some(Verdict::Approved { at: minute(11) })
    );
    let until = minute(11 + 60);
    let limits = Limits::default();
    assert!(state.unmasking_for(staff(1), minute(11), &limits).is_some());
    assert!(state.unmasking_for(staff(2), minute(11), &limits).is_none());
    assert!(state.unmasking_for(staff(1), until, &limits).is_none());
}

#[test]
fn two_people_erase_a_person_and_nothing_can_be_asked_of_them_any_more() {
    let erased = and(until(Step::Email), [proposed(1, Erase, minute(10))]);
    given(erased.clone()).when(approve(1, 2)).then([
        approved(1, minute(11)),
        logged_out(1, LogOutReason::Staff),
        Event::PersonalDataErased {},
    ]);
    let gone = and(
        erased,
        [
            approved(1, minute(10)),
            logged_out(1, LogOutReason::Staff),
            Event::PersonalDataErased {},
        ],
    );
    given(gone.clone())
        .when(sign_in(2, INITIAL, PasswordCheck::Match))
        .refused(Refusal::Erased);
    given(gone.clone()).when(intervene(Freeze)).then_nothing();
    given(gone.clone())
        .when(propose(2, ReissueCredentials))
        .refused(Refusal::NothingToDo);
    given(gone).when(approve(1, 2)).then_nothing();
}

#[test]
fn a_reason_has_to_be_one_of_the_intervention_s_own() {
    let command = Command::Intervene {
        intervention: Freeze,
        grounds: grounds(Reason::LetterLost),
        staff: staff(1),
        failed_at: None,
        link: new_link(9),
    };
    given(until(Step::Email))
        .when(command)
        .refused(Refusal::OtherReason);
}

#[test]
fn a_ticket_is_a_short_number_and_no_member_s() {
    for good in ["A", "HD-20260402-0001", "a1"] {
        assert_eq!(good.parse::<Ticket>().unwrap().as_str(), good);
    }
    for bad in [
        "",
        "1111",
        "1111-111",
        "HD 1",
        "HD_1",
        "門出",
        "HD-34567890123456789012",
    ] {
        assert!(bad.parse::<Ticket>().is_err(), "{bad}");
    }
}

#[test]
fn a_browser_that_nobody_knows_needs_a_code_as_soon_as_there_is_an_address() {
    given(at_rest(Step::EmailUpdate))
        .when(sign_in_elsewhere(2))
        .then([accepted(2, minute(11))]);
    given(at_rest(Step::OtpMethod))
        .when(sign_in_elsewhere(2))
        .then([accepted(2, minute(11)), code_issued(2, minute(11))]);
    given(at_rest(Step::OtpMethod))
        .when(sign_in(2, INITIAL, PasswordCheck::Match))
        .then([accepted(2, minute(11))]);
}

#[test]
fn before_the_code_no_step_can_be_taken_and_after_it_the_step_is_due_that_was() {
    let past = and(
        at_rest(Step::Password),
        [accepted(2, minute(11)), code_issued(2, minute(11))],
    );
    let set_password = || Command::ChangePassword {
        session: session(2),
        credential: credential(1),
        form: form(1),
    };
    given(past.clone())
        .when(set_password())
        .out_of_order(Step::Otp);
    given(past.clone())
        .when(submit(2, CodeCheck::Match))
        .then([sign_in_confirmed(2)]);
    let confirmed = and(past, [sign_in_confirmed(2)]);
    let state = fold(confirmed.clone());
    assert_eq!(state.due(), Step::Password);
    assert_eq!(state.session_kind(), Some(SessionKind::Onboarding));
    given(confirmed.clone())
        .when(set_password())
        .then([password_changed(1), Event::FirstLoginCompleted {}]);
    given(confirmed)
        .when(submit(2, CodeCheck::Spent))
        .then_nothing();
}

#[test]
fn the_code_s_tries_are_counted_here_too() {
    let past = and(
        at_rest(Step::Password),
        [accepted(2, minute(11)), code_issued(2, minute(11))],
    );
    given(past.clone())
        .when(submit(2, CodeCheck::Mismatch))
        .then([code_rejected(4)]);
    given(and(past, (0..5).map(code_rejected)))
        .when(submit(2, CodeCheck::Match))
        .refused(Refusal::CodeDead);
}
