//! What came to nothing, as counts: refusals, tries during waiting times and tries with unknown IDs, so that a stranger cannot grow the log.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::values::TOKYO;

/// What is counted together: the attempts of so long. Judgement.
pub const WINDOW: SignedDuration = SignedDuration::from_mins(10);

/// What was ever counted: the names of problems, and what has no problem of its own to its name. They are stored: none is ever taken away.
pub const KINDS: [&str; 53] = [
    "already-proposed",
    "already-set",
    "budget-spent",
    "busy",
    "changed-since",
    "code-dead",
    "code-expired",
    "code-used",
    "confirmation-closed",
    "forbidden",
    "foreign",
    "form-token",
    "form-used",
    "formula-closed",
    "internal",
    "invalid",
    "leavers-needed",
    "lifts-spent",
    "link-disowned",
    "link-expired",
    "link-replaced",
    "link-unknown",
    "malformed",
    "media-type",
    "method",
    "misdirected",
    "mismatch",
    "needs-approval",
    "needs-no-approval",
    "no-session",
    "not-found",
    "not-proven",
    "not-signed-in",
    "nothing-to-confirm",
    "nothing-to-do",
    "notice-replaced",
    "other-plan",
    "out-of-order",
    "own-proposal",
    "password-due",
    "proposal-over",
    "roster-errors",
    "roster-open",
    "session-rotated",
    "sign-in-failed",
    "too-large",
    "too-soon",
    "unknown-id",
    "unknown-member",
    "unknown-proposal",
    "unknown-report",
    "unknown-staff",
    "waiting",
];

/// The tallies of one day, stream `attempts-{Tokyo date}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempts {}

/// Store what ten minutes brought, one count a kind.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The beginning of the ten minutes.
    pub window: Timestamp,
    /// Kinds and how often each occurred.
    pub counts: Vec<(String, u64)>,
}

/// A fact about attempts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AttemptsEvent {
    /// So many attempts of one kind came to nothing.
    AttemptsTallied {
        /// The beginning of the ten minutes.
        window: Timestamp,
        /// The kind, one of [`KINDS`].
        kind: String,
        /// How many.
        count: u64,
    },
}

/// The beginning of the ten minutes that a moment belongs to.
#[must_use]
pub fn window_of(moment: Timestamp) -> Timestamp {
    let seconds = moment.as_second();
    let start = seconds - seconds.rem_euclid(WINDOW.as_secs());
    Timestamp::from_second(start).unwrap_or(moment)
}

/// Whether the rules make these events, in the stream of `day` and stored by `until` at the latest: counts of ten minutes of that day that
/// had begun, one a kind that is known, in the order of their names. Several machines count beside each other, and keep what they could not
/// store: so the ten minutes of two appends follow no order.
#[must_use]
pub fn yields(events: &[AttemptsEvent], day: &str, until: Timestamp) -> bool {
    let tallies = events.iter().map(|event| {
        let AttemptsEvent::AttemptsTallied {
            window,
            kind,
            count,
        } = event;
        (*window, kind.as_str(), *count)
    });
    let is_one = |(window, kind, count): (Timestamp, &str, u64)| {
        window == window_of(window)
            && window <= until
            && TOKYO.to_datetime(window).date().to_string() == day
            && KINDS.contains(&kind)
            && count > 0
    };
    let later = tallies.clone().skip(1);
    let mut neighbours = tallies.clone().zip(later);
    !events.is_empty()
        && tallies.clone().all(is_one)
        && neighbours.all(|(one, next)| one.0 == next.0 && one.1 < next.1)
}

impl DomainEvent for AttemptsEvent {
    fn event_type(&self) -> String {
        "AttemptsTallied".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Attempts {
    const TYPE: &'static str = "attempts";
    type Command = Tally;
    type Event = AttemptsEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Tally,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let window = command.window;
        let news = command.counts.into_iter().filter(|(_, count)| *count > 0);
        for (kind, count) in news {
            sink.write(
                AttemptsEvent::AttemptsTallied {
                    window,
                    kind,
                    count,
                },
                self,
            )
            .await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AttemptsEvent) {
        match event {
            AttemptsEvent::AttemptsTallied { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
