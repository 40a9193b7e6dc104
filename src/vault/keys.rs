//! The master keys, and the key of each purpose that is derived from them.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::VaultError;
use crate::domain::values::KeyId;

/// What a key is for; each purpose has a key of its own, so that nothing made for one passes for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Proof that a database was made with this key file.
    Check,
    /// Wrapping data keys.
    Wrapping,
    /// Finding a row by what is sealed in it.
    BlindIndex,
    /// One-time passwords by mail.
    OneTimePasswords,
    /// Links by mail.
    Links,
    /// Passwords printed on letters.
    Letters,
    /// Password verifiers.
    Pepper,
    /// Session cookies.
    Sessions,
    /// Cookies of browsers that signed in before.
    Devices,
    /// Tokens of HTML forms.
    Forms,
    /// First passwords, authenticators, sessions and tokens of staff.
    Staff,
    /// Links of notices, by which a member reports that it was not them.
    Notices,
}

/// All purposes in the order of the enum, with the label of their derivation; a label never changes.
const PURPOSES: [(Purpose, &[u8]); 12] = [
    (Purpose::Check, b"kadode/v1/check"),
    (Purpose::Wrapping, b"kadode/v1/wrapping"),
    (Purpose::BlindIndex, b"kadode/v1/blind-index"),
    (Purpose::OneTimePasswords, b"kadode/v1/one-time-passwords"),
    (Purpose::Links, b"kadode/v1/links"),
    (Purpose::Letters, b"kadode/v1/letters"),
    (Purpose::Pepper, b"kadode/v1/pepper"),
    (Purpose::Sessions, b"kadode/v1/sessions"),
    (Purpose::Devices, b"kadode/v1/devices"),
    (Purpose::Forms, b"kadode/v1/forms"),
    (Purpose::Staff, b"kadode/v1/staff"),
    (Purpose::Notices, b"kadode/v1/notices"),
];

/// Of a derived key: one block of SHA-256, the size at which HMAC takes a key as it is.
const KEY_SIZE: usize = 64;

/// The master keys in force, newest first, and the ledger's. Cheap to clone; of the master keys, it holds derived ones alone, never the
/// file's secrets.
#[derive(Clone)]
pub struct Keys(Arc<Ring>);

struct Ring {
    newest: Key,
    older: Vec<Key>,
    ledger: Option<SecretBox<[u8; 32]>>,
}

pub(super) struct Key {
    id: KeyId,
    created: Timestamp,
    derived: SecretBox<[[u8; KEY_SIZE]; PURPOSES.len()]>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.all().map(|key| &key.id))
            .finish()
    }
}

impl Keys {
    /// Keys in any order; `None` if there is none.
    pub(super) fn of(mut keys: Vec<Key>, ledger: Option<SecretBox<[u8; 32]>>) -> Option<Self> {
        keys.sort_by_key(|key| Reverse(key.created));
        let mut keys = keys.into_iter();
        let newest = keys.next()?;
        Some(Self(Arc::new(Ring {
            newest,
            older: keys.collect(),
            ledger,
        })))
    }

    /// The key that is used for what is new.
    #[must_use]
    pub fn current(&self) -> &KeyId {
        &self.0.newest.id
    }

    /// The secret of the Ed25519 key that signs the ledger; none, if the file was made before there was one.
    #[must_use]
    pub fn ledger(&self) -> Option<&SecretBox<[u8; 32]>> {
        self.0.ledger.as_ref()
    }

    /// HMAC-SHA256 over the length-prefixed parts, with the key of that purpose and name.
    ///
    /// # Errors
    /// The key file has no key of that name.
    pub fn mac(
        &self,
        purpose: Purpose,
        key: &KeyId,
        parts: &[&[u8]],
    ) -> Result<[u8; 32], VaultError> {
        Ok(self.named(key)?.mac(purpose, parts))
    }

    /// `{key id}.{MAC}` with the newest key, to be stored.
    #[must_use]
    pub fn tag(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        self.0.newest.tag(purpose, parts)
    }

    /// What [`Keys::tag`] gives now or gave under an older key, to be looked for; the newest first.
    #[must_use]
    pub fn tags(&self, purpose: Purpose, parts: &[&[u8]]) -> Vec<String> {
        self.all().map(|key| key.tag(purpose, parts)).collect()
    }

    /// The key that wraps data keys, under its name.
    pub(super) fn wrapping(&self, key: &KeyId) -> Result<&[u8; KEY_SIZE], VaultError> {
        Ok(self.named(key)?.derived(Purpose::Wrapping))
    }

    fn all(&self) -> impl Iterator<Item = &Key> {
        std::iter::once(&self.0.newest).chain(&self.0.older)
    }

    fn named(&self, id: &KeyId) -> Result<&Key, VaultError> {
        self.all()
            .find(|key| key.id == *id)
            .ok_or_else(|| VaultError::UnknownKey(id.clone()))
    }
}

impl Key {
    /// The keys of all purposes, from one secret of the key file.
    pub(super) fn derive(id: KeyId, created: Timestamp, secret: &[u8]) -> Option<Self> {
        let derivation = Hkdf::<Sha256>::new(None, secret);
        let mut derived = Box::new([[0; KEY_SIZE]; PURPOSES.len()]);
        for (key, (_, label)) in derived.iter_mut().zip(PURPOSES) {
            derivation.expand(label, key).ok()?;
        }
        Some(Self {
            id,
            created,
            derived: SecretBox::new(derived),
        })
    }

    fn derived(&self, purpose: Purpose) -> &[u8; KEY_SIZE] {
        &self.derived.expose_secret()[purpose as usize]
    }

    fn mac(&self, purpose: Purpose, parts: &[&[u8]]) -> [u8; 32] {
        let key = hmac::digest::Key::<Hmac<Sha256>>::from_slice(self.derived(purpose));
        let mut mac: Hmac<Sha256> = hmac::digest::KeyInit::new(key);
        for part in parts {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    fn tag(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        format!(
            "{}.{}",
            self.id.0,
            BASE64URL_NOPAD.encode(&self.mac(purpose, parts))
        )
    }
}

/// Whether two texts are the same, in a time that tells nothing but their lengths.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.as_bytes().ct_eq(b.as_bytes()).into()
}
