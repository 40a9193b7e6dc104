//! The password that step 9 offers: Japanese words that can be read aloud, remembered and typed on any keyboard.

use std::sync::LazyLock;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sha2::{Digest, Sha256};

use super::views::Phrase;

/// How many words a phrase has at least. Four different ones of 1,500 are 42 bits, far more than sign-in waits and
/// argon2 leave to a guesser.
const FEWEST_WORDS: usize = 4;

/// Words in Latin letters and in kana; source and licence stand at the top of the file.
static WORDS: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    include_str!("../../../assets/words.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
        .collect()
});

/// A phrase of at least `shortest` characters, always the same for the same `secret`: whoever has written it down finds it again
/// when the page is shown anew. The secret has to be one that is stored nowhere, or the password could be found afterwards.
pub(super) fn generate(secret: &str, shortest: u32) -> Phrase {
    let mut random = StdRng::from_seed(Sha256::digest(secret).into());
    let shortest = usize::try_from(shortest).unwrap_or(usize::MAX);
    let mut romaji: Vec<&str> = Vec::new();
    let mut kana: Vec<&str> = Vec::new();
    while romaji.len() < FEWEST_WORDS || romaji.join("-").len() < shortest {
        let (letters, reading) = WORDS[random.random_range(0..WORDS.len())];
        // A word twice would make the phrase simpler than its length.
        if !romaji.contains(&letters) {
            romaji.push(letters);
            kana.push(reading);
        }
    }
    Phrase {
        romaji: romaji.join("-"),
        kana: kana.join("・"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{WORDS, generate};
    use crate::api::blocklist::blocklist;
    use crate::domain::password::{Forbidden, check};
    use crate::domain::policy::PasswordLimits;

    #[test]
    fn no_word_can_be_mistaken_for_another() {
        let letters: HashSet<&str> = WORDS.iter().map(|(letters, _)| *letters).collect();
        let kana: HashSet<&str> = WORDS.iter().map(|(_, kana)| *kana).collect();
        assert_eq!((letters.len(), kana.len()), (1500, 1500));
        for word in letters {
            assert!((4..=8).contains(&word.len()), "{word}");
            assert!(word.bytes().all(|b| b.is_ascii_lowercase()), "{word}");
        }
    }

    #[test]
    fn every_offered_phrase_is_a_password_that_is_taken() {
        let blocklist = blocklist();
        let context_words = ["kenpo", "mihon", "portal"].map(str::to_owned);
        let own_data = ["Yamada", "Hanako", "A1234567"].map(str::to_owned);
        let forbidden = Forbidden {
            blocklist: &blocklist,
            context_words: &context_words,
            own_data: &own_data,
        };
        for secret in 0..1000 {
            let phrase = generate(&secret.to_string(), 15).romaji;
            assert_eq!(
                check(&phrase, PasswordLimits::default(), &forbidden),
                Ok(()),
                "{phrase}"
            );
        }
    }

    #[test]
    fn a_phrase_belongs_to_its_secret() {
        let phrase = |secret| generate(secret, 15).romaji;
        assert_eq!(phrase("one"), phrase("one"));
        assert_ne!(phrase("one"), phrase("two"));
    }

    #[test]
    fn a_policy_that_asks_for_longer_passwords_gets_more_words() {
        let phrase = generate("secret", 64);
        assert!(phrase.romaji.len() >= 64);
        assert_eq!(
            phrase.romaji.matches('-').count(),
            phrase.kana.matches('・').count()
        );
    }
}
