//! The passwords on paper: computed when they are printed or checked, and stored nowhere.

use data_encoding::BASE32_NOPAD;
use jiff::civil::Date;
use secrecy::zeroize::Zeroizing;
use secrecy::{ExposeSecret, SecretString};

use super::VaultError;
use super::blind::normalise_id;
use super::keys::{Keys, Purpose, same};
use super::profile::{Profile, Stored};
use crate::domain::ids::PrintId;
use crate::domain::policy::FormulaPart;

/// Characters of a printed password; of five bits each, so 80 bits.
const PRINTED_LENGTH: usize = 16;

/// The printing of a letter that counts for whoever was never given another.
pub const FIRST_ISSUE: u32 = 1;

/// Signs that someone may type between the groups of a printed password, after NFKC; ー is the nearest key on a Japanese keyboard.
const DIVIDERS: [char; 7] = [
    '-', '\u{2010}', '\u{2011}', '\u{2013}', '\u{2014}', '\u{2212}', 'ー',
];

/// Computes and checks the passwords on paper.
#[derive(Clone, Debug)]
pub struct InitialPasswords {
    keys: Keys,
}

impl InitialPasswords {
    /// Passwords of these keys.
    #[must_use]
    pub const fn new(keys: Keys) -> Self {
        Self { keys }
    }

    /// The password that the policy's formula makes of a profile; the manual's example is `11111119800101`.
    #[must_use]
    pub fn formula(&self, profile: &Profile, parts: &[FormulaPart]) -> SecretString {
        let mut password = String::new();
        for part in parts {
            match part {
                FormulaPart::Symbol => password.push_str(profile.initial_symbol()),
                FormulaPart::Number => password.push_str(profile.initial_number()),
                FormulaPart::BirthDate => password.push_str(&eight_digits(profile.birth_date)),
            }
        }
        SecretString::from(password)
    }

    /// Whether this was typed for the formula's password; full-width characters and spaces around it are forgiven.
    #[must_use]
    pub fn matches_formula(&self, profile: &Profile, parts: &[FormulaPart], typed: &str) -> bool {
        let expected = Zeroizing::new(normalise_id(self.formula(profile, parts).expose_secret()));
        !expected.is_empty() && same(&expected, &Zeroizing::new(normalise_id(typed)))
    }

    /// The password printed on the member's letter: 16 characters of base32. `issue` counts the letters that each made
    /// the ones before worthless; `print` tells two of one number apart, of which a restore forgot the first (none for letters of before that).
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn printed(
        &self,
        stored: &Stored,
        issue: u32,
        print: Option<PrintId>,
    ) -> Result<SecretString, VaultError> {
        let (member, number) = (stored.member.0, issue.to_be_bytes());
        let mut parts: Vec<&[u8]> = vec![member.as_bytes().as_slice(), number.as_slice()];
        parts.extend(print.as_ref().map(|print| print.0.as_bytes().as_slice()));
        let mac = self
            .keys
            .mac(Purpose::Letters, &stored.letters_key, &parts)?;
        let mut text = BASE32_NOPAD.encode(Zeroizing::new(mac).as_slice());
        text.truncate(PRINTED_LENGTH);
        Ok(SecretString::from(text))
    }

    /// Whether this was typed for the printed password; width and case of letters, spaces and hyphens are forgiven.
    ///
    /// # Errors
    /// The key from which it is derived is not in the key file.
    pub fn matches_printed(
        &self,
        stored: &Stored,
        issue: u32,
        print: Option<PrintId>,
        typed: &str,
    ) -> Result<bool, VaultError> {
        let typed: Zeroizing<String> = Zeroizing::new(
            normalise_id(typed)
                .chars()
                .filter(|sign| !sign.is_whitespace() && !DIVIDERS.contains(sign))
                .collect(),
        );
        Ok(same(
            self.printed(stored, issue, print)?.expose_secret(),
            &Zeroizing::new(typed.to_uppercase()),
        ))
    }
}

fn eight_digits(date: Date) -> String {
    format!("{:04}{:02}{:02}", date.year(), date.month(), date.day())
}
