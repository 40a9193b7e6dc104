//! The letters of an import: of everybody in the roster who has not signed in yet, so that after a killed run the next one's are whole.

use std::path::Path;

use jiff::Timestamp;

use crate::app::{Fault, Society};
use crate::cli::custody::record;
use crate::cli::letters::{self, Due, Letter, LettersFile, Terms};
use crate::domain::custody::{Command, Exported};
use crate::domain::ids::MemberId;
use crate::rosters::{Known, Standing, Written};
use crate::vault::FIRST_ISSUE;

/// A file of letters that is being written.
pub(super) struct Letters {
    society: Society,
    expires_at: Timestamp,
    file: Option<LettersFile<Letter>>,
    written: usize,
    expired: usize,
}

impl Letters {
    /// `expires_at` is the end of the new members' initial credentials.
    pub(super) fn new(society: &Society, expires_at: Timestamp, file: LettersFile<Letter>) -> Self {
        Self {
            society: society.clone(),
            expires_at,
            file: Some(file),
            written: 0,
            expired: 0,
        }
    }

    /// Writes the letters of a batch in the order of its rows.
    pub(super) async fn write(
        &mut self,
        new: &Written<'_>,
        standings: &[Standing],
    ) -> Result<(), Fault> {
        let before: Vec<MemberId> = standings
            .iter()
            .filter_map(|standing| match standing {
                Standing::Known(known) => Some(known.member),
                Standing::New | Standing::Conflict => None,
            })
            .collect();
        let profiles = &self.society.vault.profiles;
        let known = async {
            let known = profiles.get_many(&before).await;
            known.map_err(|error| Fault(error.to_string()))
        };
        let (due, known) = tokio::try_join!(letters::due(&self.society, &before), known)?;
        let mut fresh = new.each();
        let mut written = Vec::with_capacity(standings.len());
        for standing in standings {
            match standing {
                Standing::New => {
                    let Some((row, stored)) = fresh.next() else {
                        continue;
                    };
                    let terms = Terms {
                        initial_password: row.cohort.initial_password.clone(),
                        expires_at: self.expires_at,
                        issue: FIRST_ISSUE,
                        print: None,
                    };
                    written.push(letters::letter(&self.society, stored, &terms)?);
                }
                Standing::Known(Known { member, .. }) => match (due.get(member), known.get(member))
                {
                    (Some(Due::Yes(terms)), Some(stored)) => {
                        written.push(letters::letter(&self.society, stored, terms)?);
                    }
                    (Some(Due::Expired), Some(_)) => self.expired += 1,
                    _ => {}
                },
                Standing::Conflict => {}
            }
        }
        self.written += written.len();
        match &mut self.file {
            Some(file) => file.write(&written),
            None => Ok(()),
        }
    }

    /// Tells the history that they are carried out, and puts the file into its place.
    pub(super) async fn finish(&mut self) -> Result<(), Fault> {
        let Some(file) = self.file.take() else {
            return Ok(());
        };
        let told = Command::NoteExported {
            what: Exported::Letters,
            rows: u64::try_from(self.written).unwrap_or(u64::MAX),
        };
        match record(&self.society, "NoteExported", told).await {
            Ok(()) => file.finish(),
            Err(fault) => {
                file.discard();
                Err(fault)
            }
        }
    }

    /// A line for the operator.
    pub(super) fn told(&self, path: &Path) -> String {
        let left_out = match self.expired {
            0 => String::new(),
            expired => {
                format!("; {expired} were left out, whose initial credentials have expired unused")
            }
        };
        format!(
            "{}: {} letters, of all in the roster who have not signed in yet{left_out}; it holds passwords, so print it \
             and delete it",
            path.display(),
            self.written
        )
    }
}
