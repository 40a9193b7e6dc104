//! One binary for all integration tests.

mod email;
mod errors;
mod imports;
mod journey;
mod mail;
mod order;
mod otp;
mod sessions;
mod support;
mod waiting;
