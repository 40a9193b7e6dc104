//! What may be asked for a member. Whatever is uncertain (a comparison, a fresh id, the time) was settled before and stands in the command as a fact.

use std::sync::Arc;

use jiff::Timestamp;

use super::event::{LogOutReason, OtpMethod, ProfileField};
use super::step::Step;
use super::support::{Grounds, Intervention};
use crate::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, NoticeId, PrintId, ProposalId,
    SessionId, StaffId,
};
use crate::domain::policy::{Limits, PolicyVersion};
use crate::domain::values::{KeyId, Language};

/// A command with the moment and the limits under which it is decided.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The present moment.
    pub at: Timestamp,
    /// The present policy's limits.
    pub limits: Arc<Limits>,
    /// What is asked.
    pub command: Command,
}

/// Which password counts for a member now; what a comparison was made against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CredentialInForce {
    /// The one from the paper, of which so many have taken the place of the first.
    Initial(u32),
    /// The member's own.
    Own(CredentialId),
}

/// How a typed password compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// It is the one in force.
    Match,
    /// It is not.
    Mismatch,
    /// It is the initial one, which is no longer in force.
    Replaced,
}

/// How a typed code compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CodeCheck {
    /// It is the present challenge's code.
    Match,
    /// It is the code that the last completed sign-in spent.
    Spent,
    /// It is neither.
    Mismatch,
}

/// A code that is to be mailed, prepared before the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewCode {
    /// A fresh challenge.
    pub challenge: ChallengeId,
    /// The key in use.
    pub key: KeyId,
    /// The language of the mail.
    pub language: Language,
    /// When codes were mailed to the same address in the last day, for whichever members.
    pub sent_to_address: Vec<Timestamp>,
}

/// A link that is to be mailed, prepared before the decision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewLink {
    /// A fresh issue.
    pub issue: IssueId,
    /// The key in use.
    pub key: KeyId,
    /// The language of the mail.
    pub language: Language,
    /// When links were mailed to the same address in the last day, for whichever members.
    pub sent_to_address: Vec<Timestamp>,
}

