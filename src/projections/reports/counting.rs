//! What an event counts for: the one function behind the read model, the check of a package, and every report.

use std::collections::HashMap;

use cqrs_es::Aggregate;
use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::Value;

use super::attempts::REFUSED;
use super::counts::{Count, Counts, Topic};
use super::numbers::{DAY, two_digits};
use super::track::Track;
use crate::domain::attempts::{Attempts, AttemptsEvent};
use crate::domain::custody::{Custody, CustodyEvent};
use crate::domain::delivery::{Delivery, DeliveryEvent};
use crate::domain::onboarding::{Event, Onboarding};
use crate::domain::rosters::Rosters;
use crate::domain::staff::{Event as StaffEvent, Staff};
use crate::domain::values::TOKYO;
use crate::domain::viewing::{ViewingEvent, Viewings};
use crate::projections::event;
use crate::projections::history::kinds::outcome_of;
use crate::subscription::{ApplyError, Position, Recorded};

/// What an event counts for; `track` is of the member that it is about, none before the enrolment or if it is about none.
///
/// # Errors
/// The event cannot be read.
pub fn count(recorded: &Recorded, track: &mut Option<Track>) -> Result<Vec<Count>, ApplyError> {
    let at = recorded.recorded_at;
    let name = recorded.event_type.as_str();
    let cohort = track.as_ref().map(|track| track.cohort.clone());
    let cohort = cohort.unwrap_or_default();
    let one = |topic, of: [&str; 3]| Count::new(topic, &cohort, of, 1);
    let outcome = outcome_of(name).name();
    let mut counts = vec![Count::new(Topic::Events, "", [name, outcome, ""], 1)];
    match recorded.stream_kind.as_str() {
        Onboarding::TYPE => {
            let event: Event = event(recorded)?;
            match (track.as_mut(), &event) {
                (None, Event::MemberEnrolled { import, .. }) => {
                    *track = Track::begin(&event, at);
                    let began = track.as_ref().map(|it| it.enrolled(&import.to_string()));
                    counts.extend(began.unwrap_or_default());
                }
                (Some(track), _) => counts.extend(track.take(&event, at)),
                (None, _) => {}
            }
        }
        Delivery::TYPE => {
            let event: DeliveryEvent = event(recorded)?;
            let kind = event.mail().kind;
            let (class, became) = match &event {
                DeliveryEvent::MailAccepted {
                    domain_class,
                    smtp_code,
                    ..
                } => {
                    let took = track.as_ref().and_then(|track| track.mail_took(kind, at));
                    if let Some(took) = took {
                        counts.push(one(Topic::MailTook, [kind.name(), domain_class, &took]));
                    }
                    (domain_class.as_str(), format!("accepted {smtp_code}"))
                }
                DeliveryEvent::MailFailed {
                    domain_class,
                    smtp_code,
                    ..
                } => {
                    let code = smtp_code.map_or("unreachable".to_owned(), |code| code.to_string());
                    (domain_class.as_str(), format!("failed {code}"))
                }
                DeliveryEvent::MailSkipped { why, .. } => ("", format!("skipped {}", word(why))),
            };
            counts.push(one(Topic::Mails, [kind.name(), class, &became]));
        }
        Attempts::TYPE => {
            let AttemptsEvent::AttemptsTallied { kind, count, .. } = event(recorded)?;
            let number = i64::try_from(count).unwrap_or(i64::MAX);
            counts.push(Count::new(Topic::Failed, "", [REFUSED, &kind, ""], number));
        }
        Staff::TYPE => {
            let event: StaffEvent = event(recorded)?;
            counts.push(one(Topic::Staff, [&recorded.stream_id, name, ""]));
            if let StaffEvent::StaffSignInRejected { why } = &event {
                counts.push(one(Topic::Failed, [name, &word(why), ""]));
            }
        }
        Rosters::TYPE => {
            // What goes on by itself or was begun by the command line names nobody.
            if let Some(account) = recorded.payload["staff"].as_str() {
                counts.push(one(Topic::Staff, [account, name, ""]));
            }
        }
        Viewings::TYPE => {
            let ViewingEvent::AuditDataViewed { look } = event(recorded)?;
            let how = match (look.purpose, look.token) {
                (Some(purpose), _) => purpose.name(),
                (None, Some(_)) => "token",
                (None, None) => "session",
            };
            let viewer = look.viewer.to_string();
            // Of no cohort, whoever was looked at.
            let of = [viewer.as_str(), look.view.name(), how];
            counts.push(Count::new(Topic::Viewed, "", of, 1));
        }
        Custody::TYPE => {
            counts.push(one(Topic::Custody, [name, "", ""]));
            if let CustodyEvent::DataExported { what, .. } = event(recorded)? {
                // By whom, the event's metadata tell: no account of staff's.
                let of = ["operator", what.name(), "command_line"];
                counts.push(Count::new(Topic::Viewed, "", of, 1));
            }
        }
        _ => {}
    }
    Ok(counts)
}

