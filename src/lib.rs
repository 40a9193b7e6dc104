//! Kadode takes the members of a health-insurance society from a sheet of paper to a portal of their own.

pub mod ambient;
pub mod database;
pub mod domain;
