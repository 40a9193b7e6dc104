//! One binary for all integration tests.

#![cfg(test)]

mod errors;
mod import;
mod imports;
mod journey;
mod mail;
mod pages;
mod store;
mod support;
mod waiting;
