//! Kadode takes the members of a health-insurance society from a sheet of paper to a portal of their own.

pub mod ambient;
pub mod api;
pub mod app;
pub mod cli;
pub mod commands;
pub mod config;
pub mod database;
pub mod domain;
pub mod ledger;
pub mod mail;
pub mod policies;
pub mod projections;
pub mod reactors;
pub mod rosters;
pub mod store;
pub mod subscription;
pub mod vault;

rust_i18n::i18n!("locales", fallback = "ja");

// The macro above does not tell the compiler which files it read; this does, so that a changed text is built in.
const _: [&str; 8] = [
    include_str!("../locales/mail.ja.toml"),
    include_str!("../locales/mail.en.toml"),
    include_str!("../locales/pages.ja.toml"),
    include_str!("../locales/pages.en.toml"),
    include_str!("../locales/staff.ja.toml"),
    include_str!("../locales/staff.en.toml"),
    include_str!("../locales/reports.ja.toml"),
    include_str!("../locales/reports.en.toml"),
];
