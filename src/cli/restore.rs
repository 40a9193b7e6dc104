//! `kadode restore`: puts a backup where there is no database, with everything closed that the backup still held open.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::Timestamp;
use serde_json::json;
use tempfile::NamedTempFile;

use super::backup::files_only;
use super::backup::manifest::{KEYS, MAIN, Manifest};
use super::backup::unsealed::copy_beside;
use super::serve::unless_told_to_stop;
use super::tell;
use crate::ambient::Clock;
use crate::app::Fault;
use crate::config::DataSettings;
use crate::database::{self, Database};
use crate::ledger::mark_restored;
use crate::store::EventLog;
use crate::vault::{self, close_after_restore};

/// What is said where a file of the backup is no database of ours.
const BROKEN: &str = "the backup's database cannot be read";

/// The settings of `kadode restore`.
#[derive(Args, Debug)]
pub(super) struct RestoreSettings {
    /// The folder of the backup
    dir: PathBuf,
    /// A later backup of the same databases, to take the key database from: whoever was erased before it stays erased
    #[arg(long, env = "KADODE_KEYS_FROM", value_name = "DIR")]
    keys_from: Option<PathBuf>,
    #[command(flatten)]
    data: DataSettings,
}

/// Restores a backup, unless told to stop.
pub(super) async fn run(settings: &RestoreSettings, clock: &Clock) -> Result<ExitCode, Fault> {
    unless_told_to_stop(restore(settings, clock)).await
}

/// Nothing is where the databases are to be before everything was checked.
async fn restore(settings: &RestoreSettings, clock: &Clock) -> Result<ExitCode, Fault> {
    files_only(&settings.data)?;
    let (keys_path, main_path, key_path) = places(&settings.data)?;
    let keys = vault::Keys::load(&keys_path).map_err(|error| Fault(error.to_string()))?;
    let manifest = Manifest::read(&settings.dir)?;
    let keys_from = settings.keys_from.as_deref().unwrap_or(&settings.dir);
    let keys_manifest = Manifest::read(keys_from)?;
    if manifest.main_tables > database::MAIN.version()
        || keys_manifest.key_tables > database::KEYS.version()
    {
        return Err(Fault(format!(
            "backup {}: {} made it, which is newer than this program; use that one",
            settings.dir.display(),
            keys_manifest.software
        )));
    }
    if keys_manifest.made_at < manifest.made_at {
        return Err(Fault(format!(
            "--keys-from {}: it is older than the backup, and may lack keys of members",
            keys_from.display()
        )));
    }
    manifest.check(&settings.dir, MAIN)?;
    keys_manifest.check(keys_from, KEYS)?;
    let main = opened(&manifest, &keys, MAIN, &settings.dir, &main_path)?;
    let key = opened(&keys_manifest, &keys, KEYS, keys_from, &key_path)?;
    // The keys may be of a later backup.
    let copied_at = keys_manifest.made_at;
    make_good(&keys_path, &main, &key, &manifest, copied_at, clock).await?;
    let is_rotated = is_rotated(&keys, &main).await?;
    // Somebody may have begun a database there meanwhile.
    for path in [&key_path, &main_path] {
        vacant(path)?;
    }
    // The main database last: without it, nothing is served.
    for (file, path) in [(key, &key_path), (main, &main_path)] {
        let put = file.persist_noclobber(path).map_err(|error| error.error);
        put.map_err(|error| fault(path, error))?;
    }
    println!(
        "{}",
        json!({"events": manifest.events, "made_at": manifest.made_at, "keys_of": keys_manifest.made_at})
    );
    tell(&format!(
        "restored {} events into {}; everybody signs in anew. The ledger is not sealed until `kadode ledger resume`, with the last checkpoint beside the key file",
        manifest.events,
        main_path.display()
    ));
    if !is_rotated {
        tell(
            "the backup is older than the newest master key, and an older one is the present one again: run `kadode keys rotate`",
        );
    }
    Ok(ExitCode::SUCCESS)
}

