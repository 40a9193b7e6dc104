//! What is measured: a society's log, with the projector running beside.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kadode::ambient::Clock;
use kadode::app::{Opening, Society, migrate};
use kadode::config::DataSettings;
use kadode::domain::ids::MemberId;
use kadode::domain::onboarding::{Issued, Onboarding};
use kadode::projections::status::StatusReader;
use kadode::subscription::{Position, Progress};
use tempfile::TempDir;

use crate::table::{Table, Times};
use crate::work::{Story, Worker, fresh, fresh_database};
use crate::{Fault, Kind};

/// Commands whose latency is looked at.
const FELT: usize = 2000;

/// Longer than any read model lags here.
const PATIENCE: Duration = Duration::from_secs(20);

/// A society whose projector runs.
#[derive(Clone)]
pub(crate) struct Ours(Arc<Inner>);

struct Inner {
    settings: DataSettings,
    society: Society,
    progress: Progress,
    _folder: TempDir,
}

impl Ours {
    pub(crate) async fn open(kind: Kind) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let policy = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/sample.toml");
        let settings = DataSettings {
            database: fresh_database(kind, &folder, "main").await?,
            key_database: Some(fresh_database(kind, &folder, "keys").await?),
            keys: Some(folder.path().join("keys.toml")),
            witness_file: Vec::new(),
            operator: None,
            policy: Some(policy.into()),
            events: None,
        };
        let clock = Clock::machine();
        migrate(&settings, None, &clock, |_| ()).await?;
        let society = Society::open(&settings, Opening::TO_FILL, clock, |_| ()).await?;
        let projector = society.projector();
        let progress = projector.progress();
        tokio::spawn(async move { projector.run().await });
        Ok(Self(Arc::new(Inner {
            settings,
            society,
            progress,
            _folder: folder,
        })))
    }

    pub(crate) fn society(&self) -> &Society {
        &self.0.society
    }

    pub(crate) fn settings(&self) -> &DataSettings {
        &self.0.settings
    }

    pub(crate) fn progress(&self) -> Progress {
        self.0.progress.clone()
    }

    /// Waits until the read models show `position`.
    pub(crate) async fn shows(&self, position: Position, patience: Duration) -> Result<(), Fault> {
        if self.0.progress.reached(position, patience).await {
            Ok(())
        } else {
            Err("the read models lag".into())
        }
    }

    pub(crate) async fn run(&self, member: MemberId, command: Issued) -> Result<Position, Fault> {
        let society = &self.0.society;
        let attribution = society.attribution("Bench", "bench");
        let outcome = society
            .commands
            .run::<Onboarding, Infallible, _, _>(member.to_string(), attribution, move |_| {
                std::future::ready(Ok(command.clone()))
            })
            .await
            .map_err(|error| error.to_string())?;
        Ok(outcome.mark)
    }

    /// What one member feels who is alone: a command, the status after it, and the read models' showing it.
    pub(crate) async fn feel(&self, kind: Kind, table: &mut Table) -> Result<(), Fault> {
        let Inner {
            society, progress, ..
        } = &*self.0;
        let read = society.database.read.clone();
        let (log, clock) = (society.log.clone(), society.clock.clone());
        let statuses = StatusReader::new(log, read, progress.clone(), clock);
        let story = Story::read()?;
        let (mut commands, mut felt, mut reads, mut shown) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        while commands.len() < FELT {
            let member = MemberId(fresh());
            for command in story.commands() {
                let began = Instant::now();
                let mark = self.run(member, command).await?;
                commands.push(began.elapsed());
                let read = Instant::now();
                statuses.of(member).await?.ok_or("no status")?;
                reads.push(read.elapsed());
                felt.push(began.elapsed());
                self.shows(mark, PATIENCE).await?;
                shown.push(began.elapsed());
            }
        }
        let [commands, felt, reads, shown] = [commands, felt, reads, shown].map(Times::of);
        let label = |what: &str| format!("{kind:?}, alone: {what}: p50 / p95 / p99");
        table.tell(&label("a command"), &commands);
        table.tell(&label("the status read after it"), &reads);
        table.demand(
            &label("both, as a member feels it"),
            &felt,
            "p50 at most three times the command's",
            felt.percentile(50) <= 3.0 * commands.percentile(50),
        );
        table.tell(&label("until the read models show it"), &shown);
        Ok(())
    }

    /// How fast all read models are built anew from what was stored here.
    pub(crate) async fn rebuild(&self, kind: Kind, table: &mut Table) -> Result<(), Fault> {
        let society = self.society();
        let head = society.log.committed_head().await?;
        eprintln!("log: {kind:?}: rebuilding from {head} events");
        self.shows(head, PATIENCE * 10).await?;
        let began = Instant::now();
        society.projector().rebuild(None, |_| ()).await?;
        let each_second = f64::from(u32::try_from(head)?) / began.elapsed().as_secs_f64();
        table.demand(
            &format!("{kind:?}: events a second into all read models, rebuilt from {head}"),
            format!("{each_second:.0}"),
            "20000",
            each_second >= 20_000.0,
        );
        Ok(())
    }
}

impl Worker for Ours {
    async fn give(&self, member: MemberId, command: Issued) -> Result<(), Fault> {
        self.run(member, command).await.map(drop)
    }
}
