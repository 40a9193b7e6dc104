//! The outer door: routes, pages, sessions and limits.

pub mod input;
