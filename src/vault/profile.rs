//! What the society knows of one member.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::blind::{Blind, Index, normalise_id};
use crate::ambient::Entropy;
use crate::domain::ids::{ImportId, MemberId};
use crate::domain::values::KeyId;

/// What the society knows of one member: one row of its roster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The user ID, as it stands on the paper.
    pub user_id: String,
    /// 氏名
    pub name: String,
    /// 記号, at present.
    pub symbol: String,
    /// 番号, at present.
    pub number: String,
    /// 記号 at the end of March 2026, where it changed since.
    pub symbol_at_migration: Option<String>,
    /// 番号 at the end of March 2026, where it changed since.
    pub number_at_migration: Option<String>,
    /// 生年月日
    pub birth_date: Date,
    /// The employee's GID, where there is one.
    pub gid: Option<String>,
    /// The day of joining.
    pub joined_on: Date,
    /// Whether the first login was done on the old portal.
    pub registered: bool,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile")
    }
}

impl Profile {
    /// 記号 as the initial password takes it: that of the end of March 2026.
    #[must_use]
    pub fn initial_symbol(&self) -> &str {
        self.symbol_at_migration.as_deref().unwrap_or(&self.symbol)
    }

    /// 番号 as the initial password takes it: that of the end of March 2026.
    #[must_use]
    pub fn initial_number(&self) -> &str {
        self.number_at_migration.as_deref().unwrap_or(&self.number)
    }

    /// By symbol, number and date of birth as of migration.
    pub(super) fn person_index(&self, blind: &Blind) -> Index {
        blind.person(
            self.initial_symbol(),
            self.initial_number(),
            &self.birth_date.to_string(),
        )
    }

    pub(super) fn gid_index(&self, blind: &Blind) -> Option<Index> {
        let gid = self
            .gid
            .as_deref()
            .filter(|gid| !normalise_id(gid).is_empty());
        gid.map(|gid| blind.gid(gid))
    }
}

/// A profile with what the vault knows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The member.
    pub member: MemberId,
    /// The import that brought the member.
    pub import: ImportId,
    /// The key from which a printed password is derived.
    pub letters_key: KeyId,
    /// Whether a roster of everybody had the member no more.
    pub has_left: bool,
    /// What the society knows.
    pub profile: Profile,
}

/// Who of the vault's members a row of a roster is. The same person has the same GID, or, where one was added, removed or
/// changed, still the same numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The member who has the same GID.
    pub gid: Option<MemberId>,
    /// The member who has the same symbol, number and date of birth as of migration.
    pub numbers: Option<MemberId>,
    /// The member who has the same user ID; another person is a conflict.
    pub user_id: Option<MemberId>,
}

impl Match {
    /// The members who may be the same person, the surer one first.
    pub fn persons(self) -> impl Iterator<Item = MemberId> {
        let numbers = self.numbers.filter(|_| self.numbers != self.gid);
        self.gid.into_iter().chain(numbers)
    }
}

/// Members in the order of their ids; `None` in place of one who was erased.
pub type Page = Vec<(MemberId, Option<Stored>)>;

/// Characters of a user ID that we give; of five bits each, so 50 bits.
const GIVEN_LENGTH: usize = 10;

/// A user ID for a member whose roster row has none: 10 characters of base32 in small letters (50 random bits); it has
/// no 0, 1, 8 or 9.
#[must_use]
pub fn given_user_id(entropy: &Entropy) -> String {
    let mut text = BASE32_NOPAD
        .encode(&entropy.bytes::<7>())
        .to_ascii_lowercase();
    text.truncate(GIVEN_LENGTH);
    text
}

/// Whether a user ID looks like those of [`given_user_id`].
#[must_use]
pub fn was_given(user_id: &str) -> bool {
    user_id.len() == GIVEN_LENGTH
        && user_id
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
}
