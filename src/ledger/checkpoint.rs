//! Checkpoints (C2SP tlog-checkpoint v1): the text that is signed for a tree of some size.

use data_encoding::BASE64;

use super::note::{Note, NoteError, Verifier, base64};
use super::proof::Head;

/// What a ledger was when it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which ledger.
    pub origin: String,
    /// Its size and root.
    pub head: Head,
}

impl Checkpoint {
    /// The text to sign: origin, size and root, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.head.size,
            BASE64.encode(&self.head.root)
        )
    }

    /// Reads such a text. Lines after the third are another's extensions, and do not matter here.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
        if origin.is_empty() || lines.any(str::is_empty) {
            return None;
        }
        let head = Head {
            size: size.parse().ok()?,
            root: base64(root)?.try_into().ok()?,
        };
        // No sign, no zero in front.
        (head.size.to_string() == size).then(|| Self {
            origin: origin.to_owned(),
            head,
        })
    }

    /// Reads a checkpoint that is signed with the ledger's key, whose name is the ledger's.
    ///
    /// # Errors
    /// As for [`Note::parse`] and [`Note::verified`]; another ledger's is [`NoteError::NotSigned`].
    pub fn open(note: &str, by: &Verifier) -> Result<Self, NoteError> {
        let note = Note::parse(note)?;
        let text = note.verified(by)?;
        let checkpoint = Self::parse(text).ok_or(NoteError::Malformed)?;
        if checkpoint.origin == by.name() {
            Ok(checkpoint)
        } else {
            Err(NoteError::NotSigned)
        }
    }
}
