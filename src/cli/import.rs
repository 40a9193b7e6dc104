//! `kadode import`: takes members from a roster, all of them or none; safe to repeat and to kill.

mod letters;
mod opened;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use jiff::civil::Date;
use serde::Serialize;

use self::letters::Letters;
use self::opened::Opened;
use super::letters::LettersFile;
use crate::ambient::Clock;
use crate::app::{Fault, Society, given_policy};
use crate::config::DataSettings;
use crate::domain::ids::ImportId;
use crate::domain::rosters::{Command, Content, Rosters};
use crate::domain::values::TOKYO;
use crate::rosters::{
    BATCH, LARGEST, Looked, Members, Roster, RowError, Run, STREAM, Standing, Window, Written,
    look, mend, sha256,
};

/// What `kadode import` is told.
#[derive(Args, Clone, Debug)]
pub struct ImportSettings {
    /// The roster: CSV in UTF-8 or Shift_JIS
    #[arg(value_name = "ROSTER.csv")]
    pub roster: PathBuf,

    /// Look at everything and report as if it were done, but write nothing
    #[arg(long, env = "KADODE_DRY_RUN")]
    pub dry_run: bool,

    // These two have no variable: it would hold for each later import too, and make members leave by it.
    /// This is a roster of everybody: who is not in it has left, and cannot sign in any more
    #[arg(long)]
    pub complete: bool,

