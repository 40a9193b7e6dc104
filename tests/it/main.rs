//! One binary for all integration tests.

mod imports;
mod journey;
mod mail;
mod support;
mod waiting;
