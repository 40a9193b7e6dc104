//! Forgets a person once two of the staff have decided so: event first, then the rows, and last the keys. Safe to repeat.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use jiff::civil::Date;
use sqlx::AnyConnection;

use crate::database::Database;
use crate::domain::ids::{ImportId, MemberId};
use crate::domain::onboarding::Onboarding;
use crate::domain::policy::Policy;
use crate::domain::values::TOKYO;
use crate::rosters::{Roster, Row};
use crate::subscription::{ApplyError, Reactor, Recorded};
use crate::vault::{Vault, VaultError};

/// Rows of a roster that are read together.
const ROWS: usize = 500;

/// Destroys the rows and keys of whoever was erased, and the rosters that wait and name them.
pub struct Eraser {
    /// Where the rows are.
    pub database: Database,
    /// What is destroyed in.
    pub vault: Vault,
    /// How rosters are read.
    pub policy: Policy,
}

impl Eraser {
    /// The rosters that have a row of the member's: each comes to nothing, and is brought again without it.
    async fn rosters_naming(
        &self,
        member: MemberId,
        day: Date,
    ) -> Result<Vec<ImportId>, VaultError> {
        let files = &self.vault.roster_files;
        let profile = match self.vault.profiles.get(member).await {
            Ok(stored) => stored.profile,
            Err(error @ VaultError::Database(_)) => return Err(error),
            // The rows went before, and it came no further; or the row is damaged.
            Err(_) => return Ok(Vec::new()),
        };
        let is_theirs = |row: &Row<'_>| {
            row.profile.user_id == profile.user_id
                || (&row.profile.symbol, &row.profile.number) == (&profile.symbol, &profile.number)
                || (row.profile.gid.is_some() && row.profile.gid == profile.gid)
        };
        let mut naming = Vec::new();
        for (import, _) in files.all().await? {
            let kept = match files.get(import).await {
                Ok(Some(kept)) => kept,
                Ok(None) => continue,
                Err(error @ VaultError::Database(_)) => return Err(error),
                // Nobody can carry it out, nor say whom it names.
                Err(_) => {
                    naming.push(import);
                    continue;
                }
            };
            let mut roster = Roster::read_again(&kept.file, &self.policy, day);
            loop {
                let rows = roster.rows(ROWS);
                if rows.iter().any(is_theirs) {
                    naming.push(import);
                    break;
                }
                if rows.len() < ROWS {
                    // As under a policy since: of a row that cannot be read, nobody knows whose it is.
                    if !roster.errors.is_empty() {
                        naming.push(import);
                    }
                    break;
                }
            }
        }
        Ok(naming)
    }
}

impl Reactor for Eraser {
    fn name(&self) -> &'static str {
        "erasures"
    }

    fn prepare<'a>(&'a self, batch: &'a [Recorded]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let erased = batch.iter().filter(|event| {
                event.stream_kind == Onboarding::TYPE && event.event_type == "PersonalDataErased"
            });
            for event in erased {
                let member: MemberId = event
                    .stream_id
                    .parse()
                    .map_err(|_| ApplyError::Unreadable("a stream of no member".to_owned()))?;
                let day = TOKYO.to_datetime(event.recorded_at).date();
                let forgotten = async {
                    let mut transaction = self.database.begin().await?;
                    for import in self.rosters_naming(member, day).await? {
                        let files = &self.vault.roster_files;
                        files.forget_within(import, &mut transaction).await?;
                    }
                    self.vault.forget(member, &mut transaction).await?;
                    transaction.commit().await?;
                    // Not before: without the keys, nobody could say any more what else is the member's.
                    self.vault.destroy_keys(member).await
                };
                forgotten.await.map_err(|error| {
                    if let VaultError::Database(error) = error {
                        ApplyError::Database(error)
                    } else {
                        ApplyError::Unreadable(error.to_string())
                    }
                })?;
            }
            Ok(())
        })
    }

    fn react<'a>(
        &'a self,
        _: &'a [Recorded],
        _: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}
