//! One binary for all integration tests.

mod journey;
mod mail;
mod store;
mod support;
