//! The society's data while an import has them open, which one import at a time may fill.

use super::ImportSettings;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::database::Turn;

/// What an import has opened so far.
#[derive(Default)]
pub(super) struct Opened {
    society: Option<Society>,
    turn: Option<Turn>,
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
            // What one has written and not enrolled yet looks like what a killed run left, and must not be taken from it.
            let database = &society.database;
            let shown = database.shown();
            let told = || {
                crate::cli::tell(&format!(
                    "another import is filling {shown}: waiting for its end"
                ));
            };
            let turn = database.take_turn(told).await;
            self.turn = Some(turn.map_err(|error| Fault::from_error(&shown, error))?);
        }
        Ok(society)
    }

    pub(super) async fn close(self) {
        // It may be one of the connections that closing waits for.
        drop(self.turn);
        if let Some(society) = self.society {
            society.close().await;
        }
    }
}
