//! `kadode import`: takes members from a roster, all of them or none; safe to repeat and to kill.

mod enrol;
mod opened;
mod standing;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use self::enrol::{Done, Import};
use self::opened::Opened;
use self::standing::{Standing, compare};
use super::letters::LettersFile;
use super::roster::{Errors, Roster, Row, RowError};
use crate::ambient::Clock;
use crate::app::{Fault, Society, given_policy};
use crate::config::DataSettings;
use crate::domain::policy::{InitialPassword, Policy};
use crate::domain::values::TOKYO;

/// Bytes in a roster, at most: some two million members.
const LARGEST_ROSTER: u64 = 256 * 1024 * 1024;

/// Rows that are looked up, written and told to the operator together, so that memory does not grow with the roster's.
const BATCH: usize = 500;

/// What `kadode import` is told.
#[derive(Args, Clone, Debug)]
pub struct ImportSettings {
    /// The roster: CSV in UTF-8 or Shift_JIS
    #[arg(value_name = "ROSTER.csv")]
    pub roster: PathBuf,

    /// Look at everything and report as if it were done, but write nothing
    #[arg(long, env = "KADODE_DRY_RUN")]
    pub dry_run: bool,

    /// The CSV file to write letters to; needed when a member gets a password or a user ID from us
    #[arg(long, env = "KADODE_LETTERS", value_name = "OUT.csv")]
    pub letters: Option<PathBuf>,

    /// The first day, in Tokyo, of the new members' initial credentials [default: today]
    #[arg(long, env = "KADODE_VALID_FROM", value_name = "DATE")]
    pub valid_from: Option<Date>,

    /// Where the data are.
    #[command(flatten)]
    pub data: DataSettings,
}

/// What stands on stdout, as one line of JSON.
#[derive(Serialize)]
struct Report<'a> {
    rows: usize,
    new: usize,
    unchanged: usize,
    conflicts: usize,
    by_cohort: BTreeMap<&'a str, usize>,
    errors: Vec<RowError>,
}

/// When initial credentials count.
#[derive(Clone, Copy, Debug)]
struct Window {
    from: Timestamp,
    until: Timestamp,
}

/// Imports a roster. Rows that are wrong are reported on stdout with everything else, and are the exit code's matter;
/// nothing is imported then.
///
/// # Errors
/// One line: what is wrong, and what to do. Unless it says otherwise, nothing was imported.
pub async fn run(settings: &ImportSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let mut opened = Opened::default();
    let ended = import(settings, clock, &mut opened).await;
    opened.close().await;
    ended
}

