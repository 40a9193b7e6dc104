//! Signed notes (C2SP signed-note v1) with Ed25519: a text, and under it who vouches for it.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

/// The byte that stands for Ed25519.
const ED25519: u8 = 1;

/// How every line of a signature begins.
const DASH: &str = "\u{2014} ";

/// Bytes in a note at most, and signatures; ours have some 250 bytes and one signature. As Go's own reader has it.
const LARGEST: usize = 1_000_000;
const MOST_SIGNATURES: usize = 100;

/// Why a note does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// It is no signed note.
    #[error("it is no signed note")]
    Malformed,
    /// The key has not signed it.
    #[error("it is not signed with this key")]
    NotSigned,
    /// A signature that claims to be the key's is not over this text.
    #[error("its signature does not fit its text")]
    Forged,
}

/// A note as read; whether it is true is asked with [`Note::verified`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    name: String,
    key: [u8; 4],
    signature: Vec<u8>,
}

impl Note {
    /// Reads a note.
    ///
    /// # Errors
    /// [`NoteError::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        let malformed = NoteError::Malformed;
        let is_control = |c: char| c < ' ' && c != '\n';
        if note.len() > LARGEST || note.contains(is_control) {
            return Err(malformed);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(malformed)?;
        let signatures = signatures.strip_suffix('\n').ok_or(malformed)?;
        let signatures: Option<Vec<Line>> = signatures.split('\n').map(Line::parse).collect();
        let signatures = signatures.ok_or(malformed)?;
        if signatures.len() > MOST_SIGNATURES {
            return Err(malformed);
        }
        Ok(Self {
            text: format!("{text}\n"),
            signatures,
        })
    }

    /// The text, whoever signed it.
    #[must_use]
    pub fn unverified(&self) -> &str {
        &self.text
    }

    /// The text, if the key has signed it. Signatures of others do not matter.
    ///
    /// # Errors
    /// [`NoteError::NotSigned`] or [`NoteError::Forged`].
    pub fn verified(&self, by: &Verifier) -> Result<&str, NoteError> {
        let own = self
            .signatures
            .iter()
            .find(|line| line.name == by.name && line.key == by.id())
            .ok_or(NoteError::NotSigned)?;
        let signature = Signature::from_slice(&own.signature).map_err(|_| NoteError::Forged)?;
        by.key
            .verify_strict(self.text.as_bytes(), &signature)
            .map_err(|_| NoteError::Forged)?;
        Ok(&self.text)
    }
}

/// As it was read.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        for line in &self.signatures {
            let signed = [&line.key[..], &line.signature].concat();
            writeln!(f, "{DASH}{} {}", line.name, BASE64.encode(&signed))?;
        }
        Ok(())
    }
}

impl Line {
    fn parse(line: &str) -> Option<Self> {
        let (name, signed) = line.strip_prefix(DASH)?.split_once(' ')?;
        let signed = base64(signed)?;
        let (key, signature) = signed.split_first_chunk()?;
        (is_name(name) && !signature.is_empty()).then(|| Self {
            name: name.to_owned(),
            key: *key,
            signature: signature.to_vec(),
        })
    }
}

/// The bytes of a text in base64, if it is how they are written. The library also reads texts with padding in their middle.
pub(super) fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text.as_bytes()).ok()?;
    (BASE64.encode(&bytes) == text).then_some(bytes)
}

/// A key's name holds no space and no plus, which stand around it.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+' || c < ' ')
}

/// Who can be believed: a public key with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verifier {
    name: String,
    key: VerifyingKey,
}

impl Verifier {
    /// Reads a key of the form `name+id+key` (a "vkey").
    #[must_use]
    pub fn parse(vkey: &str) -> Option<Self> {
        let (name, rest) = vkey.split_once('+')?;
        let (_, key) = rest.split_once('+')?;
        let key = base64(key)?;
        let key = key.strip_prefix(&[ED25519])?.try_into().ok()?;
        let verifier = Self {
            name: name.to_owned(),
            key: VerifyingKey::from_bytes(&key).ok()?,
        };
        (is_name(name) && verifier.to_string() == vkey).then_some(verifier)
    }

    /// The key's name, which is the ledger's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256 over name, line feed, kind and key.
    fn id(&self) -> [u8; 4] {
        let hash = Sha256::new()
            .chain_update(&self.name)
            .chain_update([b'\n', ED25519])
            .chain_update(self.key.as_bytes())
            .finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }
}

/// The vkey: `name+id+key`.
impl fmt::Display for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[ED25519], self.key.as_bytes().as_slice()].concat();
        write!(
            f,
            "{}+{}+{}",
            self.name,
            HEXLOWER.encode(&self.id()),
            BASE64.encode(&key)
        )
    }
}

/// Who vouches: a private key with its name.
#[derive(Clone)]
pub struct Signer {
    key: SigningKey,
    verifier: Verifier,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.verifier).finish()
    }
}

impl Signer {
    /// The key made of a secret, under a name; none, if that holds a space or a plus.
    #[must_use]
    pub fn new(name: &str, secret: &[u8; 32]) -> Option<Self> {
        let key = SigningKey::from_bytes(secret);
        let verifier = Verifier {
            name: name.to_owned(),
            key: key.verifying_key(),
        };
        is_name(name).then_some(Self { key, verifier })
    }

    /// Whoever checks what this key signs.
    #[must_use]
    pub const fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The note of a text, which ends in a line feed.
    #[must_use]
    pub fn sign(&self, text: &str) -> Note {
        Note {
            text: text.to_owned(),
            signatures: vec![Line {
                name: self.verifier.name.clone(),
                key: self.verifier.id(),
                signature: self.key.sign(text.as_bytes()).to_bytes().to_vec(),
            }],
        }
    }
}
