//! The ledger's ground: tree, proofs, notes and checkpoints, against vectors of others and an independent implementation.

mod notes;
mod trees;
