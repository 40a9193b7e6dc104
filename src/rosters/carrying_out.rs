//! The writing part of a roster, batch by batch; safe to repeat and to kill, since what is done shows when it is held against the database again.

use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::Arc;

use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};

use super::standing::{Found, profile_from};
use super::{BATCH, Members, RosterFault, Row, STREAM, Standing, Window};
use crate::commands::CommandError;
use crate::domain::ids::{ImportId, MemberId};
use crate::domain::onboarding::{Command, Issued, Onboarding, Refusal};
use crate::domain::policy::Limits;
use crate::domain::rosters::{self, Rosters};
use crate::vault::{Profile, Stored, VaultError, given_user_id, was_given};

/// Commands under way at once, which the log commits together.
const SIDE_BY_SIDE: usize = 256;

/// One roster being carried out.
pub struct Run<'a> {
    members: &'a Members,
    id: ImportId,
    window: Window,
    limits: Arc<Limits>,
}

/// New members of a batch who have a profile and are not enrolled yet.
pub struct Written<'policy> {
    rows: Vec<Row<'policy>>,
    /// Their profiles, in the rows' order.
    profiles: Vec<Stored>,
}

impl<'policy> Written<'policy> {
    /// Each with its row.
    pub fn each(&self) -> impl Iterator<Item = (&Row<'policy>, &Stored)> {
        self.rows.iter().zip(&self.profiles)
    }

    /// Who they are.
    pub fn members(&self) -> impl Iterator<Item = MemberId> {
        self.profiles.iter().map(|stored| stored.member)
    }
}

impl<'a> Run<'a> {
    /// A run for the import of this id; its new members' initial credentials count within the window.
    #[must_use]
    pub fn new(members: &'a Members, id: ImportId, window: Window) -> Self {
        Self {
            members,
            id,
            window,
            limits: Arc::new(members.policy.policy.limits.clone()),
        }
    }

