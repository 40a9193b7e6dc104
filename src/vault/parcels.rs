//! Backup files, sealed as a whole under a key of their own: read in pieces of 64 KiB, of which none can be changed, moved or left out.

use std::io::{self, Read, Write};

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use secrecy::zeroize::Zeroizing;
use uuid::Uuid;

use super::keys::{Keys, Purpose};
use crate::domain::values::KeyId;

/// Bytes in a piece, and in one when it is sealed.
const PIECE: usize = 64 * 1024;
const SEALED: usize = PIECE + 16;

/// Why a parcel cannot be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum ParcelError {
    /// The key file lacks the key it is sealed with.
    #[error("key {} is not in the key file", .0.0)]
    UnknownKey(KeyId),
    /// It was changed, cut off, or is another than it is said to be.
    #[error("it was changed, or cut off, or belongs to another backup")]
    Damaged,
    /// It cannot be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A file of one backup.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// The master key that its key is derived from.
    pub key: &'a KeyId,
    /// The backup, which no two share.
    pub backup: Uuid,
    /// The file's name in it.
    pub name: &'a str,
}

impl Parcel<'_> {
    /// Seals all of `from`.
    ///
    /// # Errors
    /// Something cannot be read or written.
    pub fn seal(
        &self,
        keys: &Keys,
        from: &mut impl Read,
        to: &mut impl Write,
    ) -> Result<(), ParcelError> {
        self.each(keys, from, PIECE, |cipher, nonce, piece| {
            let sealed = cipher.encrypt(nonce, Payload::from(piece));
            to.write_all(&sealed.map_err(|_| ParcelError::Damaged)?)?;
            Ok(())
        })
    }

    /// Opens what [`Parcel::seal`] made, up to its end. What was written before an error counts for nothing.
    ///
    /// # Errors
    /// It does not open, or something cannot be read or written.
    pub fn open(
        &self,
        keys: &Keys,
        from: &mut impl Read,
        to: &mut impl Write,
    ) -> Result<(), ParcelError> {
        self.each(keys, from, SEALED, |cipher, nonce, piece| {
            let opened = cipher.decrypt(nonce, Payload::from(piece));
            to.write_all(&Zeroizing::new(opened.map_err(|_| ParcelError::Damaged)?))?;
            Ok(())
        })
    }

    /// Goes through the pieces, each with a nonce that tells its place and whether it is the last. The key is this parcel's alone, so that
    /// no nonce comes twice.
    fn each(
        &self,
        keys: &Keys,
        from: &mut impl Read,
        size: usize,
        mut work: impl FnMut(
            &Aes256Gcm,
            &Nonce<aes_gcm::aead::consts::U12>,
            &[u8],
        ) -> Result<(), ParcelError>,
    ) -> Result<(), ParcelError> {
        let parts = [self.backup.as_bytes().as_slice(), self.name.as_bytes()];
        let secret = keys.mac(Purpose::Backups, self.key, &parts);
        let secret = secret.map_err(|_| ParcelError::UnknownKey(self.key.clone()));
        let secret = Zeroizing::new(secret?);
        let cipher = Aes256Gcm::new((&*secret).into());
        let mut piece = read_piece(from, size)?;
        for place in 0_u64.. {
            let next = read_piece(from, size)?;
            let is_last = next.is_empty();
            let mut nonce = [0; 12];
            nonce[0] = u8::from(is_last);
            nonce[4..].copy_from_slice(&place.to_be_bytes());
            work(&cipher, Nonce::from_slice(&nonce), &piece)?;
            if is_last {
                break;
            }
            piece = next;
        }
        Ok(())
    }
}

/// The next bytes: as many, but at the end.
fn read_piece(from: &mut impl Read, size: usize) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut piece = Zeroizing::new(Vec::with_capacity(size));
    from.take(size as u64).read_to_end(&mut piece)?;
    Ok(piece)
}
