//! What several integration tests lean on.

pub mod app;
pub mod browser;
pub(crate) mod smtp;
