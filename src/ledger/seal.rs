//! Sealing: signing what the tree is now, after it was found to continue all that was signed before.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretBox};

use super::checkpoint::Checkpoint;
use super::leaves::leaves;
use super::nodes::{Tree, TreeError};
use super::note::{Note, NoteError, Signer};
use super::outside::{Kept, Place};
use super::proof::Head;
use super::stored::{last_stored, store};
use crate::ambient::Clock;
use crate::database::Database;

/// Why nothing was signed; for the operator.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// There is no event yet.
    #[error("there is no event to seal yet")]
    Empty,
    /// The database is away, or its tables are damaged.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// A file cannot be read or written.
    #[error("checkpoint file {0}: {1}")]
    File(PathBuf, #[source] io::Error),
    /// The last checkpoint is not where it has to be.
    #[error(
        "checkpoint file {0}: no such file, though checkpoints were signed before; without it nobody knows whether the past is still the same: \
         put back the last one you have, from another machine, a witness or an export"
    )]
    Lost(PathBuf),
    /// A witness has no file.
    #[error(
        "witness file {0}: no such file; put back the last checkpoint, or, if the witness is a new one, make an empty file there"
    )]
    NoWitness(PathBuf),
    /// A checkpoint does not count.
    #[error("the checkpoint in {0}: {1}")]
    Note(String, #[source] NoteError),
    /// Events that were signed are no longer there.
    #[error(
        "the log has been cut: the checkpoint in {place} is over {signed} events, and there are {present}"
    )]
    Cut {
        /// Where the checkpoint is.
        place: String,
        /// Its size.
        signed: u64,
        /// How many leaves there are.
        present: u64,
    },
    /// Events that were signed are others now.
    #[error(
        "the past has been changed: the first {size} events are not those of the checkpoint in {place}"
    )]
    Forked {
        /// Where the checkpoint is.
        place: String,
        /// Its size.
        size: u64,
    },
    /// No name can be made of the policy's mail domain.
    #[error("the mail domain {0:?} of the policy cannot name the ledger")]
    Name(String),
}

impl From<sqlx::Error> for SealError {
    fn from(error: sqlx::Error) -> Self {
        Self::Tree(error.into())
    }
}

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

/// All that was signed last, by place.
struct Known {
    own: Kept,
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

    /// Signs what the tree is now, unless that was done, and answers with the last checkpoint. It is outside the database before it is in
    /// it: nobody can have seen one that this program forgot. Whatever place a kill left behind is brought up to date.
    ///
    /// # Errors
    /// See [`SealError`]; nothing new was signed then.
    pub async fn seal(&self) -> Result<Sealed, SealError> {
        let known = self.known().await?;
        // After what was signed, which may grow at any moment, and never beyond the leaves.
        let size = self.tree.size().await?;
        let signer = self.signer(&known).await?;
        self.tree.grow(size).await?;
        let last = self.held(&known, &signer, size).await?;
        let sealed = match last {
            Some(last) if last.head.size == size => last,
            Some(_) | None => {
                let head = self.tree.head(size).await?;
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
        let known = self.known().await?;
        let size = self.tree.size().await?;
        if known.notes.is_empty() {
            return Ok(None);
        }
        let signer = self.signer(&known).await?;
        self.held(&known, &signer, size).await
    }

    /// On a machine that does not lead: keeps its file up with what the leading one signs. Where there is no file yet, one is begun only when
    /// a checkpoint comes while this looks on: then another machine has just held the past against its own. `seen` is what was last there.
    ///
    /// # Errors
    /// See [`SealError`].
    pub async fn look_on(&self, seen: &mut Option<u64>) -> Result<(), SealError> {
        let Some(stored) = last_stored(&self.database).await? else {
            *seen = Some(0);
            return Ok(());
        };
        let Some(place) = self.places.first() else {
            return Ok(());
        };
        let own = read(place).await?;
        let signer = self.named(origin_of(&stored).unwrap_or_default())?;
        let mut notes = vec![("the database".to_owned(), stored)];
        match own {
            Kept::Note(note) => notes.push((place.path.display().to_string(), note)),
            Kept::Nothing | Kept::Empty => {
                let size = open(&notes[0], &signer)?.head.size;
                if seen.replace(size).is_none_or(|before| before >= size) {
                    return Ok(());
                }
            }
        }
        let known = Known {
            own: Kept::Nothing,
            notes,
            stored: None,
        };
        let size = self.tree.size().await?;
        match self.held(&known, &signer, size).await? {
            Some(last) => self.put(place, &last).await,
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
        let mut own = Kept::Nothing;
        let mut notes = Vec::new();
        let mut missing = None;
        for place in &self.places {
            let kept = read(place).await?;
            if let Kept::Note(note) = &kept {
                notes.push((place.path.display().to_string(), note.clone()));
            }
            if place.is_witness {
                if kept == Kept::Nothing {
                    missing = missing.or_else(|| Some(SealError::NoWitness(place.path.clone())));
                }
            } else {
                if !matches!(kept, Kept::Note(_)) {
                    missing = Some(SealError::Lost(place.path.clone()));
                }
                own = kept;
            }
        }
        let stored = last_stored(&self.database).await?;
        let in_database = stored.clone().map(|note| ("the database".to_owned(), note));
        notes.extend(in_database);
        match missing {
            Some(missing) if !notes.is_empty() => Err(missing),
            Some(_) | None => Ok(Known { own, notes, stored }),
        }
    }

    /// The key, under the name that the ledger was given when it was first sealed: the society's mail domain, and the beginning of the
    /// first leaf, which no two ledgers share.
    async fn signer(&self, known: &Known) -> Result<Signer, SealError> {
        let given = match &known.own {
            Kept::Note(note) => origin_of(note),
            Kept::Nothing | Kept::Empty => None,
        };
        if let Some(origin) = given {
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
        known: &Known,
        signer: &Signer,
        present: u64,
    ) -> Result<Option<Sealed>, SealError> {
        let mut last: Option<Sealed> = None;
        for kept in &known.notes {
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
            if last.as_ref().is_none_or(|last| last.head.size < head.size) {
                last = Some(Sealed { head, note });
            }
        }
        Ok(last)
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
