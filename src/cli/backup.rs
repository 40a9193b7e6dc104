//! `kadode backup`: a copy of both databases, sealed under a key of its own, made while members are served.

pub(super) mod manifest;
pub(super) mod unsealed;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use tempfile::NamedTempFile;

use self::manifest::{CHECKPOINT, FORMAT, KEYS, MAIN, MANIFEST, Manifest};
use self::unsealed::copy_beside;
use super::serve::unless_told_to_stop;
use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::database::Database;
use crate::ledger::Sealed;

/// The settings of `kadode backup`.
#[derive(Args, Debug)]
pub(super) struct BackupSettings {
    /// A folder that is empty or not there yet
    dir: PathBuf,
    #[command(flatten)]
    data: DataSettings,
}

/// Refuses what is no file, since a server has better means of its own.
pub(super) fn files_only(data: &DataSettings) -> Result<(), Fault> {
    for url in std::iter::once(&data.database).chain(&data.key_database) {
        let file = Database::look_at(url).map_err(|error| Fault(error.to_string()))?;
        if file.is_none() {
            return Err(Fault(
                "this is for database files: on PostgreSQL, use pg_dump or base backups, first of the main database and then of the key database \
                 (docs/operating.md, Back up and restore)"
                    .to_owned(),
            ));
        }
    }
    if data.events.is_some() {
        return Err(Fault(
            "this is for an event log in the database: with --events, stop every `kadode serve`, and copy event store and databases by their own means"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Makes a backup. Where it breaks off, there is no manifest.
pub(super) async fn run(settings: &BackupSettings, clock: Clock) -> Result<ExitCode, Fault> {
    files_only(&settings.data)?;
    let society = Society::open(&settings.data, Opening::TO_LOOK, clock, tell).await?;
    let made = unless_told_to_stop(back_up(&society, &settings.dir)).await;
    society.close().await;
    let manifest = made?;
    let text = serde_json::to_string(&manifest).map_err(|error| fault(&settings.dir, error))?;
    println!("{text}");
    tell(&format!(
        "backed up {} events into {}; keep its {KEYS} for weeks only, and the key file elsewhere",
        manifest.events,
        settings.dir.display()
    ));
    Ok(ExitCode::SUCCESS)
}

async fn back_up(society: &Society, folder: &Path) -> Result<Manifest, Fault> {
    empty(folder).map_err(|error| fault(folder, error))?;
    let copy_of = async |database: &Database| {
        // Beside the file itself, since the folder of the backup may be elsewhere, and this copy is not sealed yet.
        let copy = copy_beside(database.file().unwrap_or(folder));
        let copy = copy.map_err(|error| fault(folder, error))?;
        let copied = database.copy_to(copy.path()).await;
        copied.map_err(|error| fault(folder, error))?;
        Ok::<_, Fault>(copy)
    };
    // In this order: what stands in the main database was sealed under keys that were there before, and so are in the later copy.
    let main = copy_of(&society.database).await?;
    let keys = copy_of(&society.key_database).await?;
    let mut manifest = told_of(society, &main, &keys)
        .await
        .map_err(|error| fault(folder, error))?;
    for (name, copy) in [(MAIN, &main), (KEYS, &keys)] {
        // Sealing takes the thread, and whoever tells this to stop is heard in between.
        tokio::task::yield_now().await;
        let sealed = manifest.seal(&society.vault.keys, name, copy.path(), folder);
        manifest
            .files
            .push(sealed.map_err(|error| fault(folder, error))?);
    }
    finish(&manifest, folder).map_err(|error| fault(folder, error))?;
    Ok(manifest)
}

/// What the copies hold.
async fn told_of(
    society: &Society,
    main: &NamedTempFile,
    keys: &NamedTempFile,
) -> Result<Manifest, String> {
    let open = async |copy: &NamedTempFile| {
        let url = format!("sqlite:{}", copy.path().display());
        let opened = Database::open_existing(&url).await;
        opened.map_err(|error| error.to_string())
    };
    let (main, keys) = (open(main).await?, open(keys).await?);
    let told = async {
        let (events, last_leaf) = sqlx::query_as(
            "SELECT (SELECT coalesce(max(position), 0) FROM events), \
             (SELECT hash FROM ledger_leaves WHERE position = (SELECT max(position) FROM events))",
        )
        .fetch_one(&main.read)
        .await?;
        let checkpoint = Sealed::stored_last(&main).await?;
        Ok::<_, sqlx::Error>(Manifest {
            format: FORMAT.to_owned(),
            backup: society.entropy.id(),
            made_at: society.clock.now(),
            software: concat!("kadode ", env!("CARGO_PKG_VERSION")).to_owned(),
            key: society.vault.keys.current().clone(),
            main_tables: main.version().await?,
            key_tables: keys.version().await?,
            events,
            last_leaf,
            checkpoint: checkpoint.map(|it| it.note),
            files: Vec::new(),
        })
    };
    let told = told.await;
    keys.close().await;
    main.close().await;
    told.map_err(|error| error.to_string())
}

/// Writes the manifest, which makes a backup of the folder.
fn finish(manifest: &Manifest, folder: &Path) -> io::Result<()> {
    if let Some(note) = &manifest.checkpoint {
        let mut file = File::create_new(folder.join(CHECKPOINT))?;
        file.write_all(note.as_bytes())?;
        file.sync_all()?;
    }
    let file = NamedTempFile::new_in(folder)?;
    serde_json::to_writer_pretty(&file, manifest)?;
    file.as_file().sync_all()?;
    file.persist_noclobber(folder.join(MANIFEST))?;
    File::open(folder)?.sync_all()
}

/// Makes the folder, for its owner alone, unless an empty one is there.
fn empty(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            if fs::read_dir(folder)?.next().is_some() {
                return Err(io::Error::other("it is not empty; give another folder"));
            }
            Ok(())
        }
        made => made,
    }
}

fn fault(folder: &Path, error: impl std::fmt::Display) -> Fault {
    Fault::from_error(&format!("backup {}", folder.display()), error)
}
