//! `kadode ledger`: the last checkpoint, the package for auditors, and the check of a package.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use data_encoding::BASE64;
use indicatif::{ProgressBar, ProgressStyle};

use super::catching_up::catch_up;
use super::custody::{record, unfinished};
use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::domain::custody::{Command, Custody, Exported, LostHead};
use crate::ledger::package::{self, Given, Report, Source};
use crate::ledger::{SealError, Sealed, Sealer};
use crate::rosters::is_unprintable;
use crate::vault::close_after_restore;

/// The settings of `kadode ledger`.
#[derive(Args, Debug)]
pub(super) struct LedgerSettings {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Seal what is there, and print the last checkpoint
    Checkpoint {
        #[command(flatten)]
        data: DataSettings,
    },
    /// After a restore: record it with what was lost, sign everybody out, and sign from here on
    Resume {
        /// The databases were restored by other means than `kadode restore`, as on a server
        #[arg(long)]
        restored: bool,
        #[command(flatten)]
        data: DataSettings,
    },
    /// Write everything that an auditor needs into a folder
    Export {
        /// A folder that is empty or not there yet
        dir: PathBuf,
        #[command(flatten)]
        data: DataSettings,
    },
    /// Check a package; needs no database, no network and no secret
    Verify {
        /// The package
        dir: PathBuf,
        /// A checkpoint that was kept elsewhere: the package must continue it
        #[arg(long, value_name = "CHECKPOINT")]
        since: Option<PathBuf>,
        /// The ledger's public key, from another source than the package
        #[arg(long, value_name = "VKEY_FILE")]
        key: Option<PathBuf>,
        /// Leave the reports unchecked, which a program of another version may have made in another way
        #[arg(long)]
        without_reports: bool,
    },
}

/// Ends with 1 where something is wrong, and with 2 where nothing can be said.
pub(super) async fn run(settings: &LedgerSettings, clock: Clock) -> Result<ExitCode, Fault> {
    match &settings.what {
        What::Checkpoint { data } => {
            let society = Society::open(data, Opening::TO_LOOK, clock, tell).await?;
            let printed = print_checkpoint(&society).await;
            society.close().await;
            printed
        }
        What::Resume { restored, data } => {
            let society = Society::open(data, Opening::TO_ADD, clock, tell).await?;
            let resumed = resume(&society, *restored).await;
            society.close().await;
            resumed
        }
        What::Export { dir, data } => {
            let society = Society::open(data, Opening::TO_LOOK, clock, tell).await?;
            let exported = export(&society, dir.clone()).await;
            society.close().await;
            exported
        }
        What::Verify {
            dir,
            since,
            key,
            without_reports,
        } => {
            let given = Given {
                folder: dir,
                since: since.as_deref(),
                key: key.as_deref(),
                reports: !without_reports,
            };
            verify(&given)
        }
    }
}

async fn print_checkpoint(society: &Society) -> Result<ExitCode, Fault> {
    let sealer = sealer_of(society)?;
    catch_up(society).await?;
    match sealer.seal().await {
        Ok(last) => {
            print!("{}", last.note);
            Ok(ExitCode::SUCCESS)
        }
        Err(
            why @ (SealError::Restored(_)
            | SealError::Cut { .. }
            | SealError::Forked { .. }
            | SealError::Note(..)),
        ) => {
            tell(&format!("nothing is signed: {why}"));
            Ok(ExitCode::from(1))
        }
        Err(error) => Err(Fault::from_error("nothing is signed", error)),
    }
}

async fn resume(society: &Society, is_restored: bool) -> Result<ExitCode, Fault> {
    let sealer = sealer_of(society)?;
    catch_up(society).await?;
    let refused = |error| Fault::from_error("the ledger does not go on", error);
    let lost = sealer.lost().await.map_err(refused)?;
    let is_restored = is_restored || sealer.is_restored().await.map_err(refused)?;
    let told = society.commands.load::<Custody>("society").await;
    let told = told.map_err(unfinished)?.lost;
    let heads = lost.iter().map(|head| LostHead {
        size: head.size,
        root: BASE64.encode(&head.root),
    });
    let news: Vec<LostHead> = heads.filter(|head| !told.contains(head)).collect();
    let goes_back = is_restored || !news.is_empty();
    if goes_back {
        let now = society.clock.now();
        let latest = society.log.last_time().await.map_err(unfinished)?;
        let closed = close_after_restore(&society.database, now, latest.unwrap_or(now));
        closed.await.map_err(unfinished)?;
        let kept = u64::try_from(society.log.head()).unwrap_or_default();
        let command = Command::NoteRestored { kept, lost: news };
        record(society, "NoteRestored", command).await?;
        catch_up(society).await?;
        sealer.restore_is_told().await.map_err(unfinished)?;
    }
    let resumed = sealer.resume(&lost).await.map_err(unfinished)?;
    if !lost.is_empty() {
        tell(
            "what was signed and is lost is kept beside each checkpoint file as .lost-SIZE-ROOT: keep it for the auditor",
        );
    }
    tell(if goes_back {
        "the restore stands in the history, and the ledger goes on; everybody signs in anew, and staff need new tokens: start every \
         `kadode serve` anew that runs"
    } else {
        "the history tells of every loss, and the ledger goes on (if a server was restored by its own means, say --restored)"
    });
    print!("{}", resumed.note);
    Ok(ExitCode::SUCCESS)
}

