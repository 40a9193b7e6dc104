//! Lists of what staff proposed, for programs: what waits for a second person, and what was decided lately.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::Api;
use crate::api::audit::entries::Entry;
use crate::api::audit::looks::Showing;
use crate::api::audit::person::{Mask, Person};
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::api::staff::rights::may_intervene;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Event, Proposal};
use crate::domain::viewing::View;
use crate::projections::Recorded;
use crate::projections::history::search::{Filter, Page, position_at, search};

/// For how long what was decided is listed (judgement: until somebody is back from a holiday); the history has all.
const LISTED_FOR: SignedDuration = SignedDuration::from_hours(24 * 30);

/// Decisions of each kind in the list, the latest.
const MOST: i64 = 100;

/// Which proposals are listed.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProposalsQuery {
    /// `waiting` (if empty): what can be approved now, first what ends first. `decided`: what was approved, declined or taken back in the
    /// last 30 days, newest first, the last 100 of either.
    #[param(example = "waiting")]
    state: String,
}

/// Proposals that the role may see.
#[derive(Serialize, ToSchema)]
pub struct ProposalsBody {
    proposals: Vec<ListedBody>,
}

/// A proposal in a list. How its member stands, and the mark that an approval repeats, are with the proposal itself.
#[derive(Serialize, ToSchema)]
pub struct ListedBody {
    member: String,
    /// Who that is, masked; none, if it was erased.
    person: Option<Person>,
    proposal: String,
    intervention: &'static str,
    reason: &'static str,
    ticket: String,
    /// Who of the staff proposed it.
    by: String,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
    /// `open`, `approved` or `declined`.
    verdict: &'static str,
    /// Who of the staff decided.
    decided_by: Option<String>,
    /// When.
    #[schema(value_type = Option<String>, format = DateTime)]
    decided_at: Option<Timestamp>,
}

impl ListedBody {
    /// A proposal that nobody has decided.
    fn open((member, proposal, person): (MemberId, Proposal, Option<Person>)) -> Self {
        Self {
            member: member.to_string(),
            person,
            proposal: proposal.id.to_string(),
            intervention: proposal.intervention.name(),
            reason: proposal.grounds.reason.name(),
            ticket: proposal.grounds.ticket.as_str().to_owned(),
            by: proposal.by.to_string(),
            expires_at: proposal.expires_at,
            verdict: "open",
            decided_by: None,
            decided_at: None,
        }
    }
}

impl Api {
    /// All proposals that can be approved now and that the role may see, with whose they are; the look is stored.
    ///
    /// # Errors
    /// A store is away.
    pub(super) async fn waiting_proposals(
        &self,
        who: &StaffIn,
    ) -> Result<Vec<(MemberId, Proposal, Option<Person>)>, Problem> {
        self.note_look(who, Showing::of(View::Approvals, None))
            .await?;
        let mut waiting = Vec::new();
        for (member, proposal) in self.open_proposals(who).await? {
            let person = self.person(member, None, Mask::On).await?;
            waiting.push((member, proposal, person));
        }
        Ok(waiting)
    }

    async fn waiting_bodies(&self, who: &StaffIn) -> Result<Vec<ListedBody>, Problem> {
        let waiting = self.waiting_proposals(who).await?.into_iter();
        Ok(waiting.map(ListedBody::open).collect())
    }

    async fn decided_bodies(&self, who: &StaffIn) -> Result<Vec<ListedBody>, Problem> {
        self.note_look(who, Showing::of(View::Approvals, None))
            .await?;
        self.shows_everything().await?;
        let since = position_at(&self.read, self.clock.now() - LISTED_FOR).await?;
        let page = Page::Backward(since, self.statuses.progress().position());
        let mut events: Vec<Recorded> = Vec::new();
        for event_type in ["InterventionApproved", "InterventionDeclined"] {
            let filter = Filter {
                event_type: Some(event_type.to_owned()),
                ..Filter::default()
            };
            let found = search(&self.read, &filter, page, MOST).await?;
            events.extend(found.into_iter().map(|it| it.recorded));
        }
        events.sort_by_key(|event| std::cmp::Reverse(event.position));
        let mut bodies = Vec::new();
        for entry in self.entries_of(&events).await? {
            bodies.extend(self.decided_body(who, &entry).await?);
        }
        Ok(bodies)
    }

    /// What an event decided; none, if the role may not see it.
    async fn decided_body(
        &self,
        who: &StaffIn,
        entry: &Entry,
    ) -> Result<Option<ListedBody>, Problem> {
        let proposed = entry.proposed.as_ref().map(|it| it.payload.clone());
        let proposed = proposed.and_then(|payload| serde_json::from_value(payload).ok());
        let member = entry.line.member.as_deref();
        let member = member.and_then(|id| id.parse::<MemberId>().ok());
        let (
            Some(Event::InterventionProposed {
                proposal,
                intervention,
                grounds,
                staff,
                expires_at,
                ..
            }),
            Some(member),
        ) = (proposed, member)
        else {
            return Ok(None);
        };
        if !may_intervene(who.role, intervention) {
            return Ok(None);
        }
        let verdict = if entry.line.event_type == "InterventionApproved" {
            "approved"
        } else {
            "declined"
        };
        let proposal = Proposal {
            id: proposal,
            intervention,
            grounds,
            by: staff,
            expires_at,
            step: None,
            verdict: None,
        };
        let person = self.person(member, None, Mask::On).await?;
        Ok(Some(ListedBody {
            verdict,
            decided_by: Some(entry.line.actor_id.clone()),
            decided_at: Some(entry.line.recorded_at),
            ..ListedBody::open((member, proposal, person))
        }))
    }
}

/// Proposals that wait for a second person, or that were decided lately.
#[utoipa::path(get, path = "/api/v1/support/proposals", tag = "support", params(ProposalsQuery),
    responses((status = 200, description = "the proposals", body = ProposalsBody)))]
pub(in crate::api) async fn support_proposals(
    State(api): State<Api>,
    who: StaffIn,
    asked: Result<Query<ProposalsQuery>, QueryRejection>,
) -> Result<Json<ProposalsBody>, Problem> {
    let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
    let proposals = match asked.state.as_str() {
        "" | "waiting" => api.waiting_bodies(&who).await?,
        "decided" => api.decided_bodies(&who).await?,
        _ => {
            return Err(Problem::Invalid {
                field: "state",
                why: "unknown",
            });
        }
    };
    Ok(Json(ProposalsBody { proposals }))
}
