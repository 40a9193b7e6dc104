//! What follows from an event, at least once and never on a rebuild: mails.

pub mod outbox;
pub mod sender;
