//! The Merkle tree of RFC 6962 (2.1), of which complete subtrees alone are ever kept: roots of any size, and what proofs are made of.

use std::collections::BTreeMap;
use std::ops::Range;

use sha2::{Digest, Sha256};

/// A leaf, a node or a root: SHA-256.
pub type Hash = [u8; 32];

/// A complete subtree: 2^`level` leaves, from leaf `number` × 2^`level` on; leaves count from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// Its height; 0 is a leaf.
    pub level: u8,
    /// Its place among those of its level.
    pub number: u64,
}

/// The hash of a leaf: SHA-256 of a zero byte and what the leaf stands for.
#[must_use]
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0])
        .chain_update(leaf)
        .finalize()
        .into()
}

/// The hash of a node: SHA-256 of a byte of 1 and both children.
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([1])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// The complete subtrees that make up the leaves of `range`, from left to right. The range is one that a tree has: its start is a
/// multiple of the size of any subtree that fits behind it.
#[must_use]
pub fn complete_subtrees(range: Range<u64>) -> Vec<Node> {
    let mut nodes = Vec::new();
    let mut start = range.start;
    while start < range.end {
        let level = (range.end - start).ilog2();
        nodes.push(Node {
            level: u8::try_from(level).unwrap_or(u8::MAX),
            number: start >> level,
        });
        start += 1 << level;
    }
    nodes
}

/// The root over the leaves of `range`, from the nodes of [`complete_subtrees`]; none, if one of them is not there.
#[must_use]
pub fn range_hash(range: Range<u64>, nodes: &BTreeMap<Node, Hash>) -> Option<Hash> {
    let hashes: Option<Vec<Hash>> = complete_subtrees(range)
        .iter()
        .map(|node| nodes.get(node).copied())
        .collect();
    Some(fold(&hashes?))
}

/// The root over complete subtrees of falling size.
fn fold(subtrees: &[Hash]) -> Hash {
    let mut from_right = subtrees.iter().rev();
    match from_right.next() {
        None => Sha256::digest([]).into(),
        Some(last) => from_right.fold(*last, |right, left| node_hash(left, &right)),
    }
}

/// The proof that leaf `index` is in the tree of `size` leaves, as the ranges of leaves whose roots it consists of (RFC 6962, 2.1.1).
#[must_use]
pub fn inclusion(index: u64, size: u64) -> Vec<Range<u64>> {
    let mut proof = Vec::new();
    let mut range = 0..size;
    while index < range.end && range.end - range.start > 1 {
        let (left, right) = split(&range);
        let (inside, beside) = if index < left.end {
            (left, right)
        } else {
            (right, left)
        };
        proof.push(beside);
        range = inside;
    }
    proof.reverse();
    proof
}

/// The proof that the tree of `new` leaves begins with the one of `old`, as the ranges of leaves whose roots it consists of
/// (RFC 6962, 2.1.2). Empty, if the sizes are equal, or the old tree was empty.
#[must_use]
pub fn consistency(old: u64, new: u64) -> Vec<Range<u64>> {
    let mut proof = Vec::new();
    if old == 0 || old >= new {
        return proof;
    }
    let mut range = 0..new;
    // Whoever checks has the old root, but not the roots within it.
    let mut is_old_root = true;
    while range.end > old {
        let (left, right) = split(&range);
        let (inside, beside) = if old <= left.end {
            (left, right)
        } else {
            is_old_root = false;
            (right, left)
        };
        proof.push(beside);
        range = inside;
    }
    if !is_old_root {
        proof.push(range);
    }
    proof.reverse();
    proof
}

/// Both halves of a range of at least two leaves: the left one is the largest power of two that leaves something over.
fn split(range: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let middle = range.start + (1 << (range.end - range.start - 1).ilog2());
    (range.start..middle, middle..range.end)
}

/// A tree that grows: of its complete subtrees, those alone that the next leaves need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    /// One a bit of the size, the largest first.
    subtrees: Vec<Hash>,
}

impl Frontier {
    /// The tree of `size` leaves, from the hashes of its [`complete_subtrees`].
    #[must_use]
    pub const fn new(size: u64, subtrees: Vec<Hash>) -> Self {
        Self { size, subtrees }
    }

    /// How many leaves it has.
    #[must_use]
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Its root.
    #[must_use]
    pub fn root(&self) -> Hash {
        fold(&self.subtrees)
    }

    /// Adds a leaf; `completed` hears of each larger subtree that it makes whole.
    pub fn push(&mut self, leaf: Hash, mut completed: impl FnMut(Node, Hash)) {
        let mut hash = leaf;
        for level in 1..=self.size.trailing_ones() {
            // There is one a bit that is set.
            let Some(left) = self.subtrees.pop() else {
                break;
            };
            hash = node_hash(&left, &hash);
            let node = Node {
                level: u8::try_from(level).unwrap_or(u8::MAX),
                number: self.size >> level,
            };
            completed(node, hash);
        }
        self.subtrees.push(hash);
        self.size += 1;
    }
}
