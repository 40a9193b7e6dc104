//! Rosters: any bytes are members or errors that name a line of the file, and what is taken keeps to the rules of its cells.

#![no_main]

use std::collections::HashSet;
use std::sync::LazyLock;

use jiff::civil::{Date, date};
use kadode::api::input::normalise_id;
use kadode::domain::policy::Policy;
use kadode::policies::LoadedPolicy;
use kadode::rosters::Roster;
use libfuzzer_sys::fuzz_target;

const TODAY: Date = date(2026, 11, 25);

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../../policies/sample.toml").to_owned();
    LoadedPolicy::parse("sample.toml", text)
        .expect("the sample")
        .policy
});

fuzz_target!(|bytes: &[u8]| {
    let policy = &*POLICY;
    let mut roster = Roster::read(bytes, policy, TODAY);
    let rows = roster.rows(usize::MAX);
    // As an editor counts: line feeds, and carriage returns that no line feed follows.
    let ends = bytes.iter().enumerate().filter(|(at, byte)| {
        **byte == b'\n' || (**byte == b'\r' && bytes.get(at + 1) != Some(&b'\n'))
    });
    let lines = u64::try_from(ends.count()).expect("few") + 1;
    assert!(rows.len() <= roster.count);
    assert!(
        rows.len() == roster.count || !roster.errors.is_empty(),
        "a row is lost"
    );
    let mut ids = HashSet::new();
    for row in &rows {
        assert!((2..=lines).contains(&row.line));
        let profile = &row.profile;
        for text in [
            &profile.user_id,
            &profile.symbol,
            &profile.number,
            &profile.name,
        ] {
            assert!(!text.contains(char::is_control) && !text.starts_with(['=', '+', '-', '@']));
            assert_eq!(normalise_id(text), *text, "not plain");
        }
        assert!(
            !profile.symbol.is_empty() && !profile.number.is_empty() && !profile.name.is_empty()
        );
        assert!(profile.birth_date <= TODAY);
        assert!(policy.cohort(&row.cohort.name).is_some());
        if profile.user_id.is_empty() {
            assert!(row.cohort.user_id_may_be_given);
        } else {
            assert!(
                ids.insert(profile.user_id.to_lowercase()),
                "one user ID twice"
            );
        }
    }
    for error in roster.errors.into_list() {
        assert!(
            (1..=lines).contains(&error.line),
            "line {} of {lines}",
            error.line
        );
        let why = error.why.to_string();
        assert!(!why.is_empty());
        assert!(!why.contains(char::is_control), "not one plain line");
    }
});
