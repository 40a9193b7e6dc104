//! Which policies were ever in force: the first use of a text stores it whole.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::policy::PolicyVersion;

/// All adopted policies, stream `policy-society`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adoptions {
    /// Each with its text, in the order of their coming into force; one that came back stands there twice.
    pub adopted: Vec<(PolicyVersion, String)>,
}

impl Adoptions {
    /// The policy in force, with its text.
    #[must_use]
    pub fn present(&self) -> Option<&(PolicyVersion, String)> {
        self.adopted.last()
    }

    /// The text of a policy that is or was in force.
    #[must_use]
    pub fn text_of(&self, version: &PolicyVersion) -> Option<&str> {
        self.adopted
            .iter()
            .find(|(adopted, _)| adopted == version)
            .map(|(_, text)| text.as_str())
    }
}

impl Adoptions {
    /// Whether the rules make these events, in a stream that stands like this: another policy than the present one comes into force, with
    /// its text if that is not known yet.
    #[must_use]
    pub fn yields(&self, events: &[AdoptionEvent]) -> bool {
        let [AdoptionEvent::PolicyAdopted { policy, text }] = events else {
            return false;
        };
        let is_present = self.present().is_some_and(|(present, _)| present == policy);
        !is_present && text.is_some() == self.text_of(policy).is_none()
    }
}

/// Put a policy in force.
#[derive(Clone, Debug)]
pub struct Adopt {
    /// Its name and hash.
    pub version: PolicyVersion,
    /// The whole file.
    pub text: String,
}

/// A fact about policies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum AdoptionEvent {
    /// This text counts from here on.
    PolicyAdopted {
        /// Its name and hash.
        policy: PolicyVersion,
        /// The whole file; none, if an earlier event of the stream has it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
    },
}

impl DomainEvent for AdoptionEvent {
    fn event_type(&self) -> String {
        "PolicyAdopted".to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Adoptions {
    const TYPE: &'static str = "policy";
    type Command = Adopt;
    type Event = AdoptionEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Adopt,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        let Adopt {
            version: policy,
            text,
        } = command;
        if self.present().is_none_or(|(present, _)| *present != policy) {
            let text = self.text_of(&policy).is_none().then_some(text);
            sink.write(AdoptionEvent::PolicyAdopted { policy, text }, self)
                .await;
        }
        Ok(())
    }

    fn apply(&mut self, event: AdoptionEvent) {
        match event {
            AdoptionEvent::PolicyAdopted { policy, text } => {
                let text = text.or_else(|| self.text_of(&policy).map(str::to_owned));
                self.adopted.push((policy, text.unwrap_or_default()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
