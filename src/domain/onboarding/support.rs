//! What staff may do for a member, on what grounds, and what of it a second person has to approve.

use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize};

use super::{Onboarding, Step, budget, later};
use crate::domain::ids::{ProposalId, StaffId};
use crate::domain::policy::Limits;

/// What staff may do for a member. They neither see nor set a password, a code or an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Intervention {
    /// Mail another link to the address that was entered.
    ResendEmailLink,
    /// Take the address away, so that the member enters another.
    ClearEmail,
    /// End waiting times that failures made.
    LiftWait,
    /// End the open session.
    EndSession,
    /// Let nobody sign in.
    Freeze,
    /// Let the member sign in again. Where it was not the member who set the account up, they start over by a new letter.
    Release,
    /// A new letter with a printed password, by which the member starts over; all that they had set counts no more.
    ReissueCredentials,
    /// Record that the member's identity was proven.
    RecordProofing,
    /// Show whoever proposed it the member's personal data for a while.
    Unmask,
    /// Forget the person for ever; what happened stays provable.
    Erase,
}

impl Intervention {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ResendEmailLink,
        Self::ClearEmail,
        Self::LiftWait,
        Self::EndSession,
        Self::Freeze,
        Self::Release,
        Self::ReissueCredentials,
        Self::RecordProofing,
        Self::Unmask,
        Self::Erase,
    ];

    /// The name that events, forms and programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ResendEmailLink => "resend_email_link",
            Self::ClearEmail => "clear_email",
            Self::LiftWait => "lift_wait",
            Self::EndSession => "end_session",
            Self::Freeze => "freeze",
            Self::Release => "release",
            Self::ReissueCredentials => "reissue_credentials",
            Self::RecordProofing => "record_proofing",
            Self::Unmask => "unmask",
            Self::Erase => "erase",
        }
    }

    /// The intervention of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }

    /// The reasons that it can have.
    #[must_use]
    pub const fn reasons(self) -> &'static [Reason] {
        match self {
            Self::ResendEmailLink => &[Reason::MailNotReceived, Reason::MemberAsked],
            Self::ClearEmail => &[
                Reason::AddressMistyped,
                Reason::MailboxLost,
                Reason::MemberAsked,
            ],
            Self::LiftWait => &[Reason::LockedOut, Reason::MemberAsked],
            Self::EndSession => &[
                Reason::DeviceLost,
                Reason::SuspectedMisuse,
                Reason::MemberAsked,
            ],
            Self::Freeze => &[
                Reason::SuspectedMisuse,
                Reason::DeviceLost,
                Reason::MemberAsked,
            ],
            Self::Release => &[Reason::IdentityProven, Reason::Mistaken],
            Self::ReissueCredentials => &[
                Reason::LetterLost,
                Reason::LockedOut,
                Reason::MailboxLost,
                Reason::SuspectedMisuse,
            ],
            Self::RecordProofing => &[Reason::InPerson, Reason::ByDocument, Reason::ByCallback],
            Self::Erase => &[Reason::MemberAsked, Reason::MemberLeft, Reason::Legal],
            Self::Unmask => &[
                Reason::MemberAsked,
                Reason::SuspectedMisuse,
                Reason::Review,
                Reason::Legal,
            ],
        }
    }
}

/// Why staff intervene. A fixed list: what somebody types could hold the very data that the log must not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The member asked for it.
    MemberAsked,
    /// A mail did not come.
    MailNotReceived,
    /// The address was mistyped.
    AddressMistyped,
    /// The member cannot read the mailbox any more.
    MailboxLost,
    /// The member cannot get in.
    LockedOut,
    /// The letter was lost, or never came.
    LetterLost,
    /// A device was lost.
    DeviceLost,
    /// Somebody else may have got in, or tried to.
    SuspectedMisuse,
    /// The member has proven who they are.
    IdentityProven,
    /// What was done before was a mistake.
    Mistaken,
    /// The member came in person.
    InPerson,
    /// The member sent a document.
    ByDocument,
    /// The member was called back at a number known before.
    ByCallback,
    /// A review that is done regularly.
    Review,
    /// A law asks for it.
    Legal,
    /// The person is no member any more.
    MemberLeft,
    /// The society sends such a roster regularly.
    RegularUpdate,
    /// A roster of before was wrong.
    RosterCorrected,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::MemberAsked,
        Self::MailNotReceived,
        Self::AddressMistyped,
        Self::MailboxLost,
        Self::LockedOut,
        Self::LetterLost,
        Self::DeviceLost,
        Self::SuspectedMisuse,
        Self::IdentityProven,
        Self::Mistaken,
        Self::InPerson,
        Self::ByDocument,
        Self::ByCallback,
        Self::Review,
        Self::Legal,
        Self::MemberLeft,
        Self::RegularUpdate,
        Self::RosterCorrected,
    ];

    /// The name that events, forms and programs use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MemberAsked => "member_asked",
            Self::MailNotReceived => "mail_not_received",
            Self::AddressMistyped => "address_mistyped",
            Self::MailboxLost => "mailbox_lost",
            Self::LockedOut => "locked_out",
            Self::LetterLost => "letter_lost",
            Self::DeviceLost => "device_lost",
            Self::SuspectedMisuse => "suspected_misuse",
            Self::IdentityProven => "identity_proven",
            Self::Mistaken => "mistaken",
            Self::InPerson => "in_person",
            Self::ByDocument => "by_document",
            Self::ByCallback => "by_callback",
            Self::Review => "review",
            Self::Legal => "legal",
            Self::MemberLeft => "member_left",
            Self::RegularUpdate => "regular_update",
            Self::RosterCorrected => "roster_corrected",
        }
    }

    /// The reason of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.name() == name)
    }
}

