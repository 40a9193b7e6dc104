//! Bringing a roster, and deciding on one: what pages and JSON share.

use std::convert::Infallible;

use axum::http::Method;
use jiff::SignedDuration;
use jiff::civil::Date;

use crate::api::Api;
use crate::api::audit::looks::Showing;
use crate::api::problem::{DeskProblem, Problem};
use crate::api::staff::{StaffIn, rights};
use crate::commands::CommandError;
use crate::domain::ids::ImportId;
use crate::domain::onboarding::{Grounds, Reason, Ticket};
use crate::domain::rosters::{Command, Issued, Proposed, REASONS, Refusal, RosterImport, Rosters};
use crate::domain::values::TOKYO;
use crate::domain::viewing::View;
use crate::rosters::{Details, Plan, STREAM, Window, look, pages};

/// Rosters in a list; the log has all.
const LISTED: usize = 30;

/// A roster as somebody brought it.
pub(super) struct Brought {
    pub(super) file: Vec<u8>,
    /// Whether it is one of everybody.
    pub(super) complete: bool,
    /// The first day of the new members' initial credentials; today, if none was given.
    pub(super) valid_from: Option<Date>,
    /// How many leave by it, if that was said.
    pub(super) leavers: Option<u64>,
    pub(super) grounds: Grounds,
}

/// Reads why a roster is brought.
///
/// # Errors
/// [`Problem::Invalid`] for the first field that cannot be taken.
pub(super) fn grounds(reason: &str, ticket: &str) -> Result<Grounds, Problem> {
    let invalid = |field, why| Problem::Invalid { field, why };
    let reason = Reason::named(reason).filter(|reason| REASONS.contains(reason));
    Ok(Grounds {
        reason: reason.ok_or(invalid("reason", "not_of_this"))?,
        ticket: ticket
            .trim()
            .parse::<Ticket>()
            .map_err(|_| invalid("ticket", "not_a_ticket"))?,
    })
}

/// What cannot be an import's id is as unknown as one that is none's.
pub(super) fn import_named(text: &str) -> Result<ImportId, Problem> {
    let unknown = Problem::Desk(DeskProblem::UnknownProposal);
    text.parse().map_err(|_| unknown)
}

impl Api {
    /// Looks at a roster and keeps it as a plan.
    ///
    /// # Errors
    /// [`Problem::Rows`] for what is wrong with it; [`Problem::ManyLeave`]; another roster is still open; a store is away.
    pub(super) async fn bring(&self, who: &StaffIn, brought: Brought) -> Result<ImportId, Problem> {
        let now = self.clock.now();
        // Before the file is looked at: this takes a while for a large one.
        if self
            .rosters()
            .await?
            .imports
            .iter()
            .any(|it| it.is_open(now))
        {
            return Err(Problem::Desk(DeskProblem::RosterOpen));
        }
        // One look at a time: it reads the whole file, and perhaps all members.
        let Ok(_place) = self.roster_looks.try_acquire() else {
            return Err(Problem::Busy);
        };
        let today = TOKYO.to_datetime(now).date();
        let days = self.limits.initial_credentials.days;
        let from = brought.valid_from.unwrap_or(today);
        let window = Window::new(from, days, today).map_err(|_| Problem::Invalid {
            field: "valid_from",
            why: "would_be_over",
        })?;
        let import = ImportId(self.entropy.id());
        let files = &self.vault.roster_files;
        // Before it is looked at: an erasure meanwhile then forgets the file with all others, and nobody stays in it who is erased.
        files.keep(import, &brought.file, now).await?;
        let planned = self.plan_kept(who, import, brought, window).await;
        if planned.is_err() {
            files.forget(import).await?;
        }
        planned.map(|()| import)
    }

    /// Looks at a roster whose file is kept, notes what it does, and tells of it.
    async fn plan_kept(
        &self,
        who: &StaffIn,
        import: ImportId,
        brought: Brought,
        window: Window,
    ) -> Result<(), Problem> {
        let now = self.clock.now();
        let today = TOKYO.to_datetime(now).date();
        let how = (window, brought.complete);
        let (members, file) = (&self.members, &brought.file);
        let looked = look(file, &members.policy, today, how, Some(members), |_| ()).await?;
        if !looked.errors.is_empty() {
            return Err(Problem::Rows(looked.errors.into_list()));
        }
        let content = looked.content;
        if content.lacks_leavers(brought.leavers) {
            return Err(Problem::ManyLeave {
                left: content.left,
                known: content.known(),
            });
        }
        let details = serde_json::to_vec(&looked.plan).map_err(|_| Problem::Internal)?;
        if !self.vault.roster_files.note(import, &details, now).await? {
            // Somebody was erased meanwhile: the same once more looks at who is left.
            return Err(Problem::Busy);
        }
        let hours = SignedDuration::from_hours(self.limits.support.proposal_hours.into());
        let command = Command::Plan {
            import,
            proposed: Proposed {
                by: who.staff,
                grounds: brought.grounds,
                expires_at: now + hours,
            },
            content,
        };
        self.tell_rosters("PlanRoster", who, command).await
    }

