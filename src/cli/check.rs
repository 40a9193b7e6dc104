//! `kadode check`: dangling references, parked events, the ledger and the mail backlog, as one JSON object.

use std::collections::{HashMap, HashSet};
use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::rebuild::{bar, show};
use super::{tell, warn_of};
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::database::fixed_width;
use crate::ledger::{self, Sealed};
use crate::reactors::sweeper::named_by;
use crate::subscription::{Differing, Position, Recorded};
use crate::vault::Named;

/// Events looked at together.
const BATCH: i64 = 500;

/// The settings of `kadode check`.
#[derive(Args, Debug)]
pub(super) struct CheckSettings {
    /// Also build the read models anew, and compare: takes as long as a rebuild
    #[arg(long)]
    read_models: bool,
    #[command(flatten)]
    data: DataSettings,
}

/// What was found.
#[derive(Debug, Default, Serialize)]
struct Findings {
    /// Events in the log.
    events: i64,
    /// Positions that are missing in the log; there may be none.
    gaps: i64,
    /// Events whose vault row is gone; there may be none.
    dangling: i64,
    /// Events that the read models could not take; there may be none.
    parked: i64,
    /// Events that the read models have not come to yet.
    not_projected: i64,
    /// Rows of read models that are not what the log says, by table; there may be none. Null, if that was not asked for.
    wrong_rows: Option<Differing>,
    /// Leaves in the ledger.
    leaves: i64,
    /// Leaves that are not the hash of their event; there may be none.
    wrong_leaves: i64,
    /// Events whose time is not the one that their leaf covers; there may be none.
    changed_times: i64,
    /// Projected events without a leaf; there may be none.
    missing_leaves: i64,
    /// Leaves beyond the log's end, where events were cut off; there may be none.
    surplus_leaves: i64,
    /// The hash of the last leaf.
    last_leaf: Option<String>,
    /// Leaves under the last checkpoint.
    sealed: u64,
    /// Checkpoints that are not signed with the ledger's key, or not over these leaves; there may be none.
    wrong_checkpoints: i64,
    /// Why no checkpoint can be signed; there may be no reason.
    not_sealing: Option<String>,
    /// Mails that wait to be sent.
    mails_waiting: i64,
    /// When the oldest of them is, or was, due.
    oldest_mail_due: Option<String>,
    /// The latest time that a leaf covers, of the events looked at so far.
    #[serde(skip)]
    latest_time: String,
}

/// Ends with 1 where something is wrong.
pub(super) async fn run(settings: &CheckSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let society = Society::open(&settings.data, Opening::TO_LOOK, clock, tell).await?;
    let looked = look(&society, settings.read_models).await;
    warn_of(&society.policy);
    society.close().await;
    let findings = looked.map_err(|error| Fault::from_error("the check broke off", error))?;
    let text = serde_json::to_string(&findings)
        .map_err(|error| Fault::from_error("the findings cannot be told", error))?;
    println!("{text}");
    let faults = [
        findings.gaps,
        findings.dangling,
        findings.parked,
        findings.wrong_leaves,
        findings.changed_times,
        findings.missing_leaves,
        findings.surplus_leaves,
        findings.wrong_checkpoints,
    ];
    let holds = faults == [0; 8]
        && findings.not_sealing.is_none()
        && findings.wrong_rows.is_none_or(|it| it.is_empty());
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

async fn look(society: &Society, read_models: bool) -> Result<Findings, String> {
    let mut found = Findings::default();
    let number = async |sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&society.database.read)
            .await
            .map_err(told)
    };
    // First, since a serve may be going on with both meanwhile.
    let leaves_end = number("SELECT COALESCE(MAX(position), 0) FROM ledger_leaves").await?;
    let projected =
        number("SELECT COALESCE(MAX(position), 0) FROM checkpoints WHERE reader = 'read_models'")
            .await?;
    let mut position = 0;
    let (mut dangling, mut forgotten) = (Vec::new(), HashSet::new());
    loop {
        let batch = society
            .log
            .read_after(position, BATCH)
            .await
            .map_err(told)?;
        let Some(last) = batch.last() else { break };
        let count = i64::try_from(batch.len()).unwrap_or(i64::MAX);
        found.events += count;
        found.gaps += last.position - position - count;
        // What cannot be read is parked, and told as such.
        let named: HashMap<Named, &str> = batch
            .iter()
            .filter_map(|it| Some((named_by(it).ok()??, it.stream_id.as_str())))
            .collect();
        let all: Vec<Named> = named.keys().copied().collect();
        for missing in society.vault.sweep.missing(&all).await.map_err(told)? {
            dangling.extend(named.get(&missing).map(|stream| (*stream).to_owned()));
        }
        let erased = batch
            .iter()
            .filter(|it| it.event_type == "PersonalDataErased");
        forgotten.extend(erased.map(|it| it.stream_id.clone()));
        look_at_leaves(society, &batch, position, projected, &mut found).await?;
        position = last.position;
    }
    dangling.retain(|stream| !forgotten.contains(stream));
    found.dangling = i64::try_from(dangling.len()).unwrap_or(i64::MAX);
    found.surplus_leaves = (leaves_end - position).max(0);
    look_at_checkpoints(society, &mut found).await?;
    found.parked = number("SELECT COUNT(*) FROM parked_events").await?;
    found.not_projected = (position - projected).max(0);
    if read_models {
        let (bar, projector) = (bar(society), society.projector());
        let compared = projector.compare(|position| show(&bar, position));
        found.wrong_rows = Some(compared.await.map_err(told)?);
        bar.finish_and_clear();
    }
    found.mails_waiting = number("SELECT COUNT(*) FROM outbox").await?;
    found.oldest_mail_due = sqlx::query_scalar("SELECT MIN(due_at) FROM outbox")
        .fetch_one(&society.database.read)
        .await
        .map_err(told)?;
    Ok(found)
}

/// Holds the leaves after position `from` against the events of `batch`, which follow it.
async fn look_at_leaves(
    society: &Society,
    batch: &[Recorded],
    from: Position,
    projected: Position,
    found: &mut Findings,
) -> Result<(), String> {
    let to = batch.last().map_or(from, |last| last.position);
    let leaves = ledger::leaves(&society.database.read, from, to).await;
    let leaves: HashMap<Position, String> = leaves.map_err(told)?.into_iter().collect();
    for event in batch {
        let covered = ledger::covered_time(event);
        if covered > found.latest_time.as_str() {
            covered.clone_into(&mut found.latest_time);
        }
        found.changed_times += i64::from(found.latest_time != fixed_width(event.recorded_at));
        match leaves.get(&event.position) {
            Some(hash) => {
                found.leaves += 1;
                found.wrong_leaves += i64::from(ledger::leaf_of(event) != *hash);
                found.last_leaf = Some(hash.clone());
            }
            None => found.missing_leaves += i64::from(event.position <= projected),
        }
    }
    Ok(())
}

/// Holds what was signed, in the database and outside, against the leaves.
async fn look_at_checkpoints(society: &Society, found: &mut Findings) -> Result<(), String> {
    let Some(sealer) = society.sealer() else {
        return Ok(());
    };
    match sealer.look().await {
        Ok(last) => found.sealed = last.map_or(0, |last| last.head.size),
        Err(why) => found.not_sealing = Some(why.to_string()),
    }
    let last = Sealed::stored_last(&society.database).await.map_err(told)?;
    if let Some(key) = last.and_then(|last| sealer.key_of(&last).ok()) {
        let wrong = ledger::wrong_checkpoints(&society.database, key.verifier()).await;
        found.wrong_checkpoints = wrong.map_err(told)?;
    }
    Ok(())
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
