//! A machine that does not lead: it keeps its own places up with what the leading one signs, so that it can take over.

use super::{DATABASE, SealError, Sealer, open, origin_of, read};
use crate::ledger::outside::Kept;
use crate::ledger::stored::last_stored;

impl Sealer {
    /// Puts the database's last checkpoint where this machine keeps one, if it continues what is there. A place that has none yet is begun only
    /// when a checkpoint comes while this looks on: then another machine has just held the past against its own. `seen` is the size of the
    /// last one that was there.
    ///
    /// # Errors
    /// See [`SealError`].
    pub async fn look_on(&self, seen: &mut Option<u64>) -> Result<(), SealError> {
        let Some(stored) = last_stored(&self.database).await? else {
            *seen = Some(0);
            return Ok(());
        };
        let signer = self.named(origin_of(&stored).unwrap_or_default())?;
        let stored = (DATABASE.to_owned(), stored);
        let size = open(&stored, &signer)?.head.size;
        let is_new = seen.replace(size).is_some_and(|before| before < size);
        let mut notes = vec![stored];
        let mut places = Vec::new();
        for place in &self.places {
            match read(place).await? {
                Kept::Note(note) => {
                    notes.push((place.path.display().to_string(), note));
                    places.push(place);
                }
                Kept::Nothing | Kept::Empty if is_new => places.push(place),
                Kept::Nothing | Kept::Empty => {}
            }
        }
        let present = self.tree.size().await?;
        if let Some(last) = self.held(&notes, &signer, present).await? {
            for place in places {
                self.put(place, &last).await?;
            }
        }
        Ok(())
    }
}
