//! Small values with rules of their own: languages, methods, key names, dates of birth and e-mail addresses.

use jiff::tz::Offset;
use serde::{Deserialize, Serialize};

/// Asia/Tokyo, whose days and months count; which has had no other offset since 1951.
pub const TOKYO: Offset = Offset::constant(9);

/// The language in which a member is addressed; Japanese first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// 日本語
    #[default]
    Ja,
    /// English
    En,
}

impl Language {
    /// The language tag (BCP 47): `ja` or `en`.
    #[must_use]
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Ja => "ja",
            Self::En => "en",
        }
    }

    /// The language of that tag.
    #[must_use]
    pub fn tagged(tag: &str) -> Option<Self> {
        [Self::Ja, Self::En]
            .into_iter()
            .find(|language| language.tag() == tag)
    }
}

/// The name of a key in the master key file, stored beside whatever was derived or sealed with it, so that keys can rotate.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(pub String);
