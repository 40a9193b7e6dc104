//! What the double holds: events in streams and in one log, appended to as KurrentDB does it.

use jiff::SignedDuration;
use kadode::ambient::Clock;

use super::wire::{
    AppendOptions, Event, Position, Proposed, ReadOptions, StreamName, Success,
    WrongExpectedVersion,
};

/// How far apart events are in the log.
const STEP: u64 = 100;

#[derive(Default)]
pub struct Log {
    events: Vec<Event>,
    /// Tells when an event was stored; the machine's clock, if it was not told.
    pub clock: Option<Clock>,
    /// By how much that is set back.
    pub set_back: SignedDuration,
}

/// An event's place in the log.
fn place(event: &Event) -> Position {
    Position {
        commit: event.commit_position,
        prepare: event.prepare_position,
    }
}

impl Log {
    fn stream(&self, name: &StreamName) -> Vec<&Event> {
        let is_in_it = |event: &&Event| event.stream.as_ref() == Some(name);
        self.events.iter().filter(is_in_it).collect()
    }

    /// How many events there are of all streams.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Takes an append whole, if the stream is as expected; one that was taken already is answered once more, and not taken again.
    pub fn append(
        &mut self,
        options: &AppendOptions,
        proposed: Vec<Proposed>,
    ) -> Result<Success, WrongExpectedVersion> {
        let name = options.stream.clone().unwrap();
        let stream = self.stream(&name);
        let length = stream.len() as u64;
        let start = match (options.revision, options.no_stream, options.any) {
            (Some(revision), _, _) => revision + 1,
            (_, Some(()), _) => 0,
            (_, _, Some(())) => length,
            unknown => panic!("unknown expectation {unknown:?}"),
        };
        let were_taken = || {
            let taken = stream.iter().skip(usize::try_from(start).unwrap());
            let taken: Vec<_> = taken.take(proposed.len()).map(|event| &event.id).collect();
            taken == proposed.iter().map(|event| &event.id).collect::<Vec<_>>()
        };
        if start < length && were_taken() {
            let last = stream[usize::try_from(start).unwrap() + proposed.len() - 1];
            return Ok(Success {
                current_revision: Some(last.revision),
                position: Some(place(last)),
            });
        }
        if start != length {
            return Err(WrongExpectedVersion {
                current_revision: length.checked_sub(1),
                current_no_stream: (length == 0).then_some(()),
                expected_revision: options.revision,
                expected_any: options.any,
                expected_no_stream: options.no_stream,
            });
        }
        Ok(self.store(&name, length, proposed))
    }

    /// The events of one append share the commit position, as those of a transaction do: only both halves tell them apart.
    fn store(&mut self, name: &StreamName, length: u64, proposed: Vec<Proposed>) -> Success {
        let first = (self.events.len() as u64 + 1) * STEP;
        let commit = first + (proposed.len() as u64 - 1) * STEP;
        let now = self
            .clock
            .as_ref()
            .map_or_else(Clock::machine, Clock::clone);
        let ticks = (now.now() - self.set_back).as_microsecond() * 10;
        for (event, number) in proposed.into_iter().zip(0..) {
            let mut metadata = event.metadata;
            metadata.insert("created".to_owned(), ticks.to_string());
            self.events.push(Event {
                id: event.id,
                stream: Some(name.clone()),
                revision: length + number,
                prepare_position: first + number * STEP,
                commit_position: commit,
                metadata,
                custom_metadata: event.custom_metadata,
                data: event.data,
            });
        }
        let last = self.events.last().unwrap();
        Success {
            current_revision: Some(last.revision),
            position: Some(place(last)),
        }
    }

    /// What a read answers; none, if there is no such stream.
    pub fn read(&self, options: &ReadOptions) -> Option<Vec<Event>> {
        let backwards = options.direction == 1;
        let mut events: Vec<&Event> = if let Some(asked) = &options.stream {
            let stream = self.stream(asked.stream.as_ref().unwrap());
            if stream.is_empty() {
                return None;
            }
            let within = |event: &&Event| match asked.revision {
                Some(revision) if backwards => event.revision <= revision,
                Some(revision) => event.revision >= revision,
                None => true,
            };
            stream.into_iter().filter(within).collect()
        } else {
            let asked = options.all.as_ref().unwrap().position;
            let within = |event: &&Event| match asked {
                Some(position) if backwards => place(event) <= position,
                Some(position) => place(event) >= position,
                None => true,
            };
            self.events.iter().filter(within).collect()
        };
        if backwards {
            events.reverse();
        }
        let count = usize::try_from(options.count.unwrap()).unwrap_or(usize::MAX);
        Some(events.into_iter().take(count).cloned().collect())
    }
}
