//! Roots and proofs of all sizes, beside those of certificate transparency and of another implementation.

use std::collections::BTreeMap;

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use crate::ledger::{
    Frontier, Hash, Head, Node, complete_subtrees, consistency, continues, includes, inclusion,
    leaf_hash, range_hash,
};

/// The leaves of certificate transparency's own tests, and the roots of the trees of the first one, two, … of them.
const CT: [(&str, &str); 8] = [
    (
        "",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    ),
    (
        "00",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ),
    (
        "10",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    ),
    (
        "2021",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
    (
        "3031",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    ),
    (
        "40414243",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    ),
    (
        "5051525354555657",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    ),
    (
        "606162636465666768696a6b6c6d6e6f",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ),
];

/// As many sizes as leave no shape of a tree out.
const LARGEST: u64 = 300;

/// A tree of so many leaves with all its nodes, and every root on the way.
struct Tree {
    nodes: BTreeMap<Node, Hash>,
    roots: Vec<Hash>,
}

impl Tree {
    fn of(leaves: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let mut frontier = Frontier::default();
        let mut nodes = BTreeMap::new();
        let mut roots = vec![frontier.root()];
        for leaf in leaves {
            let number = frontier.size();
            let leaf = leaf_hash(&leaf);
            nodes.insert(Node { level: 0, number }, leaf);
            frontier.push(leaf, |node, hash| {
                assert_eq!(nodes.insert(node, hash), None);
            });
            roots.push(frontier.root());
        }
        Self { nodes, roots }
    }

    fn large() -> Self {
        Self::of((0..LARGEST).map(large_leaf))
    }

    fn head(&self, size: u64) -> Head {
        let root = self.roots[usize::try_from(size).unwrap()];
        Head { size, root }
    }

    fn hashes(&self, ranges: Vec<std::ops::Range<u64>>) -> Vec<Hash> {
        let hash = |range| range_hash(range, &self.nodes).unwrap();
        ranges.into_iter().map(hash).collect()
    }
}

/// Without a pattern that a wrong order could hide in.
fn large_leaf(number: u64) -> Vec<u8> {
    Sha256::digest(number.to_be_bytes()).to_vec()
}

#[test]
fn the_roots_are_those_of_certificate_transparency() {
    let tree = Tree::of(CT.map(|(leaf, _)| HEXLOWER.decode(leaf.as_bytes()).unwrap()));
    let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let wanted: Vec<&str> = [empty]
        .into_iter()
        .chain(CT.map(|(_, root)| root))
        .collect();
    let roots: Vec<String> = tree
        .roots
        .iter()
        .map(|root| HEXLOWER.encode(root))
        .collect();
    assert_eq!(roots, wanted);
}

#[test]
fn roots_and_proofs_of_every_size_are_those_of_another_implementation() {
    let tree = Tree::large();
    let mut other = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 0..=LARGEST {
        assert_eq!(
            tree.head(size).root.as_slice(),
            other.root().as_bytes().as_slice()
        );
        assert_eq!(range_hash(0..size, &tree.nodes), Some(tree.head(size).root));
        for index in 0..size {
            let proof = tree.hashes(inclusion(index, size)).concat();
            let theirs = other.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(proof, theirs.as_bytes(), "leaf {index} of {size}");
        }
        for old in 1..size {
            let proof = tree.hashes(consistency(old, size)).concat();
            let theirs = other.prove_consistency(usize::try_from(size - old).unwrap());
            assert_eq!(proof, theirs.as_bytes(), "{old} to {size}");
        }
        other.push(large_leaf(size));
    }
}

#[test]
fn every_proof_holds_and_with_anything_changed_it_does_not() {
    let tree = Tree::large();
    for size in 0..=40 {
        let head = tree.head(size);
        for index in 0..size {
            let leaf = tree.nodes[&Node {
                level: 0,
                number: index,
            }];
            let proof = tree.hashes(inclusion(index, size));
            assert!(includes(index, size, &leaf, &proof, &head.root));
            assert!(!includes(index, size, &[7; 32], &proof, &head.root));
            assert!(!includes(index, size, &leaf, &proof, &[7; 32]));
            assert!(!includes(index + 1, size, &leaf, &proof, &head.root));
            for changed in changes(&proof) {
                assert!(!includes(index, size, &leaf, &changed, &head.root));
            }
        }
        for old in 0..=size {
            let old = tree.head(old);
            let proof = tree.hashes(consistency(old.size, size));
            assert!(continues(&old, &head, &proof), "{} to {size}", old.size);
            let forked = |head: &Head| Head {
                root: [7; 32],
                ..*head
            };
            assert!(!continues(&forked(&old), &head, &proof));
            // That anything follows from nothing says nothing about it.
            assert_eq!(
                continues(&old, &forked(&head), &proof),
                old.size == 0 && size > 0
            );
            for changed in changes(&proof) {
                assert!(!continues(&old, &head, &changed));
            }
        }
        assert!(!continues(&tree.head(size + 1), &head, &[]));
    }
}

/// A proof with a hash too many, too few, or another.
fn changes(proof: &[Hash]) -> Vec<Vec<Hash>> {
    let mut changes = vec![[proof, &[[7; 32]]].concat(), [&[[7; 32]], proof].concat()];
    for place in 0..proof.len() {
        let mut other = proof.to_vec();
        other[place] = [7; 32];
        changes.push(other.clone());
        other.remove(place);
        changes.push(other);
    }
    changes
}

#[test]
fn a_proof_longer_than_any_tree_is_high_is_refused() {
    let tree = Tree::large();
    let proof = vec![[7; 32]; 200];
    let leaf = tree.nodes[&Node {
        level: 0,
        number: 5,
    }];
    assert!(!includes(5, 300, &leaf, &proof, &tree.head(300).root));
    assert!(!includes(5, u64::MAX, &leaf, &proof, &tree.head(300).root));
    assert!(!continues(&tree.head(5), &tree.head(300), &proof));
    let endless = Head {
        size: u64::MAX,
        root: [7; 32],
    };
    assert!(!continues(&tree.head(5), &endless, &proof));
}

#[test]
fn the_largest_trees_need_a_node_a_bit() {
    assert_eq!(complete_subtrees(0..u64::MAX).len(), 64);
    assert_eq!(inclusion(0, 5_000_000).len(), 23);
    let widest = consistency(4_999_999, 5_000_000).into_iter();
    let nodes: usize = widest.map(|range| complete_subtrees(range).len()).sum();
    assert!(nodes < 50, "{nodes}");
}
