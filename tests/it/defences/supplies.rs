//! What the program is made of: libraries of known licences, from the one registry, and none that is banned.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::imports::root;

/// Licences under which a library may be part of the program: they ask for a notice at most.
const LICENCES: [&str; 9] = [
    "0BSD",
    "Apache-2.0",
    "BSD-3-Clause",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Zlib",
];

/// A library under another licence: tests alone use it, so it is not given away with the program.
const EXCEPTION: (&str, &str) = ("webdriver", "MPL-2.0");

/// TLS is rustls with ring, and nothing else.
const BANNED: [&str; 6] = [
    "openssl",
    "openssl-sys",
    "native-tls",
    "boring",
    "boring-sys",
    "tokio-native-tls",
];

/// Every library in the lock file, for whatever machine.
fn libraries() -> Vec<Value> {
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--locked", "--format-version", "1"])
        .current_dir(root())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&cargo.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// Whether an SPDX expression can be met by the licences that are allowed: one of each `OR`, all of each `AND`.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let mut words = Vec::new();
    for word in expression.split_whitespace() {
        let inner = word.trim_matches(['(', ')']);
        words.extend(word.chars().take_while(|c| *c == '(').map(String::from));
        words.push(inner.to_owned());
        words.extend(
            word.chars()
                .rev()
                .take_while(|c| *c == ')')
                .map(String::from),
        );
    }
    let mut words = words.into_iter().peekable();
    let allowed = any(&mut words);
    assert!(words.next().is_none(), "{expression} is no expression");
    allowed
}

type Words = std::iter::Peekable<std::vec::IntoIter<String>>;

fn any(words: &mut Words) -> bool {
    let mut allowed = all(words);
    while words.next_if(|word| word == "OR").is_some() {
        allowed |= all(words);
    }
    allowed
}

fn all(words: &mut Words) -> bool {
    let mut allowed = one(words);
    while words.next_if(|word| word == "AND").is_some() {
        allowed &= one(words);
    }
    allowed
}

fn one(words: &mut Words) -> bool {
    let word = words.next().unwrap();
    if word == "(" {
        let allowed = any(words);
        assert_eq!(words.next().as_deref(), Some(")"));
        return allowed;
    }
    // An exception takes nothing away.
    if words.next_if(|word| word == "WITH").is_some() {
        words.next();
    }
    LICENCES.contains(&word.as_str())
}

#[test]
fn every_library_has_a_known_licence_and_source_and_none_is_banned() {
    let libraries = libraries();
    assert!(libraries.len() > 100);
    let mut wrong = Vec::new();
    for library in &libraries {
        let text = |name: &str| library[name].as_str().unwrap_or_default();
        let (name, source) = (text("name"), text("source"));
        let ours = name == "kadode";
        if !ours && !source.starts_with("registry+") {
            wrong.push(format!("{name} is from {source}"));
        }
        if !is_allowed(text("license")) && (name, text("license")) != EXCEPTION {
            wrong.push(format!("{name} is under {}", text("license")));
        }
        if BANNED.contains(&name) {
            wrong.push(format!("{name} is banned"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn the_file_for_cargo_deny_has_the_same_rules() {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let rules: toml::Table = text.parse().unwrap();
    let names = |list: &toml::Value| -> BTreeSet<String> {
        let list = list.as_array().unwrap().iter();
        let name = |it: &toml::Value| it.get("crate").unwrap_or(it).as_str().unwrap().to_owned();
        list.map(name).collect()
    };
    assert_eq!(
        names(&rules["licenses"]["allow"]),
        LICENCES.map(str::to_owned).into()
    );
    assert_eq!(
        names(&rules["bans"]["deny"]),
        BANNED.map(str::to_owned).into()
    );
}

#[test]
fn of_licences_one_is_chosen_and_all_are_kept() {
    for (expression, allowed) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("MIT/GPL-3.0-only", true),
        ("MIT AND GPL-3.0-only", false),
        ("(MIT OR GPL-3.0-only) AND Unicode-3.0", true),
        ("Apache-2.0 WITH LLVM-exception OR GPL-3.0-only", true),
    ] {
        assert_eq!(is_allowed(expression), allowed, "{expression}");
    }
}
