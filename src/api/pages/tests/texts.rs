//! The two languages say the same things, and nothing is said that no page uses.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::words::{Text, step_label};
use crate::domain::values::Language;

type Texts = BTreeMap<String, String>;

fn texts(file: &str) -> Texts {
    let mut found = Texts::new();
    collect("", &file.parse::<toml::Table>().unwrap(), &mut found);
    found
}

fn collect(path: &str, table: &toml::Table, found: &mut Texts) {
    for (name, value) in table {
        let key = if path.is_empty() {
            name.clone()
        } else {
            format!("{path}.{name}")
        };
        match value.as_table() {
            Some(inner) => collect(&key, inner, found),
            None => drop(found.insert(key, value.as_str().unwrap().to_owned())),
        }
    }
}

fn japanese() -> Texts {
    let mut all = texts(include_str!("../../../../locales/pages.ja.toml"));
    all.extend(texts(include_str!("../../../../locales/staff.ja.toml")));
    all.extend(texts(include_str!("../../../../locales/reports.ja.toml")));
    all
}

fn english() -> Texts {
    let mut all = texts(include_str!("../../../../locales/pages.en.toml"));
    all.extend(texts(include_str!("../../../../locales/staff.en.toml")));
    all.extend(texts(include_str!("../../../../locales/reports.en.toml")));
    all
}

/// Every quoted `word.word` in the templates and in the rooms of pages.
fn named_keys() -> BTreeSet<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let sections: BTreeSet<String> = japanese()
        .keys()
        .filter_map(|key| Some(key.split_once('.')?.0.to_owned()))
        .collect();
    let mut named = BTreeSet::new();
    for folder in [
        "templates/pages",
        "templates/staff",
        "templates/audit",
        "templates/reports",
        "templates/support",
        "templates/rosters",
        "src/api/pages",
        "src/api/staff",
        "src/api/audit",
        "src/api/reports",
        "src/api/support",
        "src/api/rosters",
    ] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let source = std::fs::read_to_string(&path).unwrap();
                let quoted = source.split('"').filter(|text| {
                    text.split_once('.').is_some_and(|(section, rest)| {
                        sections.contains(section)
                            && rest
                                .chars()
                                .all(|c| c.is_ascii_lowercase() || c == '_' || c == '.')
                    })
                });
                named.extend(quoted.map(str::to_owned));
            }
        }
    }
    named
}

fn places(text: &str) -> BTreeSet<&str> {
    text.split("%{")
        .skip(1)
        .filter_map(|rest| rest.split('}').next())
        .collect()
}

#[test]
fn both_languages_have_the_same_keys() {
    assert_eq!(
        japanese().into_keys().collect::<Vec<_>>(),
        english().into_keys().collect::<Vec<_>>()
    );
}

#[test]
fn both_languages_have_the_same_places_to_fill() {
    let english = english();
    for (key, text) in japanese() {
        assert_eq!(places(&text), places(&english[&key]), "{key}");
    }
}

#[test]
fn every_key_that_is_named_has_a_text() {
    let missing: Vec<_> = named_keys()
        .into_iter()
        .filter(|key| !japanese().contains_key(key))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn every_text_is_used() {
    let named = named_keys();
    let unused: Vec<_> = japanese()
        .into_keys()
        // What reports and events hold is named by them; their own tests look for it.
        .filter(|key| {
            let named_by_data = [
                "report.",
                "intervention.",
                "reason.",
                "scope.",
                "does.",
                "roster_field.",
                "row_fault.",
                "roster_stage.",
                "command.",
                "refusal.",
                "why.",
                "detail.",
                "part.",
                "standing.",
                "stood.",
                "exported.",
                "limit.",
                "limit_help.",
            ];
            !named_by_data.iter().any(|it| key.starts_with(it))
        })
        .filter(|key| !named.contains(key))
        .collect();
    assert!(unused.is_empty(), "{unused:?}");
}

#[test]
fn texts_of_both_files_are_built_in() {
    assert_eq!(
        Text::of(Language::Ja, "sign_in.button").to_string(),
        japanese()["sign_in.button"]
    );
    assert_eq!(
        Text::of(Language::En, "sign_in.button").to_string(),
        english()["sign_in.button"]
    );
}

#[test]
fn the_steps_of_the_contract_have_labels() {
    let names = [
        "sign_in",
        "birth_date",
        "terms",
        "email",
        "email_link",
        "email_update",
        "otp_method",
        "password",
        "first_login_completed",
        "log_out",
        "sign_in_again",
        "otp",
        "completed",
    ];
    assert!(
        names
            .iter()
            .all(|name| step_label(Language::Ja, name).is_some())
    );
    assert!(step_label(Language::Ja, "another").is_none());
}
