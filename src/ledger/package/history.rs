//! Whether a history is one that the rules make: streams without a gap, times that do not run back, and appends that commands yield.

use std::collections::HashMap;
use std::mem;
use std::sync::Arc;

use cqrs_es::{Aggregate, DomainEvent};
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::manifest::EventsIn;
use super::{Fault, POLICIES, givers};
use crate::domain::adoption::{AdoptionEvent, Adoptions};
use crate::domain::anomalies::Anomaly;
use crate::domain::attempts::{self, Attempts, AttemptsEvent};
use crate::domain::custody::Custody;
use crate::domain::delivery::Delivery;
use crate::domain::onboarding::{Append, Event, Onboarding};
use crate::domain::policy::{Limits, Policy, PolicyVersion};
use crate::domain::rosters::Rosters;
use crate::domain::staff::Staff;
use crate::domain::viewing::Viewings;
use crate::subscription::{Position, Recorded};

/// How far the moment of a decision may lie from when it was stored, where the event does not tell it: an append waits for seconds, and
/// machines in step differ by as little. Judgement.
const LEEWAY: SignedDuration = SignedDuration::from_mins(5);

/// An event as a package has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Line {
    pub(super) position: Position,
    pub(super) stream: String,
    sequence: i64,
    #[serde(rename = "type")]
    pub(super) event_type: String,
    version: String,
    pub(super) payload: Value,
    metadata: Value,
}

/// What was found in the events so far.
pub(super) struct History {
    events_in: EventsIn,
    streams: HashMap<String, Stream>,
    adoptions: Adoptions,
    /// The limits of each policy that was adopted, by its label.
    limits: HashMap<String, Arc<Limits>>,
    latest: Timestamp,
    /// How far the last event that tells its moment was stored from it.
    skew: SignedDuration,
    pending: Option<Pending>,
}

struct Stream {
    sequence: i64,
    state: State,
}

/// What is known of a stream. Members have their states in boxes, since most streams are mails.
enum State {
    Onboarding(Box<Onboarding>),
    Mail(Delivery),
    Attempts,
    Anomaly(Anomaly),
    Policy,
    Staff(Box<Staff>),
    Views(Viewings),
    Rosters(Box<Rosters>),
    Custody(Custody),
}

