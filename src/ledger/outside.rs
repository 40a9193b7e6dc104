//! The last checkpoint outside the database: in a file beside the master keys and in witness files, so that whoever rewrites the database
//! cannot have its past signed anew.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use data_encoding::HEXLOWER;

use super::checkpoint::Checkpoint;
use super::note::Note;
use super::proof::Head;

/// A file that holds one checkpoint, and is replaced as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) path: PathBuf,
    /// Whether it is a witness, which the operator adds by an empty file; else it is the one beside the keys.
    pub(super) is_witness: bool,
}

/// What is in a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// There is no file.
    Nothing,
    /// An empty file, as somebody makes who wants a witness there.
    Empty,
    /// A note.
    Note(String),
}

impl Place {
    pub(super) async fn read(&self) -> io::Result<Kept> {
        let path = self.path.clone();
        on_a_thread(move || match fs::read_to_string(path) {
            Ok(text) if text.is_empty() => Ok(Kept::Empty),
            Ok(text) => Ok(Kept::Note(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kept::Nothing),
            Err(error) => Err(error),
        })
        .await
    }

    /// Puts a checkpoint of `size` leaves there, unless a later one came meanwhile; on disk when this returns.
    pub(super) async fn write(&self, size: u64, note: &str) -> io::Result<()> {
        let (path, note) = (self.path.clone(), note.to_owned());
        on_a_thread(move || {
            let present = fs::read_to_string(&path).unwrap_or_default();
            if size_of(&present).is_none_or(|present| present < size) {
                replace(&path, &note)?;
            }
            Ok(())
        })
        .await
    }

    /// Puts a checkpoint there in place of the `lost` one that it does not continue, as somebody has agreed to; that one is kept beside it,
    /// under a name that no other of the same size has.
    pub(super) async fn supersede(&self, lost: &Head, note: &str) -> io::Result<()> {
        let (path, note) = (self.path.clone(), note.to_owned());
        let name = format!("lost-{}-{}", lost.size, HEXLOWER.encode(&lost.root[..4]));
        on_a_thread(move || {
            let aside = path.with_added_extension(name);
            replace(&aside, &fs::read_to_string(&path)?)?;
            replace(&path, &note)
        })
        .await
    }
}

/// A disk that is slow, or a share that is away, must hold up nobody else.
async fn on_a_thread<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await?
}

/// What the note says of its size, whoever signed it.
fn size_of(note: &str) -> Option<u64> {
    let note = Note::parse(note).ok()?;
    Some(Checkpoint::parse(note.unverified())?.head.size)
}

/// Writes the file beside its place under a name of its own, and renames it when it is on disk. Anybody may read it.
pub(super) fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".checkpoint-")
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(folder)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(folder)?.sync_all()
}
