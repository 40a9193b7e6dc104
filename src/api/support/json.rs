//! The support desk for programs of staff: with the cookie of a session, never with a token, for each act is a person's.

use axum::Json;
use axum::extract::{Path, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::acts::Wanted;
use super::desk::{EmailState, Shown};
use super::limits::ReachedBody;
use super::standing::Standing;
use crate::api::Api;
use crate::api::audit::looks::Showing;
use crate::api::audit::person::{Person, Search};
use crate::api::audit::{FoundBody, member_named};
use crate::api::members::bodies::Body;
use crate::api::problem::{DeskProblem, Problem, StepBody};
use crate::api::staff::StaffIn;
use crate::domain::ids::{MemberId, ProposalId};
use crate::domain::onboarding::{Intervention, Offer, Onboarding, Proposal, Verdict};
use crate::domain::policy::Limits;
use crate::domain::viewing::View;

/// What is to be done, and on what grounds.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InterventionBody {
    /// `resend_email_link`, `clear_email`, `lift_wait`, `end_session`, `freeze`, `release`, `reissue_credentials`, `record_proofing`,
    /// `unmask` or `erase`.
    #[schema(example = "freeze")]
    pub intervention: String,
    /// One of that intervention's reasons.
    #[schema(example = "suspected_misuse")]
    pub reason: String,
    /// The ticket's number: a letter, and up to 19 letters, digits and hyphens.
    #[schema(example = "HD-1234")]
    pub ticket: String,
}

/// What becomes of a proposal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerdictBody {
    /// `approve` or `decline`.
    #[schema(example = "approve")]
    pub verdict: String,
    /// The mark that came with the proposal (`seen`): an approval counts only as long as the member stands as it was shown beside it.
    #[serde(default)]
    pub seen: String,
}

/// A member, as the desk sees them.
#[derive(Serialize, ToSchema)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is something that keeps a member"
)]
pub struct DeskBody {
    member: String,
    cohort: String,
    /// Who that is, masked; none, if it was erased.
    person: Option<Person>,
    /// The step that is due.
    step: StepBody,
    /// `registered`, `followed` or `verified`; none, if no address was entered.
    email_state: Option<&'static str>,
    /// When another password takes a forgotten one's place; none, if none was set.
    #[schema(value_type = Option<String>, format = DateTime)]
    password_changes_at: Option<Timestamp>,
    frozen: bool,
    /// Whether the society's roster has the member no more.
    left: bool,
    /// Whether that is since somebody reported that it was not the member.
    not_me_reported: bool,
    /// Whether the identity was proven since, and that counts still.
    proven: bool,
    /// The end of the longest waiting time that runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    waiting_until: Option<Timestamp>,
    /// Whether one runs wherever the member signs in from, and not only where somebody failed.
    waiting_everywhere: bool,
    /// Whether a browser of the member's own has failed so often that only a lift opens it.
    browser_closed: bool,
    /// When waiting times can be lifted again; none, if they can be now, or none runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    lifts_from: Option<Timestamp>,
    /// The limits that have been reached and keep the member now.
    limits: Vec<ReachedBody>,
    proposals: Vec<ProposalBody>,
    /// What would do something now.
    interventions: Vec<OfferBody>,
    /// What would, once the member's identity is proven.
    wait_for_proof: Vec<&'static str>,
}

/// Something that can be done.
#[derive(Serialize, ToSchema)]
pub struct OfferBody {
    intervention: &'static str,
    /// Whether a second person has to approve it.
    needs_approval: bool,
    /// The reasons that it can have.
    reasons: Vec<&'static str>,
}

/// What somebody proposed.
#[derive(Serialize, ToSchema)]
pub struct ProposalBody {
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
    /// The step that the member had come to when it was proposed; none, if that was not recorded.
    step_then: Option<StepBody>,
    /// How the member stands now.
    member: Standing,
    /// The mark of that, which an approval has to repeat.
    seen: String,
}

