//! Forgets a person once two of the staff have decided so: event first, then the rows, the keys, and the rosters that are kept. Safe to repeat.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use sqlx::AnyConnection;

use crate::database::Database;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::reactors::member_of;
use crate::subscription::{ApplyError, Reactor, Recorded};
use crate::vault::{Vault, VaultError};

/// Destroys the rows and keys of whoever was erased, and all rosters that are kept.
pub struct Eraser {
    /// Where the rows are.
    pub database: Database,
    /// What is destroyed in.
    pub vault: Vault,
}

impl Eraser {
    async fn forget(&self, member: MemberId) -> Result<(), VaultError> {
        let mut transaction = self.database.begin().await?;
        self.vault.forget(member, &mut transaction).await?;
        transaction.commit().await?;
        // Not before: without the keys, nobody could say any more what else is the member's.
        self.vault.destroy_keys(member).await?;
        // Nobody can tell from its rows that a roster does not name the person, by other numbers, say: all are forgotten, and can be brought
        // again. They go last: one kept since is looked at without the person's keys.
        let files = &self.vault.roster_files;
        for (import, _) in files.all().await? {
            files.forget(import).await?;
        }
        Ok(())
    }
}

impl Reactor for Eraser {
    fn name(&self) -> &'static str {
        "erasures"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        recorded.stream_kind == Onboarding::TYPE && recorded.event_type == "PersonalDataErased"
    }

    fn prepare<'a>(&'a self, batch: &'a [Recorded]) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            for event in batch {
                self.forget(member_of(event)?).await?;
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