async fn export(society: &Society, folder: PathBuf) -> Result<ExitCode, Fault> {
    let sealer = sealer_of(society)?;
    catch_up(society).await?;
    let last = last_of(&sealer, society).await?;
    let signer = sealer.key_of(&last);
    let signer = signer.map_err(|error| Fault::from_error("the ledger", error))?;
    let source = Source {
        log: &society.log,
        database: &society.database,
        tree: sealer.tree(),
        last: &last,
        signer: &signer,
        now: society.clock.now(),
    };
    let bar = ProgressBar::new(last.head.size).with_style(bar_style());
    let ready = package::export(&source, &folder, |events| bar.set_position(events)).await;
    bar.finish_and_clear();
    let failed = |error| Fault::from_error("nothing is exported", error);
    let ready = ready.map_err(failed)?;
    // Before it is in its place, and so in the next package: what this one holds was signed before.
    let told = Command::NoteExported {
        what: Exported::Package,
        rows: ready.exported.size,
    };
    record(society, "NoteExported", told).await?;
    let exported = ready.put_in_place().map_err(failed)?;
    print_json(&exported)?;
    tell(&format!(
        "exported {} events of {} into {}; its key: {}",
        exported.size,
        exported.origin,
        folder.display(),
        signer.verifier()
    ));
    Ok(ExitCode::SUCCESS)
}

/// What the package goes up to. Where nothing new can be signed, an auditor wants to see why: it goes up to what was.
async fn last_of(sealer: &Sealer, society: &Society) -> Result<Sealed, Fault> {
    let why = match sealer.seal().await {
        Ok(last) => return Ok(last),
        Err(why) => why,
    };
    match Sealed::stored_last(&society.database).await {
        Ok(Some(last)) => {
            tell(&format!("nothing new is signed: {why}"));
            Ok(last)
        }
        Ok(None) | Err(_) => Err(Fault::from_error("nothing is signed", why)),
    }
}

fn sealer_of(society: &Society) -> Result<Sealer, Fault> {
    society.sealer().ok_or_else(|| {
        Fault(
            "the key file has no key for the ledger yet: start `kadode serve` or run `kadode migrate`, which add it"
                .to_owned(),
        )
    })
}

fn verify(given: &Given<'_>) -> Result<ExitCode, Fault> {
    let bar = ProgressBar::new_spinner();
    let checked = package::verify(given, |events| bar.set_position(events));
    bar.finish_and_clear();
    let report = checked.map_err(|error| Fault(error.to_string()))?;
    print_json(&report)?;
    tell(&escaped(&in_words(&report)));
    Ok(ExitCode::from(u8::from(!report.ok)))
}

fn in_words(report: &Report) -> String {
    let Some(fault) = &report.fault else {
        let since = report.since.map_or(String::new(), |since| {
            format!(", unchanged since the earlier checkpoint over {since}")
        });
        let key = match report.key_from {
            "file" => String::new(),
            _ => format!(
                "; checked with the package's own key, {}: compare it with one from elsewhere",
                report.key
            ),
        };
        let reports = if report.reports {
            ", and the reports are what they make"
        } else {
            "; the reports were not checked"
        };
        return format!(
            "all {} events of {} are as they were signed{since}{reports}{key}",
            report.events, report.origin
        );
    };
    let place = match (fault.position, &fault.stream) {
        (Some(position), Some(stream)) => format!(" at event {position} ({stream})"),
        (Some(position), None) => format!(" at event {position}"),
        (None, _) => String::new(),
    };
    format!("WRONG ({}){place}: {}", fault.what, fault.why)
}

/// What a package says of itself may hold anything: nothing of it may move the cursor or turn the line round.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_unprintable(c) {
            escaped.extend(c.escape_unicode());
        } else {
            escaped.push(c);
        }
    }
    escaped
}

fn print_json(value: &impl serde::Serialize) -> Result<(), Fault> {
    let text = serde_json::to_string(value)
        .map_err(|error| Fault::from_error("the result cannot be told", error))?;
    println!("{text}");
    Ok(())
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn what_a_package_says_of_itself_moves_no_cursor_and_turns_no_line_round() {
        assert_eq!(
            escaped("a\u{1b}[2J\r\n\u{202e}見"),
            "a\\u{1b}[2J\\u{d}\\u{a}\\u{202e}見"
        );
    }
}
