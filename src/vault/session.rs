//! A session as it is opened and as it is found.

use jiff::Timestamp;
use secrecy::SecretString;

use crate::domain::ids::{MemberId, SessionId};
use crate::domain::onboarding::SessionKind;
use crate::domain::values::Language;

/// A session that is to begin.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    /// Its id, as the event names it.
    pub session: SessionId,
    /// Whose it is.
    pub member: MemberId,
    /// What it may do.
    pub kind: SessionKind,
    /// The language of its pages.
    pub language: Language,
    /// The User-Agent header.
    pub browser: &'a str,
    /// The log position of the event that began it.
    pub mark: i64,
}

/// A session as it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its id, as the events name it.
    pub id: SessionId,
    /// Whose it is.
    pub member: MemberId,
    /// What it may do.
    pub kind: SessionKind,
    /// The language of its pages.
    pub language: Language,
    /// When it began.
    pub started_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen: Timestamp,
    /// When it ends if it is not used.
    pub idle_until: Timestamp,
    /// When it ends even if it is used.
    pub ends_at: Timestamp,
    /// When its secret was last exchanged, as it is at step 9 or at step 14, and with a changed password.
    pub rotated_at: Option<Timestamp>,
    pub(super) secret_hash: String,
}

/// A session with the secret of its next cookie.
#[derive(Clone, Debug)]
pub struct Fresh {
    /// The cookie's value: 256 random bits.
    pub secret: SecretString,
    /// The session.
    pub session: Session,
}

/// What a cookie's secret stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A session that lives.
    Current(Session),
    /// A session whose secret was changed in the last 30 s, in the same browser: grants nothing, but the browser need
    /// only use its new cookie.
    Rotated(Session),
    /// A session that rested or lasted too long: grants nothing.
    Lapsed(Session),
    /// Nothing.
    None,
}

pub(super) const fn kind_name(kind: SessionKind) -> &'static str {
    match kind {
        SessionKind::Onboarding => "onboarding",
        SessionKind::OtpPending => "otp_pending",
        SessionKind::Full => "full",
    }
}

pub(super) fn kind_named(name: &str) -> Option<SessionKind> {
    [
        SessionKind::Onboarding,
        SessionKind::OtpPending,
        SessionKind::Full,
    ]
    .into_iter()
    .find(|kind| kind_name(*kind) == name)
}
