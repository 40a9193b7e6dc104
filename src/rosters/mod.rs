//! Rosters: read, held against who is known, and carried out; for the command line, and for plans that two people decide on.

mod carrying_out;
mod details;
mod fault;
mod look;
mod mending;
mod reading;
mod standing;

pub use carrying_out::{Run, Written};
pub use details::{ChangedRow, Details, NewRow, SHOWN, pages};
pub use fault::RowFault;
pub use look::{Looked, look, sha256};
pub use mending::mend;
pub use reading::{Errors, Roster, Row, RowError, is_unprintable};
pub use standing::{Known, Plan, Standing};

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};

use crate::ambient::{Clock, Entropy};
use crate::commands::{Actor, Attribution, Commands};
use crate::domain::ids::CommandId;
use crate::domain::values::TOKYO;
use crate::policies::LoadedPolicy;
use crate::vault::Vault;

/// Rows that are looked up, written and told to the operator together, so that memory does not grow with the roster's.
pub const BATCH: usize = 500;

/// Members of the vault looked at together.
const AT_ONCE: u32 = 500;

/// Bytes in a roster, at most: some two million members.
pub const LARGEST: u64 = 256 * 1024 * 1024;

/// The id of the one stream in which rosters are told of.
pub const STREAM: &str = "society";

/// Why a roster cannot be read or carried out; one line.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct RosterFault(pub String);

impl RosterFault {
    fn unreadable(error: impl std::fmt::Display) -> Self {
        Self(format!(
            "the roster cannot be held against the database: {error}"
        ))
    }

    fn failed(error: impl std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// A society as rosters meet it.
#[derive(Clone)]
pub struct Members {
    /// The way into the log.
    pub commands: Commands,
    /// Personal data.
    pub vault: Vault,
    /// The present policy.
    pub policy: LoadedPolicy,
    /// The time.
    pub clock: Clock,
    /// Ids.
    pub entropy: Entropy,
}

impl Members {
    /// A command of the program itself.
    #[must_use]
    pub fn attribution(&self, command: &'static str) -> Attribution {
        Attribution {
            id: CommandId(self.entropy.id()),
            command,
            actor: Actor::System("import"),
            request_id: None,
            policy: self.policy.label(),
            trace: None,
        }
    }
}

/// When initial credentials count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// The first moment.
    pub from: Timestamp,
    /// The moment from which they no longer count.
    pub until: Timestamp,
}

impl Window {
    /// From the beginning of a day in Tokyo on, for so many days.
    ///
    /// # Errors
    /// Why not, after the name of the day: it is too far off, or would be over already.
    pub fn new(from: Date, days: u32, today: Date) -> Result<Self, String> {
        let too_far = || "this day is too far off".to_owned();
        let end = from
            .checked_add(i64::from(days).days())
            .map_err(|_| too_far())?;
        if end <= today {
            return Err(format!(
                "the initial credentials would have expired already, {days} days later"
            ));
        }
        let midnight = |day: Date| {
            TOKYO
                .to_timestamp(day.at(0, 0, 0, 0))
                .map_err(|_| too_far())
        };
        Ok(Self {
            from: midnight(from)?,
            until: midnight(end)?,
        })
    }
}
