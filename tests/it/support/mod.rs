//! What several integration tests lean on.

pub mod app;
pub(crate) mod smtp;
pub(crate) mod walk;
