//! What looks like one hand behind many accounts: nobody is kept out for it, but somebody has to look.

use std::collections::BTreeSet;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::ids::MemberId;

/// What was noticed of one browser or one domain, stream `anomaly-{keyed hash of it}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anomaly {
    /// The members who were told of.
    told: BTreeSet<MemberId>,
}

/// Tell of members who have something in common, if they are many.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What they have in common.
    pub why: Resemblance,
    /// Who they are.
    pub members: BTreeSet<MemberId>,
    /// So many are nothing to speak of.
    pub usual: u32,
}

/// What members have in common who may be one and the same person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resemblance {
    /// They set passwords of their own in one browser.
    OneBrowser,
    /// They set passwords of their own with addresses at one domain, of no great provider.
    OneDomain,
}

impl Resemblance {
    /// The stored name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::OneBrowser => "one_browser",
            Self::OneDomain => "one_domain",
        }
    }
}

/// A fact about what was noticed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AnomalyEvent {
    /// Many members have something in common.
    AnomalyNoticed {
        /// What.
        why: Resemblance,
        /// Who they are, also those who were told of before.
        members: BTreeSet<MemberId>,
    },
}

impl Anomaly {
    /// Told when they are more than usual, and again when as many have come as were told of: not once a member.
    fn decide(&self, notice: Notice) -> Option<AnomalyEvent> {
        let Notice {
            why,
            members,
            usual,
        } = notice;
        let usual = usize::try_from(usual).unwrap_or(usize::MAX);
        (members.len() > usual && self.is_news(&members))
            .then_some(AnomalyEvent::AnomalyNoticed { why, members })
    }

    /// Whether the rules make these events of what was before, under some policy.
    #[must_use]
    pub fn yields(&self, events: &[AnomalyEvent]) -> bool {
        matches!(events, [AnomalyEvent::AnomalyNoticed { members, .. }] if members.len() > 1 && self.is_news(members))
    }

    fn is_news(&self, members: &BTreeSet<MemberId>) -> bool {
        let told = members.intersection(&self.told).count();
        members.len() - told >= told.max(1)
    }
}

impl DomainEvent for AnomalyEvent {
    fn event_type(&self) -> String {
        "AnomalyNoticed".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Anomaly {
    const TYPE: &'static str = "anomaly";
    type Command = Notice;
    type Event = AnomalyEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Notice,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        if let Some(event) = self.decide(command) {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AnomalyEvent) {
        let AnomalyEvent::AnomalyNoticed { members, .. } = event;
        self.told.extend(members);
    }
}

#[cfg(test)]
mod tests;
