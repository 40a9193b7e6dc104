//! Kadode takes the members of a health-insurance society from a sheet of paper to a portal of their own.

pub mod ambient;
pub mod api;
pub mod domain;
pub mod mail;

rust_i18n::i18n!("locales", fallback = "ja");
