//! SQL: who writes it at all, and what is put into a statement's text. Values are bound.

use std::collections::BTreeSet;
use std::path::Path;

use crate::imports::{root, rust_files};

/// Rooms that speak to a database: of what reads requests, none is among them.
const WRITERS: [&str; 8] = [
    "cli",
    "database",
    "ledger",
    "projections",
    "reactors",
    "store",
    "subscription",
    "vault",
];

/// What stands in statements by name: tables, columns, placeholders, numbers and parts of our own. A new one is to be looked at by
/// somebody: nothing that was typed may be among them.
const PARTS: [&str; 43] = [
    "",
    "BETWEEN",
    "COLUMNS",
    "NEXT",
    "PORTION",
    "REBUILD",
    "TRACES_UNTIL",
    "and",
    "bound",
    "cells",
    "column",
    "columns",
    "condition",
    "conditions",
    "count",
    "counted",
    "function",
    "grouped",
    "hot",
    "id",
    "into",
    "key",
    "level",
    "list",
    "live",
    "names",
    "new",
    "number",
    "order",
    "other",
    "place",
    "rebuilt",
    "rows",
    "scope",
    "since",
    "suffix",
    "table",
    "then",
    "to_contacts",
    "told_day",
    "typed",
    "which",
    "within",
];

/// The literals of a file's code, as they stand there.
fn literals(code: &str) -> Vec<String> {
    let lines = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    let code = lines.collect::<Vec<_>>().join("\n").replace("'\"'", "");
    let mut found = Vec::new();
    let mut rest = code.as_str();
    while let Some((_, after)) = rest.split_once('"') {
        let mut escaped = false;
        let end = after.find(|c| {
            let ends = c == '"' && !escaped;
            escaped = c == '\\' && !escaped;
            ends
        });
        let Some(end) = end else { break };
        found.push(after[..end].to_owned());
        rest = &after[end + 1..];
    }
    found
}

fn is_statement(literal: &str) -> bool {
    let words = [
        "SELECT ",
        "INSERT INTO ",
        "UPDATE ",
        "DELETE FROM ",
        "WHERE ",
        "VALUES ",
        "CREATE ",
        "ALTER ",
        "DROP ",
    ];
    words.iter().any(|word| literal.contains(word))
}

/// The names between braces.
fn parts(literal: &str) -> Vec<String> {
    let literal = literal.replace("{{", "").replace("}}", "");
    let opened = literal.split('{').skip(1);
    opened
        .map(|rest| rest.split(['}', ':']).next().unwrap().to_owned())
        .collect()
}

/// The files of `src/` that are no tests, each with its room.
fn code() -> Vec<(String, String, String)> {
    let source = root().join("src");
    let is_test = |file: &Path| {
        file.iter()
            .any(|part| part == "tests" || part == "tests.rs")
    };
    let files = rust_files(&source).into_iter();
    files
        .filter(|file| !is_test(file))
        .map(|file| {
            let below = file.strip_prefix(&source).unwrap();
            let first = below.iter().next().unwrap().to_str().unwrap();
            let room = first.trim_end_matches(".rs").to_owned();
            let code = std::fs::read_to_string(&file).unwrap();
            (room, below.display().to_string(), code)
        })
        .collect()
}

#[test]
fn whatever_reads_a_request_writes_no_statement() {
    let speak = |code: &str| code.contains("sqlx::query") || code.contains("sqlx::raw_sql");
    let rooms: BTreeSet<String> = code()
        .into_iter()
        .filter(|(_, _, code)| speak(code))
        .map(|(room, _, _)| room)
        .collect();
    assert_eq!(rooms, WRITERS.map(str::to_owned).into());
}

#[test]
fn nothing_is_put_into_a_statement_by_a_name_that_nobody_has_looked_at() {
    let mut statements = 0;
    for (_, file, code) in code() {
        for literal in literals(&code) {
            if !is_statement(&literal) {
                continue;
            }
            statements += 1;
            for part in parts(&literal) {
                assert!(
                    PARTS.contains(&part.as_str()),
                    "{part} in {file}: {literal}"
                );
            }
        }
    }
    assert!(statements > 100, "{statements} were found at all");
}
