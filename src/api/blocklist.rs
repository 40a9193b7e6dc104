//! The passwords that would be guessed first, built into the program.

use std::collections::HashSet;

/// Common passwords, Japanese words and names, each in lower case and without digits and symbols; source and licence stand
/// at the top of the file.
const COMMON: &str = include_str!("../../assets/common_passwords.txt");

/// The list that no password may consist of, as [`crate::domain::password::check`] takes it.
#[must_use]
pub fn blocklist() -> HashSet<&'static str> {
    COMMON
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::blocklist;
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
}
