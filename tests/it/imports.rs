//! Imports run downward only: reads the paths that the source names, and holds them against the floors of the house.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Each room of `src/`, with the rooms below that it may import; itself and the ground floor go without saying.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    // 6
    ("main", EVERYTHING),
    ("cli", EVERYTHING),
    // 5
    ("app", EVERYTHING_BELOW_APP),
    // 4
    (
        "api",
        &[
            "commands",
            "policies",
            "rosters",
            "projections",
            "ledger",
            "vault",
            "domain",
            "config",
        ],
    ),
    // 3
    ("rosters", &["policies", "commands", "vault", "domain"]),
    ("policies", &["commands", "domain"]),
    (
        "reactors",
        &[
            "subscription",
            "commands",
            "projections",
            "rosters",
            "vault",
            "mail",
            "domain",
            "config",
        ],
    ),
    ("projections", &["subscription", "domain"]),
    ("ledger", &["projections", "subscription", "domain"]),
    // 2
    ("commands", &["store", "domain"]),
    ("subscription", &["store", "domain"]),
    // 1
    ("store", &["domain"]),
    ("vault", &["domain"]),
    ("mail", &["domain"]),
    ("domain", &[]),
    ("config", &[]),
    // The ground floor
    ("ambient", &[]),
    ("database", &[]),
    // The map: it declares the rooms.
    ("lib", &[]),
];

const EVERYTHING: &[&str] = &[
    "cli",
    "app",
    "api",
    "reactors",
    "rosters",
    "policies",
    "projections",
    "ledger",
    "commands",
    "subscription",
    "store",
    "vault",
    "mail",
    "domain",
    "config",
];

const EVERYTHING_BELOW_APP: &[&str] = &[
    "api",
    "reactors",
    "rosters",
    "policies",
    "projections",
    "ledger",
    "commands",
    "subscription",
    "store",
    "vault",
    "mail",
    "domain",
    "config",
];

/// What everybody may use: the clock and chance, and the pools.
const GROUND_FLOOR: &[&str] = &["ambient", "database"];

/// What the rules may depend on besides the standard library.
const CRATES_OF_DOMAIN: &[&str] = &["cqrs-es", "serde", "thiserror", "jiff", "uuid"];

#[test]
fn every_room_imports_only_from_below() {
    let table: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    let mut violations = Vec::new();
    for file in source_files() {
        let room = room_of(&file);
        let Some(allowed) = table.get(room.as_str()) else {
            violations.push(format!("{room} has no line in MAY_IMPORT"));
            continue;
        };
        for named in rooms_named_in(&code_of(&file)) {
            let known = table.contains_key(named.as_str());
            let fine = named == room
                || GROUND_FLOOR.contains(&named.as_str())
                || allowed.contains(&named.as_str());
            if known && !fine {
                violations.push(format!("{} imports {named}", file.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn the_rules_depend_on_five_crates_alone() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let dependencies = manifest["dependencies"].as_table().unwrap();
    let forbidden: Vec<String> = dependencies
        .keys()
        .filter(|name| !CRATES_OF_DOMAIN.contains(&name.as_str()))
        .map(|name| name.replace('-', "_"))
        .collect();
    let mut violations = Vec::new();
    for file in source_files() {
        if room_of(&file) != "domain" {
            continue;
        }
        let code = code_of(&file);
        for name in &forbidden {
            if paths_from(&code, name).next().is_some() {
                violations.push(format!("{} uses {name}", file.display()));
            }
        }
    }
    assert!(violations.is_empty(), "{violations:#?}");
}

#[test]
fn every_source_file_says_first_what_it_is() {
    let files = ["src", "tests", "benches"]
        .iter()
        .flat_map(|folder| rust_files(&root().join(folder)));
    let silent: Vec<PathBuf> = files
        .filter(|file| !std::fs::read_to_string(file).unwrap().starts_with("//! "))
        .collect();
    assert!(silent.is_empty(), "{silent:#?}");
}

#[test]
fn a_group_of_imports_names_each_of_its_rooms() {
    let code = "use crate::{\n    store::{EventLog, Position},\n    vault,\n};\nlet a = crate::mail::open();";
    let named: Vec<String> = rooms_named_in(code).into_iter().collect();
    assert_eq!(named, ["mail", "store", "vault"]);
}

/// The folder of the repository.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of `src/` but for those that hold tests alone.
fn source_files() -> Vec<PathBuf> {
    let files: Vec<PathBuf> = rust_files(&root().join("src"))
        .into_iter()
        .filter(|file| {
            !file
                .components()
                .any(|part| part.as_os_str() == "tests" || part.as_os_str() == "tests.rs")
        })
        .collect();
    assert!(!files.is_empty(), "there is no source to look at");
    files
}

/// All Rust files in a folder and below.
pub fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(rust_files(&path));
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            files.push(path);
        }
    }
    files
}

/// The first folder, or file, below `src/`.
fn room_of(file: &Path) -> String {
    let below = file.strip_prefix(root().join("src")).unwrap();
    let first = below.components().next().unwrap().as_os_str();
    let first = first.to_str().unwrap();
    first.strip_suffix(".rs").unwrap_or(first).to_owned()
}

/// A file's text without comments, and without the tests at its end.
fn code_of(file: &Path) -> String {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text
        .split("#[cfg(test)]\nmod tests {")
        .next()
        .unwrap_or_default();
    code.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// What stands after each `name::` that begins a path.
fn paths_from<'a>(code: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let start = format!("{name}::");
    code.match_indices(&start)
        .filter(|(at, _)| {
            let before = code[..*at].chars().next_back();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':')
        })
        .map(|(at, start)| &code[at + start.len()..])
        .collect::<Vec<_>>()
        .into_iter()
}

fn rooms_named_in(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in paths_from(code, "crate") {
        match rest.strip_prefix('{') {
            None => rooms.extend(first_word(rest)),
            Some(group) => rooms.extend(members_of(group)),
        }
    }
    rooms
}

/// The first words of a group's members: `a::{b, c}, d}` has `a` and `d`.
fn members_of(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut members = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => members.push(String::new()),
            _ if depth == 0 => members.last_mut().unwrap().push(c),
            _ => {}
        }
    }
    members
        .iter()
        .filter_map(|member| first_word(member.trim()))
        .collect()
}

fn first_word(text: &str) -> Option<String> {
    let word: String = text
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    (!word.is_empty()).then_some(word)
}
