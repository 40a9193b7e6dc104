//! What follows from events, at least once and never on a rebuild: mails, reminders, and the sweeping of what no event names.

pub mod eraser;
pub mod importer;
pub mod mails;
pub mod outbox;
pub mod reminder;
pub mod retention;
pub mod sender;
pub mod sweeper;
