//! The identities that events and commands name; random, and without meaning outside the system.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// A member of the society; a version-7 UUID.
    MemberId,
    /// One sign-in and all that follows until its end.
    SessionId,
    /// One e-mail address as entered by one member.
    ContactId,
    /// One mailed link to confirm a contact.
    IssueId,
    /// One one-time password: 128 random bits from which, with a key, the six digits are derived.
    ChallengeId,
    /// One password verifier in the vault.
    CredentialId,
    /// What a notice tells of: a password of the member's own or an address that takes another's place, by its id.
    NoticeId,
    /// One submission of the password form (an `Idempotency-Key`), so that a repeated one is recognised.
    FormId,
    /// One import of a roster.
    ImportId,
    /// One mail to one member.
    MailId,
    /// Somebody who works for the society and looks into the history; a version-7 UUID.
    StaffId,
    /// Something that one of the staff proposed to do for a member, and another has to approve.
    ProposalId,
    /// One printing of a first password: of staff's, or of a member's that takes an earlier letter's place.
    PrintId,
    /// One secret in somebody's authenticator: 128 random bits from which, with a key, it is derived.
    TotpId,
    /// One bearer token of a program.
    TokenId,
    /// One command, kept across its retries, so that a commit of unknown outcome is never doubled.
    CommandId,
}

impl From<CredentialId> for NoticeId {
    fn from(password: CredentialId) -> Self {
        Self(password.0)
    }
}

impl From<ContactId> for NoticeId {
    fn from(address: ContactId) -> Self {
        Self(address.0)
    }
}
