//! What is known of one member, in the shape the rules ask for.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::OtpMethod;
use super::step::Step;
use super::support::{Proofing, Proposal};
use crate::domain::ids::{
    ChallengeId, ContactId, CredentialId, FormId, ImportId, IssueId, NoticeId, PrintId, SessionId,
};
use crate::domain::policy::PolicyVersion;
use crate::domain::values::{KeyId, Language};

/// One member, folded from the events of stream `onboarding-{member id}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a step of the manual, done or not, or what stands against one"
)]
pub struct Onboarding {
    /// How the member came in; none before `MemberEnrolled`.
    pub enrolment: Option<Enrolment>,
    /// The present session.
    pub session: Option<Session>,
    /// Whether step 2 was ever done.
    pub signed_in: bool,
    /// Whether step 3 is done.
    pub birth_date_confirmed: bool,
    /// Whether step 4 is done.
    pub terms_accepted: bool,
    /// The address of step 5, until it is replaced or disowned.
    pub contact: Option<Contact>,
    /// Addresses whose readers disowned them.
    pub disowned: Vec<ContactId>,
    /// The address that is to take the present one's place.
    pub coming: Option<Contact>,
    /// The last addresses and passwords of whose coming a notice told.
    pub told_of: Vec<NoticeId>,
    /// When links were mailed, in the last day.
    pub links_sent: Vec<Timestamp>,
    /// When links to such addresses were mailed, in the last day.
    pub change_links_sent: Vec<Timestamp>,
    /// The links for a forgotten password that may still be used.
    pub reset_links: Vec<Link>,
    /// When such links were mailed, in the last day.
    pub reset_links_sent: Vec<Timestamp>,
    /// The verified address, where notices go; after a new letter still, until another address is entered.
    pub mailbox: Option<Mailbox>,
    /// The verified address that staff took away: what they do is told there, until another is entered.
    pub cleared: Option<Mailbox>,
    /// All verified addresses that staff took away: each is told so itself, whatever was entered after it.
    pub taken_away: Vec<Mailbox>,
    /// The method of step 8.
    pub otp_method: Option<OtpMethod>,
    /// The member's own password: that of step 9, or one that took its place.
    pub password: Option<OwnPassword>,
    /// When the member replaced it, in the last day.
    pub passwords_replaced: Vec<Timestamp>,
    /// The password that is to take its place.
    pub coming_password: Option<ComingPassword>,
    /// Whether step 11 is done.
    pub logged_out: bool,
    /// Whether step 13 is done.
    pub signed_in_again: bool,
    /// The one-time password of the present session.
    pub challenge: Option<Challenge>,
    /// The one-time password that the last completed sign-in spent.
    pub spent_challenge: Option<SpentChallenge>,
    /// When codes were mailed, in the last day.
    pub codes_sent: Vec<Timestamp>,
    /// Whether step 15 is reached.
    pub completed: bool,
    /// Whether the account is frozen.
    pub frozen: bool,
    /// Whether that is since somebody reported that it was not the member.
    pub not_me_reported: bool,
    /// How the member's identity was proven last, since somebody reported that it was not them.
    pub proofing: Option<Proofing>,
    /// When staff lifted the member's waiting times, in the last day.
    pub lifts: Vec<Timestamp>,
    /// The moment before which no browser has shown that it is the member's: a new letter, or a freeze, made all of them strangers'.
    pub browsers_from: Option<Timestamp>,
    /// Whether the person was erased.
    pub erased: bool,
    /// Whether the society's roster has the member no more.
    pub left: bool,
    /// The last reminder.
    pub reminded: Option<Reminded>,
    /// The import that changed the member's data last.
    pub last_change: Option<ImportId>,
    /// How many letters have taken the place of the first.
    pub reissues: u32,
    /// The printing of the last of those.
    pub print: Option<PrintId>,
    /// What staff proposed, and what became of it; the last of each person's.
    pub proposals: Vec<Proposal>,
}

/// How a member came in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Enrolment {
    /// The cohort, by its name in the policy.
    pub cohort: String,
    /// The policy whose steps the member follows.
    pub policy: PolicyVersion,
    /// The version of the notes on use to accept, where the policy has step 4.
    pub terms: Option<String>,
    /// The first moment of the initial credentials.
    pub valid_from: Timestamp,
    /// The end of the initial credentials.
    pub expires_at: Timestamp,
}

/// The member's present session, as the log knows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// What it may do.
    pub kind: SessionKind,
    /// When it began, or began to wait for a code.
    pub began: Timestamp,
}

/// What a session may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionKind {
    /// Take the steps of the first login; it never becomes a full one.
    Onboarding,
    /// Enter the one-time password.
    OtpPending,
    /// See the portal.
    Full,
}

