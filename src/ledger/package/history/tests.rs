//! What a verifier in another language is told of histories is what this one knows.

use super::KINDS;

#[test]
fn the_document_lists_the_kinds_of_streams_that_the_verifier_takes() {
    let document = include_str!("../../../../docs/ledger.md");
    let row = "| `stream`, `sequence` |";
    let row = document.lines().find(|line| line.starts_with(row));
    let (_, kinds) = row.unwrap().split_once("kinds are ").unwrap();
    // Names stand in backticks: they are every other part.
    let told: Vec<&str> = kinds.split('`').skip(1).step_by(2).collect();
    assert_eq!(told, KINDS.map(|(kind, _)| kind));
}
