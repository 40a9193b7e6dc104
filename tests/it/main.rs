//! One binary for all integration tests.
#![expect(
    clippy::unwrap_used,
    reason = "what a test relies on may fail by a panic"
)]

mod import;
