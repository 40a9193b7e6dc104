//! One binary for all integration tests.

mod commands;
mod journey;
mod mail;
mod outbox;
mod projections;
mod store;
mod support;
