//! One binary for all integration tests.

mod import;
mod imports;
mod journey;
mod mail;
mod support;
