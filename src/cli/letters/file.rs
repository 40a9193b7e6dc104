//! The file of letters: written beside its place, on disk after every batch, and put in its place when it is whole.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use secrecy::ExposeSecret;
use secrecy::zeroize::Zeroizing;

use super::Letter;
use crate::app::Fault;

/// The byte order mark, by which spreadsheets know UTF-8, and the header.
const BEGINNING: &[u8] = b"\xef\xbb\xbfuser_id,password,name,symbol,number,expires_on\r\n";

/// Letters on their way to a file.
pub(crate) struct LettersFile {
    csv: csv::Writer<File>,
    to: PathBuf,
    part: PathBuf,
}

impl LettersFile {
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
        only_letters(to)?;
        only_letters(&part)?;
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
        (&file).write_all(BEGINNING).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        sync_folder(to).map_err(failed)?;
        let csv = csv::WriterBuilder::new()
            .terminator(csv::Terminator::CRLF)
            .from_writer(file);
        Ok(Self {
            csv,
            to: to.to_owned(),
            part,
        })
    }

    /// Writes letters, and returns when they are on disk.
    ///
    /// # Errors
    /// The disk is full or broken.
    pub(crate) fn write(&mut self, letters: &[Letter]) -> Result<(), Fault> {
        for letter in letters {
            let password = grouped(letter.password.expose_secret());
            let expires_on = letter.expires_on.to_string();
            self.csv
                .write_record([
                    &letter.user_id,
                    password.as_str(),
                    &letter.name,
                    &letter.symbol,
                    &letter.number,
                    &expires_on,
                ])
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

/// Four characters a group, as one types them from paper; the hyphens are forgiven at the sign-in.
fn grouped(password: &str) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(password.len() * 2));
    for (place, sign) in password.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            text.push('-');
        }
        text.push(sign);
    }
    text
}

/// Whether the file is letters, or the beginning of them, or not there: nothing else is ever written over.
fn only_letters(path: &Path) -> Result<(), Fault> {
    let mut beginning = Vec::new();
    let read = File::open(path).and_then(|file| {
        file.take(BEGINNING.len() as u64)
            .read_to_end(&mut beginning)
    });
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(at(path, &error)),
        Ok(_) if BEGINNING.starts_with(&beginning) => Ok(()),
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
