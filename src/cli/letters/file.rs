//! The file of letters, or of notices: written beside its place, on disk after every batch, and put in its place when it is whole.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::marker::PhantomData;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::zeroize::Zeroizing;

use crate::app::Fault;

/// What stands on one letter, as a line of the file.
pub(crate) trait Line {
    /// The names of the columns.
    const HEADER: &[&str];

    /// What stands in them.
    fn fields(&self) -> Vec<Zeroizing<String>>;
}

/// Letters of one kind on their way to a file.
pub(crate) struct LettersFile<L> {
    lines: PhantomData<L>,
    csv: csv::Writer<File>,
    to: PathBuf,
    part: PathBuf,
}

impl<L: Line> LettersFile<L> {
    /// Begins the file beside its place, readable by its owner alone; what a killed run left there is written anew.
    ///
    /// # Errors
    /// The place is not to be written to, holds something else than letters, or another run is writing there.
    pub(crate) fn create(to: &Path) -> Result<Self, Fault> {
        let failed = |error: io::Error| at(to, &error);
        let Some(name) = to.file_name() else {
            return Err(Fault(format!(
                "letters {}: give the name of a file to write",
                to.display()
            )));
        };
        let mut name = name.to_owned();
        name.push(".part");
        let part = to.with_file_name(name);
        let beginning = beginning::<L>();
        only_letters(to, &beginning)?;
        only_letters(&part, &beginning)?;
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&part)
            .map_err(failed)?;
        file.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => Fault(format!(
                "letters {}: another run is writing it; wait for its end",
                to.display()
            )),
            TryLockError::Error(error) => failed(error),
        })?;
        file.set_permissions(Permissions::from_mode(0o600))
            .map_err(failed)?;
        file.set_len(0).map_err(failed)?;
        (&file).write_all(&beginning).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync_folder(to).map_err(failed)?;
        let csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(file);
        Ok(Self {
            lines: PhantomData,
            csv,
            to: to.to_owned(),
            part,
        })
    }

    /// Writes letters, and returns when they are on disk.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub(crate) fn write(&mut self, letters: &[L]) -> Result<(), Fault> {
        for letter in letters {
            let fields = letter.fields();
            self.csv
                .write_record(fields.iter().map(|field| field.as_bytes()))
                .map_err(|error| at(&self.part, &error))?;
        }
        self.csv
            .flush()
            .and_then(|()| self.csv.get_ref().sync_data())
            .map_err(|error| at(&self.part, &error))
    }

    /// Takes back what was begun.
    pub(crate) fn discard(self) {
        // The error that led here is the one to tell.
        let _ = std::fs::remove_file(&self.part);
    }

    /// Puts the file in its place.
    ///
    /// # Errors
    /// The folder is not to be written to any more.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        std::fs::rename(&self.part, &self.to)
            .and_then(|()| sync_folder(&self.to))
            .map_err(|error| at(&self.to, &error))
    }
}

/// The byte order mark, by which spreadsheets know UTF-8, and the header.
fn beginning<L: Line>() -> Vec<u8> {
    format!("\u{feff}{}\r\n", L::HEADER.join(",")).into_bytes()
}

/// Whether the file is such letters, or the beginning of them, or not there: nothing else is ever written over.
fn only_letters(path: &Path, beginning: &[u8]) -> Result<(), Fault> {
    let mut there = Vec::new();
    let read =
        File::open(path).and_then(|file| file.take(beginning.len() as u64).read_to_end(&mut there));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(path, &error)),
        Ok(_) if beginning.starts_with(&there) => Ok(()),
        Ok(_) => Err(Fault(format!(
            "letters {}: this file is there and holds something else; give another name",
            path.display()
        ))),
    }
}

fn sync_folder(of: &Path) -> io::Result<()> {
    let folder = match of.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

fn at(path: &Path, error: &dyn std::fmt::Display) -> Fault {
    Fault::from_error(&format!("letters {}", path.display()), error)
}
