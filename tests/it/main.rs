//! One binary for all integration tests.

mod commands;
mod journey;
mod mail;
mod store;
mod support;