    /// How many leave by a roster of everybody; needed when they are more than one in ten
    #[arg(long, value_name = "NUMBER")]
    pub leavers: Option<u64>,

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
struct Report {
    rows: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    returned: u64,
    left: u64,
    conflicts: usize,
    by_cohort: BTreeMap<String, u64>,
    errors: Vec<RowError>,
}

impl Report {
    fn of(content: &Content, conflicts: usize) -> Self {
        Self {
            rows: content.rows,
            new: content.new,
            changed: content.changed,
            unchanged: content.unchanged,
            returned: content.returned,
            left: content.left,
            conflicts,
            by_cohort: content.by_cohort.clone(),
            errors: Vec::new(),
        }
    }
}

/// Imports a roster. Rows that are wrong are reported on stdout with everything else, and are the exit code's matter;
/// nothing is imported then.
///
/// # Errors
/// One line: what is wrong, and what to do. Unless it says otherwise, nothing was imported.
pub async fn run(settings: &ImportSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let mut opened = Opened::default();
    let ended = Box::pin(import(settings, clock, &mut opened)).await;
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
    let from = settings.valid_from.unwrap_or(today);
    let window = Window::new(from, days, today)
        .map_err(|why| Fault(format!("--valid-from {from}: {why}")))?;
    let exists = Society::exists(&settings.data)?;
    let bytes = read_roster(&settings.roster)?;
    let members = if exists {
        Some(opened.open(settings, clock.clone()).await?.members())
    } else {
        None
    };
    if let (Some(members), false) = (&members, settings.dry_run) {
        let rosters: Rosters = members.commands.load(STREAM).await.map_err(Fault)?;
        let taken_up = rosters.unfinished(&sha256(&bytes), settings.complete, &policy.label());
        mend(members, taken_up).await?;
    }
    let progress = ProgressBar::new(bytes.len() as u64);
    let told = |position| progress.set_position(position);
    let how = (window, settings.complete);
    let looked = look(&bytes, &policy, today, how, members.as_ref(), told).await?;
    progress.finish_and_clear();
    let mut report = Report::of(&looked.content, looked.conflicts);
    let shown = settings.roster.display();
    if !looked.errors.is_empty() {
        super::tell(&format!(
            "roster {shown}: {} errors, listed on standard output; nothing was imported",
            looked.errors.count()
        ));
        report.errors = looked.errors.into_list();
        print(&report)?;
        return Ok(ExitCode::from(2));
    }
    if settings.letters.is_none() && looked.needing_letters > 0 {
        return Err(Fault(format!(
            "--letters OUT.csv is needed: {} new members get their password or user ID from us; nothing was imported",
            looked.needing_letters
        )));
    }
    let content = &looked.content;
    if !settings.dry_run && content.lacks_leavers(settings.leavers) {
        return Err(Fault(format!(
            "--leavers {} is needed: so many of {} members would leave by this roster, more than one in ten; nothing was imported",
            content.left,
            content.known()
        )));
    }
    if settings.dry_run {
        super::warn_of(&policy);
        print(&report)?;
        return Ok(ExitCode::SUCCESS);
    }
    let roster = Roster::read_again(&bytes, &policy.policy, today);
    // It holds a whole member's state, which is much for the stack.
    let importing = carry_out(settings, clock, opened, window, roster, &looked);
    let letters = Box::pin(importing).await?;
    super::warn_of(&policy);
    super::tell(&format!(
        "roster {shown}: {} new members, {} changed, {} known before, {} back, {} left",
        report.new, report.changed, report.unchanged, report.returned, report.left
    ));
    if let (Some(path), Some(letters)) = (&settings.letters, letters) {
        super::tell(&letters.told(path));
    }
    print(&report)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes everything; the society's data are created where there are none yet.
async fn carry_out(
    settings: &ImportSettings,
    clock: Clock,
    opened: &mut Opened,
    window: Window,
    roster: Roster<'_>,
    looked: &Looked,
) -> Result<Option<Letters>, Fault> {
    // First of all, for this is where a slip of the operator shows.
    let file = settings
        .letters
        .as_deref()
        .map(LettersFile::create)
        .transpose()?;
    let ready = async {
        let society = opened.open(settings, clock).await?;
        society.adopt_policy().await?;
        Ok(society)
    };
    let society = match ready.await {
        Ok(society) => society,
        Err(fault) => {
            if let Some(file) = file {
                file.discard();
            }
            return Err(fault);
        }
    };
    let mut letters = file.map(|file| Letters::new(society, window.until, file));
    let members = society.members();
    let written = write(
        &members,
        window,
        roster,
        looked,
        (settings.data.operator(), letters.as_mut()),
    )
    .await;
    written.map_err(|Fault(why)| {
        Fault(format!(
            "the import stopped on the way: {why}; run the same command again to finish it"
        ))
    })?;
    if let Some(letters) = &mut letters {
        letters.finish().await?;
    }
    Ok(letters)
}

async fn write(
    members: &Members,
    window: Window,
    mut roster: Roster<'_>,
    looked: &Looked,
    (user, mut letters): (String, Option<&mut Letters>),
) -> Result<(), Fault> {
    let before: Rosters = members.commands.load(STREAM).await.map_err(Fault)?;
    let content = &looked.content;
    let unfinished = before.unfinished(&content.file, content.complete, &content.policy);
    let id = unfinished.unwrap_or_else(|| ImportId(members.entropy.id()));
    let begin = Command::BeginAlone {
        import: id,
        user,
        content: content.clone(),
    };
    Run::tell(members, "BeginRoster", begin).await?;
    let run = Run::new(members, id, window);
    let all = looked.plan.standings.len() + looked.plan.leavers.len();
    let progress = ProgressBar::new(all as u64);
    let mut batches = looked.plan.standings.chunks(BATCH).zip(&looked.again);
    let mut before: Option<(Written<'_>, &[Standing])> = None;
    loop {
        let next = batches.next();
        let being_enrolled = before
            .as_ref()
            .map_or_else(Vec::new, |(written, _)| written.members().collect());
        let writing = async {
            let Some((standings, again)) = next else {
                return Ok(None);
            };
            let rows = roster.rows(BATCH);
            let again = again.then_some(&being_enrolled[..]);
            let written = run.write(rows, standings, again).await?;
            Ok::<_, Fault>(Some((written, standings)))
        };
        let enrolling = async {
            let Some((written, standings)) = before.take() else {
                return Ok(());
            };
            if let Some(letters) = &mut letters {
                letters.write(&written, standings).await?;
            }
            run.enrol(written).await?;
            progress.inc(standings.len() as u64);
            Ok::<_, Fault>(())
        };
        // The database has the profiles of a batch to write while members of the one before are enrolled here. Each comes to its end,
        // whatever becomes of the other.
        let (written, enrolled) = tokio::join!(writing, enrolling);
        enrolled?;
        before = written?;
        if before.is_none() {
            break;
        }
    }
    let told = |gone: usize| progress.inc(gone as u64);
    run.let_go(&looked.plan.leavers, told).await?;
    progress.finish_and_clear();
    Run::tell(members, "FinishRoster", Command::Finish { import: id }).await?;
    Ok(())
}

fn read_roster(path: &Path) -> Result<Vec<u8>, Fault> {
    let wrong =
        |why: &dyn std::fmt::Display| Fault::from_error(&format!("roster {}", path.display()), why);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| wrong(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(wrong(&"it is larger than 256 MiB; divide it"));
    }
    Ok(bytes)
}

fn print(report: &Report) -> Result<(), Fault> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer(&mut out, report)
        .map_err(std::io::Error::from)
        .and_then(|()| writeln!(out))
        .map_err(|error| Fault::from_error("the report cannot be printed", error))
}
