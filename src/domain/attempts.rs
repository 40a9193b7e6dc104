//! What came to nothing, as counts: refusals, tries during waiting times and tries with unknown IDs, so that a stranger cannot grow the log.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

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
        /// The kind: a problem's name, or `unknown-id`.
        kind: String,
        /// How many.
        count: u64,
    },
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
