//! Why nothing is signed, in words for the operator.

use std::io;
use std::path::PathBuf;

use crate::ledger::nodes::TreeError;
use crate::ledger::note::NoteError;

/// Why nothing was signed; for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no event yet.
    #[error("there is no event to seal yet")]
    Empty,
    /// The database is away, or its tables are damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file cannot be read or written.
    #[error("checkpoint file {0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The last checkpoint is not where it has to be.
    #[error(
        "checkpoint file {0}: no such file, though checkpoints were signed before; without it nobody knows whether the past is still the same: \
         put back the last one you have, from another machine, a witness or an export"
    )]
    Lost(PathBuf),
    /// A witness has no file.
    #[error(
        "witness file {0}: no such file; put back the last checkpoint, or, if the witness is a new one, make an empty file there"
    )]
    NoWitness(PathBuf),
    /// A checkpoint does not count.
    #[error("the checkpoint in {0}: {1}")]
    Note(String, #[source] NoteError),
    /// The history does not tell yet that it goes on from a backup.
    #[error(
        "the databases were restored from {0}: run `kadode ledger resume`, which puts that into the history"
    )]
    Restored(String),
    /// Events that were signed are no longer there.
    #[error(
        "the log has been cut: the checkpoint in {place} is over {signed} events, and there are {present}; \
         if the databases were restored from a backup, run `kadode ledger resume`, else keep that checkpoint for the auditor"
    )]
    Cut {
        /// Where the checkpoint is.
        place: String,
        /// Its size.
        signed: u64,
        /// How many leaves there are.
        present: u64,
    },
    /// Events that were signed are others now.
    #[error(
        "the past has been changed: the first {size} events are not those of the checkpoint in {place}; \
         if the databases were restored from a backup, run `kadode ledger resume`, else keep that checkpoint for the auditor"
    )]
    Forked {
        /// Where the checkpoint is.
        place: String,
        /// Its size.
        size: u64,
    },
    /// No name can be made of the policy's mail domain.
    #[error("the mail domain {0:?} of the policy cannot name the ledger")]
    Name(String),
}

impl From<sqlx::Error> for SealError {
    fn from(error: sqlx::Error) -> Self {
        Self::Tree(error.into())
    }
}
