//! Staff: signing in with password and authenticator, the first password, the end of sessions, and who may open what.

mod accounts;
mod approvals;
mod audit;
mod desk;
pub(crate) mod erasure;
mod events;
mod export;
mod lifts;
mod limits;
mod lists;
mod new_letters;
mod notice;
mod rights;
pub(crate) mod rosters;
mod sign_in;
pub(crate) mod support;
mod timeline;
