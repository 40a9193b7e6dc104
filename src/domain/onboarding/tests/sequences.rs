//! What holds whatever is asked in whatever order: random commands, thousands of them.

mod moves;

use std::collections::HashSet;

use proptest::prelude::*;

use self::moves::{World, any_move, pause};
use super::*;

/// The steps that have to come before a way is complete, in their order, each looked for behind the one before.
fn steps_before_completion(terms: bool) -> Vec<&'static str> {
    let mut needed = vec![
        "CredentialsAccepted",
        "BirthDateConfirmed",
        "TermsAccepted",
        "EmailRegistered",
        "EmailLinkFollowed",
        "EmailVerified",
        "OtpMethodChosen",
        "PasswordChanged",
        "FirstLoginCompleted",
        "LoggedOut",
        "CredentialsAccepted",
        "OtpIssued",
        "OtpLoginSucceeded",
    ];
    needed.retain(|name| terms || *name != "TermsAccepted");
    needed
}

fn in_order(past: &[Event], needed: &[&str]) -> bool {
    let mut rest = past.iter();
    needed
        .iter()
        .all(|name| rest.any(|event| event.name() == *name))
}

fn count(past: &[Event], name: &str) -> usize {
    past.iter().filter(|event| event.name() == name).count()
}

/// The address entered last, and whether the link to that very address was followed before 更新 verified it.
fn last_address_was_followed_then_verified(past: &[Event]) -> bool {
    let entered = past
        .iter()
        .rposition(|event| event.name() == "EmailRegistered");
    let since = past.iter().skip(entered.unwrap_or_default());
    let named: Vec<_> = since
        .filter(|event| {
            matches!(
                event,
                Event::EmailRegistered { .. }
                    | Event::EmailLinkFollowed { .. }
                    | Event::EmailVerified { .. }
            )
        })
        .collect();
    matches!(
        named.as_slice(),
        [
            Event::EmailRegistered { contact: entered, .. },
            Event::EmailLinkFollowed { contact: followed },
            Event::EmailVerified { contact: verified },
        ] if entered == followed && followed == verified
    )
}

/// Why an approval in this past should not have been, if one should not.
fn forbidden_in_approvals(past: &[Event]) -> Option<&'static str> {
    let mut proposed = Vec::new();
    for event in past {
        if let Event::InterventionProposed {
            proposal, staff, ..
        } = event
        {
            proposed.push((*proposal, *staff));
        } else if let Event::InterventionDeclined { proposal, .. } = event {
            proposed.retain(|(id, _)| id != proposal);
        } else if let Event::InterventionApproved {
            proposal, staff, ..
        } = event
        {
            let Some(at) = proposed.iter().position(|(id, _)| id == proposal) else {
                return Some("approved what nobody had proposed, or twice");
            };
            if proposed.remove(at).1 == *staff {
                return Some("approved by whoever proposed it");
            }
        }
    }
    None
}

/// What random moves lead to: appends, each with the moment of its decision.
pub(crate) fn random_history() -> impl Strategy<Value = Vec<(Timestamp, Vec<Event>)>> {
    prop::collection::vec((pause(), any_move()), 1..60).prop_map(|moves| {
        let mut world = World::new();
        let mut appends = Vec::new();
        for (seconds, asked) in moves {
            let before = world.past.len();
            world.play(seconds, asked).unwrap();
            let events = world.past.split_at(before).1.to_vec();
            if !events.is_empty() {
                appends.push((world.at, events));
            }
        }
        appends
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_asked_the_rules_hold(moves in prop::collection::vec((pause(), any_move()), 1..150)) {
        let mut world = World::new();
        for (seconds, asked) in moves {
            world.play(seconds, asked)?;
        }
        let World { state, past, .. } = world;

        // The log alone says how the member stands, also after a way through storage.
        let text = serde_json::to_string(&past).unwrap();
        let read: Vec<Event> = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&fold(read), &state);

        // A new letter begins a new way, on which nothing of the one before counts.
        let terms = past.iter().any(|event| matches!(event, Event::MemberEnrolled { terms: Some(_), .. }));
        for way in past.split(|event| event.name() == "CredentialsReissued") {
            if let Some(end) = way.iter().position(|event| event.name() == "OnboardingCompleted") {
                let before = way.get(..end).unwrap();
                prop_assert!(in_order(before, &steps_before_completion(terms)));
                prop_assert!(last_address_was_followed_then_verified(before));
            }
            for once in ["OnboardingCompleted", "FirstLoginCompleted", "BirthDateConfirmed", "PasswordChanged"] {
                prop_assert!(count(way, once) <= 1, "{} twice", once);
            }
        }
        prop_assert_eq!(forbidden_in_approvals(&past), None);

        let mut spent = HashSet::new();
        for event in &past {
            if let Event::OtpLoginSucceeded { challenge, .. } | Event::SignInConfirmed { challenge, .. } = event {
                prop_assert!(spent.insert(*challenge), "a challenge was spent twice");
            }
        }

        // Sessions follow each other: each begins after the one before has ended, and only those begun end.
        let mut open = None;
        for event in &past {
            if let Event::CredentialsAccepted { session, .. } = event {
                prop_assert_eq!(open.replace(*session), None);
            } else if let Event::LoggedOut { session, .. } = event {
                prop_assert_eq!(open.take(), Some(*session));
            } else if matches!(event, Event::NotMeReported {} | Event::PasswordReset { .. }) {
                open = None;
            } else if matches!(
                event,
                Event::AccountFrozen {} | Event::MemberLeft { .. } | Event::CredentialsReissued { .. }
            ) {
                prop_assert_eq!(open, None);
            }
        }
        prop_assert_eq!(open, state.session.as_ref().map(|open| open.id));

        // Only a session that waits for its code has one.
        prop_assert_eq!(state.challenge.is_some(), state.session_kind() == Some(SessionKind::OtpPending));
    }

    #[test]
    fn a_command_repeated_at_once_stores_nothing_more_than_tries_and_mails(
        moves in prop::collection::vec((pause(), any_move()), 1..80),
        last in any_move(),
    ) {
        let mut world = World::new();
        for (seconds, asked) in moves {
            world.play(seconds, asked)?;
        }
        let command = world.command(last, false);
        // A second sign-in is a second session; it is told apart by its id, and a lost answer by the command's.
        prop_assume!(!matches!(command, Command::SignIn { .. }));
        let issued = Issued { at: world.at, limits: Arc::new(Limits::default()), command };
        let Ok(first) = world.state.decide(&issued) else { return Ok(()) };
        for event in first {
            world.state.apply(event);
        }
        let again = world.state.decide(&issued).unwrap_or_default();
        let repeatable = again.iter().all(|event| matches!(
            event,
            Event::BirthDateRejected {}
                | Event::CredentialsRejected { .. }
                | Event::PasswordResetRejected {}
                | Event::OtpRejected { .. }
                | Event::EmailRegistered { .. }
                | Event::Intervened { .. }
        ));
        prop_assert!(repeatable, "{:?}", again);
    }
}