impl ProposalBody {
    fn of(
        state: &Onboarding,
        proposal: &Proposal,
        (at, limits): (Timestamp, &Limits),
    ) -> Result<Self, Problem> {
        let member = Standing::of(state, at, limits);
        let seen = member.mark(state, proposal)?;
        Ok(Self {
            proposal: proposal.id.to_string(),
            intervention: proposal.intervention.name(),
            reason: proposal.grounds.reason.name(),
            ticket: proposal.grounds.ticket.as_str().to_owned(),
            by: proposal.by.to_string(),
            expires_at: proposal.expires_at,
            verdict: match proposal.verdict {
                None => "open",
                Some(Verdict::Approved { .. }) => "approved",
                Some(Verdict::Declined) => "declined",
            },
            step_then: proposal.step.map(StepBody::of),
            member,
            seen,
        })
    }
}

impl DeskBody {
    fn of(shown: Shown, now: (Timestamp, &Limits)) -> Result<Self, Problem> {
        let offer = |(intervention, offer): &(Intervention, Offer)| OfferBody {
            intervention: intervention.name(),
            needs_approval: *offer == Offer::Proposal,
            reasons: intervention.reasons().iter().map(|it| it.name()).collect(),
        };
        let state = &shown.status.state;
        let proposals = state.proposals.iter();
        let proposals = proposals.map(|it| ProposalBody::of(state, it, now));
        Ok(Self {
            member: shown.timeline.member.to_string(),
            cohort: shown.timeline.cohort,
            person: shown.timeline.person,
            step: StepBody::of(state.due()),
            email_state: EmailState::of(state).map(EmailState::name),
            password_changes_at: state.coming_password.map(|it| it.reset.counts_from),
            frozen: state.frozen,
            left: state.left,
            not_me_reported: state.not_me_reported,
            proven: state.proven(now.0, now.1).is_some(),
            waiting_until: shown.kept.and_then(|it| it.until),
            waiting_everywhere: shown.kept.is_some_and(|it| it.everywhere),
            browser_closed: shown.kept.is_some_and(|it| it.browser_closed),
            lifts_from: shown.lifts_from,
            limits: shown.reached.iter().copied().map(ReachedBody::of).collect(),
            proposals: proposals.collect::<Result<_, _>>()?,
            interventions: shown.offers.iter().map(offer).collect(),
            wait_for_proof: shown.wait_for_proof.iter().map(|it| it.name()).collect(),
        })
    }
}

/// Finds members by user ID, by 記号 and 番号, or by GID.
#[utoipa::path(post, path = "/api/v1/support/members/search", tag = "support", request_body = Search,
    responses((status = 200, description = "whom it found", body = FoundBody)))]
pub(in crate::api) async fn support_search(
    State(api): State<Api>,
    who: StaffIn,
    Body(asked): Body<Search>,
) -> Result<Json<FoundBody>, Problem> {
    api.found_members(&who, &asked).await.map(Json)
}

/// Where a member stands, what keeps them, and what can be done.
#[utoipa::path(get, path = "/api/v1/support/members/{member}", tag = "support",
    params(("member" = String, Path, description = "the member's id")),
    responses((status = 200, description = "the member", body = DeskBody)))]
pub(in crate::api) async fn support_member(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
) -> Result<Json<DeskBody>, Problem> {
    desk_body(&api, &who, member_named(&member)?).await
}

/// Does something for a member.
#[utoipa::path(post, path = "/api/v1/support/members/{member}/interventions", tag = "support",
    params(("member" = String, Path, description = "the member's id")), request_body = InterventionBody,
    responses((status = 200, description = "the member, afterwards", body = DeskBody)))]
pub(in crate::api) async fn support_intervene(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    Body(asked): Body<InterventionBody>,
) -> Result<Json<DeskBody>, Problem> {
    let member = member_named(&member)?;
    let wanted = Wanted::read(&asked.intervention, &asked.reason, &asked.ticket)?;
    api.intervene(&who, member, wanted).await?;
    desk_body(&api, &who, member).await
}

