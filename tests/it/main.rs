//! One binary for all integration tests.

mod commands;
mod journey;
mod mail;
mod projections;
mod store;
mod support;
