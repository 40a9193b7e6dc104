//! The rules: what may happen to a member, in which order, and under which limits. Pure: no clock, no randomness, no I/O.

pub mod birth_date;
pub mod email;
pub mod ids;
pub mod values;
