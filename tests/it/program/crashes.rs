//! The journey under load while something breaks: kills, a full disk, a disk that fails, a clock that is set back, a mail server that
//! refuses, goes and hangs. Afterwards everybody has come to the end, and nothing that was acknowledged is missing or doubled.
//!
//! `scripts/crashes` runs the same at length, and prints the figures.

mod clock;
mod device;
mod disk;
mod figures;
mod kills;
mod load;
mod log;
mod mail_server;
mod mails;
mod member;
mod seen;
mod sync;
