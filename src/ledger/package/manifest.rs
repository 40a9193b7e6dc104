//! The list of a package's files with their hashes, and the note that signs it.

use data_encoding::{BASE64, HEXLOWER};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::ledger::Head;
use crate::ledger::note::{Note, NoteError, Signer, Verifier};

/// The only format there is.
pub(super) const FORMAT: &str = "kadode-ledger-1";

/// The first line of the note; no checkpoint's second line is a hash.
const SIGNED: &str = "kadode ledger manifest 1";

/// Where the events came from, which decides what is demanded of their times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum EventsIn {
    /// A SQL database: it lets no time run back.
    Database,
    /// An event store of its own, whose clock may have been set back.
    EventStore,
}

/// What is in a package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    pub(super) format: String,
    /// The ledger's name.
    pub(super) origin: String,
    /// Of the last checkpoint.
    pub(super) size: u64,
    pub(super) root: String,
    pub(super) events_in: EventsIn,
    pub(super) exported_at: String,
    pub(super) software: String,
    /// Which way of making reports they were made in; none, if there are none.
    #[serde(default)]
    pub(super) reports: Option<u32>,
    pub(super) files: Vec<Listed>,
}

/// A file of the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) bytes: u64,
    pub(super) sha256: String,
}

impl Manifest {
    /// Whether it is of this tree.
    pub(super) fn is_of(&self, head: &Head) -> bool {
        self.size == head.size && self.root == BASE64.encode(&head.root)
    }
}

/// The note of a manifest: two lines, the second its hash.
pub(super) fn sign(manifest: &[u8], signer: &Signer) -> Note {
    signer.sign(&signed_text(manifest))
}

/// Whether `note` signs this manifest.
pub(super) fn check(manifest: &[u8], note: &str, by: &Verifier) -> Result<(), NoteError> {
    let note = Note::parse(note)?;
    if note.verified(by)? == signed_text(manifest) {
        Ok(())
    } else {
        Err(NoteError::Forged)
    }
}

fn signed_text(manifest: &[u8]) -> String {
    format!("{SIGNED}\n{}\n", HEXLOWER.encode(&Sha256::digest(manifest)))
}