/// A kind of stream, and the state of one that has no events yet.
type Kind = (&'static str, fn() -> State);

/// All kinds of streams; docs/ledger.md tells them to whoever writes a verifier.
const KINDS: [Kind; 9] = [
    (Onboarding::TYPE, || State::Onboarding(Box::default())),
    (Delivery::TYPE, || State::Mail(Delivery::default())),
    (Attempts::TYPE, || State::Attempts),
    (Anomaly::TYPE, || State::Anomaly(Anomaly::default())),
    (Adoptions::TYPE, || State::Policy),
    (Staff::TYPE, || State::Staff(Box::default())),
    (Viewings::TYPE, || State::Views(Viewings::default())),
    (Rosters::TYPE, || State::Rosters(Box::default())),
    (Custody::TYPE, || State::Custody(Custody::default())),
];

/// An append that may not have ended yet.
struct Pending {
    stream: String,
    command: String,
    position: Position,
    stored: Timestamp,
    policy: String,
    events: Vec<Line>,
}

impl History {
    pub(super) fn new(events_in: EventsIn) -> Self {
        Self {
            events_in,
            streams: HashMap::new(),
            adoptions: Adoptions::default(),
            limits: HashMap::new(),
            latest: Timestamp::MIN,
            skew: SignedDuration::ZERO,
            pending: None,
        }
    }

    /// The latest time of an event so far.
    pub(super) const fn latest(&self) -> Timestamp {
        self.latest
    }

    /// How many streams there are.
    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// Ends the append before this event, if it is of another: what is wrong there comes first.
    pub(super) fn make_way_for(&mut self, line: &Line) -> Result<(), Fault> {
        let goes_on = self.pending.as_ref().is_some_and(|pending| {
            pending.stream == line.stream && line.text("command_id") == Some(&pending.command)
        });
        if goes_on { Ok(()) } else { self.finish(false) }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, line: Line) -> Result<(), Fault> {
        let position = line.position;
        let fault = |what, why: String| Fault::new(what, why).at(position).of(&line.stream);
        let last = self.streams.get(&line.stream).map_or(0, |it| it.sequence);
        if line.sequence != last + 1 {
            let (sequence, due) = (line.sequence, last + 1);
            let why = format!("it is number {sequence} of its stream, where number {due} is due");
            return Err(fault("sequence", why));
        }
        let stored = line.text("recorded_at").and_then(|text| text.parse().ok());
        let (Some(stored), Some(command), Some(policy)) =
            (stored, line.text("command_id"), line.text("policy"))
        else {
            let why = "its metadata lack the time, the command or the policy".to_owned();
            return Err(fault("metadata", why));
        };
        if self.events_in == EventsIn::Database && stored < self.latest {
            let why = format!("it was stored at {stored}, after one of {}", self.latest);
            return Err(fault("time", why));
        }
        self.latest = self.latest.max(stored);
        if let Some(stream) = self.streams.get_mut(&line.stream) {
            stream.sequence = line.sequence;
        } else {
            let Some(state) = State::of(&line.stream) else {
                return Err(fault(
                    "unknown",
                    "there is no such kind of stream".to_owned(),
                ));
            };
            let stream = Stream {
                sequence: line.sequence,
                state,
            };
            self.streams.insert(line.stream.clone(), stream);
        }
        match &mut self.pending {
            Some(pending) => pending.events.push(line),
            None => {
                self.pending = Some(Pending {
                    stream: line.stream.clone(),
                    command: command.to_owned(),
                    position,
                    stored: self.latest,
                    policy: policy.to_owned(),
                    events: vec![line],
                });
            }
        }
        Ok(())
    }

    /// Judges the append that has ended, or whose end nobody has read where it `may_go_on`: a checkpoint may fall between its events.
    pub(super) fn finish(&mut self, may_go_on: bool) -> Result<(), Fault> {
        let Some(pending) = mem::take(&mut self.pending) else {
            return Ok(());
        };
        let judged = self.judge(&pending, may_go_on);
        let judged = judged.and_then(|()| match givers::fault(&pending.events) {
            None => Ok(()),
            Some(why) => Err(("actor", why)),
        });
        judged.map_err(|(what, why)| {
            Fault::new(what, why)
                .at(pending.position)
                .of(&pending.stream)
        })
    }

    fn judge(&mut self, pending: &Pending, may_go_on: bool) -> Result<(), (&'static str, String)> {
        let Some(stream) = self.streams.get_mut(&pending.stream) else {
            return Ok(());
        };
        match &mut stream.state {
            State::Policy => {
                let events = read::<AdoptionEvent>(&pending.events)?;
                illegal(self.adoptions.yields(&events))?;
                for event in events {
                    self.adopt(event)?;
                }
                return Ok(());
            }
            State::Attempts => {
                let events = read::<AttemptsEvent>(&pending.events)?;
                let (_, day) = pending.stream.split_once('-').unwrap_or_default();
                let until = shifted(pending.stored, LEEWAY);
                illegal(attempts::yields(&events, day, until))?;
            }
            State::Anomaly(it) => follow(it, pending, Anomaly::yields)?,
            State::Mail(it) => follow(it, pending, Delivery::yields)?,
            State::Views(it) => follow(it, pending, Viewings::yields)?,
            State::Rosters(it) => follow(it.as_mut(), pending, |rosters, events| {
                rosters.yields(events, pending.stored)
            })?,
            State::Custody(it) => follow(it, pending, Custody::yields)?,
            State::Staff(it) => {
                let at = [-LEEWAY, LEEWAY].map(|by| shifted(pending.stored, by));
                follow(it.as_mut(), pending, |staff, events| {
                    staff.yields(events, at, may_go_on)
                })?;
            }
            State::Onboarding(onboarding) => {
                let events = read::<Event>(&pending.events)?;
                if let Some(told) = events.iter().find_map(Event::at) {
                    self.skew = told.duration_since(pending.stored);
                }
                let limits = self.limits.get(&pending.policy);
                let enrolled = events.iter().find_map(enrolment);
                let known = enrolled.is_none_or(|policy| self.limits.contains_key(&label(policy)));
                let Some(limits) = limits.filter(|_| known) else {
                    let why = "it names a policy that was not adopted before".to_owned();
                    return Err(("policy", why));
                };
                let zero = SignedDuration::ZERO;
                let early = self.skew.min(zero) - LEEWAY;
                let late = self.skew.max(zero) + LEEWAY;
                let between = (
                    shifted(pending.stored, early),
                    shifted(pending.stored, late),
                );
                let append = Append {
                    events: &events,
                    between,
                    limits,
                    may_go_on,
                };
                let found = onboarding.retrace(append);
                found.map_err(|why| ("illegal", why.to_string()))?;
                for event in events {
                    onboarding.apply(event);
                }
            }
        }
        // Every event names the policy of the program that wrote it.
        if self.limits.contains_key(&pending.policy) {
            Ok(())
        } else {
            let why = "it names a policy that was not adopted before".to_owned();
            Err(("policy", why))
        }
    }

    fn adopt(&mut self, event: AdoptionEvent) -> Result<(), (&'static str, String)> {
        let AdoptionEvent::PolicyAdopted { policy, text } = &event;
        if let Some(text) = text {
            if HEXLOWER.encode(&Sha256::digest(text)) != policy.sha256 {
                let why = "the policy's text is not the one of its hash".to_owned();
                return Err(("policy", why));
            }
            let read: Policy = toml::from_str(text)
                .map_err(|_| ("policy", "the policy's text cannot be read".to_owned()))?;
            self.limits.insert(label(policy), Arc::new(read.limits));
        }
        self.adoptions.apply(event);
        Ok(())
    }
}

/// Lets the aggregate take the events of an append, if its rules make them of what was before.
fn follow<A: Aggregate>(
    aggregate: &mut A,
    pending: &Pending,
    yields: impl FnOnce(&A, &[A::Event]) -> bool,
) -> Result<(), (&'static str, String)> {
    let events = read::<A::Event>(&pending.events)?;
    illegal(yields(aggregate, &events))?;
    for event in events {
        aggregate.apply(event);
    }
    Ok(())
}

fn illegal(legal: bool) -> Result<(), (&'static str, String)> {
    let why = "the rules do not make this of what was before";
    legal.then_some(()).ok_or(("illegal", why.to_owned()))
}

impl State {
    fn of(stream: &str) -> Option<Self> {
        let (kind, _) = stream.split_once('-')?;
        let (_, begin) = KINDS.iter().find(|(known, _)| *known == kind)?;
        Some(begin())
    }
}

impl Line {
    /// Where the event brings a policy: its hash, and the name of the file that has its text.
    pub(super) fn policy_file(&self) -> Option<(String, String)> {
        let (sha256, _) = policy_in(&self.event_type, &self.payload)?;
        Some((sha256.to_owned(), policy_file(sha256)))
    }

    /// The event as readers of the log have it; none, if it is of no stream or no time. Where a time ran back, the `latest` before counts.
    pub(super) fn recorded(&self, latest: Timestamp) -> Option<Recorded> {
        let (kind, id) = self.stream.split_once('-')?;
        let recorded_at: Timestamp = self.text("recorded_at")?.parse().ok()?;
        Some(Recorded {
            position: self.position,
            stream_kind: kind.to_owned(),
            stream_id: id.to_owned(),
            sequence: self.sequence,
            event_type: self.event_type.clone(),
            event_version: self.version.clone(),
            payload: self.payload.clone(),
            metadata: Value::Null,
            recorded_at: recorded_at.max(latest),
        })
    }

    /// What the metadata tell under a name.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.metadata.get(name)?.as_str()
    }
}

