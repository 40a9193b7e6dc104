//! What the pages for people say, held against the source: that links lead somewhere, and that every setting is told.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::imports::{root, rust_files};

/// The pages of the repository.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for folder in ["", "docs", "docs/adr"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    assert!(pages.len() > 5, "{pages:?}");
    pages
}

/// Where the links of a page lead to within the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1);
    targets
        .filter_map(|rest| rest.split(')').next())
        .filter(|target| !target.contains(':') && !target.contains(char::is_whitespace))
        .collect()
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(page: &Path) -> BTreeSet<String> {
    let text = std::fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading
                .chars()
                .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

/// The variables of the program that a text names between two of `mark`.
fn variables(text: &str, mark: char) -> BTreeSet<String> {
    let words = text.split(mark);
    words
        .filter(|word| word.starts_with("KADODE_") && !word.contains(char::is_whitespace))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading_that_exist() {
    let mut broken = Vec::new();
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            let leads = target.exists() && (anchor.is_empty() || anchors(&target).contains(anchor));
            if !leads {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_variable_of_the_program_stands_in_the_page_for_operators() {
    let known: BTreeSet<String> = rust_files(&root().join("src"))
        .into_iter()
        .flat_map(|file| variables(&std::fs::read_to_string(file).unwrap(), '"'))
        .collect();
    let page = std::fs::read_to_string(root().join("docs/operating.md")).unwrap();
    assert_eq!(variables(&page, '`'), known);
}