/// The import itself; what it opens is for the caller to close, however it ends.
async fn import(
    settings: &ImportSettings,
    clock: Clock,
    opened: &mut Opened,
) -> Result<ExitCode, Fault> {
    let policy = given_policy(&settings.data)?;
    let today = TOKYO.to_datetime(clock.now()).date();
    let days = policy.policy.limits.initial_credentials.days;
    let window = Window::new(settings.valid_from.unwrap_or(today), days, today)?;
    let exists = Society::exists(&settings.data)?;
    let bytes = read_roster(&settings.roster)?;
    let society = if exists {
        Some(opened.open(settings, clock.clone()).await?)
    } else {
        None
    };
    let roster = Roster::read(&bytes, &policy.policy, today);
    let Looked {
        report,
        standings,
        needing_letters,
        errors,
    } = look(roster, bytes.len(), &policy.policy, society).await?;
    if !errors.is_empty() {
        super::tell(&format!(
            "roster {}: {} errors, listed on standard output; nothing was imported",
            settings.roster.display(),
            errors.count()
        ));
        print(&Report {
            errors: errors.into_list(),
            ..report
        })?;
        return Ok(ExitCode::from(2));
    }
    if settings.letters.is_none() && needing_letters > 0 {
        return Err(Fault(format!(
            "--letters OUT.csv is needed: {needing_letters} new members get their password or user ID from us; nothing was imported"
        )));
    }
    if settings.dry_run {
        print(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let roster = Roster::read_again(&bytes, &policy.policy, today);
    let done = carry_out(settings, clock, opened, window, roster, &standings).await?;
    super::tell(&format!(
        "roster {}: {} new members, {} known before",
        settings.roster.display(),
        report.new,
        report.unchanged
    ));
    if let Some(path) = &settings.letters {
        super::tell(&done.told(path));
    }
    print(&report)?;
    Ok(ExitCode::SUCCESS)
}

/// What a look at the whole roster has shown; its rows were let go, to be read again.
struct Looked<'policy> {
    report: Report<'policy>,
    /// What is to be done for each row, in their order.
    standings: Vec<Standing>,
    /// New members who get something from us that they can learn from a letter alone.
    needing_letters: usize,
    errors: Errors,
}

/// Reads the roster, and holds it against the society's data, if there are any.
async fn look<'policy>(
    mut roster: Roster<'policy>,
    bytes: usize,
    policy: &'policy Policy,
    society: Option<&Society>,
) -> Result<Looked<'policy>, Fault> {
    let cohorts = policy.cohorts.iter();
    let mut by_cohort: BTreeMap<&str, usize> =
        cohorts.map(|cohort| (cohort.name.as_str(), 0)).collect();
    let mut standings = Vec::new();
    let mut needing_letters = 0;
    let progress = ProgressBar::new(bytes as u64);
    loop {
        let rows = roster.rows(BATCH);
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            *by_cohort.entry(row.cohort.name.as_str()).or_default() += 1;
        }
        let some = match society {
            Some(society) => compare(society, &rows, &mut roster.errors).await?,
            None => vec![Standing::New; rows.len()],
        };
        let needs = |(row, standing): &(&Row<'_>, &Standing)| {
            **standing == Standing::New
                && (row.profile.user_id.is_empty()
                    || row.cohort.initial_password == InitialPassword::Printed)
        };
        needing_letters += rows.iter().zip(&some).filter(needs).count();
        standings.extend(some);
        progress.set_position(roster.position());
    }
    progress.finish_and_clear();
    let number = |wanted: fn(&Standing) -> bool| standings.iter().filter(|it| wanted(it)).count();
    Ok(Looked {
        report: Report {
            rows: roster.count,
            new: number(|standing| *standing == Standing::New),
            unchanged: number(|standing| matches!(standing, Standing::Unchanged(_))),
            conflicts: number(|standing| *standing == Standing::Conflict),
            by_cohort,
            errors: Vec::new(),
        },
        standings,
        needing_letters,
        errors: roster.errors,
    })
}

/// Writes everything; the society's data are created where there are none yet.
async fn carry_out(
    settings: &ImportSettings,
    clock: Clock,
    opened: &mut Opened,
    window: Window,
    roster: Roster<'_>,
    standings: &[Standing],
) -> Result<Done, Fault> {
    // First of all, for this is where a slip of the operator shows.
    let letters = settings
        .letters
        .as_deref()
        .map(LettersFile::create)
        .transpose()?;
    let ready = async {
        let society = opened.open(settings, clock).await?;
        society.adopt_policy().await?;
        Ok(society)
    };
    match ready.await {
        Ok(society) => {
            Import::new(society, window)
                .run(roster, standings, letters)
                .await
        }
        Err(fault) => {
            if let Some(letters) = letters {
                letters.discard();
            }
            Err(fault)
        }
    }
}

impl Window {
    fn new(from: Date, days: u32, today: Date) -> Result<Self, Fault> {
        let wrong = |why: &str| Fault(format!("--valid-from {from}: {why}"));
        let end = from
            .checked_add(i64::from(days).days())
            .map_err(|_| wrong("this day is too far off"))?;
        if end <= today {
            return Err(wrong(&format!(
                "the initial credentials would have expired already, {days} days later"
            )));
        }
        let midnight = |day: Date| {
            TOKYO
                .to_timestamp(day.at(0, 0, 0, 0))
                .map_err(|_| wrong("this day is too far off"))
        };
        Ok(Self {
            from: midnight(from)?,
            until: midnight(end)?,
        })
    }
}

fn read_roster(path: &Path) -> Result<Vec<u8>, Fault> {
    let wrong =
        |why: &dyn std::fmt::Display| Fault::from_error(&format!("roster {}", path.display()), why);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST_ROSTER + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > LARGEST_ROSTER {
        return Err(wrong(&"it is larger than 256 MiB; divide it"));
    }
    Ok(bytes)
}

fn print(report: &Report<'_>) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, report)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(out))
        .map_err(|error| Fault::from_error("the report cannot be printed", error))
}
