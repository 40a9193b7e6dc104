//! What several integration tests lean on.

pub(crate) mod smtp;
