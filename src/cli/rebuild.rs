//! `kadode rebuild`: builds read models anew beside the live ones and swaps them.

use std::process::ExitCode;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::subscription::Position;

/// The settings of `kadode rebuild`.
#[derive(Args, Debug)]
pub(super) struct RebuildSettings {
    /// One read model [default: all]
    projection: Option<String>,
    #[command(flatten)]
    data: DataSettings,
}

pub(super) async fn run(settings: &RebuildSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let society = Society::open(&settings.data, Opening::TO_LOOK, clock, tell).await?;
    let ended = rebuild(&society, settings.projection.as_deref()).await;
    society.close().await;
    ended.map(|()| ExitCode::SUCCESS)
}

async fn rebuild(society: &Society, only: Option<&str>) -> Result<(), Fault> {
    let projector = society.projector();
    let names = projector.names();
    if let Some(name) = only
        && !names.contains(&name)
    {
        return Err(Fault(format!(
            "there is no read model {name:?}: there are {}",
            names.join(", ")
        )));
    }
    let (bar, head) = (bar(society), society.log.head());
    projector
        .rebuild(only, |position| show(&bar, position))
        .await
        .map_err(|error| Fault::from_error("the read models are as before", error))?;
    bar.finish_and_clear();
    tell(&format!(
        "rebuilt {} from {head} events",
        only.map_or_else(|| names.join(", "), str::to_owned)
    ));
    Ok(())
}

/// How many events of all are folded.
pub(super) fn bar(society: &Society) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} events, {per_sec}, {eta} left");
    ProgressBar::new(u64::try_from(society.log.head()).unwrap_or_default())
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

pub(super) fn show(bar: &ProgressBar, position: Position) {
    bar.set_position(u64::try_from(position).unwrap_or_default());
}
