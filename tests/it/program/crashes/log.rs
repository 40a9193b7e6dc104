//! What must be true of the log after whatever happened: it only grew, each member's history is a legal one, and every step
//! that was acknowledged is in it.

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate;
use kadode::domain::onboarding::{Event, Onboarding, Step};
use kadode::store::Recorded;

use super::load::Acknowledged;
use super::seen::Seen;

/// The steps on the way that the clients take: each is stored once, and answered.
pub(super) const STEPS: [&str; 6] = [
    "BirthDateConfirmed",
    "EmailRegistered",
    "EmailLinkFollowed",
    "EmailVerified",
    "OtpMethodChosen",
    "PasswordChanged",
];

/// What is stored once beside them.
const BESIDE: [&str; 3] = [
    "MemberEnrolled",
    "FirstLoginCompleted",
    "OnboardingCompleted",
];

/// Fails unless positions have no gap, times do not run back, and each member's history is legal and complete.
pub(super) fn expect_legal(log: &[Recorded], members: usize) {
    for (position, event) in (1..).zip(log) {
        assert_eq!(event.position, position);
    }
    for pair in log.windows(2) {
        assert!(pair[0].recorded_at <= pair[1].recorded_at, "{:?}", pair[1]);
    }
    let histories = histories(log);
    assert_eq!(histories.len(), members);
    for history in histories.values() {
        expect_legal_history(history);
    }
}

fn histories(log: &[Recorded]) -> HashMap<&str, Vec<&Recorded>> {
    let mut histories: HashMap<&str, Vec<&Recorded>> = HashMap::new();
    for event in log.iter().filter(|event| event.stream_kind == "onboarding") {
        let history = histories.entry(&event.stream_id).or_default();
        history.push(event);
    }
    histories
}

fn expect_legal_history(history: &[&Recorded]) {
    let mut state = Onboarding::default();
    for (sequence, recorded) in (1..).zip(history) {
        assert_eq!(recorded.sequence, sequence);
        let event: Event = serde_json::from_value(recorded.payload.clone()).unwrap();
        assert!(
            may_follow(&state, &event),
            "{event:?} is out of order at {}",
            recorded.position
        );
        state.apply(event);
    }
    for name in STEPS.into_iter().chain(BESIDE) {
        let count = history.iter().filter(|it| it.event_type == name).count();
        assert_eq!(count, 1, "{name}");
    }
    assert_eq!(state.due(), Step::Completed);
}

/// Whether an event may follow on a state, told from the manual's order alone.
fn may_follow(state: &Onboarding, event: &Event) -> bool {
    let due = state.due();
    match event {
        Event::MemberEnrolled { .. } => state.enrolment.is_none(),
        Event::CredentialsAccepted { .. } => state.session.is_none(),
        Event::CredentialsRejected { .. } => true,
        Event::LoggedOut { session, .. } => {
            state.session.as_ref().is_some_and(|it| it.id == *session)
        }
        Event::BirthDateConfirmed {} => due == Step::BirthDate,
        Event::EmailRegistered { .. } => due == Step::Email,
        Event::EmailLinkFollowed { .. } => due == Step::EmailLink,
        Event::EmailVerified { .. } => due == Step::EmailUpdate,
        Event::OtpMethodChosen { .. } => due == Step::OtpMethod,
        Event::PasswordChanged { .. } => due == Step::Password,
        // In the same append as the password, and nowhere else.
        Event::FirstLoginCompleted {} => state.password.is_some() && !state.logged_out,
        // Before step 9, the event itself makes the session one that waits for a code.
        Event::OtpIssued { .. } => {
            let has_address = state.contact.as_ref().is_some_and(|it| it.verified);
            let waits = due == Step::Otp || (state.password.is_none() && has_address);
            waits && state.challenge.is_none()
        }
        Event::OtpLoginSucceeded { challenge, .. } | Event::SignInConfirmed { challenge, .. } => {
            due == Step::Otp
                && state
                    .challenge
                    .as_ref()
                    .is_some_and(|it| it.id == *challenge)
        }
        Event::OnboardingCompleted {} => state.spent_challenge.is_some() && !state.completed,
        // The clients never ask for these.
        Event::BirthDateRejected {}
        | Event::TermsAccepted { .. }
        | Event::EmailLinkReissued { .. }
        | Event::EmailDisowned { .. }
        | Event::EmailChangeRequested { .. }
        | Event::EmailChangeLinkFollowed { .. }
        | Event::EmailChangeDisowned { .. }
        | Event::EmailChangeConfirmed { .. }
        | Event::EmailChangeCancelled { .. }
        | Event::EmailChanged { .. }
        | Event::PasswordReplaced { .. }
        | Event::PasswordResetRequested { .. }
        | Event::PasswordResetRejected {}
        | Event::PasswordResetConfirmed { .. }
        | Event::PasswordResetCancelled { .. }
        | Event::PasswordReset { .. }
        | Event::OtpReissued { .. }
        | Event::OtpRejected { .. }
        | Event::NotMeReported {}
        | Event::Intervened { .. }
        | Event::InterventionProposed { .. }
        | Event::InterventionApproved { .. }
        | Event::InterventionDeclined { .. }
        | Event::EmailCleared { .. }
        | Event::AccountFrozen {}
        | Event::AccountReleased {}
        | Event::PersonalDataErased {}
        | Event::ProfileChanged { .. }
        | Event::MemberLeft { .. }
        | Event::MemberReminded { .. }
        | Event::MemberReturned { .. }
        | Event::CredentialsReissued { .. } => false,
    }
}

/// Fails unless every step that a run acknowledged was in the log when that run ended. `members` are the members' ids by
/// their number.
pub(super) fn expect_kept(
    acknowledged: &[Acknowledged],
    members: &[String],
    log: &[Recorded],
    seen: &Seen,
) {
    let histories = histories(log);
    let mut counts: HashMap<(usize, &str), usize> = HashMap::new();
    let mut acknowledged = acknowledged.to_vec();
    acknowledged.sort_by_key(|step| step.run);
    for step in &acknowledged {
        let count = counts.entry((step.member, step.event)).or_default();
        *count += 1;
        let until = seen.length_after(step.run);
        let stored = histories[members[step.member].as_str()]
            .iter()
            .filter(|event| event.event_type == step.event && event.position <= until)
            .count();
        assert!(stored >= *count, "{step:?} is not in the log");
    }
}

/// How many steps were stored by a run that was killed before it had answered. Each was asked again.
pub(super) fn unanswered(
    acknowledged: &[Acknowledged],
    members: &[String],
    log: &[Recorded],
    seen: &Seen,
) -> usize {
    let answered: HashSet<(&str, &str, usize)> = acknowledged
        .iter()
        .map(|step| (members[step.member].as_str(), step.event, step.run))
        .collect();
    let without = log.iter().filter(|event| {
        let run = seen.run_at(event.position);
        STEPS.contains(&event.event_type.as_str())
            && run < seen.kills.len()
            && !answered.contains(&(&event.stream_id, &event.event_type, run))
    });
    without.count()
}
