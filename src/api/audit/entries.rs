//! Events with what they do not say themselves: who of the staff acted or is concerned, and what was proposed that they decide on.

use std::collections::HashMap;

use serde_json::Value;

use super::line::Line;
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::ids::{MemberId, StaffId};
use crate::projections::Recorded;
use crate::projections::history::search::{Filter, Page, search};
use crate::projections::history::{concerned, subject};

/// Proposals of one member that are looked through, more than anybody has.
const MOST: i64 = 1000;

/// One event of a history or a list.
pub(in crate::api) struct Entry {
    pub(in crate::api) line: Line,
    /// The name of the one of the staff who acted.
    pub(in crate::api) staff: Option<String>,
    /// The id and the name of the one of the staff whose account it happened to.
    pub(in crate::api) about: Option<(StaffId, String)>,
    /// From where: a network, or address and browser.
    pub(in crate::api) from: Option<String>,
    /// What was approved, declined or taken back.
    pub(in crate::api) proposed: Option<Proposed>,
}

/// What somebody of the staff proposed.
pub(in crate::api) struct Proposed {
    /// The payload of `InterventionProposed`.
    pub(in crate::api) payload: Value,
    /// The name of whoever proposed it.
    pub(in crate::api) by: Option<String>,
}

impl Api {
    /// Events as entries, from wherever they came.
    ///
    /// # Errors
    /// A store is away.
    pub(in crate::api) async fn entries_of(
        &self,
        events: &[Recorded],
    ) -> Result<Vec<Entry>, Problem> {
        let mut proposals = self.proposals_of(events).await?;
        let mut staff: Vec<StaffId> = events.iter().filter_map(staff_of).collect();
        staff.extend(events.iter().filter_map(concerned));
        staff.extend(proposals.values().filter_map(proposer));
        staff.sort_unstable();
        staff.dedup();
        let names = self.vault.staff.names(&staff).await?;
        let name = |id: StaffId| names.get(&id).cloned();
        let entry = |event: &Recorded| Entry {
            line: Line::of(event),
            staff: staff_of(event).and_then(name),
            about: concerned(event).and_then(|id| Some((id, name(id)?))),
            from: None,
            proposed: decided(event)
                .and_then(|id| proposals.remove(id))
                .map(|payload| Proposed {
                    by: proposer(&payload).and_then(name),
                    payload,
                }),
        };
        Ok(events.iter().map(entry).collect())
    }

    /// The names of the accounts that these events happened to.
    ///
    /// # Errors
    /// The vault is away.
    pub(super) async fn names_of_concerned(
        &self,
        events: &[Recorded],
    ) -> Result<HashMap<StaffId, String>, Problem> {
        let mut staff: Vec<StaffId> = events.iter().filter_map(concerned).collect();
        staff.sort_unstable();
        staff.dedup();
        Ok(self.vault.staff.names(&staff).await?)
    }

    /// What these events decide on, by the proposals' ids.
    async fn proposals_of(&self, events: &[Recorded]) -> Result<HashMap<String, Value>, Problem> {
        let decisions = events.iter().filter(|event| decided(event).is_some());
        let mut last: HashMap<MemberId, _> = HashMap::new();
        for decision in decisions {
            if let Some(member) = subject(decision) {
                let position = last.entry(member).or_insert(decision.position);
                *position = decision.position.max(*position);
            }
        }
        let mut proposals = HashMap::new();
        for (member, last) in last {
            let filter = Filter {
                member: Some(member),
                event_type: Some("InterventionProposed".to_owned()),
                ..Filter::default()
            };
            for found in search(&self.read, &filter, Page::Backward(0, last), MOST).await? {
                let payload = found.recorded.payload;
                if let Some(id) = payload["proposal"].as_str() {
                    proposals.insert(id.to_owned(), payload);
                }
            }
        }
        Ok(proposals)
    }
}

/// The proposal that an event decides on.
fn decided(event: &Recorded) -> Option<&str> {
    let decides = ["InterventionApproved", "InterventionDeclined"];
    decides
        .contains(&event.event_type.as_str())
        .then(|| event.payload["proposal"].as_str())
        .flatten()
}

fn proposer(proposal: &Value) -> Option<StaffId> {
    proposal["staff"].as_str()?.parse().ok()
}

/// Who of the staff acted, if one did.
pub(super) fn staff_of(event: &Recorded) -> Option<StaffId> {
    (event.metadata["actor"] == "staff")
        .then(|| event.metadata["actor_id"].as_str()?.parse().ok())
        .flatten()
}
