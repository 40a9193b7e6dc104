//! The rules: what may happen to a member, in which order, and under which limits. Pure: no clock, no randomness, no I/O.

pub mod adoption;
pub mod anomalies;
pub mod attempts;
pub mod birth_date;
pub mod cohort;
pub mod custody;
pub mod delivery;
pub mod domain_class;
pub mod email;
pub mod ids;
pub mod onboarding;
pub mod password;
pub mod policy;
pub mod rosters;
pub mod staff;
pub mod values;
pub mod viewing;
