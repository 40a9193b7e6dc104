//! Sealing: signing what the tree is now, after it was found to continue all that was signed before.

mod error;
mod following;
mod resuming;

pub use error::SealError;

use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretBox};

use super::checkpoint::Checkpoint;
use super::leaves::leaves;
use super::nodes::{Tree, TreeError};
use super::note::{Note, Signer};
use super::outside::{Kept, Place};
use super::proof::{Head, continues};
use super::stored::{last_stored, restored_from, store};
use super::tree::consistency;
use crate::ambient::Clock;
use crate::database::Database;

/// A checkpoint as it was signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Size and root.
    pub head: Head,
    /// The whole note.
    pub note: String,
}

/// What seals one ledger. Cheap to clone.
#[derive(Clone)]
pub struct Sealer {
    tree: Tree,
    database: Database,
    secret: Arc<SecretBox<[u8; 32]>>,
    domain: String,
    clock: Clock,
    places: Vec<Place>,
}

/// What a sealer is made of.
pub struct Parts {
    /// Where the leaves are.
    pub database: Database,
    /// Of the key that signs.
    pub secret: SecretBox<[u8; 32]>,
    /// The society's mail domain, after which the ledger is named when it is first sealed.
    pub domain: String,
    /// When a checkpoint is made.
    pub clock: Clock,
    /// The file beside the keys.
    pub own: PathBuf,
    /// The witness files.
    pub witnesses: Vec<PathBuf>,
}

/// How messages name the place that is no file.
const DATABASE: &str = "the database";

/// How messages name the places together.
const EVERYWHERE: &str = "all places";

/// All that was signed last, by place.
struct Known {
    /// What is in the file beside the keys.
    own: Option<String>,
    /// Place in words, and note.
    notes: Vec<(String, String)>,
    /// What the database has.
    stored: Option<String>,
}

