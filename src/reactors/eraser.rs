//! Forgets a person once two of the staff have decided so: event first, then the keys and the rows. Safe to repeat.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use sqlx::AnyConnection;

use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::subscription::{ApplyError, Reactor, Recorded};
use crate::vault::{Vault, VaultError};

/// Destroys the keys and rows of whoever was erased, and all rosters that are kept.
pub struct Eraser(pub Vault);

impl Eraser {
    /// Nobody can tell from its rows that a roster does not name the person, by other numbers, say: all are forgotten, and can be brought
    /// again. They go last: one kept since is looked at without the person's keys.
    async fn forget(
        &self,
        member: MemberId,
        connection: &mut AnyConnection,
    ) -> Result<(), VaultError> {
        let Self(vault) = self;
        vault.erase(member, connection).await?;
        for (import, _) in vault.roster_files.all().await? {
            let files = &vault.roster_files;
            files.forget_within(import, connection).await?;
        }
        Ok(())
    }
}

impl Reactor for Eraser {
    fn name(&self) -> &'static str {
        "erasures"
    }

    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            let erased = batch.iter().filter(|event| {
                event.stream_kind == Onboarding::TYPE && event.event_type == "PersonalDataErased"
            });
            for event in erased {
                let member: MemberId = event
                    .stream_id
                    .parse()
                    .map_err(|_| ApplyError::Unreadable("a stream of no member".to_owned()))?;
                let forgotten = self.forget(member, &mut *connection).await;
                forgotten.map_err(|error| {
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
}
