//! What stands against an intervention of staff, as programs and pages are told.

use axum::http::StatusCode;

/// What stands against an intervention.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeskProblem {
    /// A second person has to approve it.
    NeedsApproval,
    /// It needs no approval.
    NeedsNoApproval,
    /// It has nothing to do.
    NothingToDo,
    /// The same is proposed already.
    AlreadyProposed,
    /// There is no such proposal.
    UnknownProposal,
    /// The proposal was decided on, or its time is over.
    ProposalOver,
    /// Whoever proposed it cannot approve it.
    OwnProposal,
    /// The member's identity has to be proven first.
    NotProven,
    /// Waiting times were lifted as often today as one person may.
    LiftsSpent,
    /// The member does not stand any more as whoever approves was shown.
    ChangedSince,
    /// Another roster waits or is being carried out.
    RosterOpen,
    /// A roster does something else than what was looked at.
    OtherPlan,
}

impl DeskProblem {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::NeedsApproval,
        Self::NeedsNoApproval,
        Self::NothingToDo,
        Self::AlreadyProposed,
        Self::UnknownProposal,
        Self::ProposalOver,
        Self::OwnProposal,
        Self::NotProven,
        Self::LiftsSpent,
        Self::ChangedSince,
        Self::RosterOpen,
        Self::OtherPlan,
    ];

    /// Status, the name at the end of the type, and the title.
    #[must_use]
    pub const fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::NeedsApproval => (
                StatusCode::CONFLICT,
                "needs-approval",
                "A second person has to approve that; propose it",
            ),
            Self::NeedsNoApproval => (
                StatusCode::CONFLICT,
                "needs-no-approval",
                "That needs no approval; do it",
            ),
            Self::NothingToDo => (
                StatusCode::CONFLICT,
                "nothing-to-do",
                "As the member stands, that would do nothing",
            ),
            Self::AlreadyProposed => (
                StatusCode::CONFLICT,
                "already-proposed",
                "The same is proposed already",
            ),
            Self::UnknownProposal => (
                StatusCode::NOT_FOUND,
                "unknown-proposal",
                "There is no such proposal",
            ),
            Self::ProposalOver => (
                StatusCode::GONE,
                "proposal-over",
                "The proposal was decided on, or its time is over",
            ),
            Self::OwnProposal => (
                StatusCode::FORBIDDEN,
                "own-proposal",
                "Another person has to approve what you proposed",
            ),
            Self::NotProven => (
                StatusCode::CONFLICT,
                "not-proven",
                "Record first how the member's identity was proven",
            ),
            Self::LiftsSpent => (
                StatusCode::CONFLICT,
                "lifts-spent",
                "The member's waiting times were lifted as often as a day allows; they end within the hour",
            ),
            Self::ChangedSince => (
                StatusCode::CONFLICT,
                "changed-since",
                "The member's standing has changed meanwhile; look again",
            ),
            Self::RosterOpen => (
                StatusCode::CONFLICT,
                "roster-open",
                "Another roster waits or is being carried out",
            ),
            Self::OtherPlan => (
                StatusCode::CONFLICT,
                "other-plan",
                "The plan is not the one that was looked at",
            ),
        }
    }
}
