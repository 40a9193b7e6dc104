//! `kadode restore`: puts a backup where there is no database, with everything closed that the backup still held open.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tempfile::NamedTempFile;

use super::backup::files_only;
use super::backup::manifest::{KEYS, MAIN, Manifest};
use super::tell;
use crate::ambient::Clock;
use crate::app::Fault;
use crate::config::DataSettings;
use crate::database::{self, Database};
use crate::vault::{self, close_after_restore};

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

/// Restores a backup. Nothing is where the databases are to be before everything was checked.
pub(super) async fn run(settings: &RestoreSettings, clock: &Clock) -> Result<ExitCode, Fault> {
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
    make_good(&keys_path, &main, &key, &manifest, clock).await?;
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
        "restored {} events into {}; everybody signs in anew. If more had been signed, the ledger is not sealed until `kadode ledger resume`",
        manifest.events,
        main_path.display()
    ));
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
        if path.exists() {
            return Err(fault(
                &path,
                "it is there already, and nothing is overwritten; give the path of a file that is not there",
            ));
        }
        Ok(path)
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

/// A file of the backup, opened beside its place.
fn opened(
    manifest: &Manifest,
    keys: &vault::Keys,
    name: &str,
    folder: &Path,
    place: &Path,
) -> Result<NamedTempFile, Fault> {
    let beside = match place.parent() {
        Some(beside) if beside != Path::new("") => beside,
        _ => Path::new("."),
    };
    let mut file = NamedTempFile::new_in(beside).map_err(|error| fault(place, error))?;
    manifest.open(keys, name, folder, file.as_file_mut())?;
    Ok(file)
}

/// Sees that the databases belong to the keys and to one another, and closes what the backup held open.
async fn make_good(
    keys_path: &Path,
    main: &NamedTempFile,
    key: &NamedTempFile,
    manifest: &Manifest,
    clock: &Clock,
) -> Result<(), Fault> {
    let open = async |file: &NamedTempFile| {
        let url = format!("sqlite:{}", file.path().display());
        let opened = Database::open_existing(&url).await;
        opened.map_err(|error| Fault(error.to_string()))
    };
    let (main, key) = (open(main).await?, open(key).await?);
    let made = async {
        let checked = vault::Keys::look_at(keys_path, &main, &key).await;
        checked.map_err(|error| Fault(error.to_string()))?;
        let broken = |error| Fault::from_error("the backup's database cannot be read", error);
        let events: i64 = sqlx::query_scalar("SELECT coalesce(max(position), 0) FROM events")
            .fetch_one(&main.read)
            .await
            .map_err(broken)?;
        if events != manifest.events {
            return Err(Fault(format!(
                "the backup has {events} events, and its manifest tells of {}",
                manifest.events
            )));
        }
        close_after_restore(&main, clock.now())
            .await
            .map_err(broken)
    };
    let made = made.await;
    key.close().await;
    main.close().await;
    made
}

fn fault(path: &Path, error: impl std::fmt::Display) -> Fault {
    Fault::from_error(&format!("database {}", path.display()), error)
}