/// The events of an append, whose types and versions must be those that their payloads have.
fn read<E: DomainEvent + DeserializeOwned>(
    lines: &[Line],
) -> Result<Vec<E>, (&'static str, String)> {
    let event = |line: &Line| {
        let event = E::deserialize(&line.payload).ok()?;
        let fits = event.event_type() == line.event_type && event.event_version() == line.version;
        fits.then_some(event)
    };
    let unknown = || {
        (
            "unknown",
            "it is no event that this program knows".to_owned(),
        )
    };
    lines
        .iter()
        .map(|line| event(line).ok_or_else(unknown))
        .collect()
}

/// Hash and text of the policy that an event brings, if the hash is fit for a file's name.
pub(super) fn policy_in<'a>(event_type: &str, payload: &'a Value) -> Option<(&'a str, &'a str)> {
    let sha256 = payload.pointer("/policy/sha256").and_then(Value::as_str)?;
    let text = payload.get("text").and_then(Value::as_str)?;
    let is_hash = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    (event_type == "PolicyAdopted" && is_hash).then_some((sha256, text))
}

/// The name of a policy's file.
pub(super) fn policy_file(sha256: &str) -> String {
    format!("{POLICIES}/{sha256}.toml")
}

/// The policy of an enrolment.
fn enrolment(event: &Event) -> Option<&PolicyVersion> {
    if let Event::MemberEnrolled { policy, .. } = event {
        Some(policy)
    } else {
        None
    }
}

fn label(policy: &PolicyVersion) -> String {
    format!("{}@{}", policy.name, policy.sha256)
}

fn shifted(moment: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    moment.saturating_add(by).unwrap_or(end)
}

#[cfg(test)]
mod tests;
