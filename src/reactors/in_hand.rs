//! The mails that this process has in hand: none of them is leased here again, however long its lease is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::outbox::Waiting;
use crate::domain::ids::MailId;

/// Mails in hand, each with the end of its lease; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct InHand(Arc<Mutex<HashMap<MailId, Timestamp>>>);

/// One of them; in hand until it is dropped.
pub(super) struct Held {
    in_hand: InHand,
    mail: MailId,
}

impl InHand {
    pub(super) fn hold(&self, mail: &Waiting) -> Held {
        self.mails().insert(mail.mail, mail.leased_until);
        Held {
            in_hand: self.clone(),
            mail: mail.mail,
        }
    }

    /// Those whose lease is over at `now`.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<MailId> {
        let mails = self.mails();
        let over = mails.iter().filter(|(_, until)| **until <= now);
        over.map(|(mail, _)| *mail).collect()
    }

    fn mails(&self) -> MutexGuard<'_, HashMap<MailId, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.in_hand.mails().remove(&self.mail);
    }
}
