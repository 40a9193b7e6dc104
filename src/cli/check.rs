//! `kadode check`: dangling references, parked events, the ledger's head and the mail backlog, as one JSON object.

use std::process::ExitCode;

use clap::Args;
use serde::Serialize;

use super::tell;
use crate::ambient::Clock;
use crate::app::{Fault, Opening, Society};
use crate::config::DataSettings;
use crate::ledger;
use crate::reactors::sweeper::named_by;

/// Events looked at together.
const BATCH: i64 = 500;

/// The settings of `kadode check`.
#[derive(Args, Debug)]
pub(super) struct CheckSettings {
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
    /// Leaves in the ledger.
    leaves: i64,
    /// Leaves that are not the hash of their event; there may be none.
    wrong_leaves: i64,
    /// The hash of the last leaf.
    last_leaf: Option<String>,
    /// Mails that wait to be sent.
    mails_waiting: i64,
    /// When the oldest of them is, or was, due.
    oldest_mail_due: Option<String>,
}

/// Ends with 1 where something is wrong.
pub(super) async fn run(settings: &CheckSettings, clock: Clock) -> Result<ExitCode, Fault> {
    let society = Society::open(&settings.data, Opening::TO_LOOK, clock, tell).await?;
    let findings = look(&society)
        .await
        .map_err(|error| Fault::from_error("the check broke off", error))?;
    let text = serde_json::to_string(&findings)
        .map_err(|error| Fault::from_error("the findings cannot be told", error))?;
    println!("{text}");
    let faults = findings.gaps + findings.dangling + findings.parked + findings.wrong_leaves;
    Ok(if faults == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(1)
    })
}

async fn look(society: &Society) -> Result<Findings, String> {
    let mut found = Findings::default();
    let mut position = 0;
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
        let named: Vec<_> = batch.iter().filter_map(named_by).collect();
        let missing = society.vault.sweep.missing(&named).await.map_err(told)?;
        found.dangling += i64::try_from(missing.len()).unwrap_or(i64::MAX);
        let leaves = ledger::leaves(&society.database.read, position, last.position).await;
        for (event, hash) in leaves.map_err(told)? {
            found.leaves += 1;
            let stored = batch.iter().find(|stored| stored.position == event);
            let right = stored.is_some_and(|stored| ledger::leaf_text(stored) == hash);
            found.wrong_leaves += i64::from(!right);
            found.last_leaf = Some(hash);
        }
        position = last.position;
    }
    let number = async |sql: &'static str| {
        sqlx::query_scalar::<_, i64>(sql)
            .fetch_one(&society.database.read)
            .await
            .map_err(told)
    };
    found.parked = number("SELECT COUNT(*) FROM parked_events").await?;
    found.not_projected = position
        - number("SELECT COALESCE(MAX(position), 0) FROM checkpoints WHERE reader = 'read_models'")
            .await?;
    found.mails_waiting = number("SELECT COUNT(*) FROM outbox").await?;
    found.oldest_mail_due = sqlx::query_scalar("SELECT MIN(due_at) FROM outbox")
        .fetch_one(&society.database.read)
        .await
        .map_err(told)?;
    Ok(found)
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}
