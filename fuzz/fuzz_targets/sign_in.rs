//! User IDs, passwords and codes as typed: made plain once is made plain for good, and width, spaces and strokes are forgiven.

#![no_main]

use std::sync::LazyLock;

use jiff::civil::date;
use kadode::api::blocklist::{Blocklist, blocklist};
use kadode::api::input::{normalise_digits, normalise_id};
use kadode::domain::password::{Forbidden, check};
use kadode::domain::policy::{FormulaPart, PasswordLimits};
use kadode::vault::{InitialPasswords, Profile};
use kadode_fuzz::keys;
use libfuzzer_sys::{arbitrary, fuzz_target};
use unicode_normalization::UnicodeNormalization;

static PASSWORDS: LazyLock<InitialPasswords> = LazyLock::new(|| InitialPasswords::new(keys()));

static BLOCKLIST: LazyLock<Blocklist> = LazyLock::new(blocklist);

/// The manual's example.
const FORMULA: &str = "11111119800101";

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    typed: &'a str,
    word: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let Input { typed, word } = input;
    let id = normalise_id(typed);
    assert_eq!(normalise_id(&id), id, "not plain after being made plain");
    assert!(!id.starts_with(char::is_whitespace) && !id.ends_with(char::is_whitespace));
    let digits = normalise_digits(typed);
    if digits.bytes().all(|b| b.is_ascii_digit()) {
        let spaced: String = digits.chars().flat_map(|c| [c, '\u{3000}', 'ー']).collect();
        assert_eq!(
            normalise_digits(&spaced),
            digits,
            "spaces and strokes count"
        );
    }

    let profile = Profile {
        user_id: "hanako01".to_owned(),
        name: "見本 花子".to_owned(),
        symbol: "1".to_owned(),
        number: "11111".to_owned(),
        symbol_at_migration: None,
        number_at_migration: None,
        birth_date: date(1980, 1, 1),
        gid: None,
        joined_on: date(2005, 4, 1),
        registered: false,
    };
    let parts = [
        FormulaPart::Symbol,
        FormulaPart::Number,
        FormulaPart::BirthDate,
    ];
    let matches = PASSWORDS.matches_formula(&profile, &parts, typed);
    assert_eq!(
        matches,
        id == FORMULA,
        "another password than that of the paper counts"
    );

    let password: String = typed.nfc().collect();
    let words = [word.to_owned()];
    let limits = PasswordLimits::default();
    let forbidden = Forbidden {
        blocklist: &BLOCKLIST,
        context_words: &[],
        own_data: &[],
    };
    if check(&password, limits, &forbidden).is_ok() {
        assert!((15..=128).contains(&password.chars().count()));
        assert!(check(FORMULA, limits, &forbidden).is_err());
    }
    // More words forbid more.
    let stricter = Forbidden {
        context_words: &words,
        own_data: &words,
        ..forbidden.clone()
    };
    if check(&password, limits, &stricter).is_ok() {
        assert!(check(&password, limits, &forbidden).is_ok());
    }
});
