//! What is done with keys and backups, and what the command line carries out, as facts in the history: names and counts, and no secret.

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
use serde::{Deserialize, Serialize};

use super::values::KeyId;

/// How a society's keys and backups are kept, stream `custody-society`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Custody {
    /// The master keys that were added, in their order; the one that a society began with is not among them.
    pub added: Vec<KeyId>,
    /// The present master key, if it is not the one that the society began with.
    pub present: Option<KeyId>,
    /// Whether data keys that older master keys wrap have yet to be wrapped by the present one.
    pub rewrapping: bool,
    /// What the ledger had signed and restores from backups have lost.
    pub lost: Vec<LostHead>,
    /// The last year whose traces were destroyed.
    pub traces_until: Option<i16>,
}

/// A tree that the ledger had signed, and whose end is no longer in the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostHead {
    /// How many events it had.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
}

/// What whoever runs the command line can carry out of the society's data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exported {
    /// Letters with initial credentials, for the post.
    Letters,
    /// Notices by post that a password was set.
    Notices,
    /// Reminders by post.
    Reminders,
    /// The package for auditors.
    Package,
}

impl Exported {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Letters, Self::Notices, Self::Reminders, Self::Package];

    /// The name that events and reports hold.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Letters => "letters",
            Self::Notices => "notices",
            Self::Reminders => "reminders",
            Self::Package => "package",
        }
    }
}

/// Something that was done, or is about to be.
#[derive(Clone, Debug)]
pub enum Command {
    /// A new master key was added to the key file.
    AddMasterKey {
        /// Its name.
        key: KeyId,
    },
    /// Another master key is to be used for what is new.
    ChangeMasterKey {
        /// Its name.
        key: KeyId,
        /// The name of the one in use until now.
        before: KeyId,
    },
    /// All data keys that older master keys wrapped are wrapped by the present one.
    NoteRewrapped {
        /// The name of the present one.
        key: KeyId,
        /// How many were wrapped anew.
        rewrapped: u64,
        /// How many it wraps now.
        data_keys: u64,
    },
    /// The databases were restored from a backup.
    NoteRestored {
        /// How many events the log had then.
        kept: u64,
        /// What the ledger had signed beyond; none, where nobody knows of any.
        lost: Vec<LostHead>,
    },
    /// The policy's time for traces of some years is over.
    DestroyTraces {
        /// The last of these years.
        until: i16,
        /// How many keys of traces are to be destroyed.
        keys: u64,
    },
    /// A file with the society's data is whole and about to be put in its place.
    NoteExported {
        /// What it holds.
        what: Exported,
        /// How many of it: members, or events.
        rows: u64,
    },
}

/// A fact about keys and backups.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum CustodyEvent {
    /// The key file has another master key, which is not in use yet.
    MasterKeyAdded {
        /// Its name.
        key: KeyId,
    },
    /// What is new is made under another master key.
    MasterKeyChanged {
        /// Its name.
        key: KeyId,
        /// The name of the one before.
        before: KeyId,
    },
    /// Data keys were wrapped by the present master key in place of older ones.
    DataKeysRewrapped {
        /// The name of the present one.
        key: KeyId,
        /// How many, by the run of the program that ended it.
        rewrapped: u64,
        /// How many it wraps now.
        data_keys: u64,
    },
    /// The log goes on from a backup; what was signed beyond is lost.
    RestoredFromBackup {
        /// How many events the log had then.
        kept: u64,
        /// What was lost.
        lost: Vec<LostHead>,
    },
    /// Traces of some years can be read no more.
    TracesDestroyed {
        /// The last of these years, in Tokyo.
        until: i16,
        /// How many keys, of one member and year each, were destroyed.
        keys: u64,
    },
    /// Data were carried out of the system by the command line; by whom, the metadata tell.
    DataExported {
        /// What.
        what: Exported,
        /// How many of it: members, or events.
        rows: u64,
    },
}