    /// Approves or declines a plan; `plan` is the hash of what was looked at.
    ///
    /// # Errors
    /// What stands against it, or a store is away.
    pub(super) async fn judge_roster(
        &self,
        who: &StaffIn,
        import: ImportId,
        plan: &str,
        approves: bool,
    ) -> Result<(), Problem> {
        if !approves {
            let staff = who.staff;
            let command = Command::Decline { import, staff };
            return self.tell_rosters("DeclineRoster", who, command).await;
        }
        // Whoever proposed it counts as one of two only while they could propose it still.
        let found = self.roster(import).await?;
        let proposed = found
            .proposed
            .ok_or(Problem::Desk(DeskProblem::UnknownProposal))?;
        let state = self.staff_state(proposed.by).await?;
        let may = |role| rights::of(&Method::POST, "/rosters").is_some_and(|it| it.is_of(role));
        if !state.in_force().is_some_and(|account| may(account.role)) {
            return Err(Problem::Desk(DeskProblem::ProposalOver));
        }
        let command = Command::Approve {
            import,
            staff: who.staff,
            plan: plan.to_owned(),
        };
        self.tell_rosters("ApproveRoster", who, command).await
    }

    /// All rosters.
    ///
    /// # Errors
    /// The log is away.
    pub(in crate::api) async fn rosters(&self) -> Result<Rosters, Problem> {
        self.commands.load(STREAM).await.map_err(|error| {
            tracing::error!(error, "the rosters cannot be read");
            Problem::Busy
        })
    }

    /// The roster that waits for a decision or is being carried out, if there is one; and the newest.
    ///
    /// # Errors
    /// The log is away.
    pub(super) async fn listed_rosters(
        &self,
    ) -> Result<(Option<RosterImport>, Vec<RosterImport>), Problem> {
        let (rosters, now) = (self.rosters().await?, self.clock.now());
        let open = rosters.imports.iter().find(|found| found.is_open(now));
        let newest = rosters.imports.iter().rev().take(LISTED);
        Ok((open.cloned(), newest.cloned().collect()))
    }

    /// One roster.
    ///
    /// # Errors
    /// There is none of this id, or the log is away.
    pub(super) async fn roster(&self, import: ImportId) -> Result<RosterImport, Problem> {
        let rosters = self.rosters().await?;
        let found = rosters.import(import).cloned();
        found.ok_or(Problem::Desk(DeskProblem::UnknownProposal))
    }

    /// A page of what a roster does, member by member, which is noted as a look; none, once it is over, or where it cannot be carried out any
    /// more.
    ///
    /// # Errors
    /// [`Problem::Invalid`]: it has no such page. A store is away.
    pub(super) async fn details_of(
        &self,
        who: &StaffIn,
        found: &RosterImport,
        page: u64,
    ) -> Result<Option<Details>, Problem> {
        let import = found.id;
        if !(1..=pages(&found.content)).contains(&page) {
            return Err(Problem::Invalid {
                field: "page",
                why: "no_such_page",
            });
        }
        let part = Some(format!("roster={import}"));
        self.note_look(who, Showing::of(View::Rosters, part))
            .await?;
        let Some(kept) = self.vault.roster_files.get(import).await? else {
            return Ok(None);
        };
        let policy = self.members.policy.clone();
        if policy.label() != found.content.policy {
            return Ok(None);
        }
        // Of another version: it can be declined, and brought again.
        let Ok(plan) = serde_json::from_slice::<Plan>(&kept.details) else {
            return Ok(None);
        };
        let today = TOKYO.to_datetime(self.clock.now()).date();
        // A large file takes a second to read.
        let read = move || Details::read(&plan, &kept.file, &policy.policy, today, page);
        let read = tokio::task::spawn_blocking(read).await;
        read.map_err(|_| Problem::Internal)
    }

    async fn tell_rosters(
        &self,
        name: &'static str,
        who: &StaffIn,
        command: Command,
    ) -> Result<(), Problem> {
        let attribution = self
            .attribution_of_staff(name, who.staff, &who.visit)
            .await?;
        let clock = self.clock.clone();
        let outcome = self
            .commands
            .run::<Rosters, Infallible, _, _>(STREAM.to_owned(), attribution, move |_| {
                std::future::ready(Ok(Issued {
                    at: clock.now(),
                    command: command.clone(),
                }))
            })
            .await;
        match outcome {
            Ok(_) => Ok(()),
            Err(CommandError::Refused(refusal)) => Err(of_refusal(refusal)),
            Err(CommandError::Unsettled(never)) => match never {},
            Err(CommandError::Busy) => Err(Problem::Busy),
            Err(CommandError::Store(error)) => {
                tracing::error!(%error, "a command could not be stored");
                Err(Problem::Busy)
            }
        }
    }
}

const fn of_refusal(refusal: Refusal) -> Problem {
    Problem::Desk(match refusal {
        Refusal::NotOpen => DeskProblem::ProposalOver,
        Refusal::OwnPlan => DeskProblem::OwnProposal,
        Refusal::OtherPlan => DeskProblem::OtherPlan,
        Refusal::AnotherOpen => DeskProblem::RosterOpen,
        Refusal::WrongReason => {
            return Problem::Invalid {
                field: "reason",
                why: "not_of_this",
            };
        }
    })
}