impl Sealer {
    /// A sealer; it opens nothing yet.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let own = Place {
            path: parts.own,
            is_witness: false,
        };
        let witnesses = parts.witnesses.into_iter().map(|path| Place {
            path,
            is_witness: true,
        });
        Self {
            tree: Tree::new(parts.database.clone()),
            database: parts.database,
            secret: Arc::new(parts.secret),
            domain: parts.domain,
            clock: parts.clock,
            places: [own].into_iter().chain(witnesses).collect(),
        }
    }

    /// The tree that is sealed.
    #[must_use]
    pub const fn tree(&self) -> &Tree {
        &self.tree
    }

    /// The database that the tree is in.
    pub(super) const fn database(&self) -> &Database {
        &self.database
    }

    /// Signs what the tree is now, unless that was done, and answers with the last checkpoint. It is outside the database before it is in
    /// it: nobody can have seen one that this program forgot. Whatever place a kill left behind is brought up to date.
    ///
    /// # Errors
    /// See [`SealError`]; nothing new was signed then.
    pub async fn seal(&self) -> Result<Sealed, SealError> {
        self.told_of_restore().await?;
        let known = self.known().await?;
        // After what was signed, which may grow at any moment, and never beyond the leaves.
        let size = self.tree.size().await?;
        let signer = self.signer(&known).await?;
        self.tree.grow(size).await?;
        let last = self.held(&known.notes, &signer, size).await?;
        let sealed = match last {
            Some(last) if last.head.size == size => last,
            last => {
                let head = self.tree.head(size).await?;
                if let Some(last) = &last {
                    self.continued(EVERYWHERE, &last.head, &head).await?;
                }
                let origin = signer.verifier().name().to_owned();
                let note = signer.sign(&Checkpoint { origin, head }.text());
                Sealed {
                    head,
                    note: note.to_string(),
                }
            }
        };
        for place in &self.places {
            self.put(place, &sealed).await?;
        }
        if known.stored.as_deref() != Some(&sealed.note) {
            store(&self.database, &sealed, self.clock.now()).await?;
        }
        Ok(sealed)
    }

    /// Holds all that was signed against the tree, and signs and writes nothing. None, if nothing was ever signed.
    ///
    /// # Errors
    /// As [`Sealer::seal`] would meet them.
    pub async fn look(&self) -> Result<Option<Sealed>, SealError> {
        self.told_of_restore().await?;
        let known = self.known().await?;
        let size = self.tree.size().await?;
        if known.notes.is_empty() {
            return Ok(None);
        }
        let signer = self.signer(&known).await?;
        self.held(&known.notes, &signer, size).await
    }

    async fn told_of_restore(&self) -> Result<(), SealError> {
        match restored_from(&self.database).await? {
            Some(backup) => Err(SealError::Restored(backup)),
            None => Ok(()),
        }
    }

    /// The ledger's key, under the name that the checkpoint has.
    ///
    /// # Errors
    /// The name is none.
    pub fn key_of(&self, sealed: &Sealed) -> Result<Signer, SealError> {
        self.named(origin_of(&sealed.note).unwrap_or_default())
    }

    /// What was signed last, wherever that is kept.
    async fn known(&self) -> Result<Known, SealError> {
        let mut own = None;
        let mut notes = Vec::new();
        let (mut lost, mut no_witness) = (None, None);
        for place in &self.places {
            match (read(place).await?, place.is_witness) {
                (Kept::Note(note), is_witness) => {
                    if !is_witness {
                        own = Some(note.clone());
                    }
                    notes.push((place.path.display().to_string(), note));
                }
                (Kept::Nothing | Kept::Empty, false) => {
                    lost = Some(SealError::Lost(place.path.clone()));
                }
                (Kept::Nothing, true) => {
                    no_witness = Some(SealError::NoWitness(place.path.clone()));
                }
                (Kept::Empty, true) => {}
            }
        }
        let stored = last_stored(&self.database).await?;
        // As long as the database has none, the very first sealing may have been cut off between the places.
        if let Some(error) = no_witness.filter(|_| stored.is_some()) {
            return Err(error);
        }
        notes.extend(stored.clone().map(|note| (DATABASE.to_owned(), note)));
        match lost.filter(|_| !notes.is_empty()) {
            Some(error) => Err(error),
            None => Ok(Known { own, notes, stored }),
        }
    }

    /// The key, under the name that the ledger was given when it was first sealed: the society's mail domain, and the beginning of the
    /// first leaf, which no two ledgers share.
    async fn signer(&self, known: &Known) -> Result<Signer, SealError> {
        if let Some(origin) = known.own.as_deref().and_then(origin_of) {
            return self.named(origin);
        }
        let first = leaves(&self.database.read, 0, 1).await?;
        let first = first.first().and_then(|(_, leaf)| leaf.get(..8));
        match (first, self.tree.size().await?) {
            (Some(first), _) => self.named(format!("{}/kadode/{first}", self.domain)),
            (None, 0) => Err(SealError::Empty),
            (None, _) => Err(TreeError::Damaged("leaf 1".to_owned()).into()),
        }
    }

    fn named(&self, origin: String) -> Result<Signer, SealError> {
        Signer::new(&origin, self.secret.expose_secret()).ok_or(SealError::Name(origin))
    }

    /// The latest of what was signed, if the tree of `present` leaves continues all of it.
    async fn held(
        &self,
        notes: &[(String, String)],
        signer: &Signer,
        present: u64,
    ) -> Result<Option<Sealed>, SealError> {
        let mut heads = Vec::with_capacity(notes.len());
        let mut last: Option<Sealed> = None;
        for kept in notes {
            let head = open(kept, signer)?.head;
            let (place, note) = kept.clone();
            if head.size > present {
                return Err(SealError::Cut {
                    place,
                    signed: head.size,
                    present,
                });
            }
            if self.tree.head(head.size).await? != head {
                return Err(SealError::Forked {
                    place,
                    size: head.size,
                });
            }
            heads.push((place, head));
            if last.as_ref().is_none_or(|last| last.head.size < head.size) {
                last = Some(Sealed { head, note });
            }
        }
        // Each may be true of nodes of its own.
        if let Some(last) = &last {
            for (place, head) in heads {
                self.continued(&place, &head, &last.head).await?;
            }
        }
        Ok(last)
    }

    /// Fails unless the tree `new` begins with all leaves of `old`, which was signed and is kept in this place: by a proof, since whoever
    /// can write nodes of the tree could have planted one that the old root does not rest on.
    async fn continued(&self, place: &str, old: &Head, new: &Head) -> Result<(), SealError> {
        let proof = self.tree.hashes(&consistency(old.size, new.size)).await?;
        if continues(old, new, &proof) {
            return Ok(());
        }
        Err(SealError::Forked {
            place: place.to_owned(),
            size: old.size,
        })
    }

    async fn put(&self, place: &Place, sealed: &Sealed) -> Result<(), SealError> {
        let written = place.write(sealed.head.size, &sealed.note).await;
        written.map_err(|error| SealError::File(place.path.clone(), error))
    }
}

async fn read(place: &Place) -> Result<Kept, SealError> {
    let kept = place.read().await;
    kept.map_err(|error| SealError::File(place.path.clone(), error))
}

fn open((place, note): &(String, String), signer: &Signer) -> Result<Checkpoint, SealError> {
    Checkpoint::open(note, signer.verifier()).map_err(|error| SealError::Note(place.clone(), error))
}

/// What a note calls its ledger, whoever signed it.
fn origin_of(note: &str) -> Option<String> {
    let note = Note::parse(note).ok()?;
    Some(Checkpoint::parse(note.unverified())?.origin)
}