/// What is asked. `session` names the session that asks.
#[derive(Clone, Debug)]
pub enum Command {
    /// Take a member from a roster.
    Enrol {
        /// The cohort, by its name in the policy.
        cohort: String,
        /// The policy in force.
        policy: PolicyVersion,
        /// The import.
        import: ImportId,
        /// The month of joining, `YYYY-MM`.
        joined_month: Option<String>,
        /// The version of the notes on use, where the policy has step 4.
        terms: Option<String>,
        /// The first moment of the initial credentials.
        valid_from: Timestamp,
        /// The end of the initial credentials.
        expires_at: Timestamp,
    },
    /// Steps 2 and 13.
    SignIn {
        /// A fresh session.
        session: SessionId,
        /// What the password was compared with.
        against: CredentialInForce,
        /// How it compared.
        check: PasswordCheck,
        /// A session of this member that has run out, if the vault knows one.
        lapsed: Option<SessionId>,
        /// Whether this browser has shown before that it is the member's.
        known_browser: bool,
        /// The code to mail, where one is due.
        code: NewCode,
    },
    /// Step 3.
    ConfirmBirthDate {
        /// The session that asks.
        session: SessionId,
        /// Whether it is the date of the roster.
        matches: bool,
        /// The end of a waiting time, if one is running.
        waiting_until: Option<Timestamp>,
    },
    /// Step 4.
    AcceptTerms {
        /// The session that asks.
        session: SessionId,
        /// The version that was shown.
        version: String,
    },
    /// Step 5, and its correction until step 8.
    RegisterEmail {
        /// The session that asks.
        session: SessionId,
        /// A fresh contact.
        contact: ContactId,
        /// The present contact, if it holds the very address that was entered.
        same_as: Option<ContactId>,
        /// The link to mail.
        link: NewLink,
    },
    /// Step 5: 再送信.
    ResendEmailLink {
        /// The session that asks.
        session: SessionId,
        /// The link to mail.
        link: NewLink,
    },
    /// Step 6.
    FollowEmailLink {
        /// The link's contact.
        contact: ContactId,
        /// The link.
        issue: IssueId,
    },
    /// Step 6: 心当たりがない.
    DisownEmail {
        /// The link's contact.
        contact: ContactId,
        /// The link.
        issue: IssueId,
    },
    /// Step 7: 更新.
    UpdateEmail {
        /// The session that asks.
        session: SessionId,
        /// The code to mail; none, if this browser has shown, since the address was entered, that it is the member's.
        code: Option<NewCode>,
    },
    /// From a full session: another address is to take the present one's place.
    ChangeEmail {
        /// The session that asks.
        session: SessionId,
        /// What the password was compared with.
        against: CredentialInForce,
        /// How it compared.
        check: PasswordCheck,
        /// A fresh contact.
        contact: ContactId,
        /// The present or the coming contact, if it holds the very address that was entered.
        same_as: Option<ContactId>,
        /// The link to mail.
        link: NewLink,
    },
    /// 更新, once the link to the other address was followed.
    ConfirmEmailChange {
        /// The session that asks.
        session: SessionId,
    },
    /// The present address is to stay.
    CancelEmailChange {
        /// The session that asks.
        session: SessionId,
    },
    /// Step 8.
    ChooseOtpMethod {
        /// The session that asks.
        session: SessionId,
        /// The method.
        method: OtpMethod,
    },
    /// Step 9.
    ChangePassword {
        /// The session that asks.
        session: SessionId,
        /// The new verifier.
        credential: CredentialId,
        /// The form that brought it.
        form: FormId,
    },
    /// Somebody has forgotten the password, and gives user ID and date of birth.
    RequestPasswordReset {
        /// Whether it is the date of the roster.
        matches: bool,
        /// The link to mail.
        link: NewLink,
    },
    /// By the mailed link, another password takes the forgotten one's place.
    ResetPassword {
        /// The link.
        issue: IssueId,
        /// The new verifier.
        credential: CredentialId,
        /// The form that brought it.
        form: FormId,
    },
    /// From a full session: the present password is to stay.
    CancelPasswordReset {
        /// The session that asks.
        session: SessionId,
    },
    /// From a full session: another password is to take the present one's place at once.
    ReplacePassword {
        /// The session that asks.
        session: SessionId,
        /// What the present password was compared with.
        against: CredentialInForce,
        /// How it compared.
        check: PasswordCheck,
        /// The other one's verifier in the vault.
        credential: CredentialId,
        /// The form that brought it.
        form: FormId,
    },
    /// Step 11, and any other end of a session.
    LogOut {
        /// The session that ends.
        session: SessionId,
        /// Why.
        why: LogOutReason,
    },
    /// Step 14: 再送信.
    ResendOtp {
        /// The session that asks.
        session: SessionId,
        /// The code to mail, if the present one has too little life left.
        code: NewCode,
    },
    /// Step 14: 実行.
    SubmitOtp {
        /// The session that asks.
        session: SessionId,
        /// The challenge that the code was compared with.
        against: Option<ChallengeId>,
        /// How it compared.
        check: CodeCheck,
    },
    /// 心当たりがない, about the whole set-up, or a change of address or password.
    ReportNotMe {
        /// What was told of.
        about: NoticeId,
    },
    /// A reminder to somebody who has stopped on the way.
    Remind {
        /// The step that the member was found at.
        step: Step,
        /// Since when.
        since: Timestamp,
    },
    /// A later roster tells something else of the member.
    ChangeProfile {
        /// The import.
        import: ImportId,
        /// What it tells.
        fields: Vec<ProfileField>,
    },
    /// A roster of everybody has the member no more.
    Leave {
        /// The import.
        import: ImportId,
    },
    /// A roster has a member again who had left.
    Return {
        /// The import.
        import: ImportId,
    },
    /// Staff do something for the member.
    Intervene {
        /// What.
        intervention: Intervention,
        /// On what grounds.
        grounds: Grounds,
        /// Who.
        staff: StaffId,
        /// For a lift of waiting times, when the last failure was that the member waits for.
        failed_at: Option<Timestamp>,
        /// The link to mail, where one is due.
        link: NewLink,
    },
    /// Staff propose what a second person has to approve.
    ProposeIntervention {
        /// A fresh proposal.
        proposal: ProposalId,
        /// What is to be done.
        intervention: Intervention,
        /// On what grounds.
        grounds: Grounds,
        /// Who.
        staff: StaffId,
    },
    /// A second person approves it.
    ApproveIntervention {
        /// The proposal.
        proposal: ProposalId,
        /// Who.
        staff: StaffId,
        /// A fresh printing, where a letter is due; none in histories of before letters had one.
        print: Option<PrintId>,
    },
    /// Somebody declines it, or takes their own back.
    DeclineIntervention {
        /// The proposal.
        proposal: ProposalId,
        /// Who.
        staff: StaffId,
    },
}
