//! The files of a package: written with their hashes, and read line by line, so that no size of a log fills the memory.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::Path;

use data_encoding::HEXLOWER;
use sha2::{Digest, Sha256};

use super::manifest::Listed;

/// Bytes in a line at most; a policy, the largest thing in an event, has 256 KiB before it is quoted.
const LONGEST: u64 = 8 * 1024 * 1024;

/// A file that is being written.
pub(super) struct Writing {
    name: String,
    file: BufWriter<File>,
    hash: Sha256,
    bytes: u64,
}

impl Writing {
    pub(super) fn create(folder: &Path, name: &str) -> io::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            file: BufWriter::new(File::create_new(folder.join(name))?),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    pub(super) fn write(&mut self, text: &str) -> io::Result<()> {
        self.hash.update(text);
        self.bytes += text.len() as u64;
        self.file.write_all(text.as_bytes())
    }

    /// Returns when it is on disk.
    pub(super) fn finish(self) -> io::Result<Listed> {
        let file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok(Listed {
            name: self.name,
            bytes: self.bytes,
            sha256: HEXLOWER.encode(&self.hash.finalize()),
        })
    }
}

/// A file that is being read.
pub(super) struct Reading {
    name: String,
    file: BufReader<File>,
    hash: Sha256,
    bytes: u64,
}

/// A line that is none.
#[derive(Debug)]
pub(super) enum LineError {
    /// The disk.
    Io(io::Error),
    /// It has no end, is no text, or is longer than any.
    NoLine,
}

/// Opens a file of a package, which may come from anybody: nothing but a plain file, for a link or a pipe leads anywhere.
fn open_plain(path: &Path) -> io::Result<File> {
    if fs::symlink_metadata(path)?.is_file() {
        File::open(path)
    } else {
        Err(io::Error::other("this is no plain file"))
    }
}

/// A short file of a package, as a whole.
pub(super) fn read_short(folder: &Path, name: &str) -> io::Result<String> {
    let mut text = String::new();
    let mut file = open_plain(&folder.join(name))?.take(LONGEST + 1);
    file.read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST {
        return Err(io::Error::other("it is larger than 8 MiB"));
    }
    Ok(text)
}

impl Reading {
    pub(super) fn open(folder: &Path, name: &str) -> io::Result<Self> {
        Ok(Self {
            name: name.to_owned(),
            file: BufReader::new(open_plain(&folder.join(name))?),
            hash: Sha256::new(),
            bytes: 0,
        })
    }

    /// The next line, without its line feed; none at the end.
    pub(super) fn line(&mut self) -> Result<Option<String>, LineError> {
        let mut line = Vec::new();
        let mut limited = self.file.by_ref().take(LONGEST);
        limited
            .read_until(b'\n', &mut line)
            .map_err(LineError::Io)?;
        self.hash.update(&line);
        self.bytes += line.len() as u64;
        if line.is_empty() {
            return Ok(None);
        }
        if line.pop() != Some(b'\n') {
            return Err(LineError::NoLine);
        }
        let text = String::from_utf8(line);
        text.map(Some).map_err(|_| LineError::NoLine)
    }

    /// Reads what is left, and tells what the file is.
    pub(super) fn finish(mut self) -> io::Result<Listed> {
        let mut rest = vec![0; 64 * 1024];
        loop {
            match self.file.read(&mut rest)? {
                0 => break,
                read => {
                    self.hash.update(rest.get(..read).unwrap_or_default());
                    self.bytes += read as u64;
                }
            }
        }
        Ok(Listed {
            name: self.name,
            bytes: self.bytes,
            sha256: HEXLOWER.encode(&self.hash.finalize()),
        })
    }
}
