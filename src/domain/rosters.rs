//! Which rosters were brought, what they would do, who agreed to it, and what became of them.

mod command;
mod decide;
mod event;

pub use command::{Command, Issued, Refusal};
pub use event::RosterEvent;

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, event_sink::EventSink};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ids::{ImportId, StaffId};
use super::onboarding::{Grounds, Reason};

/// All rosters of a society, stream `rosters-society`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rosters {
    /// Each import, in the order in which they came.
    pub imports: Vec<RosterImport>,
}

/// Why staff bring a roster.
pub const REASONS: [Reason; 2] = [Reason::RegularUpdate, Reason::RosterCorrected];

/// A roster and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterImport {
    /// Its id, which the events of its members name.
    pub id: ImportId,
    /// What it does.
    pub content: Content,
    /// Who of the staff brought it, and on what grounds; none, where the command line did.
    pub proposed: Option<Proposed>,
    /// When it was brought.
    pub at: Timestamp,
    /// How far it has come.
    pub stage: Stage,
}

/// By whom a plan was brought.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposed {
    /// Who.
    pub by: StaffId,
    /// On what grounds.
    pub grounds: Grounds,
    /// The moment from which it can no longer be approved.
    pub expires_at: Timestamp,
}

/// How far a roster has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A second person has to look at it.
    Proposed,
    /// It may begin.
    Approved,
    /// It is being carried out.
    Running,
    /// All of it is done.
    Applied,
    /// Nobody wanted it.
    Declined,
    /// It would do something else by now than what was approved; nothing was done.
    Outdated,
    /// It could not be carried out to its end; what was done until then stays.
    Abandoned,
}

impl Stage {
    /// The name that programs read.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Running => "running",
            Self::Applied => "applied",
            Self::Declined => "declined",
            Self::Outdated => "outdated",
            Self::Abandoned => "abandoned",
        }
    }
}

/// What a roster does, counted; and by which hashes it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// SHA-256 of the file, in hexadecimal.
    pub file: String,
    /// SHA-256 of what it does row by row, in hexadecimal: what a second person approves.
    pub plan: String,
    /// The policy under which it was looked at, `NAME@SHA256`.
    pub policy: String,
    /// Whether it is a roster of everybody, so that who is not in it has left.
    pub complete: bool,
    /// From when the initial credentials of its new members count.
    pub valid_from: Timestamp,
    /// Rows.
    pub rows: u64,
    /// Members whom nobody knew.
    pub new: u64,
    /// Members of whom it tells something else than was known.
    pub changed: u64,
    /// Members of whom it tells what was known.
    pub unchanged: u64,
    /// Members who had left and are in it again.
    pub returned: u64,
    /// Members who are in it no more.
    pub left: u64,
    /// Its rows by cohort.
    pub by_cohort: BTreeMap<String, u64>,
}

impl Content {
    /// Members whom it met or who leave by it.
    #[must_use]
    pub const fn known(&self) -> u64 {
        self.unchanged + self.changed + self.left
    }

    /// Whether whoever brings it has still to say how many leave by it: more than one in ten of those known, as by a file that is cut off, or one of
    /// a single company (judgement).
    #[must_use]
    pub fn lacks_leavers(&self, told: Option<u64>) -> bool {
        self.left > self.known() / 10 && told != Some(self.left)
    }
}

impl Rosters {
    /// The roster of this id.
    #[must_use]
    pub fn import(&self, id: ImportId) -> Option<&RosterImport> {
        self.imports.iter().find(|import| import.id == id)
    }

    /// What may begin, or has begun and not ended.
    #[must_use]
    pub fn due(&self) -> Option<&RosterImport> {
        let is_due = |it: &&RosterImport| {
            it.proposed.is_some() && matches!(it.stage, Stage::Approved | Stage::Running)
        };
        self.imports.iter().find(is_due)
    }

    /// The run of the command line with this file that was begun and did not end, if it was the last of all.
    #[must_use]
    pub fn unfinished(&self, file: &str, complete: bool, policy: &str) -> Option<ImportId> {
        let is_same = |it: &&RosterImport| {
            let of = &it.content;
            it.is_left() && of.file == file && of.complete == complete && of.policy == policy
        };
        self.imports.last().filter(is_same).map(|it| it.id)
    }

    /// Runs of the command line that were begun and did not end.
    pub fn left(&self) -> impl Iterator<Item = &RosterImport> {
        self.imports.iter().filter(|it| it.is_left())
    }

    fn goes_to(&mut self, id: ImportId, stage: Stage) {
        if let Some(found) = self.imports.iter_mut().find(|it| it.id == id) {
            found.stage = stage;
        }
    }
}

impl RosterImport {
    /// Whether somebody of the staff can still decide on it, or the program has still to carry it out.
    #[must_use]
    pub fn is_open(&self, at: Timestamp) -> bool {
        let Some(proposed) = &self.proposed else {
            return false;
        };
        match self.stage {
            Stage::Proposed => at < proposed.expires_at,
            Stage::Approved | Stage::Running => true,
            Stage::Applied | Stage::Declined | Stage::Outdated | Stage::Abandoned => false,
        }
    }

    /// Whether a second person has still to decide on it.
    #[must_use]
    pub fn can_be_judged(&self, at: Timestamp) -> bool {
        self.stage == Stage::Proposed && self.is_open(at)
    }

    /// Whether it is a run of the command line that was begun and did not end.
    fn is_left(&self) -> bool {
        self.proposed.is_none() && self.stage == Stage::Running
    }
}

impl Aggregate for Rosters {
    const TYPE: &'static str = "rosters";
    type Command = Issued;
    type Event = RosterEvent;
    type Error = Refusal;
    type Services = ();

    async fn handle(
        &mut self,
        command: Issued,
        (): &(),
        sink: &EventSink<Self>,
    ) -> Result<(), Refusal> {
        for event in self.decide(&command)? {
            sink.write(event, self).await;
        }
        Ok(())
    }

    fn apply(&mut self, event: RosterEvent) {
        match event {
            RosterEvent::RosterPlanned {
                import,
                staff,
                grounds,
                content,
                at,
                expires_at,
            } => self.imports.push(RosterImport {
                id: import,
                content,
                at,
                proposed: Some(Proposed {
                    by: staff,
                    grounds,
                    expires_at,
                }),
                stage: Stage::Proposed,
            }),
            RosterEvent::RosterApproved { import, .. } => self.goes_to(import, Stage::Approved),
            RosterEvent::RosterDeclined { import, .. } => self.goes_to(import, Stage::Declined),
            RosterEvent::RosterOutdated { import } => self.goes_to(import, Stage::Outdated),
            RosterEvent::RosterBegun {
                import,
                content,
                at,
                ..
            } => match content {
                Some(content) => self.imports.push(RosterImport {
                    id: import,
                    content,
                    at,
                    proposed: None,
                    stage: Stage::Running,
                }),
                None => self.goes_to(import, Stage::Running),
            },
            RosterEvent::RosterApplied { import } => self.goes_to(import, Stage::Applied),
            RosterEvent::RosterAbandoned { import } => self.goes_to(import, Stage::Abandoned),
        }
    }
}

#[cfg(test)]
mod tests;