/// Longest number of a ticket (judgement): long enough for the usual systems', too short for a story.
const LONGEST_TICKET: usize = 20;

/// The number of the ticket in the support desk's own system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Ticket(String);

impl Ticket {
    /// The number, as it was typed.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// It is no number of a ticket: 1 to 20 letters, digits and hyphens, the first a letter, so that no number of a member's passes for one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a ticket's number is a letter and up to 19 more letters, digits and hyphens")]
pub struct NoTicket;

impl FromStr for Ticket {
    type Err = NoTicket;

    fn from_str(text: &str) -> Result<Self, NoTicket> {
        let may_stand = |sign: char| sign.is_ascii_alphanumeric() || sign == '-';
        let begins = text.starts_with(|sign: char| sign.is_ascii_alphabetic());
        if begins && text.len() <= LONGEST_TICKET && text.chars().all(may_stand) {
            Ok(Self(text.to_owned()))
        } else {
            Err(NoTicket)
        }
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// On what grounds staff intervene.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Grounds {
    /// Why.
    pub reason: Reason,
    /// Where the story is told.
    pub ticket: Ticket,
}

/// What one person proposed and another has to approve.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// What is to be done.
    pub intervention: Intervention,
    /// On what grounds.
    pub grounds: Grounds,
    /// Who proposed it.
    pub by: StaffId,
    /// The moment from which it can no longer be approved.
    pub expires_at: Timestamp,
    /// The step that the member had come to; none in what was kept of before this was.
    #[serde(default)]
    pub step: Option<Step>,
    /// What became of it; none, as long as nobody has decided.
    pub verdict: Option<Verdict>,
}

/// That somebody of the staff recorded how a member proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Proofing {
    /// How.
    pub reason: Reason,
    /// Who recorded it.
    pub by: StaffId,
    /// When; none in histories of before this was told.
    pub at: Option<Timestamp>,
    /// Whether an act that it was for came after it: an address taken away, or a new letter.
    pub used: bool,
}

/// What became of a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Another person approved it.
    Approved {
        /// When.
        at: Timestamp,
    },
    /// Somebody declined it, or took it back.
    Declined,
}

impl Proposal {
    /// Whether it can be approved at that moment.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        self.verdict.is_none() && at < self.expires_at
    }

    /// Whether it need not be remembered beside a later one of the same kind and person.
    pub(super) fn is_of_before(
        &self,
        intervention: Intervention,
        by: StaffId,
        at: Timestamp,
    ) -> bool {
        self.intervention == intervention && self.by == by && !self.is_open(at)
    }
}

impl Onboarding {
    /// Whether a second person has to approve it, as the member stands now.
    #[must_use]
    pub fn needs_approval(&self, intervention: Intervention, limits: &Limits) -> bool {
        match intervention {
            Intervention::ReissueCredentials | Intervention::Unmask | Intervention::Erase => true,
            Intervention::ClearEmail => self.contact.as_ref().is_some_and(|it| it.verified),
            Intervention::Release => limits.support.release_takes_two || self.not_me_reported,
            Intervention::ResendEmailLink
            | Intervention::LiftWait
            | Intervention::EndSession
            | Intervention::Freeze
            | Intervention::RecordProofing => false,
        }
    }

    /// The proof of identity that counts at that moment: any, or, where the policy lets it age, a fresh one that no act has used up.
    #[must_use]
    pub fn proven(&self, at: Timestamp, limits: &Limits) -> Option<&Proofing> {
        let proofing = self.proofing.as_ref()?;
        let Some(hours) = limits.support.proofing_hours else {
            return Some(proofing);
        };
        let end = later(proofing.at?, SignedDuration::from_hours(hours.into()));
        (at < end && !proofing.used).then_some(proofing)
    }

    /// If the waiting times were lifted as often in the last day as the policy lets one person do it: when they can be lifted again.
    #[must_use]
    pub fn lifts_from(&self, at: Timestamp, limits: &Limits) -> Option<Timestamp> {
        let most = limits.support.lifts_per_day?;
        budget::room_in_a_day(&self.lifts, at, most).err()
    }

    /// Whether the waiting time after a failure of that moment was lifted already: who asks again, at once or because it ran on, spends no
    /// other lift.
    #[must_use]
    pub fn lift_stands(&self, failed_at: Option<Timestamp>) -> bool {
        let lifted = self.lifts.last();
        failed_at.is_some_and(|failed| lifted.is_some_and(|lifted| failed < *lifted))
    }

    /// By which proposal this one of the staff may see the member's personal data: another approved it a short while ago.
    #[must_use]
    pub fn unmasking_for(
        &self,
        staff: StaffId,
        at: Timestamp,
        limits: &Limits,
    ) -> Option<&Proposal> {
        let shown = SignedDuration::from_mins(limits.support.unmask_minutes.into());
        self.proposals.iter().find(|proposal| {
            proposal.intervention == Intervention::Unmask
                && proposal.by == staff
                && matches!(proposal.verdict, Some(Verdict::Approved { at: since })
                    if since <= at && at.duration_since(since) < shown)
        })
    }

    /// The proposal with that id.
    #[must_use]
    pub fn proposal(&self, id: ProposalId) -> Option<&Proposal> {
        self.proposals.iter().find(|proposal| proposal.id == id)
    }
}
