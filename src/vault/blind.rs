//! Blind indexes: keyed hashes by which a row is found without its personal datum standing anywhere.

use unicode_normalization::UnicodeNormalization;

use super::keys::{Keys, Purpose};

/// Makes blind indexes of normalised texts.
#[derive(Clone, Debug)]
pub(super) struct Blind {
    keys: Keys,
    user_id_case_sensitive: bool,
}

/// One blind index under each master key: that of the present one is written, any may be found.
#[derive(Clone, Debug)]
pub(super) struct Index(Vec<String>);

impl Index {
    /// The index to be written.
    pub(super) fn written(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// The indexes to be looked for.
    pub(super) fn all(&self) -> &[String] {
        &self.0
    }
}

impl Blind {
    pub(super) const fn new(keys: Keys, user_id_case_sensitive: bool) -> Self {
        Self {
            keys,
            user_id_case_sensitive,
        }
    }

    pub(super) fn user_id(&self, typed: &str) -> Index {
        self.index("user id", &[&self.normal_user_id(typed)])
    }

    pub(super) fn symbol_number(&self, symbol: &str, number: &str) -> Index {
        self.index(
            "symbol and number",
            &[&normalise_id(symbol), &normalise_id(number)],
        )
    }

    pub(super) fn gid(&self, gid: &str) -> Index {
        self.index("gid", &[&normalise_id(gid)])
    }

    /// The name of somebody of the staff.
    pub(super) fn staff_name(&self, name: &str) -> Index {
        self.index("staff name", &[&normalise_id(name).to_lowercase()])
    }

    /// Symbol, number and date of birth as of migration.
    pub(super) fn person(&self, symbol: &str, number: &str, birth_date: &str) -> Index {
        self.index(
            "person",
            &[&normalise_id(symbol), &normalise_id(number), birth_date],
        )
    }

    pub(super) fn address(&self, address: &str) -> Index {
        self.index("address", &[&address.to_lowercase()])
    }

    /// A lane in which failures of one typed user ID are counted; `place` is a network, or empty for all of them.
    pub(super) fn lane(&self, typed: &str, kind: &str, place: &str) -> String {
        self.keys.lasting_tag(
            Purpose::BlindIndex,
            &[
                b"lane",
                self.normal_user_id(typed).as_bytes(),
                kind.as_bytes(),
                place.as_bytes(),
            ],
        )
    }

    /// A typed user ID among those that fail in one place.
    pub(super) fn typed(&self, typed: &str) -> String {
        let typed = self.normal_user_id(typed);
        self.keys
            .lasting_tag(Purpose::BlindIndex, &[b"typed", typed.as_bytes()])
    }

    /// A place in which user IDs that fail are counted: a network or a symbol.
    pub(super) fn scope(&self, kind: &str, place: &str) -> String {
        let place = normalise_id(place);
        self.keys.lasting_tag(
            Purpose::BlindIndex,
            &[b"scope", kind.as_bytes(), place.as_bytes()],
        )
    }

    /// One browser together with one user ID.
    pub(super) fn browser(&self, typed: &str, device: &[u8]) -> Index {
        let typed = self.normal_user_id(typed);
        Index(
            self.keys
                .tags(Purpose::BlindIndex, &[b"browser", typed.as_bytes(), device]),
        )
    }

    fn normal_user_id(&self, typed: &str) -> String {
        let normal = normalise_id(typed);
        if self.user_id_case_sensitive {
            normal
        } else {
            normal.to_lowercase()
        }
    }

    fn index(&self, kind: &str, texts: &[&str]) -> Index {
        let parts: Vec<&[u8]> = std::iter::once(kind)
            .chain(texts.iter().copied())
            .map(str::as_bytes)
            .collect();
        Index(self.keys.tags(Purpose::BlindIndex, &parts))
    }
}

/// A text as it is compared, a user ID as it was typed, say: full-width and half-width forms are one (NFKC), spaces around it are nothing.
#[must_use]
pub fn normalise_id(text: &str) -> String {
    text.nfkc().collect::<String>().trim().to_owned()
}
