//! The `kadode` program: parses the command line and runs one subcommand.

use std::process::ExitCode;

use clap::Parser;
use kadode::ambient::Clock;
use kadode::cli::import::{self, ImportSettings};
use kadode::cli::letters::{self, LettersSettings};

/// First logins of a health-insurance society's members
#[derive(Parser)]
#[command(name = "kadode", version)]
enum Cli {
    /// Take members from a roster
    Import(ImportSettings),
    /// Print again what was not used yet
    Letters(LettersSettings),
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Cli::parse() {
        Cli::Import(settings) => import::run(&settings, Clock::machine()).await,
        Cli::Letters(settings) => letters::run(&settings, Clock::machine()).await,
    };
    done.unwrap_or_else(|fault| {
        eprintln!("kadode: {fault}");
        ExitCode::from(2)
    })
}
