//! What the page on security says, held against the program: its map of tests, its limits, its doors and its figures.

mod chance;
mod confirmations;
mod doors;
pub(crate) mod guessing;
mod mails;
mod map;
mod markup;
mod named;
mod requests;
mod statements;
mod supplies;
mod ways_in;
