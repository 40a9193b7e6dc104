//! How long a proof of identity counts and for what, and how often waiting times are lifted, by the policy.

use super::*;
use Intervention::*;

/// As in the sample policy.
fn strict() -> Limits {
    let mut limits = Limits::default();
    limits.support.proofing_hours = Some(72);
    limits.support.lifts_per_day = Some(3);
    limits
}

fn proofing() -> Event {
    intervened(RecordProofing, Reason::InPerson)
}

fn lifted(at: Timestamp) -> Event {
    intervened_at(at, LiftWait, Reason::LockedOut)
}

/// Recorded at minute 11.
fn proven() -> Vec<Event> {
    and(
        until(Step::SignInAgain),
        [Event::NotMeReported {}, proofing()],
    )
}

#[test]
fn a_proof_counts_for_as_long_as_the_policy_says() {
    let end = minute(11) + SignedDuration::from_hours(72);
    let just_before = end - SignedDuration::from_secs(1);
    given(proven())
        .under(strict())
        .at(just_before)
        .when(propose(1, Release))
        .then([proposed(1, Release, just_before)]);
    given(proven())
        .under(strict())
        .at(end)
        .when(propose(1, Release))
        .refused(Refusal::NotProven);
}

#[test]
fn a_proof_that_has_become_too_old_meanwhile_lets_nothing_be_approved() {
    let end = minute(11) + SignedDuration::from_hours(72);
    given(and(proven(), [proposed(1, Release, minute(60))]))
        .under(strict())
        .at(end)
        .when(approve(1, 2))
        .refused(Refusal::NotProven);
}

#[test]
fn a_proof_without_a_moment_counts_only_where_none_grows_too_old() {
    let untold = Event::Intervened {
        intervention: RecordProofing,
        grounds: grounds(Reason::InPerson),
        staff: staff(1),
        at: None,
    };
    let past = and(until(Step::SignInAgain), [Event::NotMeReported {}, untold]);
    given(past.clone())
        .when(propose(1, Release))
        .then([proposed(1, Release, minute(11))]);
    given(past)
        .under(strict())
        .when(propose(1, Release))
        .refused(Refusal::NotProven);
}

#[test]
fn an_address_that_was_taken_away_has_used_the_proof_up() {
    let cleared = Event::EmailCleared {
        contact: contact(1),
    };
    let past = and(
        until(Step::OtpMethod),
        [
            proofing(),
            cleared,
            registered(2, minute(11)),
            followed(2),
            verified(2),
        ],
    );
    given(past.clone())
        .when(propose(2, ClearEmail))
        .then([proposed(2, ClearEmail, minute(11))]);
    given(past)
        .under(strict())
        .when(propose(2, ClearEmail))
        .refused(Refusal::NotProven);
}

#[test]
fn an_address_that_nobody_had_confirmed_is_taken_away_without_using_a_proof() {
    let cleared = Event::EmailCleared {
        contact: contact(1),
    };
    let state = fold(and(until(Step::EmailUpdate), [proofing(), cleared]));
    assert!(state.proven(minute(11), &strict()).is_some());
}

#[test]
fn a_new_letter_has_used_the_proof_up() {
    let past = and(
        until(Step::Completed),
        [
            proofing(),
            logged_out(2, LogOutReason::Staff),
            reissued(1, minute(11)),
        ],
    );
    let state = fold(past);
    assert!(state.proven(minute(11), &Limits::default()).is_some());
    assert!(state.proven(minute(11), &strict()).is_none());
}

/// Under a policy that asks for it.
fn letters_take_a_proof() -> Limits {
    let mut limits = strict();
    limits.support.reissue_takes_proof = true;
    limits
}

#[test]
fn a_new_letter_takes_a_proof_once_it_would_take_over_an_address_or_a_password() {
    for step in [Step::OtpMethod, Step::Password, Step::Completed] {
        given(until(step))
            .under(letters_take_a_proof())
            .when(propose(1, ReissueCredentials))
            .refused(Refusal::NotProven);
        given(and(until(step), [proofing()]))
            .under(letters_take_a_proof())
            .when(propose(1, ReissueCredentials))
            .then([proposed(1, ReissueCredentials, minute(11))]);
    }
}

#[test]
fn a_new_letter_takes_no_proof_as_long_as_nothing_of_the_member_s_counts() {
    for step in [Step::SignIn, Step::Email, Step::EmailUpdate] {
        given(until(step))
            .under(letters_take_a_proof())
            .when(propose(1, ReissueCredentials))
            .then([proposed(1, ReissueCredentials, minute(11))]);
    }
}

#[test]
fn a_letter_proposed_before_there_was_an_address_takes_a_proof_when_it_is_approved() {
    let past = and(
        until(Step::EmailUpdate),
        [proposed(1, ReissueCredentials, minute(10)), verified(1)],
    );
    given(past)
        .under(letters_take_a_proof())
        .when(approve(1, 2))
        .refused(Refusal::NotProven);
}

#[test]
fn what_waits_for_a_proof_alone_is_told() {
    let limits = letters_take_a_proof();
    let waits = |step, what| fold(until(step)).waits_for_proof(minute(11), &limits, what);
    assert!(waits(Step::Password, ReissueCredentials));
    assert!(waits(Step::Password, ClearEmail));
    assert!(!waits(Step::Email, ReissueCredentials));
    // No proof takes away an address that codes go to.
    assert!(!waits(Step::Completed, ClearEmail));
}

