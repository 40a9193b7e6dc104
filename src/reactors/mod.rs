//! What follows from events, at least once and never on a rebuild: mails, reminders, and the sweeping of what no event names.

pub mod eraser;
pub mod importer;
mod in_hand;
pub mod lifter;
pub mod mails;
pub mod outbox;
pub mod reminder;
pub mod retention;
pub mod sender;
pub mod sweeper;

use crate::domain::ids::MemberId;
use crate::subscription::{ApplyError, Recorded};
use crate::vault::VaultError;

impl From<VaultError> for ApplyError {
    fn from(error: VaultError) -> Self {
        if let VaultError::Database(error) = error {
            Self::Database(error)
        } else {
            Self::Unreadable(error.to_string())
        }
    }
}

/// Whose an event of onboarding is.
fn member_of(event: &Recorded) -> Result<MemberId, ApplyError> {
    let member = event.stream_id.parse();
    member.map_err(|_| ApplyError::Unreadable("a stream of no member".to_owned()))
}
