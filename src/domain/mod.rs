//! The rules: what may happen to a member, in which order, and under which limits. Pure: no clock, no randomness, no I/O.

pub mod adoption;
pub mod attempts;
pub mod cohort;
pub mod delivery;
pub mod ids;
pub mod onboarding;
pub mod policy;
pub mod values;
