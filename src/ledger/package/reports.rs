//! The reports of a package: made of its own events when it is written, and made again when it is checked.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::Path;

use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::checked::Stop;
use super::files::{Writing, read_short};
use super::manifest::{Listed, Manifest};
use super::{Fault, MANIFEST, REPORTS};
use crate::ledger::Head;
use crate::projections::reports::counting::Counting;
use crate::projections::reports::format::{csv, json};
use crate::projections::reports::report::{Asked, Basis};
use crate::projections::reports::{Name, make};
use crate::subscription::Recorded;

/// The way in which this program makes reports. Whoever changes a report, a column or what is counted raises it: else honest packages of before
/// would be told from what their events make.
pub(super) const MADE_SO: u32 = 8;

/// Counts the events of a package.
pub(super) struct Reports {
    /// None from the first event on that cannot be read: of such a log there are no reports, and the check names that event.
    counting: Option<Counting>,
}

impl Reports {
    pub(super) fn new() -> Self {
        Self {
            counting: Some(Counting::default()),
        }
    }

    /// Takes the next event.
    pub(super) fn take(&mut self, recorded: &Recorded) {
        if let Some(counting) = &mut self.counting
            && counting.take(recorded).is_err()
        {
            self.counting = None;
        }
    }

    /// Names and texts of the reports of the log that ends with `head`: all but that on the checkpoints, which are in the package themselves.
    fn files(&self, head: &Head, software: &str) -> io::Result<Vec<(String, String)>> {
        let Some(counting) = &self.counting else {
            return Ok(Vec::new());
        };
        let (counts, end) = counting.counts();
        let mut files = Vec::new();
        for name in Name::ALL {
            if name == Name::Integrity {
                continue;
            }
            let basis = Basis {
                as_of: end.recorded_at.unwrap_or(Timestamp::UNIX_EPOCH),
                position: end.position,
                root: BASE64.encode(&head.root),
                policy: end.policy.clone(),
                software: software.to_owned(),
                asked: Asked::default(),
            };
            let report = make(name, counts, &[], basis);
            let path = |ending: &str| format!("{REPORTS}/{}.{ending}", name.name());
            let csv = csv::csv(&report).map_err(io::Error::other)?;
            let csv = String::from_utf8(csv).map_err(io::Error::other)?;
            files.push((path("csv"), csv));
            let json = json::json(&report).map_err(io::Error::other)?;
            files.push((path("json"), json));
        }
        Ok(files)
    }

    /// Writes them.
    pub(super) fn write(
        &self,
        folder: &Path,
        head: &Head,
        software: &str,
    ) -> io::Result<Vec<Listed>> {
        fs::create_dir(folder.join(REPORTS))?;
        let mut listed = Vec::new();
        for (name, text) in self.files(head, software)? {
            let mut file = Writing::create(folder, &name)?;
            file.write(&text)?;
            listed.push(file.finish()?);
        }
        Ok(listed)
    }

    /// Whether the reports of a package, which were made in this way, are those that its events make.
    pub(super) fn check(
        &self,
        folder: &Path,
        head: &Head,
        manifest: &Manifest,
    ) -> Result<(), Stop> {
        let made = self.files(head, &manifest.software);
        let mut made: HashMap<String, String> = made
            .map_err(|error| Stop::Io(REPORTS.to_owned(), error))?
            .into_iter()
            .collect();
        let prefix = format!("{REPORTS}/");
        for listed in &manifest.files {
            if !listed.name.starts_with(&prefix) {
                continue;
            }
            let Some(text) = made.remove(&listed.name) else {
                let why = format!("there is no such report as {}", listed.name);
                return Err(Fault::new("report", why).into());
            };
            if HEXLOWER.encode(&Sha256::digest(&text)) != listed.sha256 {
                // The place is told where it can be.
                let there = read_short(folder, &listed.name).unwrap_or_default();
                let lines = text.lines().zip(there.lines());
                let line = 1 + lines.take_while(|(made, there)| made == there).count();
                let name = &listed.name;
                let why = format!("{name}, line {line}: this is not what the events make");
                return Err(Fault::new("report", why).into());
            }
        }
        match made.into_keys().min() {
            None => Ok(()),
            Some(name) => {
                let why = format!("{MANIFEST} does not tell of {name}");
                Err(Fault::new("manifest", why).into())
            }
        }
    }
}
