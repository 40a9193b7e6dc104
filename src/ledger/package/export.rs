//! Writes a package: as it is stored, without judging it, in one pass and into a folder that is there as a whole or not at all.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde_json::json;
use tempfile::TempDir;

use super::files::Writing;
use super::history::{policy_file, policy_in};
use super::manifest::{EventsIn, FORMAT, Listed, Manifest, sign};
use super::reports::{MADE_SO, Reports};
use super::{
    CHECKPOINT, CHECKPOINTS, EVENTS, KEY, LEAVES, MANIFEST, MANIFEST_NOTE, POLICIES, PROOFS, README,
};
use crate::database::{Database, fixed_width};
use crate::ledger::checkpoint::Checkpoint;
use crate::ledger::leaves::{leaf_text, leaves};
use crate::ledger::nodes::{Tree, TreeError, as_number, hash_of};
use crate::ledger::note::{Note, Signer};
use crate::ledger::seal::Sealed;
use crate::ledger::stored::checkpoints_after;
use crate::ledger::tree::consistency;
use crate::subscription::{EventLog, Position};

/// What writes the package.
const SOFTWARE: &str = concat!("kadode ", env!("CARGO_PKG_VERSION"));

/// Events read at once.
const BATCH: Position = 500;

/// What a package tells its reader, in Japanese.
const README_TEXT: &str = include_str!("README.ja.md");

