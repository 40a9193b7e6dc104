//! Ends the waiting times of whoever gets a new letter: its password is random, so that nothing is lost of what they protect.

use cqrs_es::Aggregate;
use futures::future::BoxFuture;
use sqlx::AnyConnection;

use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::reactors::member_of;
use crate::subscription::{ApplyError, Reactor, Recorded};
use crate::vault::{Vault, VaultError};

/// Lifts once for each new letter: in the transaction that moves its checkpoint, so that a repetition makes no later failure forgotten.
pub struct Lifter {
    /// Whose waiting times are lifted.
    pub vault: Vault,
}

impl Lifter {
    async fn lift(
        &self,
        member: MemberId,
        connection: &mut AnyConnection,
    ) -> Result<(), VaultError> {
        match self.vault.profiles.get(member).await {
            Ok(stored) => {
                let user_id = stored.profile.user_id;
                self.vault.waits.lift_by(&user_id, connection).await
            }
            // Whoever was erased since waits for nothing.
            Err(VaultError::Missing(_) | VaultError::Erased) => Ok(()),
            // A damaged row must not keep others waiting.
            Err(error @ VaultError::Damaged(_)) => {
                tracing::error!(%member, %error, "the member's waiting times are not lifted for the new letter: lift them at the desk");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }
}

impl Reactor for Lifter {
    fn name(&self) -> &'static str {
        "lifts"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        recorded.stream_kind == Onboarding::TYPE && recorded.event_type == "CredentialsReissued"
    }

    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        connection: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        Box::pin(async move {
            for event in batch {
                self.lift(member_of(event)?, connection).await?;
            }
            Ok(())
        })
    }
}