/// The key file, and where the databases are to be.
fn places(data: &DataSettings) -> Result<(PathBuf, PathBuf, PathBuf), Fault> {
    let keys = data.keys.clone().ok_or_else(|| {
        Fault("KADODE_KEYS is not set: give the path of the master key file".to_owned())
    })?;
    let path_of = |url: &str| {
        let path = Database::look_at(url).map_err(|error| Fault(error.to_string()))?;
        let path = path.unwrap_or_default();
        vacant(&path).map(|()| path)
    };
    let main = path_of(&data.database)?;
    let default = format!("{}.keys", data.database);
    let key = path_of(data.key_database.as_ref().unwrap_or(&default))?;
    if main == key {
        return Err(Fault(
            "--key-database must be another database than --database".to_owned(),
        ));
    }
    Ok((keys, main, key))
}

/// Sees that there is neither a database nor what SQLite left beside one: it would play an old write-ahead log into the restored file.
fn vacant(path: &Path) -> Result<(), Fault> {
    for ending in ["", "-wal", "-shm", "-journal"] {
        let mut name = path.as_os_str().to_owned();
        name.push(ending);
        let there = Path::new(&name);
        if there.symlink_metadata().is_ok() {
            return Err(fault(
                there,
                "it is there already, and nothing is overwritten; move it away, together with the database that it belongs to, \
                 or give another path",
            ));
        }
    }
    Ok(())
}

/// A file of the backup, opened beside its place.
fn opened(
    manifest: &Manifest,
    keys: &vault::Keys,
    name: &str,
    folder: &Path,
    place: &Path,
) -> Result<NamedTempFile, Fault> {
    let mut file = copy_beside(place).map_err(|error| fault(place, error))?;
    manifest.open(keys, name, folder, file.as_file_mut())?;
    Ok(file)
}

/// Sees that the databases belong to the keys and to one another, and closes what the backup held open.
async fn make_good(
    keys_path: &Path,
    main: &NamedTempFile,
    key: &NamedTempFile,
    manifest: &Manifest,
    copied_at: Timestamp,
    clock: &Clock,
) -> Result<(), Fault> {
    let (main, key) = (opened_copy(main).await?, opened_copy(key).await?);
    let made = async {
        let checked = vault::Keys::look_at(keys_path, &main, &key).await;
        checked.map_err(|error| Fault(error.to_string()))?;
        // What is closed below may have its tables since the backup was made.
        let migrated = main.migrate(&database::MAIN).await;
        migrated.map_err(|error| Fault::from_error("the backup's database", error))?;
        let broken = |error| Fault::from_error(BROKEN, error);
        let log = EventLog::open(main.clone(), clock.clone()).await;
        let log = log.map_err(broken)?;
        let events = log.head();
        if events != manifest.events {
            return Err(Fault(format!(
                "the backup has {events} events, and its manifest tells of {}",
                manifest.events
            )));
        }
        let unreadable = |error| Fault::from_error("the backup's last event", error);
        let last = log.last_time().await.map_err(unreadable)?;
        let known = last.map_or(copied_at, |last| last.max(copied_at));
        close_after_restore(&main, clock.now(), known)
            .await
            .map_err(broken)?;
        let backup = format!(
            "backup {}, made at {}, with {events} events",
            manifest.backup, manifest.made_at
        );
        mark_restored(&main, &backup).await.map_err(broken)?;
        // Into the file itself, which alone is put in place.
        main.scrub().await.map_err(broken)
    };
    let made = made.await;
    key.close().await;
    main.close().await;
    made
}

/// Whether the newest key of the key file is the present one of the backup.
async fn is_rotated(keys: &vault::Keys, main: &NamedTempFile) -> Result<bool, Fault> {
    let main = opened_copy(main).await?;
    let rotated = keys.newest_is_present(&main).await;
    main.close().await;
    rotated.map_err(|error| Fault::from_error(BROKEN, error))
}

async fn opened_copy(file: &NamedTempFile) -> Result<Database, Fault> {
    let url = format!("sqlite:{}", file.path().display());
    let opened = Database::open_existing(&url).await;
    opened.map_err(|error| Fault(error.to_string()))
}

fn fault(path: &Path, error: impl std::fmt::Display) -> Fault {
    Fault::from_error(&format!("database {}", path.display()), error)
}
