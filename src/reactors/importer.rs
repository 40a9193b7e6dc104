//! Carries out rosters that two of the staff have decided on, and forgets the files of those that are over.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use jiff::SignedDuration;
use sqlx::AnyConnection;
use tokio::sync::Notify;

use crate::database::Database;
use crate::domain::ids::ImportId;
use crate::domain::rosters::{Command, RosterImport, Rosters, Stage};
use crate::domain::values::TOKYO;
use crate::rosters::{BATCH, Members, Plan, Roster, RosterFault, Run, STREAM, Window, look, mend};
use crate::subscription::{ApplyError, Reactor, Recorded};
use crate::vault::VaultError;

/// How long it rests after a failure, and between two looks for files that are over.
const REST: Duration = Duration::from_secs(10);
const TIDIED_APART: Duration = Duration::from_mins(15);

/// A file is kept before its plan is told; an hour leaves room for whatever stands still.
const AGE: SignedDuration = SignedDuration::from_hours(1);

/// Wakes the importer when a roster was decided on.
pub struct RosterReactor(pub Arc<Notify>);

impl Reactor for RosterReactor {
    fn name(&self) -> &'static str {
        "rosters"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        ["RosterApproved", "RosterDeclined"].contains(&recorded.event_type.as_str())
    }

    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        _: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        if !batch.is_empty() {
            self.0.notify_one();
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// What carries rosters out.
pub struct Importer {
    /// The society.
    pub members: Members,
    /// Where one import at a time has its turn.
    pub database: Database,
}

impl Importer {
    /// Carries out what is due, now and whenever it is woken.
    pub async fn run(self, wake: Arc<Notify>) {
        loop {
            let rest = match self.all_due().await {
                Ok(()) => TIDIED_APART,
                Err(error) => {
                    tracing::error!(%error, "a roster rests and is tried again");
                    REST
                }
            };
            let woken = wake.notified();
            let _ = tokio::time::timeout(rest, woken).await;
        }
    }

    async fn all_due(&self) -> Result<(), RosterFault> {
        loop {
            let rosters = self.rosters().await?;
            if let Err(error) = self.tidy(&rosters).await {
                tracing::warn!(%error, "files of rosters that are over could not be forgotten yet");
            }
            let Some(due) = rosters.due() else {
                return Ok(());
            };
            self.carry_out(due).await?;
        }
    }

    async fn rosters(&self) -> Result<Rosters, RosterFault> {
        let loaded = self.members.commands.load(STREAM).await;
        loaded.map_err(RosterFault)
    }

    /// Forgets the files of rosters that are over.
    async fn tidy(&self, rosters: &Rosters) -> Result<(), RosterFault> {
        let files = &self.members.vault.roster_files;
        let now = self.members.clock.now();
        let told = |error: VaultError| RosterFault(error.to_string());
        for (import, since) in files.all().await.map_err(told)? {
            let is_over = match rosters.import(import) {
                Some(found) => !found.is_open(now),
                None => since < now - AGE,
            };
            if is_over {
                files.forget(import).await.map_err(told)?;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, due: &RosterImport) -> Result<(), RosterFault> {
        let told = || tracing::info!("another import is filling the database: waiting for its end");
        let turn = self.database.take_turn(told).await;
        let _turn = turn.map_err(|error| RosterFault(error.to_string()))?;
        let members = &self.members;
        mend(members, None).await?;
        let kept = members.vault.roster_files.get(due.id).await;
        let Some(kept) = kept.map_err(|error| RosterFault(error.to_string()))? else {
            return self.give_up(due, "its file is gone").await;
        };
        let Ok(plan) = serde_json::from_slice::<Plan>(&kept.details) else {
            return self.give_up(due, "its plan cannot be read").await;
        };
        if members.policy.label() != due.content.policy {
            return self.give_up(due, "another policy is in force").await;
        }
        let today = TOKYO.to_datetime(members.clock.now()).date();
        let from = TOKYO.to_datetime(due.content.valid_from).date();
        let days = members.policy.policy.limits.initial_credentials.days;
        let Ok(window) = Window::new(from, days, today) else {
            let why = "its new members' passwords would have expired already";
            return self.give_up(due, why).await;
        };
        let how = (window, due.content.complete);
        let looked = look(
            &kept.file,
            &members.policy,
            today,
            how,
            Some(members),
            |_| (),
        )
        .await?;
        if self.begin(due.id, looked.content.plan.clone()).await? != Stage::Running {
            tracing::warn!("a roster would do something else by now than what was approved");
            return Ok(());
        }
        // The first time, that is all of it.
        let Some(left) = plan.still(looked.plan) else {
            return self.give_up(due, "its rows are read otherwise now").await;
        };
        let run = Run::new(members, due.id, window);
        let policy = &members.policy.policy;
        let mut roster = Roster::read_again(&kept.file, policy, today);
        for (standings, again) in left.standings.chunks(BATCH).zip(looked.again) {
            let rows = roster.rows(BATCH);
            let again = again.then_some(&[][..]);
            let written = run.write(rows, standings, again).await?;
            run.enrol(written).await?;
        }
        run.let_go(&left.leavers, |_| ()).await?;
        let finish = Command::Finish { import: due.id };
        Run::tell(members, "FinishRoster", finish).await?;
        Ok(())
    }

    /// Nothing is done of what has not begun; what has begun cannot be undone.
    async fn give_up(&self, due: &RosterImport, why: &str) -> Result<(), RosterFault> {
        if self.begin(due.id, String::new()).await? == Stage::Running {
            let abandon = Command::Abandon { import: due.id };
            Run::tell(&self.members, "AbandonRoster", abandon).await?;
            tracing::error!(why, "a roster could not be carried out to its end");
        } else {
            tracing::warn!(why, "a roster was not carried out");
        }
        Ok(())
    }

    /// Begins, or goes on, if that is still what was approved; answers where the roster stands then.
    async fn begin(&self, import: ImportId, plan: String) -> Result<Stage, RosterFault> {
        let begin = Command::Begin { import, plan };
        let rosters = Run::tell(&self.members, "BeginRoster", begin).await?;
        let found = rosters.import(import).map(|found| found.stage);
        found.ok_or_else(|| RosterFault("the roster is not in the log".to_owned()))
    }
}
