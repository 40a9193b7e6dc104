//! One binary for all integration tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot be set up should stop at once"
)]

mod attribution;
mod email;
mod errors;
mod guards;
mod imports;
mod journey;
mod mail;
mod openapi;
mod order;
mod otp;
mod races;
mod sessions;
mod status;
mod support;
mod waiting;
