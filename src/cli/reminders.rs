//! `kadode reminders`: to how many members a reminder is due, when they go, and what went, as JSON on standard output.

use std::io::Write;
use std::process::ExitCode;

use clap::Args;

use super::catching_up::catch_up;
use super::tell;
use crate::ambient::Clock;
use crate::api::support::reminders::RemindersBody;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::projections::reminders::overview;

/// The settings of `kadode reminders`. With `--policy`, it tells what would go under that policy, which is not put in force.
#[derive(Args, Debug)]
pub(super) struct RemindersSettings {
    #[command(flatten)]
    data: DataSettings,
}

pub(super) async fn run(settings: &RemindersSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let society = Society::open(&settings.data, Opening::TO_LOOK, clock, tell).await?;
    let told = told(&society).await;
    society.close().await;
    let told = told?;
    let mut out = std::io::stdout().lock();
    let written = writeln!(out, "{told}").and_then(|()| out.flush());
    written.map_err(|error| Fault::from_error("the reminders cannot be written", error))?;
    Ok(ExitCode::SUCCESS)
}

async fn told(society: &Society) -> Result<String, Fault> {
    catch_up(society).await?;
    let limits = &society.policy.policy.limits;
    let fault =
        |error: &dyn std::fmt::Display| Fault::from_error("the reminders cannot be told", error);
    let overview = overview(&society.database.read, limits, society.clock.now()).await;
    let overview = overview.map_err(|error| fault(&error))?;
    let body = RemindersBody::of(limits, overview);
    serde_json::to_string_pretty(&body).map_err(|error| fault(&error))
}
