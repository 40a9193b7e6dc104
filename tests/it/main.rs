//! One binary for all integration tests.

mod mail;
mod support;
