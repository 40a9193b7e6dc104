//! What several integration tests lean on.

pub mod app;
pub mod browser;
pub mod chromium;
pub mod kurrent;
pub mod postgres;
pub(crate) mod program;
pub mod proxy;
pub(crate) mod smtp;
pub(crate) mod walk;

/// A number that says how a test is to run.
pub fn setting(name: &str) -> Option<usize> {
    Some(text_setting(name)?.parse().unwrap())
}

/// The same as text.
#[expect(
    clippy::disallowed_methods,
    reason = "a setting of a test, not of the program"
)]
pub fn text_setting(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
