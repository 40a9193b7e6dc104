//! Staff: signing in with password and authenticator, the first password, the end of sessions, and who may open what.

mod rights;
mod sign_in;
mod support;
