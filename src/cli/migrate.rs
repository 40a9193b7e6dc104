//! `kadode migrate`: creates or brings up to date the tables of a database.

use std::process::ExitCode;

use clap::Args;

use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, migrate};
use crate::config::DataSettings;

/// The settings of `kadode migrate`.
#[derive(Args, Debug)]
pub(super) struct MigrateSettings {
    #[command(flatten)]
    data: DataSettings,
}

pub(super) async fn run(settings: &MigrateSettings, clock: Clock) -> Result<ExitCode, Fault> {
    migrate(&settings.data, &clock, tell).await?;
    tell("the tables are up to date");
    Ok(ExitCode::SUCCESS)
}
