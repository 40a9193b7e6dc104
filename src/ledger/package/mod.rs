//! The package that auditors take home: everything stored, everything signed, and all that is needed to check it without us. Its format is
//! told in `docs/ledger.md`.

mod checked;
mod export;
mod files;
mod givers;
mod history;
mod manifest;
mod reports;
mod surplus;
mod verify;

pub use export::{ExportError, Exported, Ready, Source, export};
pub use verify::{Given, Report, Unable, verify};

use crate::subscription::Position;

/// Files of a package.
const EVENTS: &str = "events.jsonl";
const LEAVES: &str = "leaves.txt";
const CHECKPOINTS: &str = "checkpoints.jsonl";
const PROOFS: &str = "proofs.jsonl";
const CHECKPOINT: &str = "checkpoint";
const KEY: &str = "key.vkey";
const MANIFEST: &str = "manifest.json";
const MANIFEST_NOTE: &str = "manifest.note";
const README: &str = "README.md";
const POLICIES: &str = "policies";
const REPORTS: &str = "reports";

/// Something that is wrong with a package or with what is in it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Fault {
    /// Its kind, one of a fixed list; see `docs/ledger.md`.
    pub what: &'static str,
    /// The event it is about.
    pub position: Option<Position>,
    /// The stream of that event.
    pub stream: Option<String>,
    /// What is wrong, in words.
    pub why: String,
}

impl Fault {
    fn new(what: &'static str, why: impl Into<String>) -> Self {
        Self {
            what,
            position: None,
            stream: None,
            why: why.into(),
        }
    }

    fn at(self, position: Position) -> Self {
        Self {
            position: Some(position),
            ..self
        }
    }

    fn of(self, stream: &str) -> Self {
        Self {
            stream: Some(stream.to_owned()),
            ..self
        }
    }
}
