//! `kadode import`: takes members from a roster, all of them or none; safe to repeat and to kill.

mod enrol;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use cqrs_es::Aggregate;
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use self::enrol::Import;
use super::letters::LettersFile;
use super::roster::{self, Errors, Roster, Row, RowError};
use crate::ambient::Clock;
use crate::app::{Fault, LoadedPolicy, Opening, Society};
use crate::config::DataSettings;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::domain::policy::InitialPassword;
use crate::domain::values::TOKYO;
use crate::vault::{Match, Profile};

/// Bytes in a roster, at most: some two million members.
const LARGEST_ROSTER: u64 = 256 * 1024 * 1024;

/// Streams asked for at once.
const AT_ONCE: usize = 500;

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

/// What is to be done for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    /// To be enrolled; a killed run may have left a profile.
    New,
    /// This member was enrolled before.
    Unchanged(MemberId),
    /// The database knows otherwise.
    Conflict,
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
    let policy = LoadedPolicy::given(&settings.data)?;
    let today = TOKYO.to_datetime(clock.now()).date();
    let days = policy.policy.limits.initial_credentials.days;
    let window = Window::new(settings.valid_from.unwrap_or(today), days, today)?;
    let exists = Society::exists(&settings.data)?;
    let bytes = read_roster(&settings.roster)?;
    let roster = roster::parse(&bytes, &policy.policy, today);
    let by_cohort = roster.by_cohort(&policy.policy);
    let Roster {
        rows,
        count,
        mut errors,
    } = roster;

    let opening = if settings.dry_run {
        Opening::TO_READ
    } else {
        Opening::TO_FILL
    };
    let mut society = if exists {
        Some(Society::open(&settings.data, opening, clock.clone(), super::tell).await?)
    } else {
        None
    };
    let standings = match &society {
        Some(society) => compare(society, &rows, &mut errors).await?,
        None => vec![Standing::New; rows.len()],
    };
    let number = |wanted: fn(&Standing) -> bool| standings.iter().filter(|it| wanted(it)).count();
    let report = Report {
        rows: count,
        new: number(|standing| *standing == Standing::New),
        unchanged: number(|standing| matches!(standing, Standing::Unchanged(_))),
        conflicts: number(|standing| *standing == Standing::Conflict),
        by_cohort,
        errors: Vec::new(),
    };
    if !errors.is_empty() {
        close(society).await;
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
    if settings.letters.is_none() {
        letters_not_needed(&rows, &standings)?;
    }
    if !settings.dry_run {
        let letters = settings
            .letters
            .as_deref()
            .map(LettersFile::create)
            .transpose()?;
        let ready = ready(society, settings, clock).await;
        let open = match ready {
            Ok(open) => open,
            Err(fault) => {
                letters.map(LettersFile::discard);
                return Err(fault);
            }
        };
        let import = Import::new(&open, window);
        let done = import.run(&rows, &standings, letters).await?;
        society = Some(open);
        super::tell(&format!(
            "{}: {} new members, {} known before",
            settings.roster.display(),
            report.new,
            report.unchanged
        ));
        if let Some(path) = &settings.letters {
            super::tell(&done.told(path));
        }
    }
    close(society).await;
    print(&report)?;
    Ok(ExitCode::SUCCESS)
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

/// Holds the rows against the members in the database.
async fn compare(
    society: &Society,
    rows: &[Row<'_>],
    errors: &mut Errors,
) -> Result<Vec<Standing>, Fault> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Fault::from_error("the roster cannot be held against the database", error)
    };
    let profiles: Vec<&Profile> = rows.iter().map(|row| &row.profile).collect();
    let matches = society
        .vault
        .profiles
        .matches(&profiles)
        .await
        .map_err(|error| unreadable(&error))?;
    let known: Vec<String> = matches
        .iter()
        .filter_map(|found| found.person)
        .map(|member| member.to_string())
        .collect();
    let mut enrolled = std::collections::HashSet::new();
    for members in known.chunks(AT_ONCE) {
        let begun = society.log.begun(Onboarding::TYPE, members).await;
        enrolled.extend(begun.map_err(|error| unreadable(&error))?);
    }
    let mut standing = |row: &Row<'_>, found: Match| match found {
        Match {
            person: Some(person),
            user_id,
        } => {
            if !row.profile.user_id.is_empty() && user_id != Some(person) {
                errors.add(
                    row.line,
                    "user_id",
                    "this member is in the database already, with another user ID",
                );
                Standing::Conflict
            } else if enrolled.contains(&person.to_string()) {
                Standing::Unchanged(person)
            } else {
                Standing::New
            }
        }
        Match {
            person: None,
            user_id: Some(_),
        } => {
            errors.add(
                row.line,
                "user_id",
                "another member in the database has this user ID",
            );
            Standing::Conflict
        }
        Match {
            person: None,
            user_id: None,
        } => Standing::New,
    };
    Ok(rows
        .iter()
        .zip(matches)
        .map(|(row, found)| standing(row, found))
        .collect())
}

/// Without a file of letters, nobody may need one: who gets a password or an ID from us would never learn it.
fn letters_not_needed(rows: &[Row<'_>], standings: &[Standing]) -> Result<(), Fault> {
    let needing = rows
        .iter()
        .zip(standings)
        .filter(|(row, standing)| {
            **standing == Standing::New
                && (row.profile.user_id.is_empty()
                    || row.cohort.initial_password == InitialPassword::Printed)
        })
        .count();
    if needing == 0 {
        return Ok(());
    }
    Err(Fault(format!(
        "--letters OUT.csv is needed: {needing} new members get their password or user ID from us; nothing was imported"
    )))
}

/// The society's data, created where there are none yet, with the policy in force.
async fn ready(
    open: Option<Society>,
    settings: &ImportSettings,
    clock: Clock,
) -> Result<Society, Fault> {
    let open = match open {
        Some(open) => open,
        None => Society::open(&settings.data, Opening::TO_FILL, clock, super::tell).await?,
    };
    open.adopt_policy().await?;
    Ok(open)
}

async fn close(society: Option<Society>) {
    if let Some(society) = society {
        society.close().await;
    }
}

fn print(report: &Report<'_>) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, report)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(out))
        .map_err(|error| Fault::from_error("the report cannot be printed", error))
}
