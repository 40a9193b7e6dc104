//! Mails as files, for demonstrations and for programs that take them from there: one `.eml` a mail.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::message::Message;
use super::transport::{Accepted, Cause, Failure, TransportFault};

#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// Looks whether mails can lie there, and leaves no trace: the first mail creates the folder.
    pub(super) fn open(folder: &Path) -> Result<Self, TransportFault> {
        let unusable = |why| TransportFault::Folder {
            folder: folder.to_owned(),
            why,
        };
        if folder.as_os_str().is_empty() {
            return Err(unusable(io::ErrorKind::NotFound));
        }
        let here = Path::new(".");
        let existing = folder.ancestors().find(|it| it.exists()).unwrap_or(here);
        tempfile::tempfile_in(existing).map_err(|error| unusable(error.kind()))?;
        Ok(Self(folder.to_owned()))
    }

    /// Puts the mail under its id; a reader of the folder sees it whole or not at all.
    pub(super) async fn put(&self, message: &Message) -> Result<Accepted, Failure> {
        let folder = self.0.clone();
        let name = message.id.to_string();
        let bytes = message.bytes.clone();
        let written = tokio::task::spawn_blocking(move || write(&folder, &name, &bytes)).await;
        match written {
            Ok(Ok(())) => Ok(Accepted { smtp_code: None }),
            Ok(Err(_)) | Err(_) => Err(Failure::passing(Cause::Storage)),
        }
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    let unfinished = folder.join(format!(".{name}.tmp"));
    // Codes and links stand in it.
    let mut file = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, folder.join(format!("{name}.eml")))?;
    File::open(folder)?.sync_all()
}