/// Proposes what a second person has to approve.
#[utoipa::path(post, path = "/api/v1/support/members/{member}/proposals", tag = "support",
    params(("member" = String, Path, description = "the member's id")), request_body = InterventionBody,
    responses((status = 200, description = "the proposal", body = ProposalBody)))]
pub(in crate::api) async fn support_propose(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    Body(asked): Body<InterventionBody>,
) -> Result<Json<ProposalBody>, Problem> {
    let member = member_named(&member)?;
    let wanted = Wanted::read(&asked.intervention, &asked.reason, &asked.ticket)?;
    let proposal = ProposalId(api.entropy.id());
    api.propose(&who, member, proposal, wanted).await?;
    proposal_body(&api, &who, member, proposal).await
}

/// A proposal, and how its member stands: what a second person looks at before deciding.
#[utoipa::path(get, path = "/api/v1/support/members/{member}/proposals/{proposal}", tag = "support",
    params(("member" = String, Path, description = "the member's id"),
        ("proposal" = String, Path, description = "the proposal's id")),
    responses((status = 200, description = "the proposal", body = ProposalBody)))]
pub(in crate::api) async fn support_proposal(
    State(api): State<Api>,
    who: StaffIn,
    Path((member, proposal)): Path<(String, String)>,
) -> Result<Json<ProposalBody>, Problem> {
    let (member, proposal) = (member_named(&member)?, proposal_named(&proposal)?);
    let shown = proposal_body(&api, &who, member, proposal).await?;
    let showing = Showing {
        member: Some(member),
        ..Showing::of(View::MemberHistory, None)
    };
    api.note_look(&who, showing).await?;
    Ok(shown)
}

/// Approves or declines a proposal.
#[utoipa::path(post, path = "/api/v1/support/members/{member}/proposals/{proposal}", tag = "support",
    params(("member" = String, Path, description = "the member's id"),
        ("proposal" = String, Path, description = "the proposal's id")), request_body = VerdictBody,
    responses((status = 200, description = "the proposal, afterwards", body = ProposalBody)))]
pub(in crate::api) async fn support_judge(
    State(api): State<Api>,
    who: StaffIn,
    Path((member, proposal)): Path<(String, String)>,
    Body(asked): Body<VerdictBody>,
) -> Result<Json<ProposalBody>, Problem> {
    let member = member_named(&member)?;
    let proposal = proposal_named(&proposal)?;
    let approves = verdict_named(&asked.verdict)?;
    api.judge(&who, member, proposal, approves, &asked.seen)
        .await?;
    proposal_body(&api, &who, member, proposal).await
}

async fn desk_body(api: &Api, who: &StaffIn, member: MemberId) -> Result<Json<DeskBody>, Problem> {
    let shown = api.at_the_desk(who, member).await?;
    let now = (api.clock.now(), &*api.limits);
    DeskBody::of(shown, now).map(Json)
}

async fn proposal_body(
    api: &Api,
    who: &StaffIn,
    member: MemberId,
    proposal: ProposalId,
) -> Result<Json<ProposalBody>, Problem> {
    let (state, proposal) = api.proposal(who, member, proposal).await?;
    let now = (api.clock.now(), &*api.limits);
    ProposalBody::of(&state, &proposal, now).map(Json)
}

/// What cannot be a proposal's id is as unknown as one that is none's.
pub(super) fn proposal_named(text: &str) -> Result<ProposalId, Problem> {
    let unknown = Problem::Desk(DeskProblem::UnknownProposal);
    text.parse().map_err(|_| unknown)
}

/// Whether a verdict approves.
pub(in crate::api) fn verdict_named(name: &str) -> Result<bool, Problem> {
    match name {
        "approve" => Ok(true),
        "decline" => Ok(false),
        _ => Err(Problem::Invalid {
            field: "verdict",
            why: "unknown",
        }),
    }
}
