//! What has happened to an account of the staff; no name, password, code or token stands in it.

use cqrs_es::DomainEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::role::{Role, Scope};
use crate::domain::ids::{CredentialId, PrintId, SessionId, TokenId, TotpId};
use crate::domain::values::KeyId;

/// A first password, which the operator was shown once: derived when it is asked for, stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initial {
    /// What it is derived from.
    pub print: PrintId,
    /// The key it is derived with.
    pub key: KeyId,
    /// The moment from which it no longer counts.
    pub expires_at: Timestamp,
}

/// The secret of somebody's authenticator (RFC 6238): derived, stored nowhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totp {
    /// What it is derived from.
    pub totp: TotpId,
    /// The key it is derived with.
    pub key: KeyId,
}

/// A fact about one account. The variants' names are stored: they never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The account was made.
    StaffAdded {
        /// What its owner may do.
        role: Role,
        /// The password for the first sign-in.
        initial: Initial,
        /// The authenticator.
        totp: Totp,
    },
    /// From here on, its owner may do other things.
    StaffRoleChanged {
        /// The new role.
        role: Role,
    },
    /// The password was lost: a printed one counts again. An open session ends.
    StaffPasswordReset {
        /// The password for the next sign-in.
        initial: Initial,
    },
    /// The authenticator was lost: another counts. An open session ends.
    StaffTotpReset {
        /// The new authenticator.
        totp: Totp,
    },
    /// The owner set a password of their own.
    StaffPasswordChanged {
        /// Its verifier in the vault.
        credential: CredentialId,
    },
    /// Password and code were right; a session began.
    StaffSignedIn {
        /// The session.
        session: SessionId,
        /// The time step of the code (RFC 6238: half minutes since 1970), spent now.
        step: i64,
    },
    /// Somebody knew the name, but not all the rest.
    StaffSignInRejected {
        /// What was wrong.
        why: SignInFault,
    },
    /// A session ended.
    StaffSignedOut {
        /// Which.
        session: SessionId,
        /// Why.
        why: SignOutReason,
    },
    /// The account opens nothing any more; its session and its tokens end with it.
    StaffDisabled {},
    /// A program may read in the owner's name.
    AccessTokenIssued {
        /// Which token.
        token: TokenId,
        /// What it is for.
        scopes: Vec<Scope>,
        /// The moment from which it no longer counts.
        expires_at: Timestamp,
    },
    /// The token counts no more.
    AccessTokenRevoked {
        /// Which.
        token: TokenId,
    },
}

/// What was wrong with a sign-in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInFault {
    /// The account is disabled.
    Disabled,
    /// Not the password in force.
    WrongPassword,
    /// The printed password, whose time is over.
    PasswordExpired,
    /// Not a code of the authenticator at this time.
    WrongCode,
    /// A code that was used, or one from before it.
    CodeUsed,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignOutReason {
    /// Its owner signed out.
    Own,
    /// Its time had run out.
    Expiry,
    /// The same account signed in again.
    Superseded,
}

impl Event {
    /// The stored name of the event's type.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::StaffAdded { .. } => "StaffAdded",
            Self::StaffRoleChanged { .. } => "StaffRoleChanged",
            Self::StaffPasswordReset { .. } => "StaffPasswordReset",
            Self::StaffTotpReset { .. } => "StaffTotpReset",
            Self::StaffPasswordChanged { .. } => "StaffPasswordChanged",
            Self::StaffSignedIn { .. } => "StaffSignedIn",
            Self::StaffSignInRejected { .. } => "StaffSignInRejected",
            Self::StaffSignedOut { .. } => "StaffSignedOut",
            Self::StaffDisabled {} => "StaffDisabled",
            Self::AccessTokenIssued { .. } => "AccessTokenIssued",
            Self::AccessTokenRevoked { .. } => "AccessTokenRevoked",
        }
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
