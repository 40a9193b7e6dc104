//! What has happened to a member: the facts that the log keeps for ever, without a secret or a personal datum in them.

use cqrs_es::DomainEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, SessionId,
};
use crate::domain::policy::PolicyVersion;
use crate::domain::values::{KeyId, Language};

/// A fact about one member's onboarding. The variants' names are stored: they never change.
///
/// `at` is the moment the command was decided on; it stands in those events whose time a later rule counts from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum Event {
    /// The member was taken from a roster and may sign in.
    MemberEnrolled {
        /// The cohort, by its name in the policy.
        cohort: String,
        /// The policy whose steps the member follows.
        policy: PolicyVersion,
        /// The import that brought the member.
        import: ImportId,
        /// The month of joining, `YYYY-MM`, where the roster tells it.
        joined_month: Option<String>,
        /// The version of the notes on use to be accepted (step 4), where the policy asks for it.
        terms: Option<String>,
        /// The moment from which the initial credentials count.
        valid_from: Timestamp,
        /// The moment from which the initial credentials no longer count.
        expires_at: Timestamp,
    },
    /// Steps 2 and 13: user ID and password were right; a session began.
    CredentialsAccepted {
        /// The session that began.
        session: SessionId,
        /// When.
        at: Timestamp,
    },
    /// Steps 2 and 13: the password was wrong.
    CredentialsRejected {
        /// What was wrong.
        why: CredentialFault,
    },
    /// Step 3: the date of birth was right.
    BirthDateConfirmed {},
    /// Step 3: the date of birth was wrong.
    BirthDateRejected {},
    /// Step 4: the notes on use were accepted.
    TermsAccepted {
        /// The version that was shown.
        version: String,
    },
    /// Step 5: an address was entered, and a link is mailed to it.
    EmailRegistered {
        /// The address, by its id in the vault.
        contact: ContactId,
        /// The mailed link.
        issue: IssueId,
        /// The key the link is derived with.
        key: KeyId,
        /// The language of the mail.
        language: Language,
        /// When.
        at: Timestamp,
        /// The moment from which the link no longer counts.
        expires_at: Timestamp,
    },
    /// Step 5: another link is mailed to the same address.
    EmailLinkReissued {
        /// The address, by its id in the vault.
        contact: ContactId,
        /// The mailed link.
        issue: IssueId,
        /// The key the link is derived with.
        key: KeyId,
        /// The language of the mail.
        language: Language,
        /// When.
        at: Timestamp,
        /// The moment from which the link no longer counts.
        expires_at: Timestamp,
    },
    /// Step 6: somebody who reads that mailbox followed the link.
    EmailLinkFollowed {
        /// The address.
        contact: ContactId,
    },
    /// Step 6: somebody who reads that mailbox does not know about it; back to step 5.
    EmailDisowned {
        /// The address.
        contact: ContactId,
    },
    /// Step 7: 更新 was pressed in the member's own session after the link had been followed.
    EmailVerified {
        /// The address.
        contact: ContactId,
    },
    /// Step 8: the way of getting one-time passwords was chosen.
    OtpMethodChosen {
        /// The method.
        method: OtpMethod,
    },
    /// Step 9: the member set a password of their own.
    PasswordChanged {
        /// Its verifier in the vault.
        credential: CredentialId,
        /// The form that brought it.
        form: FormId,
    },
    /// Step 10: 初回ログインが完了しました.
    FirstLoginCompleted {},
    /// Step 11, or any other end of a session.
    LoggedOut {
        /// The session that ended.
        session: SessionId,
        /// Why it ended.
        why: LogOutReason,
    },
    /// Step 13: a one-time password is mailed.
    OtpIssued {
        /// The session it counts for.
        session: SessionId,
        /// What it is derived from.
        challenge: ChallengeId,
        /// The key it is derived with.
        key: KeyId,
        /// The language of the mail.
        language: Language,
        /// When.
        at: Timestamp,
        /// The moment from which it no longer counts.
        expires_at: Timestamp,
    },
    /// Step 14: 再送信; the same code again while it has life left, else a new one.
    OtpReissued {
        /// The session it counts for.
        session: SessionId,
        /// What it is derived from.
        challenge: ChallengeId,
        /// The key it is derived with.
        key: KeyId,
        /// The language of the mail.
        language: Language,
        /// When.
        at: Timestamp,
        /// The moment from which it no longer counts.
        expires_at: Timestamp,
    },
    /// Step 14: the code was wrong.
    OtpRejected {
        /// How many tries this sign-in has left.
        tries_left: u32,
    },
    /// Step 14: the code was right; the session is a full one from here.
    OtpLoginSucceeded {
        /// The session.
        session: SessionId,
        /// The code's challenge, spent now.
        challenge: ChallengeId,
    },
    /// Step 15: 以上で設定が完了しました.
    OnboardingCompleted {},
    /// Somebody who has the member's letter or mailbox says that it was not the member; the account is frozen.
    NotMeReported {},
}

/// What was wrong with a sign-in of a known member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialFault {
    /// Not the password in force.
    WrongPassword,
    /// The password on the paper, which the member's own has replaced.
    InitialPasswordReplaced,
}

/// How a member gets one-time passwords.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtpMethod {
    /// ワンタイムパスワード(OTP)メール認証
    Email,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogOutReason {
    /// The member pressed ログアウト.
    Member,
    /// Its time had run out.
    Expiry,
    /// The same member signed in again.
    Superseded,
    /// Staff ended it.
    Staff,
}

impl Event {
    /// The stored name of the event's type.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::MemberEnrolled { .. } => "MemberEnrolled",
            Self::CredentialsAccepted { .. } => "CredentialsAccepted",
            Self::CredentialsRejected { .. } => "CredentialsRejected",
            Self::BirthDateConfirmed {} => "BirthDateConfirmed",
            Self::BirthDateRejected {} => "BirthDateRejected",
            Self::TermsAccepted { .. } => "TermsAccepted",
            Self::EmailRegistered { .. } => "EmailRegistered",
            Self::EmailLinkReissued { .. } => "EmailLinkReissued",
            Self::EmailLinkFollowed { .. } => "EmailLinkFollowed",
            Self::EmailDisowned { .. } => "EmailDisowned",
            Self::EmailVerified { .. } => "EmailVerified",
            Self::OtpMethodChosen { .. } => "OtpMethodChosen",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::FirstLoginCompleted {} => "FirstLoginCompleted",
            Self::LoggedOut { .. } => "LoggedOut",
            Self::OtpIssued { .. } => "OtpIssued",
            Self::OtpReissued { .. } => "OtpReissued",
            Self::OtpRejected { .. } => "OtpRejected",
            Self::OtpLoginSucceeded { .. } => "OtpLoginSucceeded",
            Self::OnboardingCompleted {} => "OnboardingCompleted",
            Self::NotMeReported {} => "NotMeReported",
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
