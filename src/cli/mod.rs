//! The command line: one file a subcommand, and how each ends.

mod backup;
mod catching_up;
mod check;
mod custody;
mod demo;
pub mod import;
mod keys;
mod ledger;
pub mod letters;
mod migrate;
mod rebuild;
mod reminders;
mod report;
mod restore;
mod serve;
mod staff;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, setrlimit};

use crate::ambient::Clock;
use crate::app::Fault;
use crate::policies::LoadedPolicy;

/// From a sheet of paper to the portal: the first login of a health-insurance society's members.
#[derive(Debug, Parser)]
#[command(name = "kadode", version, about, arg_required_else_help = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it out: a sample society on this machine, mails on a local page
    Demo(demo::DemoSettings),
    /// Serve members
    Serve(serve::ServeCommand),
    /// Bring a database's tables up to date
    Migrate(migrate::MigrateSettings),
    /// Take members from a roster
    Import(import::ImportSettings),
    /// Print again the letters that were not used yet, or notices for those who set their account up, or reminders by post
    Letters(letters::LettersSettings),
    /// Look after the accounts of staff: auditors, support, administrators
    Staff(staff::StaffSettings),
    /// Build read models anew from the log
    Rebuild(rebuild::RebuildSettings),
    /// Look for dangling references, parked events, gaps, what was tampered with, and a mail backlog
    Check(check::CheckSettings),
    /// A report for compliance and auditors, as of any moment
    Report(report::ReportSettings),
    /// To how many members a reminder is due, when they go, and what went; with --policy, what would go under that one
    Reminders(reminders::RemindersSettings),
    /// The master keys
    Keys(keys::KeysSettings),
    /// Copy the databases, sealed, while members are served
    Backup(backup::BackupSettings),
    /// Put a backup where there is no database
    Restore(restore::RestoreSettings),
    /// The signed audit ledger
    Ledger(ledger::LedgerSettings),
}

/// Runs the program with the arguments it was started with.
///
/// Ends with 0; with 2 where the operator has to do something else, told in one line; with 1 where something was found.
pub async fn run() -> ExitCode {
    leave_no_core();
    let line = match Line::try_parse() {
        Ok(line) => line,
        Err(error) if error.use_stderr() && error.kind() != SHORT_HELP => {
            eprintln!("kadode: {}", in_one_line(&error.to_string()));
            return ExitCode::from(2);
        }
        Err(help) => {
            // Help and version, asked for.
            let _ = help.print();
            return ExitCode::from(if help.use_stderr() { 2 } else { 0 });
        }
    };
    let clock = Clock::machine();
    let ended = match line.command {
        Command::Demo(settings) => Box::pin(demo::run(settings, clock)).await,
        Command::Serve(settings) => serve::run(settings, clock).await,
        Command::Migrate(settings) => migrate::run(&settings, clock).await,
        Command::Import(settings) => Box::pin(import::run(&settings, clock)).await,
        Command::Letters(settings) => letters::run(&settings, clock).await,
        Command::Staff(settings) => staff::run(settings, clock).await,
        Command::Rebuild(settings) => rebuild::run(&settings, clock).await,
        Command::Check(settings) => check::run(&settings, clock).await,
        Command::Report(settings) => report::run(&settings, clock).await,
        Command::Reminders(settings) => reminders::run(&settings, clock).await,
        Command::Keys(settings) => keys::run(&settings, clock).await,
        Command::Backup(settings) => backup::run(&settings, clock).await,
        Command::Restore(settings) => restore::run(&settings, &clock).await,
        Command::Ledger(settings) => ledger::run(&settings, clock).await,
    };
    ended.unwrap_or_else(|Fault(why)| {
        eprintln!("kadode: {}", why.replace('\n', " "));
        ExitCode::from(2)
    })
}

/// Keys and personal data that the program has in memory must not be left in a file by a crash. For good: only whoever is root can raise it again.
fn leave_no_core() {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    if let Err(error) = setrlimit(Resource::Core, none) {
        tracing::warn!(%error, "a crash may leave keys in a core file: forbid core files (`ulimit -c 0`, `LimitCORE=0`)");
    }
}

const SHORT_HELP: clap::error::ErrorKind =
    clap::error::ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;

/// What clap says over several lines, without the usage.
fn in_one_line(error: &str) -> String {
    let told: Vec<&str> = error
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"))
        .filter(|line| !line.is_empty())
        .collect();
    let told = told.join(" ");
    format!(
        "{} (see kadode --help)",
        told.strip_prefix("error: ").unwrap_or(&told)
    )
}

/// A line for the operator, on stderr, since stdout is for programs.
fn tell(line: &str) {
    eprintln!("kadode: {line}");
}

/// Warns, in one line, of a policy that has a formula and sets no limit on wrong guesses at it.
fn warn_of(policy: &LoadedPolicy) {
    if let Some(cohort) = policy.policy.unbounded_formula() {
        tell(&format!(
            "warning: policy {}: no limit bounds how many accounts are opened by guessing initial passwords that follow a formula, as those of cohort {:?} do: \
             set wrong_formulas and wrong_formulas_per_symbol in [limits.sign_in] (see docs/security.md, Odds)",
            policy.version.name, cohort.name
        ));
    }
}
