//! The passwords that would be guessed first: some that are built into the program, and those of a file that whoever runs it may name.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fs;
use std::path::Path;

use unicode_normalization::UnicodeNormalization;

use crate::domain::password::letters;

/// Some 7,300 common passwords, Japanese words and names, each in lower case and without digits and symbols; source and licence stand
/// at the top of the file. It is no list of passwords that were found in breaches.
const COMMON: &str = include_str!("../../assets/common_passwords.txt");

/// The list that no password may consist of, as [`crate::domain::password::check`] takes it.
pub type Blocklist = HashSet<Cow<'static, str>>;

/// The list that is built in.
#[must_use]
pub fn blocklist() -> Blocklist {
    COMMON
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(Cow::Borrowed)
        .collect()
}

/// The same, and the passwords of a file, one a line in UTF-8: a list of breached ones, say. As everywhere, their digits and symbols, and
/// whether letters are large or small, count for nothing.
///
/// # Errors
/// A line for the operator: what is wrong with the file, where, and what to do.
pub fn blocklist_with(file: &Path) -> Result<Blocklist, String> {
    let wrong = |why: String| format!("--refused-passwords {}: {why}", file.display());
    let bytes = fs::read(file).map_err(|error| wrong(error.to_string()))?;
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let lines = bytes[..error.valid_up_to()].split(|byte| *byte == b'\n');
        let line = lines.count();
        wrong(format!("line {line} is not UTF-8; save the file as UTF-8"))
    })?;
    let mut list = blocklist();
    let passwords = text.trim_start_matches('\u{feff}').lines();
    let refused = passwords.map(|line| letters(&line.nfc().collect::<String>()));
    list.extend(refused.filter(|it| !it.is_empty()).map(Cow::Owned));
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::{blocklist, blocklist_with};
    use crate::domain::password::{Forbidden, PasswordFault, check};
    use crate::domain::policy::PasswordLimits;

    #[test]
    fn every_entry_can_be_met_by_the_check() {
        for entry in blocklist() {
            assert!(entry.len() >= 6, "{entry}");
            assert!(entry.bytes().all(|b| b.is_ascii_lowercase()), "{entry}");
        }
    }

    #[test]
    fn common_passwords_are_refused_with_digits_around_them() {
        let blocklist = blocklist();
        let forbidden = Forbidden {
            blocklist: &blocklist,
            context_words: &[],
            own_data: &[],
        };
        for typed in ["Password-2026-04", "takahashi19800101", "iloveyou iloveyou"] {
            let verdict = check(typed, PasswordLimits::default(), &forbidden);
            assert_eq!(verdict, Err(PasswordFault::TooCommon), "{typed}");
        }
    }

    #[test]
    fn passwords_of_a_file_are_refused_too_whatever_digits_are_around_them() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(
            &file,
            "\u{feff}Correct-Horse-Battery1\r\n\r\n12345\r\nか\u{3099}くせいせいかつ\r\n",
        )
        .unwrap();
        let blocklist = blocklist_with(file.path()).unwrap();
        let forbidden = Forbidden {
            blocklist: &blocklist,
            context_words: &[],
            own_data: &[],
        };
        let verdict = |typed| check(typed, PasswordLimits::default(), &forbidden);
        for typed in [
            "correct horse battery 2026",
            "がくせいせいかつ-2026-04-01",
            "Password-2026-04",
        ] {
            assert_eq!(verdict(typed), Err(PasswordFault::TooCommon), "{typed}");
        }
        assert_eq!(verdict("sakura-tsukimi-kaede-minato"), Ok(()));
    }

    #[test]
    fn a_file_that_is_not_utf_8_is_refused_with_the_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, b"one\ntwo\n\x83p\x83X\n").unwrap();
        let why = blocklist_with(file.path()).unwrap_err();
        assert!(
            why.ends_with("line 3 is not UTF-8; save the file as UTF-8"),
            "{why}"
        );
    }
}
