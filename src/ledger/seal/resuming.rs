//! Going on after a restore: what was signed and is there no more gives way, once the log itself names it as lost.

use super::{Head, SealError, Sealed, Sealer, open, read};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::outside::Kept;
use crate::ledger::stored::{forget_restored, restored_from, store};

impl Sealer {
    /// Whether the database was restored from a backup, and the history does not tell of it yet.
    ///
    /// # Errors
    /// The database is away.
    pub async fn is_restored(&self) -> Result<bool, SealError> {
        Ok(restored_from(&self.database).await?.is_some())
    }

    /// Lets the ledger be sealed again after a restore, which an event in the tree has to tell of.
    ///
    /// # Errors
    /// The database is away.
    pub async fn restore_is_told(&self) -> Result<(), SealError> {
        Ok(forget_restored(&self.database).await?)
    }

    /// What was signed and is not of the tree as it is, wherever that is kept; the smallest first.
    ///
    /// # Errors
    /// As [`Sealer::seal`], but for what is lost.
    pub async fn lost(&self) -> Result<Vec<Head>, SealError> {
        let known = self.known().await?;
        let signer = self.signer(&known).await?;
        let present = self.tree.size().await?;
        self.tree.grow(present).await?;
        let mut lost = Vec::new();
        for kept in &known.notes {
            let head = open(kept, &signer)?.head;
            if head.size > present || self.tree.head(head.size).await? != head {
                lost.push(head);
            }
        }
        lost.sort_by_key(|head| (head.size, head.root));
        lost.dedup();
        Ok(lost)
    }

    /// Signs what the tree is now, though it does not continue what is `lost`, which an event in the tree has to name. Each place keeps the
    /// lost checkpoint in a file beside it, named after its size and root.
    ///
    /// # Errors
    /// As [`Sealer::seal`]; run again, it finishes what was cut off.
    pub async fn resume(&self, lost: &[Head]) -> Result<Sealed, SealError> {
        if lost.is_empty() {
            return self.seal().await;
        }
        let known = self.known().await?;
        let signer = self.signer(&known).await?;
        let size = self.tree.size().await?;
        self.tree.grow(size).await?;
        let mut others = Vec::new();
        for kept in &known.notes {
            if !lost.contains(&open(kept, &signer)?.head) {
                others.push(kept.clone());
            }
        }
        let true_one = self.held(&others, &signer, size).await?;
        let head = self.tree.head(size).await?;
        if let Some(before) = &true_one {
            self.continued(super::EVERYWHERE, &before.head, &head)
                .await?;
        }
        let origin = signer.verifier().name().to_owned();
        let note = signer.sign(&Checkpoint { origin, head }.text()).to_string();
        let sealed = Sealed { head, note };
        for place in &self.places {
            let shown = place.path.display().to_string();
            let lost_there = match read(place).await? {
                Kept::Note(note) => Some(open(&(shown, note), &signer)?.head),
                Kept::Nothing | Kept::Empty => None,
            };
            let Some(head) = lost_there.filter(|head| lost.contains(head)) else {
                self.put(place, &sealed).await?;
                continue;
            };
            let written = place.supersede(&head, &sealed.note).await;
            written.map_err(|error| SealError::File(place.path.clone(), error))?;
        }
        store(&self.database, &sealed, self.clock.now()).await?;
        Ok(sealed)
    }
}
