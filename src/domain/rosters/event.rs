//! What has happened to rosters. The variants' names are stored: they never change.

use cqrs_es::DomainEvent;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Content;
use crate::domain::ids::{ImportId, StaffId};
use crate::domain::onboarding::Grounds;

/// A fact about rosters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum RosterEvent {
    /// Somebody of the staff brought a roster; nothing is done yet.
    RosterPlanned {
        /// The import that it will be.
        import: ImportId,
        /// Who.
        staff: StaffId,
        /// On what grounds.
        grounds: Grounds,
        /// What it would do.
        content: Content,
        /// When.
        at: Timestamp,
        /// The moment from which it can no longer be approved.
        expires_at: Timestamp,
    },
    /// A second person agreed to it.
    RosterApproved {
        /// The plan.
        import: ImportId,
        /// Who.
        staff: StaffId,
        /// What they saw.
        plan: String,
        /// When.
        at: Timestamp,
    },
    /// Somebody of the staff declined it, or took their own back.
    RosterDeclined {
        /// The plan.
        import: ImportId,
        /// Who.
        staff: StaffId,
    },
    /// It would do something else by now than what was approved; nothing was done.
    RosterOutdated {
        /// The plan.
        import: ImportId,
    },
    /// It is being carried out.
    RosterBegun {
        /// The import.
        import: ImportId,
        /// The operator's name on their machine, where the command line does it alone.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        user: Option<String>,
        /// What it does, where no plan told it before.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Content>,
        /// When.
        at: Timestamp,
    },
    /// All of it is done.
    RosterApplied {
        /// The import.
        import: ImportId,
    },
    /// It could not be carried out to its end; what was done until then stays.
    RosterAbandoned {
        /// The import.
        import: ImportId,
    },
}

impl DomainEvent for RosterEvent {
    fn event_type(&self) -> String {
        match self {
            Self::RosterPlanned { .. } => "RosterPlanned",
            Self::RosterApproved { .. } => "RosterApproved",
            Self::RosterDeclined { .. } => "RosterDeclined",
            Self::RosterOutdated { .. } => "RosterOutdated",
            Self::RosterBegun { .. } => "RosterBegun",
            Self::RosterApplied { .. } => "RosterApplied",
            Self::RosterAbandoned { .. } => "RosterAbandoned",
        }
        .to_owned()
    }

    fn event_version(&self) -> String {
        "1".to_owned()
    }
}
