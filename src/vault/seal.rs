//! Sealing a text for one place with AES-256-GCM: `v1.{key}.{base64 of nonce and ciphertext}`.

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use data_encoding::BASE64;
use secrecy::zeroize::Zeroizing;

use super::VaultError;
use crate::ambient::Entropy;

/// Where a sealed value stands; it opens nowhere else, so that values cannot be swapped.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) row: &'a str,
}

impl Place<'_> {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for part in [self.table, self.column, self.row] {
            bytes.extend((part.len() as u64).to_be_bytes());
            bytes.extend(part.as_bytes());
        }
        bytes
    }
}

/// The name of the key, and the base64 text.
pub(super) fn parts(sealed: &str) -> Option<(&str, &str)> {
    sealed.strip_prefix("v1.")?.split_once('.')
}

/// Only the first 256 bits of a longer key are taken.
fn cipher(key: &[u8]) -> Option<Aes256Gcm> {
    Aes256Gcm::new_from_slice(key.get(..32)?).ok()
}

pub(super) fn seal(
    key: &[u8],
    name: &str,
    entropy: &Entropy,
    place: Place<'_>,
    plain: &[u8],
) -> Result<String, VaultError> {
    let nonce = entropy.bytes::<12>();
    let sealed = cipher(key)
        .and_then(|cipher| {
            cipher
                .encrypt(
                    Nonce::from_slice(&nonce),
                    Payload {
                        msg: plain,
                        aad: &place.bytes(),
                    },
                )
                .ok()
        })
        .ok_or(VaultError::Damaged(place.table))?;
    Ok(format!(
        "v1.{name}.{}",
        BASE64.encode(&[nonce.as_slice(), &sealed].concat())
    ))
}

pub(super) fn open(
    key: &[u8],
    place: Place<'_>,
    sealed: &str,
) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let opened = || {
        let (_, text) = parts(sealed)?;
        let bytes = BASE64.decode(text.as_bytes()).ok()?;
        let (nonce, sealed) = bytes.split_at_checked(12)?;
        cipher(key)?
            .decrypt(
                Nonce::from_slice(nonce),
                Payload {
                    msg: sealed,
                    aad: &place.bytes(),
                },
            )
            .ok()
    };
    opened()
        .map(Zeroizing::new)
        .ok_or(VaultError::Damaged(place.table))
}
