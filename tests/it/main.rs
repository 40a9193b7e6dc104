//! One binary for all integration tests.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop at once"
)]
#![expect(
    unreachable_pub,
    reason = "nothing reaches into a test binary, so pub says no less than pub(crate)"
)]

mod anomalies;
mod attribution;
mod browser;
mod clock;
mod commands;
mod crossings;
mod defences;
mod documents;
mod email;
mod email_change;
mod errors;
mod exchange;
mod forgotten_password;
mod guards;
mod hold;
mod hostile;
mod import;
mod imports;
mod journey;
mod known_browsers;
mod ledger;
mod log_kills;
mod mail;
mod nodes;
mod not_me;
mod notices_by_post;
mod openapi;
mod order;
mod otp;
mod outbox;
mod pages;
mod password_change;
mod policies;
mod program;
mod projections;
mod races;
mod reactors;
mod reminders;
mod reports;
mod resume;
mod retention;
mod sessions;
mod spreadsheet;
mod staff;
mod status;
mod store;
mod support;
mod sweeps;
mod tallies;
mod waiting;
