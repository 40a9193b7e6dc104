//! Removes from the vault what was written for an event that never came, and what is too old to count; and tells which vault rows
//! events name.

use std::collections::HashSet;

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};

use crate::ambient::Clock;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Event, Onboarding};
use crate::domain::staff::{self, Staff};
use crate::subscription::{EventLog, Recorded};
use crate::vault::{Named, Vault, VaultError};

/// An event follows its row within seconds; a day leaves room for whatever stands still.
const AGE: SignedDuration = SignedDuration::from_hours(24);

/// Rows older than this were looked at before.
const OLDEST: SignedDuration = SignedDuration::from_hours(24 * 31);

/// How often the vault is swept.
const SWEEPS_APART: std::time::Duration = std::time::Duration::from_hours(6);

/// How often old failures and browsers are forgotten. Strangers can make some hundred rows a second.
const FORGETS_APART: std::time::Duration = std::time::Duration::from_mins(15);

/// Sweeps and forgets for ever.
pub async fn run(vault: Vault, log: EventLog, clock: Clock) {
    tokio::join!(sweep_on(&vault, &log, &clock), forget_on(&vault, &clock));
}

async fn sweep_on(vault: &Vault, log: &EventLog, clock: &Clock) {
    // Nothing swept while the program stood still: the first time, rows of any age are looked at.
    let mut since = Timestamp::UNIX_EPOCH;
    loop {
        let now = clock.now();
        match sweep(vault, log, since, now).await {
            Ok(removed) => {
                if removed > 0 {
                    tracing::info!(removed, "rows that no event names were removed");
                }
                since = now - OLDEST;
            }
            Err(error) => tracing::error!(error, "the vault could not be swept"),
        }
        tokio::time::sleep(SWEEPS_APART).await;
    }
}

async fn forget_on(vault: &Vault, clock: &Clock) {
    loop {
        let now = clock.now();
        if let Err(error) = vault.waits.forget(now).await {
            tracing::error!(%error, "old failures could not be forgotten");
        }
        if let Err(error) = vault.devices.forget(now).await {
            tracing::error!(%error, "browsers whose cookies have expired could not be forgotten");
        }
        if let Err(error) = vault.activations.forget(now).await {
            tracing::error!(%error, "first passwords of long ago could not be forgotten");
        }
        tokio::time::sleep(FORGETS_APART).await;
    }
}

/// Removes what was written from `since` on and no event names, judged by the streams themselves; answers how many rows.
///
/// # Errors
/// Vault or log are away.
async fn sweep(
    vault: &Vault,
    log: &EventLog,
    since: Timestamp,
    now: Timestamp,
) -> Result<u64, String> {
    let asked = |rows: Vec<(MemberId, Named)>| async move {
        let members: HashSet<MemberId> = rows.iter().map(|(member, _)| *member).collect();
        let mut named = HashSet::new();
        for member in members {
            let mut streams = Vec::new();
            // Verifiers of staff are kept beside those of members, under ids that no member has.
            for kind in [Onboarding::TYPE, Staff::TYPE] {
                let stream = log.read_stream(kind, &member.to_string()).await;
                streams.extend(stream.map_err(|error| Trouble(error.to_string()))?);
            }
            for recorded in &streams {
                match named_by(recorded) {
                    Ok(name) => named.extend(name),
                    // It may name any of them: better to keep too much than to lose an address or a verifier.
                    Err(_) => named.extend(
                        rows.iter()
                            .filter(|(owner, _)| *owner == member)
                            .map(|(_, row)| *row),
                    ),
                }
            }
        }
        Ok::<_, Trouble>(named)
    };
    vault
        .sweep
        .run(since, now - AGE, asked)
        .await
        .map_err(|Trouble(why)| why)
}

struct Trouble(String);

impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Self {
        Self(error.to_string())
    }
}

/// The vault row that an event names, if it names one.
///
/// # Errors
/// The event cannot be read.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "only seven events name a row of the vault"
)]
pub fn named_by(recorded: &Recorded) -> Result<Option<Named>, serde_json::Error> {
    if recorded.stream_kind == Staff::TYPE {
        let event = serde_json::from_value(recorded.payload.clone())?;
        return Ok(match event {
            staff::Event::StaffPasswordChanged { credential } => {
                Some(Named::Credential(credential))
            }
            _ => None,
        });
    }
    if recorded.stream_kind != Onboarding::TYPE {
        return Ok(None);
    }
    Ok(match serde_json::from_value(recorded.payload.clone())? {
        Event::MemberEnrolled { .. } => recorded.stream_id.parse().ok().map(Named::Profile),
        Event::EmailRegistered { contact, .. } | Event::EmailChangeRequested { contact, .. } => {
            Some(Named::Contact(contact))
        }
        Event::PasswordChanged { credential, .. }
        | Event::PasswordReplaced { credential, .. }
        | Event::PasswordResetConfirmed { credential, .. } => Some(Named::Credential(credential)),
        _ => None,
    })
}