/// An address, the present or the coming one, and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Contact {
    /// Its id in the vault.
    pub id: ContactId,
    /// The links mailed to it.
    pub links: Vec<Link>,
    /// Whether one was followed.
    pub followed: bool,
    /// Whether 更新 was pressed afterwards.
    pub verified: bool,
    /// The language in which it was entered.
    #[serde(default)]
    pub language: Language,
    /// The moment from which it counts; none for the first address, which counts when it is verified.
    #[serde(default)]
    pub counts_from: Option<Timestamp>,
}

impl Contact {
    /// An address that was just entered, with the link that is mailed to it.
    pub(super) fn entered(id: ContactId, language: Language, link: Link) -> Self {
        Self {
            id,
            links: vec![link],
            followed: false,
            verified: false,
            language,
            counts_from: None,
        }
    }
}

/// Where notices go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mailbox {
    /// The address, by its id in the vault.
    pub contact: ContactId,
    /// The language in which it was entered.
    pub language: Language,
}

impl Onboarding {
    /// Where what staff do is told: at the address that they took `away`, if it was verified, and nowhere else; where they took none, at the present one.
    #[must_use]
    pub fn told_at(&self, away: Option<ContactId>) -> Option<Mailbox> {
        match away {
            Some(away) => {
                let mut taken = self.taken_away.iter().copied();
                taken.find(|it| it.contact == away)
            }
            None => self.mailbox.or(self.cleared),
        }
    }
}

impl Mailbox {
    /// The mailbox of an address.
    pub(super) const fn of(contact: &Contact) -> Self {
        Self {
            contact: contact.id,
            language: contact.language,
        }
    }
}

/// A reminder that was mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reminded {
    /// Of which step.
    pub step: Step,
    /// Since when the member had been there.
    pub since: Timestamp,
    /// Which stage it was: the policy's number of days.
    pub after_days: u32,
}

/// A link that was mailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// Its id.
    pub issue: IssueId,
    /// When it was mailed.
    pub sent_at: Timestamp,
    /// Its end.
    pub expires_at: Timestamp,
}

impl Link {
    pub(super) const fn of(issue: IssueId, sent_at: Timestamp, expires_at: Timestamp) -> Self {
        Self {
            issue,
            sent_at,
            expires_at,
        }
    }
}

/// The member's own password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnPassword {
    /// Its verifier in the vault.
    pub credential: CredentialId,
    /// The form that brought it.
    pub form: FormId,
    /// How it took a forgotten one's place; none for that of step 9.
    #[serde(default)]
    pub reset: Option<Reset>,
    /// If the member, signed in, set it in another's place: since what, and when.
    #[serde(default)]
    pub replaces: Option<Replaces>,
}

/// How a password was set in a forgotten one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Reset {
    /// The link by which it was set.
    pub issue: IssueId,
    /// When it was set.
    pub at: Timestamp,
    /// The moment from which it counts.
    pub counts_from: Timestamp,
}

/// That the member, signed in, set a password in another's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Replaces {
    /// The first in this row, which was set at step 9 or in a forgotten one's place.
    pub first: CredentialId,
    /// When the last one was set.
    pub at: Timestamp,
}

impl OwnPassword {
    /// What notices of it are about: whoever replaces it must not be able to end what tells of how it came to be.
    #[must_use]
    pub fn notice(&self) -> NoticeId {
        self.first().into()
    }

    /// The one that it goes back to, which was set at step 9 or in a forgotten one's place.
    pub(super) fn first(&self) -> CredentialId {
        self.replaces.map_or(self.credential, |it| it.first)
    }

    /// When it took another's place; none for that of step 9.
    #[must_use]
    pub fn replaced_at(&self) -> Option<Timestamp> {
        self.replaces
            .map(|it| it.at)
            .or_else(|| Some(self.reset?.counts_from))
    }
}

/// A password that is to take a forgotten one's place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ComingPassword {
    /// Its verifier in the vault.
    pub credential: CredentialId,
    /// The form that brought it.
    pub form: FormId,
    /// How it was set.
    pub reset: Reset,
}

/// A one-time password that was mailed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Challenge {
    /// What it is derived from.
    pub id: ChallengeId,
    /// The key it is derived with.
    pub key: KeyId,
    /// Its end.
    pub expires_at: Timestamp,
    /// How many mails carried a code in this sign-in.
    pub mails: u32,
    /// When the last of them left.
    pub last_mail_at: Timestamp,
    /// Wrong tries in this sign-in, over all its codes.
    pub wrong: u32,
}

/// A one-time password that was used; with its key, so that it is recognised after a change of keys too.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct SpentChallenge {
    /// What it is derived from.
    pub id: ChallengeId,
    /// The key it is derived with.
    pub key: KeyId,
}
