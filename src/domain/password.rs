//! Which passwords a member may choose (NIST SP 800-63B-4, 3.1.1.2): length, and what would be guessed first.

use std::borrow::Cow;
use std::collections::HashSet;

use super::policy::PasswordLimits;

/// What is left of a password without digits and symbols has to be at least so long.
const FEWEST_LETTERS: usize = 6;

/// What a password must not consist of; all in lower case.
#[derive(Clone, Debug)]
pub struct Forbidden<'a> {
    /// Passwords that would be guessed first, each as [`letters`] leaves it.
    pub blocklist: &'a HashSet<Cow<'static, str>>,
    /// The society, the portal.
    pub context_words: &'a [String],
    /// What the society knows of the member: ID, name, 記号, GID, address.
    pub own_data: &'a [String],
}

/// Why a password is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordFault {
    /// Fewer code points than the policy asks for.
    TooShort,
    /// More code points than the policy allows.
    TooLong,
    /// Little but digits, symbols or one thing repeated.
    TooSimple,
    /// A common password with digits and symbols around it.
    TooCommon,
    /// Little but the names of the society or the portal.
    ContextWord,
    /// Little but what the society knows of the member.
    ContainsOwnData,
}

impl PasswordFault {
    /// The stable word that programs see.
    #[must_use]
    pub const fn why(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::TooSimple => "too_simple",
            Self::TooCommon => "too_common",
            Self::ContextWord => "context_word",
            Self::ContainsOwnData => "contains_own_data",
        }
    }
}

/// Checks a password as it will be stored (NFC).
///
/// # Errors
/// The first [`PasswordFault`].
pub fn check(
    password: &str,
    limits: PasswordLimits,
    forbidden: &Forbidden<'_>,
) -> Result<(), PasswordFault> {
    let length = password.chars().count();
    if length < count(limits.min_length) {
        return Err(PasswordFault::TooShort);
    }
    if length > count(limits.max_length) {
        return Err(PasswordFault::TooLong);
    }
    let letters = letters(password);
    let unit = repeated_unit(&letters);
    if forbidden.blocklist.contains(letters.as_str()) || forbidden.blocklist.contains(unit) {
        return Err(PasswordFault::TooCommon);
    }
    if too_few(unit) {
        return Err(PasswordFault::TooSimple);
    }
    if too_few(&without(&letters, forbidden.context_words)) {
        return Err(PasswordFault::ContextWord);
    }
    if too_few(&without(&letters, forbidden.own_data)) {
        return Err(PasswordFault::ContainsOwnData);
    }
    Ok(())
}

fn count(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}

fn too_few(letters: &str) -> bool {
    letters.chars().count() < FEWEST_LETTERS
}

/// Lower case, without digits and symbols.
#[must_use]
pub fn letters(text: &str) -> String {
    text.chars()
        .flat_map(char::to_lowercase)
        .filter(|c| c.is_alphabetic())
        .collect()
}

/// The shortest part that, repeated, makes the whole.
fn repeated_unit(text: &str) -> &str {
    let ends = text.char_indices().map(|(index, _)| index).skip(1);
    for end in ends {
        let (unit, rest) = text.split_at(end);
        if rest.len() % unit.len() == 0
            && rest
                .as_bytes()
                .chunks(unit.len())
                .all(|part| part == unit.as_bytes())
        {
            return unit;
        }
    }
    text
}

/// Long enough to be one and no chance: three letters, or two of a script whose letters say more (健保), which UTF-8 writes in three bytes each.
fn is_word(letters: &str) -> bool {
    letters.len() >= 3 && letters.chars().count() >= 2
}

