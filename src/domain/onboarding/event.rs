//! What has happened to a member: the facts that the log keeps for ever, without a secret or a personal datum in them.

use cqrs_es::DomainEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::step::Step;
use super::support::{Grounds, Intervention};
use crate::domain::delivery::MailKind;
use crate::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, PrintId, ProposalId,
    SessionId, StaffId,
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
    /// Steps 2 and 13, or wherever a session asks for the password once more: it was wrong.
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
    /// After completion: another address was entered, with the password once more, and a link is mailed to it.
    EmailChangeRequested {
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
    /// Somebody who reads the mailbox of that other address followed the link.
    EmailChangeLinkFollowed {
        /// The other address.
        contact: ContactId,
    },
    /// Somebody who reads the mailbox of that other address does not know about it.
    EmailChangeDisowned {
        /// The other address.
        contact: ContactId,
    },
    /// 更新 was pressed in the member's own session: the other address counts after a delay, and the present one is told at once.
    EmailChangeConfirmed {
        /// The other address.
        contact: ContactId,
        /// The present one, which is told.
        replaces: ContactId,
        /// When.
        at: Timestamp,
        /// The moment from which the other one counts.
        counts_from: Timestamp,
    },
    /// The member wants no other address any more.
    EmailChangeCancelled {
        /// The other address.
        contact: ContactId,
    },
    /// The delay is over: the other address counts, and codes go there. Stored with whatever is decided next.
    EmailChanged {
        /// The address that counts from here on.
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
    /// After completion: the member gave the present password and another one, which counts at once; the member is told.
    PasswordReplaced {
        /// Its verifier in the vault.
        credential: CredentialId,
        /// The form that brought it.
        form: FormId,
        /// When.
        at: Timestamp,
    },
    /// User ID and date of birth were given for a forgotten password, and a link is mailed to the address in force.
    PasswordResetRequested {
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
    /// The date of birth that was given for a forgotten password was wrong.
    PasswordResetRejected {},
    /// By a mailed link, another password was set: it counts after a delay, and the member is told at once.
    PasswordResetConfirmed {
        /// The link.
        issue: IssueId,
        /// Its verifier in the vault.
        credential: CredentialId,
        /// The form that brought it.
        form: FormId,
        /// When.
        at: Timestamp,
        /// The moment from which it counts.
        counts_from: Timestamp,
    },
    /// The member took back what was set for a forgotten password.
    PasswordResetCancelled {
        /// The verifier of what was set.
        credential: CredentialId,
    },
    /// The delay is over: the other password counts, and the session ends. Stored with whatever is decided next.
    PasswordReset {
        /// The verifier of the password that counts from here on.
        credential: CredentialId,
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
    /// Step 13: a one-time password is mailed; before step 9 also where the browser that signs in, or confirms the address, is unknown.
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
    /// Before step 9, in another browser: the code to the verified address was right, and the session may go on.
    SignInConfirmed {
        /// The session.
        session: SessionId,
        /// The code's challenge, spent now.
        challenge: ChallengeId,
    },
    /// Somebody of the staff did something for the member; what follows from it stands in the events after it.
    Intervened {
        /// What.
        intervention: Intervention,
        /// On what grounds.
        grounds: Grounds,
        /// Who.
        staff: StaffId,
        /// When; none in histories of before this was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<Timestamp>,
    },
    /// Somebody of the staff proposed what a second person has to approve.
    InterventionProposed {
        /// The proposal.
        proposal: ProposalId,
        /// What is to be done.
        intervention: Intervention,
        /// On what grounds.
        grounds: Grounds,
        /// Who proposed it.
        staff: StaffId,
        /// When.
        at: Timestamp,
        /// The moment from which it can no longer be approved.
        expires_at: Timestamp,
    },
    /// A second person approved it; what follows from it stands in the events after it.
    InterventionApproved {
        /// The proposal.
        proposal: ProposalId,
        /// Who approved it.
        staff: StaffId,
        /// When.
        at: Timestamp,
    },
    /// Somebody of the staff declined it, or took their own proposal back.
    InterventionDeclined {
        /// The proposal.
        proposal: ProposalId,
        /// Who.
        staff: StaffId,
    },
    /// Support took the address away; back to step 5.
    EmailCleared {
        /// The address.
        contact: ContactId,
    },
    /// Nobody can sign in any more.
    AccountFrozen {},
    /// The member can sign in again.
    AccountReleased {},
    /// The person is forgotten: their keys are destroyed and their rows are deleted.
    PersonalDataErased {},
    /// A new letter counts, and nothing that the member had set: they start over at step 2.
    CredentialsReissued {
        /// How many letters made the ones before worthless, with this one.
        issue: u32,
        /// Its printing, from which its password is derived beside the number: after a restore, a number comes again, and this does not. None in
        /// histories of before this was told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        print: Option<PrintId>,
        /// When; from here on it counts.
        at: Timestamp,
        /// The moment from which it no longer counts.
        expires_at: Timestamp,
    },
    /// The member had stopped on the way, and a reminder is mailed to the verified address.
    MemberReminded {
        /// The step that the member was at.
        step: Step,
        /// Which stage it was: the policy's number of days, which had passed.
        after_days: u32,
        /// Since when the member had been there.
        since: Timestamp,
        /// When.
        at: Timestamp,
    },
    /// A later roster of the society tells something else of the member.
    ProfileChanged {
        /// The import that brought it.
        import: ImportId,
        /// What; the data themselves are in the vault.
        fields: Vec<ProfileField>,
    },
    /// A roster of everybody no longer has the member; nobody can sign in any more.
    MemberLeft {
        /// The import that told it.
        import: ImportId,
    },
    /// A roster has a member again who had left.
    MemberReturned {
        /// The import that told it.
        import: ImportId,
    },
}

/// What a later roster may change of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProfileField {
    /// 氏名
    Name,
    /// 記号, at present.
    Symbol,
    /// 番号, at present.
    Number,
    /// The employee's GID.
    Gid,
}

impl ProfileField {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Name, Self::Symbol, Self::Number, Self::Gid];

    /// The roster's name of the column, which events hold too.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Symbol => "symbol",
            Self::Number => "number",
            Self::Gid => "gid",
        }
    }
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
    /// The member left the society.
    Left,
}

