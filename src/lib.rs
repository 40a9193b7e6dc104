//! Kadode takes the members of a health-insurance society from a sheet of paper to a portal of their own.

pub mod ambient;
pub mod commands;
pub mod database;
pub mod domain;
pub mod ledger;
pub mod projections;
pub mod store;
pub mod subscription;
pub mod vault;