impl Custody {
    /// What follows from a command: nothing, if it is a repetition.
    #[must_use]
    pub fn decide(&self, command: Command) -> Vec<CustodyEvent> {
        match command {
            Command::AddMasterKey { key } => {
                let news = !self.added.contains(&key);
                news.then_some(CustodyEvent::MasterKeyAdded { key })
            }
            Command::ChangeMasterKey { key, before } => {
                let news = key != before && self.present.as_ref() != Some(&key);
                news.then_some(CustodyEvent::MasterKeyChanged { key, before })
            }
            Command::NoteRewrapped {
                key,
                rewrapped,
                data_keys,
            } => {
                let news = self.present.as_ref().is_none_or(|it| *it == key)
                    && (self.rewrapping || rewrapped > 0)
                    && rewrapped <= data_keys;
                news.then_some(CustodyEvent::DataKeysRewrapped {
                    key,
                    rewrapped,
                    data_keys,
                })
            }
            Command::NoteRestored { kept, lost } => {
                let news = lost.is_empty() || lost.iter().any(|head| !self.lost.contains(head));
                news.then_some(CustodyEvent::RestoredFromBackup { kept, lost })
            }
            Command::DestroyTraces { until, keys } => {
                let news = keys > 0 && self.traces_until.is_none_or(|before| before < until);
                news.then_some(CustodyEvent::TracesDestroyed { until, keys })
            }
            // Whoever does it again has carried them out again.
            Command::NoteExported { what, rows } => Some(CustodyEvent::DataExported { what, rows }),
        }
        .into_iter()
        .collect()
    }

    /// Whether the rules make these events, in a stream that stands like this.
    #[must_use]
    pub fn yields(&self, events: &[CustodyEvent]) -> bool {
        let [event] = events else { return false };
        let command = match event.clone() {
            CustodyEvent::MasterKeyAdded { key } => Command::AddMasterKey { key },
            CustodyEvent::MasterKeyChanged { key, before } => {
                Command::ChangeMasterKey { key, before }
            }
            CustodyEvent::DataKeysRewrapped {
                key,
                rewrapped,
                data_keys,
            } => Command::NoteRewrapped {
                key,
                rewrapped,
                data_keys,
            },
            CustodyEvent::RestoredFromBackup { kept, lost } => Command::NoteRestored { kept, lost },
            CustodyEvent::TracesDestroyed { until, keys } => Command::DestroyTraces { until, keys },
            CustodyEvent::DataExported { what, rows } => Command::NoteExported { what, rows },
        };
        self.decide(command) == events
    }
}

impl DomainEvent for CustodyEvent {
    fn event_type(&self) -> String {
        let name = match self {
            Self::MasterKeyAdded { .. } => "MasterKeyAdded",
            Self::MasterKeyChanged { .. } => "MasterKeyChanged",
            Self::DataKeysRewrapped { .. } => "DataKeysRewrapped",
            Self::RestoredFromBackup { .. } => "RestoredFromBackup",
            Self::TracesDestroyed { .. } => "TracesDestroyed",
            Self::DataExported { .. } => "DataExported",
        };
        name.to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}

impl Aggregate for Custody {
    const TYPE: &'static str = "custody";
    type Command = Command;
    type Event = CustodyEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(
        &mut self,
        command: Command,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Self::Error> {
        for event in self.decide(command) {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: CustodyEvent) {
        match event {
            CustodyEvent::MasterKeyAdded { key } => self.added.push(key),
            CustodyEvent::MasterKeyChanged { key, .. } => {
                self.present = Some(key);
                self.rewrapping = true;
            }
            CustodyEvent::DataKeysRewrapped { .. } => self.rewrapping = false,
            CustodyEvent::RestoredFromBackup { lost, .. } => self.lost.extend(lost),
            CustodyEvent::TracesDestroyed { until, .. } => self.traces_until = Some(until),
            CustodyEvent::DataExported { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
