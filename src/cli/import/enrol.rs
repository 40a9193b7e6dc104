//! The writing part of an import: vault, then letters, then events, batch by batch.

use std::collections::HashSet;
use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;

use super::standing::Known;
use super::{BATCH, Standing, Window};
use crate::app::{Fault, Society};
use crate::cli::letters::{self, Due, Letter, LettersFile, Terms};
use crate::cli::roster::{Roster, Row};
use crate::domain::ids::{ImportId, MemberId};
use crate::domain::onboarding::{Command, Issued, Onboarding};
use crate::domain::policy::Limits;
use crate::vault::{FIRST_ISSUE, Inserted, given_user_id, was_given};

/// Enrolments under way at once, which the log commits together.
const SIDE_BY_SIDE: usize = 256;

/// One import.
pub(super) struct Import<'a> {
    society: &'a Society,
    id: ImportId,
    window: Window,
    limits: Arc<Limits>,
}

/// How many letters were written.
#[derive(Default)]
pub(super) struct Done {
    letters: usize,
    expired: usize,
}

impl Done {
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
            self.letters
        )
    }
}

impl<'a> Import<'a> {
    pub(super) fn new(society: &'a Society, window: Window) -> Self {
        Self {
            society,
            id: ImportId(society.entropy.id()),
            window,
            limits: Arc::new(society.policy.policy.limits.clone()),
        }
    }

    /// Enrols who is new, and writes the letters of everybody in the roster who has not signed in yet, so that after a
    /// killed run the next one's letters are whole.
    pub(super) async fn run(
        &self,
        mut roster: Roster<'_>,
        standings: &[Standing],
        mut letters: Option<LettersFile<Letter>>,
    ) -> Result<Done, Fault> {
        let progress = ProgressBar::new(standings.len() as u64);
        let mut done = Done::default();
        for standings in standings.chunks(BATCH) {
            let rows = roster.rows(BATCH);
            self.batch(&rows, standings, letters.as_mut(), &mut done)
                .await
                .map_err(|Fault(why)| {
                    Fault(format!(
                        "the import stopped on the way: {why}; run the same command again to finish it"
                    ))
                })?;
            progress.inc(rows.len() as u64);
        }
        progress.finish_and_clear();
        letters.map(LettersFile::finish).transpose()?;
        Ok(done)
    }

    async fn batch(
        &self,
        rows: &[Row<'_>],
        standings: &[Standing],
        letters: Option<&mut LettersFile<Letter>>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        let new: Vec<&Row<'_>> = rows
            .iter()
            .zip(standings)
            .filter(|(_, standing)| **standing == Standing::New)
            .map(|(row, _)| row)
            .collect();
        let members = self.write_profiles(&new).await?;
        if let Some(letters) = letters {
            self.write_letters(&new, &members, standings, letters, done)
                .await?;
        }
        for member in &members {
            let id = member.to_string();
            self.society.commands.presume_empty::<Onboarding>(&id);
        }
        stream::iter(new.iter().zip(&members))
            .map(|(row, member)| self.enrol(row, *member))
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    /// Writes the profiles of new members. Who has one from a killed run gets the row's data under the same member id, and
    /// the same user ID if we gave it.
    async fn write_profiles(&self, rows: &[&Row<'_>]) -> Result<Vec<MemberId>, Fault> {
        let society = self.society;
        let profiles = &society.vault.profiles;
        // Looked up again: an earlier batch may have enrolled whom a killed run left.
        let known = Known::of(society, rows).await?;
        let left_over: Vec<MemberId> = known.left_over().collect();
        let stored = profiles.get_many(&left_over).await.map_err(failed)?;
        // Of two rows that name one left-over profile, by its GID and by its numbers, the first takes it up.
        let mut taken = HashSet::new();
        let written: Vec<_> = rows
            .iter()
            .zip(&known.matches)
            .map(|(row, found)| {
                let same = found
                    .persons()
                    .filter_map(|person| stored.get(&person))
                    .find(|stored| taken.insert(stored.member));
                let mut profile = row.profile.clone();
                if profile.user_id.is_empty() {
                    profile.user_id = same
                        .map(|stored| &stored.profile.user_id)
                        .filter(|user_id| was_given(user_id))
                        .map_or_else(|| given_user_id(&society.entropy), String::clone);
                }
                let member = same.map(|stored| stored.member);
                (
                    member.unwrap_or_else(|| MemberId(society.entropy.id())),
                    profile,
                )
            })
            .collect();
        let inserted = profiles
            .insert(self.id, &written, &left_over, society.clock.now())
            .await
            .map_err(failed)?;
        for (row, inserted) in rows.iter().zip(inserted) {
            if inserted != Inserted::New {
                return Err(Fault(format!(
                    "line {}: another import has just brought this person or user ID",
                    row.line
                )));
            }
        }
        Ok(written.into_iter().map(|(member, _)| member).collect())
    }

    /// Writes the letters of a batch in the order of its rows.
    async fn write_letters(
        &self,
        new: &[&Row<'_>],
        members: &[MemberId],
        standings: &[Standing],
        letters: &mut LettersFile<Letter>,
        done: &mut Done,
    ) -> Result<(), Fault> {
        let before: Vec<MemberId> = standings
            .iter()
            .filter_map(|standing| match standing {
                Standing::Unchanged(member) => Some(*member),
                Standing::New | Standing::Conflict => None,
            })
            .collect();
        let mut due = letters::due(self.society, &before).await?;
        for (row, member) in new.iter().zip(members) {
            let terms = Terms {
                initial_password: row.cohort.initial_password.clone(),
                expires_at: self.window.until,
                issue: FIRST_ISSUE,
            };
            due.insert(*member, Due::Yes(terms));
        }
        let all: Vec<MemberId> = due.keys().copied().collect();
        let stored = self
            .society
            .vault
            .profiles
            .get_many(&all)
            .await
            .map_err(failed)?;
        let mut fresh = members.iter();
        let mut written = Vec::with_capacity(standings.len());
        for standing in standings {
            let member = match standing {
                Standing::New => fresh.next().copied(),
                Standing::Unchanged(member) => Some(*member),
                Standing::Conflict => None,
            };
            let Some(stored) = member.and_then(|member| stored.get(&member)) else {
                continue;
            };
            match due.get(&stored.member) {
                Some(Due::Yes(terms)) => {
                    written.push(letters::letter(self.society, stored, terms)?);
                }
                Some(Due::Expired) => done.expired += 1,
                Some(Due::No) | None => {}
            }
        }
        done.letters += written.len();
        letters.write(&written)
    }

    async fn enrol(&self, row: &Row<'_>, member: MemberId) -> Result<(), Fault> {
        let policy = &self.society.policy;
        let issued = Issued {
            at: self.society.clock.now(),
            limits: Arc::clone(&self.limits),
            command: Command::Enrol {
                cohort: row.cohort.name.clone(),
                policy: policy.version.clone(),
                import: self.id,
                joined_month: Some(row.profile.joined_on.strftime("%Y-%m").to_string()),
                terms: policy
                    .policy
                    .terms
                    .as_ref()
                    .map(|terms| terms.version.clone()),
                valid_from: self.window.from,
                expires_at: self.window.until,
            },
        };
        self.society
            .commands
            .run::<Onboarding, Infallible, _, _>(
                member.to_string(),
                self.society.attribution("Enrol", "import"),
                move |_| std::future::ready(Ok(issued.clone())),
            )
            .await
            .map(drop)
            .map_err(failed)
    }
}

fn failed(error: impl std::fmt::Display) -> Fault {
    Fault(error.to_string())
}
