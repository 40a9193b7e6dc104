//! What a backup says of itself.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::app::Fault;
use crate::domain::values::KeyId;
use crate::vault::{Keys, Parcel, ParcelError};

/// The format's name and number.
pub(in crate::cli) const FORMAT: &str = "kadode-backup-1";

/// The file of the main database's copy, and that of the key database's.
pub(in crate::cli) const MAIN: &str = "main.sealed";
pub(in crate::cli) const KEYS: &str = "keys.sealed";

/// The file that this is in. It is written last: without it, there is no backup.
pub(in crate::cli) const MANIFEST: &str = "manifest.json";

/// The file of the ledger's last checkpoint, if there was one.
pub(in crate::cli) const CHECKPOINT: &str = "checkpoint";

#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Manifest {
    pub(in crate::cli) format: String,
    /// No two backups have the same.
    pub(in crate::cli) backup: Uuid,
    pub(in crate::cli) made_at: Timestamp,
    /// The program that made it.
    pub(in crate::cli) software: String,
    /// The master key that its files are sealed under.
    pub(in crate::cli) key: KeyId,
    /// The versions of the tables.
    pub(in crate::cli) main_tables: i64,
    pub(in crate::cli) key_tables: i64,
    /// The head of the log: how many events there are, and the last one's leaf, if the read models had come to it.
    pub(in crate::cli) events: i64,
    pub(in crate::cli) last_leaf: Option<String>,
    /// The ledger's last checkpoint.
    pub(in crate::cli) checkpoint: Option<String>,
    pub(in crate::cli) files: Vec<Entry>,
}

/// A file of the backup.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::cli) struct Entry {
    pub(in crate::cli) name: String,
    pub(in crate::cli) bytes: u64,
    pub(in crate::cli) sha256: String,
}

impl Manifest {
    pub(in crate::cli) fn read(folder: &Path) -> Result<Self, Fault> {
        let path = folder.join(MANIFEST);
        let fault = |why: &dyn std::fmt::Display| {
            Fault(format!(
                "backup {}: this is no whole backup of Kadode: {why}",
                path.display()
            ))
        };
        let text = std::fs::read_to_string(&path).map_err(|error| fault(&error))?;
        let manifest: Self = serde_json::from_str(&text).map_err(|error| fault(&error))?;
        if manifest.format != FORMAT {
            return Err(fault(
                &"its format is another; use the program that made it",
            ));
        }
        Ok(manifest)
    }

    /// Holds a file against what is said of it.
    pub(in crate::cli) fn check(&self, folder: &Path, name: &str) -> Result<(), Fault> {
        let path = folder.join(name);
        let fault =
            |why: &dyn std::fmt::Display| Fault(format!("backup {}: {why}", path.display()));
        let said = self.files.iter().find(|file| file.name == name);
        let Some(said) = said else {
            return Err(fault(&"the manifest does not name it"));
        };
        let found = Entry::of(folder, name).map_err(|error| fault(&error))?;
        if (found.bytes, &found.sha256) == (said.bytes, &said.sha256) {
            Ok(())
        } else {
            Err(fault(
                &"it is not as the manifest tells; use another backup",
            ))
        }
    }

    /// Seals a copy as a file of the backup.
    pub(in crate::cli) fn seal(
        &self,
        keys: &Keys,
        name: &str,
        copy: &Path,
        folder: &Path,
    ) -> Result<Entry, ParcelError> {
        let mut from = File::open(copy)?;
        let mut to = File::create_new(folder.join(name))?;
        self.parcel(name).seal(keys, &mut from, &mut to)?;
        to.sync_all()?;
        Ok(Entry::of(folder, name)?)
    }

    /// Opens a file of the backup into `to`.
    pub(in crate::cli) fn open(
        &self,
        keys: &Keys,
        name: &str,
        folder: &Path,
        to: &mut File,
    ) -> Result<(), Fault> {
        let path = folder.join(name);
        let opened = File::open(&path).map_err(ParcelError::from);
        let opened = opened.and_then(|mut from| self.parcel(name).open(keys, &mut from, to));
        opened
            .and_then(|()| Ok(to.sync_all()?))
            .map_err(|error| Fault::from_error(&format!("backup {}", path.display()), error))
    }

    fn parcel<'a>(&'a self, name: &'a str) -> Parcel<'a> {
        Parcel {
            key: &self.key,
            backup: self.backup,
            name,
        }
    }
}

impl Entry {
    fn of(folder: &Path, name: &str) -> io::Result<Self> {
        let mut file = File::open(folder.join(name))?;
        let mut hash = Hashing(Sha256::new());
        let bytes = io::copy(&mut file, &mut hash)?;
        Ok(Self {
            name: name.to_owned(),
            bytes,
            sha256: HEXLOWER.encode(&hash.0.finalize()),
        })
    }
}

struct Hashing(Sha256);

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
