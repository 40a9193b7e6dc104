//! The rules of rosters: what one person plans, another approves, and what is carried out once.

use jiff::{SignedDuration, Timestamp};

use super::{
    Command, Issued, Proposed, REASONS, Refusal, RosterEvent, RosterImport, Rosters, Stage,
};
use crate::domain::ids::ImportId;

type Decision = Result<Vec<RosterEvent>, Refusal>;

impl Rosters {
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
                let before = before.saturating_sub(SignedDuration::from_micros(1));
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
}
