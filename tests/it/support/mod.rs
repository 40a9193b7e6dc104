//! What several integration tests lean on.

pub mod app;
pub mod browser;
pub mod chromium;
pub mod kurrent;
pub mod postgres;
pub(crate) mod program;
pub(crate) mod smtp;
pub(crate) mod walk;
