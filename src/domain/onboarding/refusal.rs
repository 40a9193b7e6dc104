//! Why a command was not carried out; a refusal stores nothing.

use jiff::Timestamp;

use super::step::Step;

/// A fact that stands against a command.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is such a member already.
    #[error("the member is already enrolled")]
    AlreadyEnrolled,
    /// There is no such member.
    #[error("the member is not enrolled")]
    NotEnrolled,
    /// The person was erased.
    #[error("the person was erased")]
    Erased,
    /// Somebody reported that it was not the member; support has to prove the identity again.
    #[error("the account is frozen, or the member has left")]
    Frozen,
    /// The initial credentials do not count yet, or no longer.
    #[error("the time of the initial credentials has not come or is over")]
    WindowClosed,
    /// The command's session is not the member's present one.
    #[error("the session has ended")]
    SessionEnded,
    /// Another step is due.
    #[error("step {} ({}) is due", due.number(), due.name())]
    OutOfOrder {
        /// The step that is due.
        due: Step,
    },
    /// The notes on use are of another version than the member's policy asks for.
    #[error("the notes on use are of another version")]
    OtherTerms,
    /// Failures made a waiting time, which is still running.
    #[error("a waiting time is running")]
    Waiting {
        /// Its end.
        until: Timestamp,
    },
    /// The last mail left only a moment ago.
    #[error("too soon after the last mail")]
    TooSoon {
        /// The moment from which another may be asked for.
        until: Timestamp,
    },
    /// As many mails as the limits allow have left.
    #[error("no more mails for now")]
    BudgetSpent {
        /// The moment from which another may be asked for.
        until: Timestamp,
    },
    /// The link's time is over.
    #[error("the link has expired")]
    LinkExpired,
    /// The link is to an address that another has replaced.
    #[error("the link's address was replaced")]
    LinkReplaced,
    /// The mailbox's reader disowned the address.
    #[error("the link's address was disowned")]
    LinkDisowned,
    /// The address entered is the present one.
    #[error("that is the present address")]
    SameAddress,
    /// There is no other address, or the link to it was not followed.
    #[error("there is no other address whose link was followed")]
    NothingToConfirm,
    /// The code's time is over.
    #[error("the code has expired")]
    CodeExpired,
    /// The code was used in another session.
    #[error("the code has been used")]
    CodeUsed,
    /// The sign-in's tries are spent.
    #[error("the sign-in has no tries left")]
    CodeDead,
    /// A password was set already, by another form.
    #[error("the password is already set")]
    AlreadySet,
    /// The form that set the password came again, from another session.
    #[error("the form has been used")]
    FormUsed,
    /// The report is about a password or an address that another has replaced.
    #[error("the notice is about something that counts no more")]
    NoticeReplaced,
    /// A second person has to approve that.
    #[error("a second person has to approve that")]
    NeedsApproval,
    /// Nobody has to approve that.
    #[error("nobody has to approve that")]
    NeedsNoApproval,
    /// It has nothing to do.
    #[error("there is nothing to do")]
    NothingToDo,
    /// The reason is none of that intervention's.
    #[error("that is no reason for it")]
    OtherReason,
    /// The same is proposed already.
    #[error("the same is proposed already")]
    AlreadyProposed,
    /// There is no such proposal.
    #[error("there is no such proposal")]
    NoProposal,
    /// The proposal was decided on, or its time is over.
    #[error("the proposal was decided on, or its time is over")]
    ProposalOver,
    /// Whoever proposed it cannot approve it.
    #[error("whoever proposed it cannot approve it")]
    OwnProposal,
    /// After a report that it was not the member, their identity has to be proven first.
    #[error("the member's identity has to be proven first")]
    NotProven,
    /// Staff have lifted the member's waiting times as often today as one person may.
    #[error("the waiting times were lifted too often today")]
    LiftsSpent,
    /// No reminder is due, or none would reach the member.
    #[error("no reminder is due")]
    NoReminder,
    /// The facts were settled against something no longer in force; they have to be settled again.
    #[error("the facts are stale")]
    StaleFacts,
}