/// Counts a whole log, event by event, with all members in memory.
#[derive(Debug, Default)]
pub struct Counting {
    tracks: HashMap<String, Option<Track>>,
    counts: Counts,
    end: End,
}

/// What a log told last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct End {
    /// The last position.
    pub position: Position,
    /// When that was recorded.
    pub recorded_at: Option<Timestamp>,
    /// The policy in force, `NAME@SHA256`; empty, if none was adopted.
    pub policy: String,
}

impl Counting {
    /// Takes the next event.
    ///
    /// # Errors
    /// The event cannot be read.
    pub fn take(&mut self, recorded: &Recorded) -> Result<(), ApplyError> {
        let day = day_of(recorded.recorded_at);
        let mut none = None;
        let track = match super::super::history::subject(recorded) {
            Some(member) => self.tracks.entry(member.to_string()).or_default(),
            None => &mut none,
        };
        for count in count(recorded, track)? {
            self.counts.add(day, count);
        }
        if let Some(policy) = adopted(recorded) {
            self.end.policy = policy;
        }
        self.end.position = recorded.position;
        self.end.recorded_at = Some(recorded.recorded_at);
        Ok(())
    }

    /// What was counted so far.
    #[must_use]
    pub const fn counts(&self) -> (&Counts, &End) {
        (&self.counts, &self.end)
    }
}

/// The policy that an event puts in force.
fn adopted(recorded: &Recorded) -> Option<String> {
    (recorded.event_type == "PolicyAdopted").then(|| label(&recorded.payload))
}

/// A policy as reports name it, from the event that adopted it.
pub(super) fn label(payload: &Value) -> String {
    let text = |name| payload.pointer(name).and_then(Value::as_str);
    let (name, sha256) = (text("/policy/name"), text("/policy/sha256"));
    format!(
        "{}@{}",
        name.unwrap_or_default(),
        sha256.unwrap_or_default()
    )
}

/// The day of Tokyo's calendar.
#[must_use]
pub fn day_of(moment: Timestamp) -> Date {
    TOKYO.to_datetime(moment).date()
}

/// The seconds from one moment to a later one, as they are counted.
pub(super) fn span(from: Timestamp, to: Timestamp) -> String {
    two_digits(to.duration_since(from).as_secs()).to_string()
}

/// The same in whole days, rounded up: of many months there are as many times.
pub(super) fn whole_days(from: Timestamp, to: Timestamp) -> String {
    let seconds = two_digits(to.duration_since(from).as_secs());
    ((seconds + DAY - 1) / DAY).to_string()
}

/// The stored name of a fieldless variant.
fn word(value: &impl serde::Serialize) -> String {
    let value = serde_json::to_value(value).unwrap_or_default();
    value.as_str().unwrap_or_default().to_owned()
}
