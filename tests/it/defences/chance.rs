//! Where random numbers come from.

use std::path::Path;

use crate::imports::{root, rust_files};

/// Each names a generator, or a crate of generators.
const GENERATORS: [&str; 10] = [
    "rand::",
    "rand_core",
    "fastrand",
    "getrandom",
    "OsRng",
    "StdRng",
    "SmallRng",
    "ThreadRng",
    "new_v4",
    "RandomState",
];

#[test]
fn nothing_but_the_ambient_entropy_draws_random_numbers() {
    let ambient = root().join("src/ambient.rs");
    // Chooses words by a generator that begins with a hash of the session's secret, so that a page shows them again.
    let phrase = root().join("src/api/pages/phrase.rs");
    let is_bound = |path: &Path| *path != ambient && *path != phrase;
    let files = rust_files(&root().join("src"));
    let mut drawing = Vec::new();
    for file in files.iter().filter(|file| is_bound(file)) {
        let code = std::fs::read_to_string(file).unwrap();
        let named = GENERATORS.iter().filter(|name| code.contains(*name));
        drawing.extend(named.map(|name| format!("{} names {name}", file.display())));
    }
    assert!(drawing.is_empty(), "{drawing:#?}");
    let code = std::fs::read_to_string(&ambient).unwrap();
    assert!(code.contains("from_os_rng"), "the system's generator");
    let code = std::fs::read_to_string(&phrase).unwrap();
    assert_eq!(code.matches("StdRng::").count(), 1);
    assert!(code.contains("StdRng::from_seed(Sha256::digest(secret)"));
}
