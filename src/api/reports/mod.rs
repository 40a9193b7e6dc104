//! Reports for compliance and auditors: made as of a moment, in four formats.

pub mod format;
pub mod making;
