//! The master keys, and the key of each purpose that is derived from them.

use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};

use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use secrecy::{ExposeSecret, SecretBox};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use uuid::Uuid;

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
    /// Files of backups.
    Backups,
}

/// All purposes in the order of the enum, with the label of their derivation; a label never changes.
const PURPOSES: [(Purpose, &[u8]); 13] = [
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
    (Purpose::Backups, b"kadode/v1/backups"),
];

/// Of a derived key: one block of SHA-256, the size at which HMAC takes a key as it is.
const KEY_SIZE: usize = 64;

/// The master keys, newest first, and the ledger's. Cheap to clone, and clones follow one another; of the master keys, it holds derived ones
/// alone, never the file's secrets.
#[derive(Clone)]
pub struct Keys(Arc<Ring>);

struct Ring {
    newest: Key,
    older: Vec<Key>,
    /// The place of the present one: 0 is the newest.
    present: AtomicUsize,
    /// From when on mailed links count, in milliseconds of Unix time.
    links_since: AtomicI64,
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
            present: AtomicUsize::new(0),
            links_since: AtomicI64::new(i64::MIN),
            ledger,
        })))
    }

    /// The key that is used for what is new: the newest, unless the database names another ([`Keys::follow`]).
    #[must_use]
    pub fn current(&self) -> &KeyId {
        &self.present().id
    }

    /// The key that was added last; it may wait for its time yet.
    #[must_use]
    pub fn newest(&self) -> &KeyId {
        &self.0.newest.id
    }

    /// Uses this key for what is new from now on, in all clones.
    ///
    /// # Errors
    /// The key file has no key of that name.
    pub fn follow(&self, key: &KeyId) -> Result<(), VaultError> {
        let place = std::iter::once(&self.0.newest).chain(&self.0.older);
        let place = place.enumerate().find(|(_, it)| it.id == *key);
        let (place, _) = place.ok_or_else(|| VaultError::UnknownKey(key.clone()))?;
        self.0.present.store(place, Ordering::SeqCst);
        Ok(())
    }

    /// Lets no link count that was mailed before this moment, in all clones: what became of it meanwhile is not known after a restore.
    pub(super) fn let_links_count_since(&self, moment: Timestamp) {
        let milliseconds = moment.as_millisecond();
        self.0.links_since.store(milliseconds, Ordering::SeqCst);
    }

    /// Whether a link counts whose id of version 7 tells when it was made.
    pub(super) fn link_counts(&self, issue: Uuid) -> bool {
        let since = self.0.links_since.load(Ordering::SeqCst);
        let made = issue.get_timestamp().map(|it| it.to_unix());
        let made = made.and_then(|(seconds, nanoseconds)| {
            let milliseconds = i64::from(nanoseconds / 1_000_000);
            i64::try_from(seconds)
                .ok()?
                .checked_mul(1000)?
                .checked_add(milliseconds)
        });
        made.unwrap_or(i64::MIN) >= since
    }

    /// The names of all of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = &KeyId> {
        self.all().map(|key| &key.id)
    }

    /// When the newest was made.
    pub(super) fn newest_since(&self) -> Timestamp {
        self.0.newest.created
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

    /// `{key id}.{MAC}` with the present key, to be stored.
    #[must_use]
    pub fn tag(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        self.present().tag(purpose, parts)
    }

    /// `{key id}.{MAC}` with the first key there ever was, for what is counted: under another key, each count would begin anew, and machines
    /// that come to a new key one after the other would count apart.
    #[must_use]
    pub(super) fn lasting_tag(&self, purpose: Purpose, parts: &[&[u8]]) -> String {
        let oldest = self.0.older.last().unwrap_or(&self.0.newest);
        oldest.tag(purpose, parts)
    }

    /// What [`Keys::tag`] gives now, or gives under any other key, to be looked for; the present one first.
    #[must_use]
    pub fn tags(&self, purpose: Purpose, parts: &[&[u8]]) -> Vec<String> {
        self.all().map(|key| key.tag(purpose, parts)).collect()
    }

    /// The key that wraps data keys, under its name.
    pub(super) fn wrapping(&self, key: &KeyId) -> Result<&[u8; KEY_SIZE], VaultError> {
        Ok(self.named(key)?.derived(Purpose::Wrapping))
    }

    fn present(&self) -> &Key {
        let place = self.0.present.load(Ordering::SeqCst).checked_sub(1);
        place
            .and_then(|place| self.0.older.get(place))
            .unwrap_or(&self.0.newest)
    }

    /// The present one first, and then the others, the newest first.
    fn all(&self) -> impl Iterator<Item = &Key> {
        let present = self.present();
        let all = std::iter::once(&self.0.newest).chain(&self.0.older);
        std::iter::once(present).chain(all.filter(|key| !std::ptr::eq(*key, present)))
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