#[test]
fn a_proof_tells_who_recorded_it_when_and_how() {
    let state = fold(proven());
    let proofing = state.proven(minute(12), &strict()).unwrap();
    assert_eq!(
        (proofing.by, proofing.at, proofing.reason),
        (staff(1), Some(minute(11)), Reason::InPerson)
    );
}

#[test]
fn waiting_times_are_lifted_only_so_often_in_a_day() {
    let thrice = and(
        until(Step::Email),
        [lifted(minute(1)), lifted(minute(2)), lifted(minute(3))],
    );
    given(thrice.clone())
        .under(strict())
        .when(intervene(LiftWait))
        .refused(Refusal::LiftsSpent);
    let a_day_later = minute(1 + 24 * 60);
    given(thrice)
        .under(strict())
        .at(a_day_later)
        .when(intervene(LiftWait))
        .then([lifted(a_day_later)]);
}

/// As `intervene(LiftWait)`, of a member who has failed last at that minute.
fn lift_after(failed: i64) -> Command {
    Command::Intervene {
        intervention: LiftWait,
        grounds: grounds(Reason::LockedOut),
        staff: staff(1),
        failed_at: Some(minute(failed)),
        link: new_link(1),
    }
}

#[test]
fn a_lift_that_is_asked_for_twice_is_one_also_where_none_is_left() {
    let thrice = and(
        until(Step::Email),
        [lifted(minute(1)), lifted(minute(2)), lifted(minute(4))],
    );
    given(thrice.clone())
        .under(strict())
        .when(lift_after(3))
        .then_nothing();
    given(thrice)
        .under(strict())
        .when(lift_after(5))
        .refused(Refusal::LiftsSpent);
}

#[test]
fn a_failure_after_the_last_lift_needs_another() {
    given(and(until(Step::Email), [lifted(minute(4))]))
        .under(strict())
        .when(lift_after(5))
        .then([lifted(minute(11))]);
}

#[test]
fn the_next_lift_is_possible_a_day_after_the_first_of_those_that_are_spent() {
    let lifts = [lifted(minute(1)), lifted(minute(2)), lifted(minute(3))];
    let spent = fold(and(until(Step::Email), lifts));
    let a_day_later = minute(1 + 24 * 60);
    assert_eq!(spent.lifts_from(minute(11), &strict()), Some(a_day_later));
    assert_eq!(spent.lifts_from(a_day_later, &strict()), None);
}

#[test]
fn a_new_letter_gives_no_further_lifts() {
    let past = and(
        until(Step::Email),
        [
            lifted(minute(1)),
            lifted(minute(2)),
            lifted(minute(3)),
            logged_out(1, LogOutReason::Staff),
            reissued(1, minute(4)),
        ],
    );
    given(past)
        .under(strict())
        .when(intervene(LiftWait))
        .refused(Refusal::LiftsSpent);
}

#[test]
fn a_policy_of_before_lets_waiting_times_be_lifted_however_often() {
    let often = and(until(Step::Email), (0..11).map(|n| lifted(minute(n))));
    given(often)
        .when(intervene(LiftWait))
        .then([lifted(minute(11))]);
}

#[test]
fn the_member_is_told_of_a_lifted_wait_and_of_a_proof_but_not_of_those_of_before() {
    use crate::domain::delivery::MailKind;
    for event in [lifted(minute(1)), proofing()] {
        assert_eq!(event.notice(), Some(MailKind::SupportActed));
    }
    assert_eq!(lifted_before().notice(), None);
}

/// What the check of a package finds of one event under these limits.
fn found(event: &Event, limits: Limits) -> Result<(), crate::domain::onboarding::Illegal> {
    fold(until(Step::Email)).retrace(Append {
        events: std::slice::from_ref(event),
        between: (minute(11), minute(12)),
        limits: &Arc::new(limits),
        may_go_on: false,
    })
}

#[test]
fn what_staff_did_without_a_moment_is_legal_only_under_a_policy_of_before() {
    assert_eq!(found(&lifted_before(), Limits::default()), Ok(()));
    assert!(found(&lifted_before(), strict()).is_err());
    assert_eq!(found(&lifted(minute(11)), strict()), Ok(()));
}

#[test]
fn a_release_by_one_is_legal_only_under_a_policy_of_before() {
    let past = and(
        super::support::at_rest(Step::Email),
        [Event::AccountFrozen {}],
    );
    let frozen = fold(past);
    let alone = [
        intervened(Release, Reason::Mistaken),
        Event::AccountReleased {},
    ];
    let found = |limits: Limits| {
        frozen.retrace(Append {
            events: &alone,
            between: (minute(11), minute(12)),
            limits: &Arc::new(limits),
            may_go_on: false,
        })
    };
    assert_eq!(found(Limits::default()), Ok(()));
    let mut by_two = Limits::default();
    by_two.support.release_takes_two = true;
    assert!(found(by_two).is_err());
}

/// A lift as the program of before stored it.
fn lifted_before() -> Event {
    serde_json::from_value(serde_json::json!({
        "type": "Intervened", "intervention": "lift_wait", "staff": staff(1),
        "grounds": {"reason": "locked_out", "ticket": "HD-1"},
    }))
    .unwrap()
}
