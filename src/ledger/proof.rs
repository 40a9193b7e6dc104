//! Checking proofs with nothing but roots at hand, by the algorithms of RFC 9162 (2.1.3.2 and 2.1.4.2).

use super::tree::{Hash, node_hash};

/// Whether `proof` shows that `leaf` is number `index`, from 0, in the tree of `size` leaves with this root.
#[must_use]
pub fn includes(index: u64, size: u64, leaf: &Hash, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut place, mut last) = (index, size - 1);
    let mut hash = *leaf;
    for other in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(other, &hash);
            if place & 1 == 0 {
                skip_to_right_child(&mut place, &mut last);
            }
        } else {
            hash = node_hash(&hash, other);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// A tree: how many leaves, and its root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Leaves.
    pub size: u64,
    /// The root.
    pub root: Hash,
}

/// Whether `proof` shows that the tree `new` begins with all leaves of `old`, in their order.
#[must_use]
pub fn continues(old: &Head, new: &Head, proof: &[Hash]) -> bool {
    if old.size > new.size {
        return false;
    }
    if old.size == new.size {
        return proof.is_empty() && old.root == new.root;
    }
    if old.size == 0 {
        // Every tree begins with the empty one.
        return proof.is_empty() && old.root == super::tree::Frontier::default().root();
    }
    let mut proof = proof.iter();
    let first = if old.size.is_power_of_two() {
        Some(&old.root)
    } else {
        proof.next()
    };
    let Some(first) = first else { return false };
    let (mut place, mut last) = (old.size - 1, new.size - 1);
    while place & 1 == 1 {
        place >>= 1;
        last >>= 1;
    }
    let (mut of_old, mut of_new) = (*first, *first);
    for other in proof {
        if last == 0 {
            return false;
        }
        if place & 1 == 1 || place == last {
            of_old = node_hash(other, &of_old);
            of_new = node_hash(other, &of_new);
            if place & 1 == 0 {
                skip_to_right_child(&mut place, &mut last);
            }
        } else {
            of_new = node_hash(&of_new, other);
        }
        place >>= 1;
        last >>= 1;
    }
    last == 0 && of_old == old.root && of_new == new.root
}

/// A node at the right edge has no sibling until it is a right child itself.
const fn skip_to_right_child(place: &mut u64, last: &mut u64) {
    while *place & 1 == 0 && *place != 0 {
        *place >>= 1;
        *last >>= 1;
    }
}
