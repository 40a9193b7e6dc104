//! One binary for all integration tests.

mod errors;
mod imports;
mod journey;
mod mail;
mod support;
mod waiting;