/// The letters with every known word taken out, the longest first.
fn without(letters: &str, words: &[String]) -> String {
    let mut words: Vec<String> = words.iter().map(|word| self::letters(word)).collect();
    words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
    let mut left = letters.to_owned();
    for word in words.iter().filter(|word| is_word(word)) {
        left = left.replace(word.as_str(), "");
    }
    left
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::collections::HashSet;

    use super::{Forbidden, PasswordFault, check};
    use crate::domain::policy::PasswordLimits;

    use proptest::prelude::*;

    use crate::domain::policy::Policy;

    fn verdict(password: &str) -> Result<(), PasswordFault> {
        let blocklist = HashSet::from(["password", "iloveyou"].map(Cow::Borrowed));
        let context_words = ["kenpo".to_owned(), "portal".to_owned(), "健保".to_owned()];
        let own_data = [
            "Yamada Taro".to_owned(),
            "taro.yamada".to_owned(),
            "yamada".to_owned(),
        ];
        let forbidden = Forbidden {
            blocklist: &blocklist,
            context_words: &context_words,
            own_data: &own_data,
        };
        check(password, PasswordLimits::default(), &forbidden)
    }

    #[test]
    fn fourteen_code_points_are_too_few_and_fifteen_are_enough() {
        assert_eq!(verdict("ringo-mikan-um"), Err(PasswordFault::TooShort));
        assert_eq!(verdict("ringo-mikan-ume"), Ok(()));
        assert_eq!(verdict("さくらとうめとももとまつとたけ"), Ok(()));
    }

    #[test]
    fn a_hundred_and_twenty_eight_code_points_are_taken_and_one_more_is_not() {
        let long: String = "ringomikan"
            .chars()
            .cycle()
            .take(127)
            .chain(['x'])
            .collect();
        assert_eq!(verdict(&long), Ok(()));
        assert_eq!(verdict(&format!("{long}x")), Err(PasswordFault::TooLong));
    }

    #[test]
    fn digits_and_symbols_around_a_common_password_do_not_help() {
        assert_eq!(
            verdict("Password-2026-04-01!"),
            Err(PasswordFault::TooCommon)
        );
        assert_eq!(verdict("iLoveYou iLoveYou"), Err(PasswordFault::TooCommon));
    }

    #[test]
    fn little_but_digits_or_one_thing_repeated_is_too_simple() {
        assert_eq!(verdict("123456789012345"), Err(PasswordFault::TooSimple));
        assert_eq!(verdict("11111119800101ab"), Err(PasswordFault::TooSimple));
        assert_eq!(
            verdict("aaaaaaaaaaaaaaaaaaa"),
            Err(PasswordFault::TooSimple)
        );
    }

    #[test]
    fn the_names_of_the_society_and_the_portal_do_not_make_a_password() {
        assert_eq!(
            verdict("Kenpo-Portal-2026-kenpo"),
            Err(PasswordFault::ContextWord)
        );
    }

    #[test]
    fn every_context_word_of_the_sample_counts_as_nothing() {
        let policy = toml::from_str::<Policy>(include_str!("../../policies/sample.toml")).unwrap();
        let context_words = &policy.society.context_words;
        let forbidden = Forbidden {
            blocklist: &HashSet::new(),
            context_words,
            own_data: &[],
        };
        for word in context_words {
            for password in [
                format!("{word}-2026-04-01-{word}-mat"),
                format!("{}!!mat--{word}--2026", word.to_uppercase()),
            ] {
                let verdict = check(&password, PasswordLimits::default(), &forbidden);
                assert_eq!(verdict, Err(PasswordFault::ContextWord), "{password}");
            }
        }
    }

    #[test]
    fn the_members_own_data_do_not_make_a_password() {
        assert_eq!(
            verdict("taro.yamada@1980-01-01"),
            Err(PasswordFault::ContainsOwnData)
        );
    }

    #[test]
    fn any_mixture_of_ordinary_words_is_taken_without_rules_of_composition() {
        assert_eq!(verdict("sakura-tsukimi-kaede-minato"), Ok(()));
        assert_eq!(verdict("correct horse battery staple"), Ok(()));
    }

    proptest! {
        #[test]
        fn any_text_of_fifteen_to_128_code_points_with_six_letters_is_taken(
            signs in proptest::collection::vec(any::<char>(), 9..=122),
            places in proptest::array::uniform6(any::<proptest::sample::Index>()),
        ) {
            let mut signs = signs;
            for (letter, place) in ['q', 'ж', 'λ', 'ぬ', '字', '한'].into_iter().zip(places) {
                signs.insert(place.index(signs.len() + 1), letter);
            }
            let password: String = signs.into_iter().collect();
            prop_assert_eq!(verdict(&password), Ok(()), "{}", password);
        }
    }
}
