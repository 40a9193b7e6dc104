//! What several integration tests lean on.

pub mod app;
pub(crate) mod browser;
pub(crate) mod smtp;