/// Why there is no package.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The place is taken, or not to be written to.
    #[error("{0}: {1}")]
    Place(PathBuf, #[source] io::Error),
    /// Something is in the folder.
    #[error("{0}: there is something in it; give a folder that is empty or not there yet")]
    NotEmpty(PathBuf),
    /// The log cannot be read.
    #[error("{0}")]
    Log(#[from] crate::subscription::ReadError),
    /// The ledger cannot be read.
    #[error("{0}")]
    Ledger(#[from] TreeError),
    /// What is signed is no checkpoint.
    #[error("the checkpoint over {0} events cannot be read")]
    Checkpoint(u64),
    /// The manifest cannot be written.
    #[error("the manifest: {0}")]
    Manifest(#[from] serde_json::Error),
}

/// What is exported.
pub struct Source<'a> {
    /// The events.
    pub log: &'a EventLog,
    /// The leaves and checkpoints.
    pub database: &'a Database,
    /// The nodes.
    pub tree: &'a Tree,
    /// The last checkpoint: the package goes so far.
    pub last: &'a Sealed,
    /// The ledger's key.
    pub signer: &'a Signer,
    /// The present moment.
    pub now: jiff::Timestamp,
}

/// What was exported.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Exported {
    /// The ledger's name.
    pub origin: String,
    /// Leaves of the last checkpoint.
    pub size: u64,
    /// Its root, in base64.
    pub root: String,
    /// Checkpoints in it.
    pub checkpoints: u64,
}

/// A package that is whole, and not in its place yet; dropped, it is gone.
#[derive(Debug)]
pub struct Ready {
    part: TempDir,
    folder: PathBuf,
    /// What is in it.
    pub exported: Exported,
}

impl Ready {
    /// Puts it into its folder.
    ///
    /// # Errors
    /// See [`ExportError`]; nothing is in the folder then.
    pub fn put_in_place(self) -> Result<Exported, ExportError> {
        let at = |error| ExportError::Place(self.folder.clone(), error);
        fs::rename(self.part.path(), &self.folder).map_err(at)?;
        // It is where it belongs; there is nothing to clean up.
        let _ = self.part.keep();
        File::open(beside(&self.folder))
            .and_then(|it| it.sync_all())
            .map_err(at)?;
        Ok(self.exported)
    }
}

/// The folder that a folder is in.
fn beside(folder: &Path) -> &Path {
    match folder.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// Writes a package beside `folder`, into which it is put when that is told; `progress` hears how many events are written.
///
/// # Errors
/// See [`ExportError`]; nothing is left then.
pub async fn export(
    source: &Source<'_>,
    folder: &Path,
    progress: impl FnMut(u64),
) -> Result<Ready, ExportError> {
    let at = |error| ExportError::Place(folder.to_owned(), error);
    match fs::read_dir(folder).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(ExportError::NotEmpty(folder.to_owned())),
        Ok(false) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(at(error)),
    }
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    let part = tempfile::Builder::new()
        .prefix(&format!(".{name}-"))
        .tempdir_in(beside(folder))
        .map_err(at)?;
    let exported = write(source, part.path(), progress, &at).await?;
    // Whoever may read the folder above may read the package; nothing in it is secret.
    let readable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(part.path(), readable).map_err(at)?;
    Ok(Ready {
        part,
        folder: folder.to_owned(),
        exported,
    })
}

async fn write(
    source: &Source<'_>,
    folder: &Path,
    progress: impl FnMut(u64),
    at: &impl Fn(io::Error) -> ExportError,
) -> Result<Exported, ExportError> {
    let mut files = write_events(source, folder, progress, at).await?;
    let (checkpoints, listed) = write_checkpoints(source, folder, at).await?;
    files.extend(listed);
    let vkey = format!("{}\n", source.signer.verifier());
    for (name, text) in [
        (CHECKPOINT, &*source.last.note),
        (KEY, &vkey),
        (README, README_TEXT),
    ] {
        files.push(write_one(folder, name, text).map_err(at)?);
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    let head = source.last.head;
    let manifest = Manifest {
        format: FORMAT.to_owned(),
        origin: source.signer.verifier().name().to_owned(),
        size: head.size,
        root: BASE64.encode(&head.root),
        events_in: match source.log {
            EventLog::Sql(_) => EventsIn::Database,
            EventLog::Kurrent(_) => EventsIn::EventStore,
        },
        exported_at: fixed_width(source.now),
        software: SOFTWARE.to_owned(),
        reports: Some(MADE_SO),
        files,
    };
    let text = serde_json::to_string_pretty(&manifest)? + "\n";
    let note = sign(text.as_bytes(), source.signer).to_string();
    write_one(folder, MANIFEST, &text).map_err(at)?;
    write_one(folder, MANIFEST_NOTE, &note).map_err(at)?;
    File::open(folder)
        .and_then(|it| it.sync_all())
        .map_err(at)?;
    Ok(Exported {
        origin: manifest.origin,
        size: manifest.size,
        root: manifest.root,
        checkpoints,
    })
}

fn write_one(folder: &Path, name: &str, text: &str) -> io::Result<Listed> {
    let mut file = Writing::create(folder, name)?;
    file.write(text)?;
    file.finish()
}

/// Events, leaves, the policies among them, and the reports they make.
async fn write_events(
    source: &Source<'_>,
    folder: &Path,
    mut progress: impl FnMut(u64),
    at: &impl Fn(io::Error) -> ExportError,
) -> Result<Vec<Listed>, ExportError> {
    let mut events = Writing::create(folder, EVENTS).map_err(at)?;
    let mut leaf_file = Writing::create(folder, LEAVES).map_err(at)?;
    let mut files = Vec::new();
    let mut reports = Reports::new();
    fs::create_dir(folder.join(POLICIES)).map_err(at)?;
    let end = as_number(source.last.head.size);
    let mut from: Position = 0;
    while from < end {
        let to = (from + BATCH).min(end);
        let stored = leaves(&source.database.read, from, to).await;
        let stored: HashMap<Position, String> =
            stored.map_err(TreeError::from)?.into_iter().collect();
        let batch = source.log.read_after(from, BATCH).await?;
        for event in batch.iter().filter(|event| event.position <= to) {
            events.write(&leaf_text(event)).map_err(at)?;
            events.write("\n").map_err(at)?;
            reports.take(event);
            if let Some((sha256, text)) = policy_in(&event.event_type, &event.payload) {
                let name = policy_file(sha256);
                let is_new = files.iter().all(|file: &Listed| file.name != name);
                if is_new {
                    files.push(write_one(folder, &name, text).map_err(at)?);
                }
            }
        }
        // A leaf that is not there, or none, is an empty line, so that what follows stays in its place.
        for position in from + 1..=to {
            let leaf = stored.get(&position).filter(|leaf| hash_of(leaf).is_some());
            let leaf = leaf.map_or("", String::as_str);
            leaf_file.write(leaf).map_err(at)?;
            leaf_file.write("\n").map_err(at)?;
        }
        from = to;
        progress(u64::try_from(from).unwrap_or_default());
    }
    files.push(events.finish().map_err(at)?);
    files.push(leaf_file.finish().map_err(at)?);
    let head = &source.last.head;
    files.extend(reports.write(folder, head, SOFTWARE).map_err(at)?);
    Ok(files)
}

/// All checkpoints up to the last one, and from each to the next the proof that the tree only grew.
async fn write_checkpoints(
    source: &Source<'_>,
    folder: &Path,
    at: &impl Fn(io::Error) -> ExportError,
) -> Result<(u64, [Listed; 2]), ExportError> {
    let mut checkpoints = Writing::create(folder, CHECKPOINTS).map_err(at)?;
    let mut proofs = Writing::create(folder, PROOFS).map_err(at)?;
    let (mut count, mut size) = (0, 0);
    loop {
        let mut batch = checkpoints_after(source.database, size, BATCH)
            .await
            .map_err(TreeError::from)?;
        batch.retain(|stored| stored.size <= source.last.head.size);
        if batch.is_empty() {
            break;
        }
        for stored in batch {
            let proof = proof(source.tree, size, stored.size).await?;
            if size > 0 {
                let line = json!({ "from": size, "to": stored.size, "hashes": proof });
                proofs.write(&format!("{line}\n")).map_err(at)?;
            }
            let checkpoint = Note::parse(&stored.note)
                .ok()
                .and_then(|note| Checkpoint::parse(note.unverified()))
                .ok_or(ExportError::Checkpoint(stored.size))?;
            let line = json!({
                "size": stored.size,
                "root": BASE64.encode(&checkpoint.head.root),
                "sealed_at": stored.sealed_at,
                "note": stored.note,
            });
            checkpoints.write(&format!("{line}\n")).map_err(at)?;
            (count, size) = (count + 1, stored.size);
        }
    }
    let files = [
        checkpoints.finish().map_err(at)?,
        proofs.finish().map_err(at)?,
    ];
    Ok((count, files))
}

async fn proof(tree: &Tree, from: u64, to: u64) -> Result<Vec<String>, TreeError> {
    let hashes = tree.hashes(&consistency(from, to)).await?;
    Ok(hashes.iter().map(|hash| BASE64.encode(hash)).collect())
}
