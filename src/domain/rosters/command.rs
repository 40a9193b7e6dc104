//! What may be asked of rosters, and what stands against it.

use jiff::Timestamp;

use super::{Content, Proposed};
use crate::domain::ids::{ImportId, StaffId};

/// What may be asked, with the moment at which it is decided.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The present moment.
    pub at: Timestamp,
    /// What is asked.
    pub command: Command,
}

/// What may be asked.
#[derive(Clone, Debug)]
pub enum Command {
    /// Somebody of the staff brings a roster.
    Plan {
        /// Its id.
        import: ImportId,
        /// Who and why.
        proposed: Proposed,
        /// What it would do.
        content: Content,
    },
    /// A second person agrees to what it would do.
    Approve {
        /// The plan.
        import: ImportId,
        /// Who.
        staff: StaffId,
        /// The hash that they saw.
        plan: String,
    },
    /// Somebody of the staff does not want it, or takes back their own.
    Decline {
        /// The plan.
        import: ImportId,
        /// Who.
        staff: StaffId,
    },
    /// Whoever holds keys and database begins to carry a roster out.
    BeginAlone {
        /// Its id.
        import: ImportId,
        /// The operator's name on their machine.
        user: String,
        /// What it does.
        content: Content,
    },
    /// The program begins to carry out what was approved.
    Begin {
        /// The plan.
        import: ImportId,
        /// The hash of what it would do now.
        plan: String,
    },
    /// All of it is done.
    Finish {
        /// The import.
        import: ImportId,
    },
    /// It cannot be carried out to its end.
    Abandon {
        /// The import.
        import: ImportId,
    },
}

/// What stands against a command; the command stores nothing then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// There is no such plan, or it cannot be decided on any more.
    #[error("there is no such plan of a roster that is still open")]
    NotOpen,
    /// Whoever proposed it cannot be the second person.
    #[error("a second person has to approve it")]
    OwnPlan,
    /// What was seen is not what would be done.
    #[error("the plan is not the one that was looked at")]
    OtherPlan,
    /// It is no reason to bring a roster.
    #[error("this is no reason to bring a roster")]
    WrongReason,
    /// Another roster waits or is being carried out: two at once would each be made for a society without the other.
    #[error("another roster is still open")]
    AnotherOpen,
}
