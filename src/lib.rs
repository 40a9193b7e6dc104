//! Kadode takes the members of a health-insurance society from a sheet of paper to a portal of their own.
//!
//! The modules are the rooms of one house. A room imports rooms of lower floors alone; `ARCHITECTURE.md` has the table, and a command walked through.
//!
//! | floor | room | what it is |
//! |---|---|---|
//! | 9 | [`cli`] | the program's subcommands, one file each; `main.rs` above it only calls them |
//! | 8 | [`app`] | puts a society together: the only room that names concrete adapters |
//! | 7 | [`api`] | what the world sees: pages and JSON, for members, staff and auditors |
//! | 6 | [`reactors`] | what follows from events: mails, reminders, erasing |
//! | 5 | [`rosters`] | lists of members: read, compared with who is known, carried out |
//! | 5 | [`ledger`] | the Merkle tree over all events, signed, and the package for auditors |
//! | 4 | [`policies`] | the society's rules as texts: read, adopted, found again |
//! | 4 | [`projections`] | read models and reports: tables folded from the log |
//! | 3 | [`commands`] | the way in: load, settle, decide, append |
//! | 3 | [`subscription`] | the way out: follow the log from a checkpoint |
//! | 2 | [`store`] | the event log, in a SQL database or in KurrentDB |
//! | 2 | [`vault`] | personal data, verifiers and sessions, sealed under keys of each member |
//! | 2 | [`mail`] | the messages, and the ways they leave |
//! | 1 | [`domain`] | the rules, without clock, randomness or I/O: begin here, with [`domain::onboarding`] |
//! | 1 | [`config`] | settings that are flags or environment variables |
//! | 0 | [`ambient`] | time and randomness as values |
//! | 0 | [`database`] | connections to SQLite or PostgreSQL |

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
