//! The track of a member holds what the rules say, in whatever history they make.

use cqrs_es::Aggregate;
use proptest::prelude::*;

use super::*;
use crate::domain::onboarding::{Onboarding, SessionKind, random_history};
use crate::projections::reports::counts::Counts;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Where they differ is the one place: a session that waits for a code, for which the rules have step 14 due before all else.
    #[test]
    fn the_step_that_a_member_is_at_is_the_one_due_but_for_a_session_that_waits_for_its_code(
        appends in random_history(),
    ) {
        let mut state = Onboarding::default();
        let mut track = None;
        for (at, event) in one_by_one(appends) {
            follow(&mut track, &event, at);
            state.apply(event);
            let Some(track) = &track else { continue };
            let waits_for_code = state.session_kind() == Some(SessionKind::OtpPending);
            prop_assert_eq!(state.due(), if waits_for_code { Step::Otp } else { track.at() });
            let without_session = Onboarding { session: None, ..state.clone() };
            prop_assert_eq!(without_session.due(), track.at());
        }
    }

    #[test]
    fn a_member_is_always_in_one_state_and_waits_at_the_step_due_or_nowhere(appends in random_history()) {
        let mut track = None;
        let mut counts = Counts::default();
        for (at, event) in one_by_one(appends) {
            for count in follow(&mut track, &event, at) {
                counts.add(day_of(at), count);
            }
            let Some(track) = &track else { continue };
            let states: Vec<(String, i64)> = told(&counts, Topic::InState);
            prop_assert_eq!(states, [(track.state().name().to_owned(), 1)]);
            let waiting: Vec<(String, i64)> = told(&counts, Topic::Waiting);
            let is_over = matches!(
                track.state(),
                State::Completed | State::Frozen | State::Left | State::Erased
            );
            let due = (!is_over).then(|| (track.at().name().to_owned(), 1));
            prop_assert_eq!(waiting, Vec::from_iter(due));
        }
    }
}

fn one_by_one(appends: Vec<(Timestamp, Vec<Event>)>) -> impl Iterator<Item = (Timestamp, Event)> {
    appends
        .into_iter()
        .flat_map(|(at, events)| events.into_iter().map(move |event| (at, event)))
}

fn follow(track: &mut Option<Track>, event: &Event, at: Timestamp) -> Vec<Count> {
    if let Some(track) = track {
        return track.take(event, at);
    }
    *track = Track::begin(event, at);
    track
        .as_ref()
        .map_or_else(Vec::new, |it| it.enrolled("import"))
}

/// What is counted of a topic, by the first of what tells its counts apart.
fn told(counts: &Counts, topic: Topic) -> Vec<(String, i64)> {
    counts
        .of(topic)
        .map(|(key, number)| (key.of[0].clone(), number))
        .collect()
}
