//! Imports run downward only: reads the paths that the source names, and holds them against the table of floors in ARCHITECTURE.md.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What the rules may depend on besides the standard library.
const CRATES_OF_DOMAIN: &[&str] = &["cqrs-es", "serde", "thiserror", "jiff", "uuid"];

/// What the table of floors says of a room.
struct Row {
    floor: u8,
    /// The rooms that it imports; not said of those that may import every room below.
    imports: Option<BTreeSet<String>>,
    /// Names of another room that it hands on, and that room.
    hands_on: BTreeSet<String>,
}

/// The rooms of `src/`, as ARCHITECTURE.md has them.
fn rooms() -> BTreeMap<String, Row> {
    let page = std::fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let mut rooms = BTreeMap::new();
    for cells in table(&page, "Floors") {
        for room in in_backticks(&cells[1]) {
            let every_room_below = cells[2] == "every room below";
            let row = Row {
                floor: cells[0].parse().unwrap(),
                imports: (!every_room_below).then(|| in_backticks(&cells[2])),
                hands_on: in_backticks(&cells[3]),
            };
            rooms.insert(room, row);
        }
    }
    rooms
}

/// What a room's files have, by room; `lib.rs` only declares the rooms.
fn by_room(of_code: impl Fn(&str) -> BTreeSet<String>) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in source_files() {
        let room = room_of(&file);
        if room != "lib" {
            let names = of_code(&code_of(&file));
            found.entry(room).or_default().extend(names);
        }
    }
    found
}

#[test]
fn every_room_imports_only_from_below() {
    let rooms = rooms();
    for (room, imported) in by_room(rooms_named_in) {
        let row = rooms
            .get(&room)
            .unwrap_or_else(|| panic!("{room} has no row"));
        for other in imported.iter().filter(|it| **it != room) {
            let is_below = rooms.get(other).is_none_or(|it| it.floor < row.floor);
            assert!(is_below, "{room} imports {other}");
        }
    }
}

#[test]
fn the_table_of_floors_names_what_each_room_imports() {
    let rooms = rooms();
    for (room, mut imported) in by_room(rooms_named_in) {
        imported.retain(|it| *it != room && rooms.contains_key(it));
        if let Some(told) = &rooms[&room].imports {
            assert_eq!(imported, *told, "{room}");
        }
    }
}

#[test]
fn the_table_of_floors_names_what_each_room_hands_on() {
    let rooms = rooms();
    for (room, handed_on) in by_room(names_handed_on) {
        assert_eq!(handed_on, rooms[&room].hands_on, "{room}");
    }
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

/// The lines of the table under a heading of a page: their cells.
pub fn table(page: &str, heading: &str) -> Vec<Vec<String>> {
    let (_, rest) = page
        .split_once(&format!("\n## {heading}\n"))
        .unwrap_or_else(|| panic!("there is no {heading}"));
    let section = rest.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with("| "));
    let cells = |line: &str| {
        let inner = line.trim_matches('|').split(" | ");
        inner.map(|cell| cell.trim().to_owned()).collect()
    };
    // The first names the columns.
    lines.skip(1).map(cells).collect()
}

fn in_backticks(text: &str) -> BTreeSet<String> {
    let words = text.split('`').skip(1).step_by(2);
    words.map(str::to_owned).collect()
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

/// All words of each `pub use crate::…;` but `crate`.
fn names_handed_on(code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for rest in code.split("pub use crate::").skip(1) {
        let path = rest.split(';').next().unwrap();
        let words = path.split(|c: char| !c.is_alphanumeric() && c != '_');
        names.extend(words.filter(|it| !it.is_empty()).map(str::to_owned));
    }
    names
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