impl Event {
    /// The notice that tells the member of it, who did not ask for a mail.
    #[expect(
        clippy::wildcard_enum_match_arm,
        reason = "of most, the member knows or is asked to act"
    )]
    #[must_use]
    pub const fn notice(&self) -> Option<MailKind> {
        match self {
            Self::PasswordChanged { .. } => Some(MailKind::AccountSetUp),
            Self::EmailChangeConfirmed { .. } => Some(MailKind::EmailChangeNotice),
            Self::MemberReminded { .. } => Some(MailKind::Reminder),
            Self::PasswordResetConfirmed { .. } | Self::PasswordResetCancelled { .. } => {
                Some(MailKind::PasswordResetNotice)
            }
            Self::PasswordReplaced { .. } => Some(MailKind::PasswordChangeNotice),
            // Nobody was told of those of before, which have no moment.
            Self::Intervened {
                intervention: Intervention::LiftWait | Intervention::RecordProofing,
                at: Some(_),
                ..
            }
            // When it is done, there is no address any more.
            | Self::InterventionProposed {
                intervention: Intervention::Erase,
                ..
            }
            | Self::InterventionApproved { .. }
            | Self::AccountFrozen {}
            | Self::AccountReleased {}
            | Self::CredentialsReissued { .. }
            | Self::EmailCleared { .. }
            | Self::LoggedOut {
                why: LogOutReason::Staff,
                ..
            } => Some(MailKind::SupportActed),
            _ => None,
        }
    }

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
            Self::EmailChangeRequested { .. } => "EmailChangeRequested",
            Self::EmailChangeLinkFollowed { .. } => "EmailChangeLinkFollowed",
            Self::EmailChangeDisowned { .. } => "EmailChangeDisowned",
            Self::EmailChangeConfirmed { .. } => "EmailChangeConfirmed",
            Self::EmailChangeCancelled { .. } => "EmailChangeCancelled",
            Self::EmailChanged { .. } => "EmailChanged",
            Self::OtpMethodChosen { .. } => "OtpMethodChosen",
            Self::PasswordChanged { .. } => "PasswordChanged",
            Self::PasswordReplaced { .. } => "PasswordReplaced",
            Self::PasswordResetRequested { .. } => "PasswordResetRequested",
            Self::PasswordResetRejected {} => "PasswordResetRejected",
            Self::PasswordResetConfirmed { .. } => "PasswordResetConfirmed",
            Self::PasswordResetCancelled { .. } => "PasswordResetCancelled",
            Self::PasswordReset { .. } => "PasswordReset",
            Self::FirstLoginCompleted {} => "FirstLoginCompleted",
            Self::LoggedOut { .. } => "LoggedOut",
            Self::OtpIssued { .. } => "OtpIssued",
            Self::OtpReissued { .. } => "OtpReissued",
            Self::OtpRejected { .. } => "OtpRejected",
            Self::OtpLoginSucceeded { .. } => "OtpLoginSucceeded",
            Self::OnboardingCompleted {} => "OnboardingCompleted",
            Self::NotMeReported {} => "NotMeReported",
            Self::SignInConfirmed { .. } => "SignInConfirmed",
            Self::Intervened { .. } => "Intervened",
            Self::InterventionProposed { .. } => "InterventionProposed",
            Self::InterventionApproved { .. } => "InterventionApproved",
            Self::InterventionDeclined { .. } => "InterventionDeclined",
            Self::EmailCleared { .. } => "EmailCleared",
            Self::AccountFrozen {} => "AccountFrozen",
            Self::AccountReleased {} => "AccountReleased",
            Self::PersonalDataErased {} => "PersonalDataErased",
            Self::CredentialsReissued { .. } => "CredentialsReissued",
            Self::MemberReminded { .. } => "MemberReminded",
            Self::ProfileChanged { .. } => "ProfileChanged",
            Self::MemberLeft { .. } => "MemberLeft",
            Self::MemberReturned { .. } => "MemberReturned",
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
