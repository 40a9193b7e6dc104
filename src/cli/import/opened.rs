//! The society's data while an import has them open, which one import at a time may fill.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use super::ImportSettings;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};

/// What an import has opened so far.
#[derive(Default)]
pub(super) struct Opened {
    society: Option<Society>,
    turn: Option<File>,
}

impl Opened {
    /// Opens the data, unless they are open already; an import that writes waits for its turn, and has it until
    /// [`Opened::close`] or its end, however it ends.
    pub(super) async fn open(
        &mut self,
        settings: &ImportSettings,
        clock: Clock,
    ) -> Result<&Society, Fault> {
        let opening = if settings.dry_run {
            Opening::TO_READ
        } else {
            Opening::TO_FILL
        };
        let society = match self.society.take() {
            Some(society) => society,
            None => Society::open(&settings.data, opening, clock, crate::cli::tell).await?,
        };
        let society = self.society.insert(society);
        if !settings.dry_run && self.turn.is_none() {
            self.turn = Some(take_turn(society.database.sqlite_path()).await?);
        }
        Ok(society)
    }

    pub(super) async fn close(self) {
        if let Some(society) = self.society {
            society.close().await;
        }
        drop(self.turn);
    }
}

/// Waits until no other import fills this database: what one has written and not enrolled yet looks like what a killed run
/// left, and must not be taken from it.
async fn take_turn(database: &Path) -> Result<File, Fault> {
    let path = database.with_added_extension("importing");
    let shown = path.display().to_string();
    let fault = |error: &dyn std::fmt::Display| Fault::from_error(&shown, error);
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| fault(&error))?;
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(fault(&error)),
    }
    crate::cli::tell(&format!(
        "another import is filling {}: waiting for its end",
        database.display()
    ));
    tokio::task::spawn_blocking(move || file.lock().map(|()| file))
        .await
        .map_err(|error| fault(&error))?
        .map_err(|error| fault(&error))
}
