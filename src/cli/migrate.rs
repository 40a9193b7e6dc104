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

    /// On PostgreSQL, the role that the other subcommands connect as: it is given the rights they need
    #[arg(long, env = "KADODE_ROLE", value_name = "NAME")]
    role: Option<String>,
}

pub(super) async fn run(settings: &MigrateSettings, clock: Clock) -> Result<ExitCode, Fault> {
    migrate(&settings.data, settings.role.as_deref(), &clock, tell).await?;
    tell("the tables are up to date");
    Ok(ExitCode::SUCCESS)
}
