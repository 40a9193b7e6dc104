//! The audit ledger: every event is a leaf of a Merkle tree whose roots are signed, so that an auditor can prove the history complete
//! and unchanged without trusting anybody.

mod canonical;
mod certificate;
mod checkpoint;
mod leaves;
mod nodes;
mod note;
mod outside;
pub mod package;
mod proof;
mod routine;
mod seal;
mod stored;
#[cfg(test)]
mod tests;
mod tree;

pub use canonical::canonical;
pub use checkpoint::Checkpoint;
pub use leaves::{Leaves, covered_time, leaf_of, leaf_text, leaves};
pub use nodes::{Tree, TreeError};
pub use note::{Note, NoteError, Signer, Verifier};
pub use proof::{Head, continues, includes};
pub use routine::{look_on, seal_on};
pub use seal::{Parts, SealError, Sealed, Sealer};
pub use stored::{Stored, checkpoints_after, mark_restored, wrong_checkpoints};
pub use tree::{
    Frontier, Hash, Node, complete_subtrees, consistency, inclusion, leaf_hash, node_hash,
    range_hash,
};
