//! The checkpoints of a package, one after the other: signed, over the leaves that are there, and each a continuation of the one before.

use std::io;
use std::path::Path;

use data_encoding::BASE64;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::files::{LineError, Reading};
use super::manifest::Listed;
use super::{CHECKPOINTS, Fault, PROOFS};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::note::{Verifier, base64};
use crate::ledger::proof::{Head, continues};
use crate::ledger::tree::Hash;

/// What is wrong, or why nothing can be said.
pub(super) enum Stop {
    /// Something is wrong.
    Fault(Fault),
    /// A file cannot be read.
    Io(String, io::Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// The next line of a file of the package.
pub(super) fn next_line(file: &mut Reading, name: &'static str) -> Result<Option<String>, Stop> {
    file.line().map_err(|error| match error {
        LineError::Io(error) => Stop::Io(name.to_owned(), error),
        LineError::NoLine => {
            let why = format!("{name}: a line is cut off, too long, or no text");
            Fault::new("file", why).into()
        }
    })
}

/// Opens a file that the package must have.
pub(super) fn open(folder: &Path, name: &'static str) -> Result<Reading, Stop> {
    Reading::open(folder, name).map_err(|error| missing(name, error))
}

pub(super) fn missing(name: &str, error: io::Error) -> Stop {
    if error.kind() == io::ErrorKind::NotFound {
        Fault::new("file", format!("{name} is missing")).into()
    } else {
        Stop::Io(name.to_owned(), error)
    }
}

#[derive(Deserialize)]
struct Line {
    size: u64,
    root: String,
    note: String,
}

#[derive(Deserialize)]
struct ProofLine {
    from: u64,
    to: u64,
    hashes: Vec<String>,
}

/// The checkpoints that are still to be checked.
pub(super) struct Checkpoints {
    file: Reading,
    proofs: Reading,
    next: Option<Line>,
    last: Option<(Head, String)>,
    count: u64,
}

impl Checkpoints {
    pub(super) fn open(folder: &Path) -> Result<Self, Stop> {
        let mut file = open(folder, CHECKPOINTS)?;
        Ok(Self {
            next: read(&mut file, CHECKPOINTS)?,
            file,
            proofs: open(folder, PROOFS)?,
            last: None,
            count: 0,
        })
    }

    /// How many were found right.
    pub(super) const fn count(&self) -> u64 {
        self.count
    }

    /// The size of the next one.
    pub(super) fn due(&self) -> Option<u64> {
        self.next.as_ref().map(|next| next.size)
    }

    /// The last one that was found right, and its note.
    pub(super) fn last(&self) -> Option<&(Head, String)> {
        self.last.as_ref()
    }

    /// Holds the next one against the tree of its size.
    pub(super) fn check(&mut self, present: &Head, by: &Verifier) -> Result<(), Stop> {
        let Some(line) = self.next.take() else {
            return Ok(());
        };
        let size = line.size;
        let wrong = |what, why: String| {
            Stop::Fault(Fault::new(
                what,
                format!("the checkpoint over {size} events: {why}"),
            ))
        };
        let signed = Checkpoint::open(&line.note, by);
        let head = signed
            .map_err(|error| wrong("signature", error.to_string()))?
            .head;
        if head.size != size || BASE64.encode(&head.root) != line.root {
            let why = "beside it stands another size or root than was signed".to_owned();
            return Err(wrong("checkpoint", why));
        }
        let before = self.last.as_ref().map(|(head, _)| *head);
        let first = before.map_or(0, |before| before.size) + 1;
        if head.root != present.root {
            let why = format!(
                "one of the events {first} to {size} is not as it was when this was signed, or was added or taken away"
            );
            return Err(wrong("root", why));
        }
        if let Some(before) = before {
            let proof: Option<ProofLine> = read(&mut self.proofs, PROOFS)?;
            let holds = proof.is_some_and(|proof| {
                let hashes: Option<Vec<Hash>> = proof.hashes.iter().map(|it| hash(it)).collect();
                (proof.from, proof.to) == (before.size, size)
                    && hashes.is_some_and(|hashes| continues(&before, &head, &hashes))
            });
            if !holds {
                let why = format!(
                    "there is no proof that it continues the one over {}",
                    before.size
                );
                return Err(wrong("consistency", why));
            }
        }
        self.last = Some((head, line.note));
        self.count += 1;
        self.next = read(&mut self.file, CHECKPOINTS)?;
        match &self.next {
            Some(next) if next.size <= size => {
                let why = format!("it is followed by one over {}", next.size);
                Err(wrong("checkpoint", why))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Reads both files to their ends, and tells what they are.
    pub(super) fn finish(self) -> Result<[Listed; 2], Stop> {
        let told = |file: Reading, name: &str| {
            file.finish()
                .map_err(|error| Stop::Io(name.to_owned(), error))
        };
        Ok([told(self.file, CHECKPOINTS)?, told(self.proofs, PROOFS)?])
    }
}

fn read<T: DeserializeOwned>(file: &mut Reading, name: &'static str) -> Result<Option<T>, Stop> {
    let Some(line) = next_line(file, name)? else {
        return Ok(None);
    };
    serde_json::from_str(&line)
        .map(Some)
        .map_err(|_| Fault::new("file", format!("{name}: a line is not as it should be")).into())
}

fn hash(text: &str) -> Option<Hash> {
    base64(text)?.try_into().ok()
}
