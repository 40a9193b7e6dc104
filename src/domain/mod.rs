//! The rules: what may happen to a member, in which order, and under which limits. Pure: no clock, no randomness, no I/O.

pub mod ids;
pub mod values;
