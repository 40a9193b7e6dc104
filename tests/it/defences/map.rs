//! The page on security, read: each requirement has its line, each test that it names exists, and what is open only grows less.

use std::collections::BTreeSet;

use super::named;
use crate::imports::{root, table};

/// How many lines may still say that something is open. Lower it with each that is closed; it never grows.
const OPEN: usize = 0;

/// The rules of NIST SP 800-63B-4 that the page has to answer for.
const NIST: [&str; 12] = [
    "3.1.1.1",
    "3.1.1.2 form",
    "3.1.1.2 blocklist",
    "3.1.3.1",
    "3.1.3.2",
    "3.2.2",
    "4.2.1.2",
    "4.6",
    "2.2.2",
    "2.1.3, 2.2.3",
    "5.1, 5.1.1",
    "3",
];

/// How many requirements of ASVS, and how many attacks, the page has to answer for.
const REQUIREMENTS: usize = 58;
const ATTACKS: usize = 42;

pub(super) fn page() -> String {
    std::fs::read_to_string(root().join("docs/security.md")).unwrap()
}

const REQUIRED: [&str; 3] = [
    "OWASP ASVS 5.0.0",
    "NIST SP 800-63B-4",
    "Attacks on this flow",
];

/// All lines that have to be shown.
fn lines(page: &str) -> Vec<Vec<String>> {
    REQUIRED.iter().flat_map(|it| table(page, it)).collect()
}

/// What stands between backticks and has the form of a test's name.
fn tests_named(text: &str) -> BTreeSet<&str> {
    let code = text.split('`').skip(1).step_by(2);
    code.filter(|it| it.contains("::") && !it.contains([' ', '(', '<']))
        .collect()
}

/// Numbers of deviations in a text, such as D-2.
fn deviations_named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
    let is_one = |word: &&str| {
        let number = word.strip_prefix("D-");
        number.is_some_and(|it| it.parse::<u32>().is_ok())
    };
    words.filter(is_one).map(str::to_owned).collect()
}

/// Number and rule of each deviation that the report names.
fn reported() -> Vec<(String, String)> {
    let file = root().join("src/projections/reports/deviations.rs");
    let code = std::fs::read_to_string(file).unwrap();
    let quoted: Vec<&str> = code.split('"').skip(1).step_by(2).collect();
    let pairs = quoted.windows(2).filter(|it| it[0].starts_with("D-"));
    pairs
        .map(|it| (it[0].to_owned(), it[1].to_owned()))
        .collect()
}

#[test]
fn every_test_that_the_page_names_exists() {
    let (page, known) = (page(), named::tests());
    let missing: Vec<&str> = tests_named(&page)
        .into_iter()
        .filter(|name| !known.contains(*name))
        .collect();
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_requirement_and_every_attack_stands_there_once() {
    let page = page();
    let numbers = |heading: &str| -> Vec<String> {
        let lines = table(&page, heading).into_iter();
        lines.map(|mut cells| cells.swap_remove(0)).collect()
    };
    let counted = |count: usize| -> Vec<String> { (1..=count).map(|it| it.to_string()).collect() };
    assert_eq!(numbers(REQUIRED[0]), counted(REQUIREMENTS));
    assert_eq!(numbers(REQUIRED[1]), NIST);
    assert_eq!(numbers(REQUIRED[2]), counted(ATTACKS));
}

#[test]
fn every_line_names_a_test_a_deviation_or_what_is_open() {
    let known = deviations_known();
    for cells in lines(&page()) {
        let shown = cells.last().unwrap();
        let answered = !tests_named(shown).is_empty()
            || !deviations_named(shown).is_empty()
            || shown.contains("open: ");
        assert!(answered, "{cells:?}");
        assert!(deviations_named(shown).is_subset(&known), "{cells:?}");
    }
}

fn deviations_known() -> BTreeSet<String> {
    reported().into_iter().map(|(number, _)| number).collect()
}

#[test]
fn the_deviations_are_those_of_the_report() {
    let listed: Vec<(String, String)> = table(&page(), "Deviations")
        .into_iter()
        .map(|cells| (cells[0].clone(), cells[1].clone()))
        .collect();
    assert_eq!(listed, reported());
}

#[test]
fn no_more_is_open_than_was() {
    let lines = lines(&page());
    let open = lines
        .iter()
        .filter(|cells| cells.last().unwrap().contains("open: "));
    assert_eq!(open.count(), OPEN, "lower OPEN, and raise it never");
}

#[test]
fn the_page_has_the_limits_of_the_sample_policy() {
    let page = page();
    let (_, rest) = page.split_once("```toml\n").unwrap();
    let (shown, _) = rest.split_once("```").unwrap();
    let policy = std::fs::read_to_string(root().join("policies/sample.toml")).unwrap();
    let (_, limits) = policy.split_once("[limits.password]").unwrap();
    assert_eq!(shown.trim(), format!("[limits.password]{limits}").trim());
}
