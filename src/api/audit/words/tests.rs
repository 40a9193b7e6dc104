//! Every type of event, command, refusal and reason has its words in both languages.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::event_text;
use crate::api::pages::words::Text;
use crate::api::problem::Problem;
use crate::domain::anomalies::Resemblance;
use crate::domain::delivery::SkipReason;
use crate::domain::onboarding::{CredentialFault, LogOutReason};
use crate::domain::staff::{Scope, SignInFault, SignOutReason};
use crate::domain::values::Language;
use crate::projections::history::kinds::KINDS;

/// Names like those of commands in the rooms that give them, which are none.
const NO_COMMANDS: [&str; 2] = ["Kadode", "ProblemBody"];

/// The source of whatever gives commands or counts refusals, without tests.
fn sources() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rooms = ["api", "app.rs", "app", "cli", "reactors", "rosters"];
    let mut paths: Vec<PathBuf> = rooms.iter().map(|room| root.join(room)).collect();
    let mut sources = Vec::new();
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let inside = std::fs::read_dir(path).unwrap();
            paths.extend(inside.map(|entry| entry.unwrap().path()));
        } else if !path.ends_with("tests.rs") && !path.iter().any(|part| part == "tests") {
            let source = std::fs::read_to_string(path).unwrap();
            let (program, _) = source.split_once("#[cfg(test)]").unwrap_or((&source, ""));
            sources.push(program.to_owned());
        }
    }
    sources
}

/// Quoted names that read like `SubmitOtp` and are no type of event.
fn commands() -> BTreeSet<String> {
    let is_name = |text: &str| {
        let signs = text.as_bytes();
        let begins_words =
            |pair: &[u8]| pair[0].is_ascii_lowercase() || pair[1].is_ascii_lowercase();
        signs.iter().all(u8::is_ascii_alphabetic)
            && signs.first().is_some_and(u8::is_ascii_uppercase)
            && signs.last().is_some_and(u8::is_ascii_lowercase)
            && signs.windows(2).all(begins_words)
    };
    let is_event = |text: &str| KINDS.iter().any(|(name, _)| *name == text);
    sources()
        .iter()
        .flat_map(|source| source.split('"').map(str::to_owned).collect::<Vec<_>>())
        .filter(|text| is_name(text) && !is_event(text))
        .filter(|text| !NO_COMMANDS.contains(&text.as_str()))
        .collect()
}

/// What attempts are counted as: names of problems, and those that stand where they are counted.
fn refusals() -> BTreeSet<String> {
    let mut names: BTreeSet<String> = Problem::ALL
        .iter()
        .map(|problem| problem.name().to_owned())
        .collect();
    for source in sources() {
        let counted = source.split("tallies.count(\"").skip(1);
        names.extend(counted.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    names
}

/// The stored names of some reasons, each behind its type of event.
fn stored<T: Serialize, const N: usize>(event: &str, reasons: [T; N]) -> Vec<String> {
    let name = |reason: T| {
        let name = serde_json::to_value(reason).unwrap();
        format!("{event}.{}", name.as_str().unwrap())
    };
    reasons.map(name).into()
}

fn reasons() -> Vec<String> {
    let credentials = [
        CredentialFault::WrongPassword,
        CredentialFault::InitialPasswordReplaced,
    ];
    let ends = [
        LogOutReason::Member,
        LogOutReason::Expiry,
        LogOutReason::Superseded,
        LogOutReason::Staff,
        LogOutReason::Left,
    ];
    let skips = [
        SkipReason::Expired,
        SkipReason::Superseded,
        SkipReason::Erased,
    ];
    let faults = [
        SignInFault::Disabled,
        SignInFault::WrongPassword,
        SignInFault::PasswordExpired,
        SignInFault::WrongCode,
        SignInFault::CodeUsed,
    ];
    let ends_of_staff = [
        SignOutReason::Own,
        SignOutReason::Expiry,
        SignOutReason::Superseded,
    ];
    [
        stored("CredentialsRejected", credentials),
        stored("LoggedOut", ends),
        stored("MailSkipped", skips),
        stored(
            "AnomalyNoticed",
            [Resemblance::OneBrowser, Resemblance::OneDomain],
        ),
        stored("StaffSignInRejected", faults),
        stored("StaffSignedOut", ends_of_staff),
    ]
    .concat()
}

fn lacking(list: &str, names: impl IntoIterator<Item = String>) -> Vec<String> {
    let has_words = |name: &str| {
        let key = format!("{list}.{name}");
        [Language::Ja, Language::En]
            .into_iter()
            .all(|language| Text::find(language, &key).is_some())
    };
    let names = names.into_iter();
    names.filter(|name| !has_words(name)).collect()
}

#[test]
fn every_type_of_event_has_words_of_its_own() {
    for (name, _) in KINDS {
        let text = event_text(Language::Ja, name, None).to_string();
        assert_ne!(text, name);
    }
}

#[test]
fn every_command_has_words_in_both_languages() {
    let commands = commands();
    for known in ["SignIn", "ConcludeMail", "AddStaff", "Enrol", "AdoptPolicy"] {
        assert!(commands.contains(known), "{known}: {commands:?}");
    }
    assert_eq!(lacking("command", commands), Vec::<String>::new());
}

#[test]
fn every_refusal_has_words_in_both_languages() {
    let refusals = refusals();
    assert!(refusals.contains("unknown-id"), "{refusals:?}");
    assert_eq!(lacking("refusal", refusals), Vec::<String>::new());
}

#[test]
fn every_reason_in_an_event_has_words_in_both_languages() {
    assert_eq!(lacking("why", reasons()), Vec::<String>::new());
}

#[test]
fn every_scope_of_a_token_has_words_in_both_languages() {
    let scopes = Scope::ALL.map(|scope| scope.name().to_owned());
    assert_eq!(lacking("scope", scopes), Vec::<String>::new());
}

#[test]
fn auditors_are_told_of_the_member_and_not_spoken_to() {
    for (name, _) in KINDS {
        for why in [
            None,
            Some("expiry"),
            Some("superseded"),
            Some("staff"),
            Some("left"),
        ] {
            let text = event_text(Language::En, name, why).to_string();
            let words: Vec<_> = text.split(|sign: char| !sign.is_alphabetic()).collect();
            let speaks = |word: &&str| ["you", "your"].contains(&word.to_lowercase().as_str());
            assert!(!words.iter().any(speaks), "{name}: {text}");
        }
    }
}