    /// Carries out what a batch tells of members who are known, and writes the profiles of those who are new. Nobody has heard of these
    /// until [`Run::enrol`], so that their letters can be written first. Where they have to be looked up `again`, whom
    /// the batch before is still enrolling counts as enrolled.
    ///
    /// # Errors
    /// A store is away, or another import brings the same persons.
    pub async fn write<'policy>(
        &self,
        rows: Vec<Row<'policy>>,
        standings: &[Standing],
        again: Option<&[MemberId]>,
    ) -> Result<Written<'policy>, RosterFault> {
        self.change_known(&rows, standings, again).await?;
        let rows: Vec<Row<'_>> = rows
            .into_iter()
            .zip(standings)
            .filter(|(_, standing)| **standing == Standing::New)
            .map(|(row, _)| row)
            .collect();
        let profiles = self.write_profiles(&rows, again).await?;
        Ok(Written { rows, profiles })
    }

    /// Event first, then the vault: whoever is in between is found to be otherwise once more, and the event is not doubled.
    async fn change_known(
        &self,
        rows: &[Row<'_>],
        standings: &[Standing],
        again: Option<&[MemberId]>,
    ) -> Result<(), RosterFault> {
        let known = rows.iter().zip(standings).filter_map(|(row, standing)| {
            let Standing::Known(known) = standing else {
                return None;
            };
            (known.returns || !known.changed.is_empty()).then_some((row, known))
        });
        let known: Vec<_> = known.collect();
        if known.is_empty() {
            return Ok(());
        }
        let rows: Vec<&Row<'_>> = known.iter().map(|(row, _)| *row).collect();
        let found = self.known_of(&rows, again).await?;
        let left_over: Vec<MemberId> = found.left_over().collect();
        if !left_over.is_empty() {
            // What a killed run left would hold the GID or the user ID that is about to be written.
            let profiles = &self.members.vault.profiles;
            let now = self.members.clock.now();
            let removed = profiles.insert(self.id, &[], &left_over, now).await;
            removed.map_err(RosterFault::failed)?;
        }
        let commands = known.iter().flat_map(|(_, known)| {
            let back = known.returns.then_some(Command::Return { import: self.id });
            let changed = (!known.changed.is_empty()).then(|| Command::ChangeProfile {
                import: self.id,
                fields: known.changed.clone(),
            });
            // In one member's stream one waits for the other.
            [("ReturnMember", back), ("ChangeProfile", changed)]
                .into_iter()
                .filter_map(|(name, command)| Some((known.member, name, command?)))
        });
        self.run_all(commands.collect()).await?;
        let members: Vec<MemberId> = known.iter().map(|(_, known)| known.member).collect();
        let profiles = &self.members.vault.profiles;
        let stored = profiles.get_many(&members).await;
        let stored = stored.map_err(RosterFault::failed)?;
        let changed: Vec<(MemberId, Profile)> = known
            .iter()
            .filter(|(_, known)| !known.changed.is_empty())
            .filter_map(|(row, known)| {
                let before = stored.get(&known.member)?;
                Some((known.member, profile_from(&before.profile, &row.profile)))
            })
            .collect();
        let now = self.members.clock.now();
        let written = profiles.change(&changed, now).await;
        written.map_err(RosterFault::failed)?;
        let back: Vec<MemberId> = known
            .iter()
            .filter(|(_, known)| known.returns)
            .map(|(_, known)| known.member)
            .collect();
        let noted = profiles.note_left(&back, false).await;
        noted.map_err(RosterFault::failed)
    }

    /// Enrols the new members of a batch.
    ///
    /// # Errors
    /// The log is away.
    pub async fn enrol(&self, written: Written<'_>) -> Result<(), RosterFault> {
        let commands = &self.members.commands;
        for member in written.members() {
            commands.presume_empty::<Onboarding>(&member.to_string());
        }
        let policy = &self.members.policy;
        let enrol = |(row, stored): (&Row<'_>, &Stored)| {
            let command = Command::Enrol {
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
            };
            (stored.member, "Enrol", command)
        };
        self.run_all(written.each().map(enrol).collect()).await
    }

    /// Notes who is in the roster no more; `told` hears after how many.
    ///
    /// # Errors
    /// A store is away.
    pub async fn let_go(
        &self,
        leavers: &[MemberId],
        told: impl Fn(usize),
    ) -> Result<(), RosterFault> {
        for members in leavers.chunks(BATCH) {
            let leave = |member: &MemberId| {
                let command = Command::Leave { import: self.id };
                (*member, "LeaveMember", command)
            };
            self.run_all(members.iter().map(leave).collect()).await?;
            let noted = self.members.vault.profiles.note_left(members, true).await;
            noted.map_err(RosterFault::failed)?;
            told(members.len());
        }
        Ok(())
    }

    /// Tells the log how far the roster has come.
    ///
    /// # Errors
    /// The log is away, or the rules are against it.
    pub async fn tell(
        members: &Members,
        name: &'static str,
        command: rosters::Command,
    ) -> Result<Rosters, RosterFault> {
        let clock = members.clock.clone();
        let outcome = members
            .commands
            .run::<Rosters, Infallible, _, _>(
                STREAM.to_owned(),
                members.attribution(name),
                move |_| {
                    std::future::ready(Ok(rosters::Issued {
                        at: clock.now(),
                        command: command.clone(),
                    }))
                },
            )
            .await;
        Ok(outcome.map_err(RosterFault::failed)?.state)
    }

    async fn run_all(
        &self,
        commands: Vec<(MemberId, &'static str, Command)>,
    ) -> Result<(), RosterFault> {
        let running = commands
            .into_iter()
            .map(|(member, name, command)| self.run(member, name, command));
        // A list of them all: the compiler does not see of a lazy one that it may go to another thread.
        let running: Vec<BoxFuture<'static, _>> = running.collect();
        stream::iter(running)
            .buffer_unordered(SIDE_BY_SIDE)
            .try_collect()
            .await
    }

    fn run(
        &self,
        member: MemberId,
        name: &'static str,
        command: Command,
    ) -> BoxFuture<'static, Result<(), RosterFault>> {
        let issued = Issued {
            at: self.members.clock.now(),
            limits: Arc::clone(&self.limits),
            command,
        };
        let commands = self.members.commands.clone();
        let attribution = self.members.attribution(name);
        Box::pin(async move {
            let settle = move |_| std::future::ready(Ok(issued.clone()));
            let outcome = commands
                .run::<Onboarding, Infallible, _, _>(member.to_string(), attribution, settle)
                .await;
            match outcome {
                // Erased since the roster was looked at: there is nobody to tell it of.
                Ok(_) | Err(CommandError::Refused(Refusal::Erased)) => Ok(()),
                Err(error) => Err(RosterFault::failed(error)),
            }
        })
    }

    /// Writes the profiles of new members. Who has one from a killed run gets the row's data under the same member id, and
    /// the same user ID if we gave it.
    async fn write_profiles(
        &self,
        rows: &[Row<'_>],
        again: Option<&[MemberId]>,
    ) -> Result<Vec<Stored>, RosterFault> {
        let (entropy, profiles) = (&self.members.entropy, &self.members.vault.profiles);
        let looked_up: Vec<&Row<'_>> = rows.iter().collect();
        let known = self.known_of(&looked_up, again).await?;
        for (row, found) in rows.iter().zip(&known.matches) {
            let mut there = found.persons().chain(found.user_id);
            if there.any(|member| known.is_enrolled(member)) {
                return Err(brought_meanwhile(row));
            }
        }
        let left_over: Vec<MemberId> = known.left_over().collect();
        let stored = profiles.get_many(&left_over).await;
        let stored = stored.map_err(RosterFault::failed)?;
        // Of two rows that name one left-over profile, by its GID and by its numbers, the first takes it up.
        let mut taken = HashSet::new();
        let brought: Vec<_> = rows
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
                        .map_or_else(|| given_user_id(entropy), String::clone);
                }
                let member = same.map(|stored| stored.member);
                (member.unwrap_or_else(|| MemberId(entropy.id())), profile)
            })
            .collect();
        let now = self.members.clock.now();
        let written = profiles.insert(self.id, &brought, &left_over, now).await;
        let Err(VaultError::Taken) = &written else {
            return written.map_err(RosterFault::failed);
        };
        let known = Found::of(self.members, &looked_up, &[]).await?;
        let taken = rows.iter().zip(&known.matches).find(|(_, found)| {
            let mut there = found.persons().chain(found.user_id);
            there.any(|member| !left_over.contains(&member))
        });
        Err(taken.map_or_else(
            || RosterFault::failed(VaultError::Taken),
            |(row, _)| brought_meanwhile(row),
        ))
    }

    /// Whom the vault knows of some rows that have to be looked up `again`; of others nobody, since the look has told all.
    async fn known_of(
        &self,
        rows: &[&Row<'_>],
        again: Option<&[MemberId]>,
    ) -> Result<Found, RosterFault> {
        match again {
            Some(being_enrolled) => Found::of(self.members, rows, being_enrolled).await,
            None => Ok(Found::nothing(rows.len())),
        }
    }
}

fn brought_meanwhile(row: &Row<'_>) -> RosterFault {
    RosterFault(format!(
        "line {}: another import has just brought this person or user ID",
        row.line
    ))
}
