//! `kadode keys`: adds a master key, and moves everything that can move to it, while members are served.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::custody::{record, unfinished};
use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::domain::custody::Command;
use crate::vault::FORGOTTEN_AFTER;

/// The settings of `kadode keys`.
#[derive(Args, Debug)]
pub(super) struct KeysSettings {
    #[command(subcommand)]
    what: What,
    #[command(flatten)]
    data: DataSettings,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Add a master key to the key file, which nothing is made under yet
    Add,
    /// Make the added key the present one, and wrap all data keys by it
    Rotate,
}

/// Carries out one of them; ends with 1 where a data key is damaged.
pub(super) async fn run(settings: &KeysSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let data = &settings.data;
    let keys = data.keys.as_deref().ok_or_else(|| {
        Fault("KADODE_KEYS is not set: give the path of the master key file".to_owned())
    })?;
    if !Society::exists(data)? {
        return Err(Fault(
            "there is no database yet: its first key is made together with it".to_owned(),
        ));
    }
    let society = Society::open(data, Opening::TO_ADD, clock, tell).await?;
    let ended = async {
        // Every event names a policy, which must be in the log before it.
        if data.policy.is_some() {
            society.adopt_policy().await?;
        }
        match settings.what {
            What::Add => add(&society, keys).await,
            What::Rotate => rotate(&society).await,
        }
    };
    let ended = ended.await;
    society.close().await;
    ended
}

async fn add(society: &Society, path: &Path) -> Result<ExitCode, Fault> {
    let vault = &society.vault;
    // First, or whatever starts in between would take the new key for the present one.
    vault.rotation.hold_present().await.map_err(nothing)?;
    let keys = vault
        .keys
        .add_key(path, &society.entropy, society.clock.now())
        .map_err(|error| Fault(error.to_string()))?;
    let key = keys.newest().clone();
    record(society, "AddMasterKey", Command::AddMasterKey { key }).await?;
    let (key, present) = (&keys.newest().0, &vault.keys.current().0);
    tell(&format!(
        "key {key} waits in {}: copy the file to wherever it is kept or used, start every `kadode serve` anew, and then run \
         `kadode keys rotate`",
        path.display()
    ));
    println!("{}", json!({"key": key, "present": present}));
    Ok(ExitCode::SUCCESS)
}

async fn rotate(society: &Society) -> Result<ExitCode, Fault> {
    let (keys, rotation) = (&society.vault.keys, &society.vault.rotation);
    let (key, before) = (keys.newest().clone(), keys.current().clone());
    let turn = society
        .database
        .take_turn(|| tell("waiting for the import that runs on this database"));
    let _turn = turn
        .await
        .map_err(|error| Fault::from_error("nothing was changed", error))?;
    // First, so that whoever starts from now on knows the key, or is refused, and nobody comes in behind the look for strangers.
    rotation.demand_newest().await.map_err(unfinished)?;
    let strangers = rotation.strangers_to(&key, society.clock.now()).await;
    if let Some(seen) = strangers.map_err(unfinished)?.into_iter().max() {
        return Err(Fault(format!(
            "a `kadode serve` runs that does not know key {}: start it anew, with the key file of now (one that was killed counts until {:.0})",
            key.0,
            seen + FORGOTTEN_AFTER
        )));
    }
    let change = Command::ChangeMasterKey {
        key: key.clone(),
        before: before.clone(),
    };
    record(society, "ChangeMasterKey", change).await?;
    rotation.make_present().await.map_err(unfinished)?;
    let due = rotation.counts().await.map_err(unfinished)?.under_others;
    let bar = ProgressBar::new(due).with_style(bar_style());
    let done = rotation.rewrap(|done| bar.set_position(done)).await;
    bar.finish_and_clear();
    let done = done.map_err(unfinished)?;
    let counts = rotation.counts().await.map_err(unfinished)?;
    let note = Command::NoteRewrapped {
        key: key.clone(),
        rewrapped: done.rewrapped,
        data_keys: counts.under_the_present,
    };
    record(society, "NoteRewrapped", note).await?;
    tell(&told(&key.0, key == before, done.rewrapped, done.damaged));
    let report = json!({
        "key": key.0,
        "before": before.0,
        "rewrapped": done.rewrapped,
        "data_keys": counts.under_the_present,
        "under_older_keys": counts.under_others,
        "destroyed": counts.destroyed,
        "damaged": done.damaged,
    });
    println!("{report}");
    Ok(ExitCode::from(u8::from(done.damaged > 0)))
}

fn told(key: &str, was_present: bool, rewrapped: u64, damaged: u64) -> String {
    match (damaged, was_present, rewrapped) {
        (1.., ..) => format!(
            "key {key} is the present one, but {damaged} data keys do not open and were left: restore the key database"
        ),
        (_, true, 0) => format!(
            "key {key} is the present one and wraps everything already; `kadode keys add` makes another"
        ),
        _ => format!(
            "key {key} is the present one; programs that run follow within a minute: then run this again, for what they wrap until then"
        ),
    }
}

fn nothing(error: impl std::fmt::Display) -> Fault {
    Fault::from_error("nothing was changed", error)
}

fn bar_style() -> ProgressStyle {
    ProgressStyle::with_template("{bar:40} {pos}/{len} keys, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
