//! Which rosters were brought, what they would do, who agreed to it, and what became of them.

use std::collections::BTreeMap;

use cqrs_es::{Aggregate, DomainEvent, event_sink::EventSink};
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

type Decision = Result<Vec<RosterEvent>, Refusal>;

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
    pub fn unfinished(&self, content: &Content) -> Option<ImportId> {
        let is_same = |it: &&RosterImport| {
            it.is_left()
                && it.content.file == content.file
                && it.content.complete == content.complete
                && it.content.policy == content.policy
        };
        self.imports.last().filter(is_same).map(|it| it.id)
    }

    /// Runs of the command line that were begun and did not end.
    pub fn left(&self) -> impl Iterator<Item = &RosterImport> {
        self.imports.iter().filter(|it| it.is_left())
    }

    /// Decides on a command.
    ///
    /// # Errors
    /// Answers with the [`Refusal`] that stands against it.
    pub fn decide(&self, issued: &Issued) -> Decision {
        let at = issued.at;
        match &issued.command {
            Command::Plan {
                import,
                proposed,
                content,
            } => {
                if !REASONS.contains(&proposed.grounds.reason) {
                    return Err(Refusal::WrongReason);
                }
                if self.imports.iter().any(|it| it.is_open(at)) {
                    return Err(Refusal::AnotherOpen);
                }
                Ok(vec![RosterEvent::RosterPlanned {
                    import: *import,
                    staff: proposed.by,
                    grounds: proposed.grounds.clone(),
                    content: content.clone(),
                    at,
                    expires_at: proposed.expires_at,
                }])
            }
            Command::Approve {
                import,
                staff,
                plan,
            } => {
                let (found, proposed) = self.proposed(*import, at)?;
                if proposed.by == *staff {
                    return Err(Refusal::OwnPlan);
                }
                if found.content.plan != *plan {
                    return Err(Refusal::OtherPlan);
                }
                Ok(vec![RosterEvent::RosterApproved {
                    import: *import,
                    staff: *staff,
                    plan: plan.clone(),
                    at,
                }])
            }
            Command::Decline { import, staff } => {
                self.proposed(*import, at)?;
                Ok(vec![RosterEvent::RosterDeclined {
                    import: *import,
                    staff: *staff,
                }])
            }
            Command::BeginAlone {
                import,
                user,
                content,
            } => match self.import(*import) {
                // A run that was killed goes on.
                Some(found) if found.proposed.is_none() && found.stage == Stage::Running => {
                    Ok(Vec::new())
                }
                Some(_) => Err(Refusal::NotOpen),
                // What two people decided on is finished as it was begun.
                None if self.due().is_some_and(|due| due.stage == Stage::Running) => {
                    Err(Refusal::AnotherOpen)
                }
                None => Ok(vec![RosterEvent::RosterBegun {
                    import: *import,
                    user: Some(user.clone()),
                    content: Some(content.clone()),
                    at,
                }]),
            },
            Command::Begin { import, plan } => {
                let found = self.import(*import).ok_or(Refusal::NotOpen)?;
                if found.stage == Stage::Running {
                    return Ok(Vec::new());
                }
                if found.stage != Stage::Approved {
                    return Err(Refusal::NotOpen);
                }
                Ok(vec![if found.content.plan == *plan {
                    RosterEvent::RosterBegun {
                        import: *import,
                        user: None,
                        content: None,
                        at,
                    }
                } else {
                    RosterEvent::RosterOutdated { import: *import }
                }])
            }
            Command::Finish { import } => {
                let found = self.import(*import);
                if found.is_some_and(|it| it.stage == Stage::Applied) {
                    return Ok(Vec::new());
                }
                self.running(*import)?;
                Ok(vec![RosterEvent::RosterApplied { import: *import }])
            }
            Command::Abandon { import } => {
                self.running(*import)?;
                Ok(vec![RosterEvent::RosterAbandoned { import: *import }])
            }
        }
    }

    fn running(&self, id: ImportId) -> Result<&RosterImport, Refusal> {
        let found = self.import(id).filter(|it| it.stage == Stage::Running);
        found.ok_or(Refusal::NotOpen)
    }

    fn proposed(&self, id: ImportId, at: Timestamp) -> Result<(&RosterImport, &Proposed), Refusal> {
        let found = self.import(id).filter(|it| it.stage == Stage::Proposed);
        let found = found.ok_or(Refusal::NotOpen)?;
        let proposed = found.proposed.as_ref().filter(|it| at < it.expires_at);
        Ok((found, proposed.ok_or(Refusal::NotOpen)?))
    }

    /// Whether the rules make these events, in a stream that stands like this.
    #[must_use]
    pub fn yields(&self, events: &[RosterEvent], at: Timestamp) -> bool {
        let [event] = events else { return false };
        let (at, command) = match event.clone() {
            RosterEvent::RosterPlanned {
                import,
                staff,
                grounds,
                content,
                at,
                expires_at,
            } => {
                let proposed = Proposed {
                    by: staff,
                    grounds,
                    expires_at,
                };
                let command = Command::Plan {
                    import,
                    proposed,
                    content,
                };
                (at, command)
            }
            RosterEvent::RosterApproved {
                import,
                staff,
                plan,
                at,
            } => (
                at,
                Command::Approve {
                    import,
                    staff,
                    plan,
                },
            ),
            RosterEvent::RosterDeclined { import, staff } => {
                // It was decided on before it was recorded.
                let end = self.import(import).and_then(|it| it.proposed.as_ref());
                let before = end.map_or(at, |it| it.expires_at.min(at));
                let before = before.saturating_sub(jiff::SignedDuration::from_micros(1));
                (before.unwrap_or(at), Command::Decline { import, staff })
            }
            RosterEvent::RosterOutdated { import } => (
                at,
                Command::Begin {
                    import,
                    plan: String::new(),
                },
            ),
            RosterEvent::RosterBegun {
                import,
                user: Some(user),
                content: Some(content),
                at,
            } => (
                at,
                Command::BeginAlone {
                    import,
                    user,
                    content,
                },
            ),
            RosterEvent::RosterBegun { import, at, .. } => {
                let found = self.import(import);
                let plan = found.map_or_else(String::new, |it| it.content.plan.clone());
                (at, Command::Begin { import, plan })
            }
            RosterEvent::RosterApplied { import } => (at, Command::Finish { import }),
            RosterEvent::RosterAbandoned { import } => (at, Command::Abandon { import }),
        };
        let yielded = self.decide(&Issued { at, command });
        yielded.is_ok_and(|yielded| yielded == events)
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

    /// Whether it is a run of the command line that was begun and did not end.
    fn is_left(&self) -> bool {
        self.proposed.is_none() && self.stage == Stage::Running
    }
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
