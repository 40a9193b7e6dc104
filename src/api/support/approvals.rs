//! What waits for a second person: the list, and the page on which it is decided.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::desk::EmailState;
use super::json::{proposal_named, verdict_named};
use super::pages::{approval_link, does, trouble};
use super::standing::Standing;
use super::views::{ApprovalPage, ApprovalsPage, ProposalRow};
use crate::api::Api;
use crate::api::audit::looks::Showing;
use crate::api::audit::member_named;
use crate::api::audit::pages::shown;
use crate::api::audit::person::{Mask, Person};
use crate::api::pages::answers::page;
use crate::api::pages::forms::{FormToken, Sent};
use crate::api::pages::words::{Text, date_and_time, step_label};
use crate::api::problem::Problem;
use crate::api::rosters::row_of_roster;
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::api::staff::views::Told;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Onboarding, Proposal, Step, Verdict};
use crate::domain::values::Language;
use crate::domain::viewing::View;

/// `GET /approvals`.
pub(super) async fn list(State(api): State<Api>, who: StaffIn) -> Response {
    let page = list_page(&api, &who).await;
    shown(&api, &who, page)
}

async fn list_page(api: &Api, who: &StaffIn) -> Result<Response, Problem> {
    let form = FormToken::of(api, &who.visit);
    let desk = desk(api, who, &form, "/approvals".to_owned()).await?;
    let mut proposals = Vec::new();
    for (member, proposal, whose) in api.waiting_proposals(who).await? {
        let language = who.visit.language;
        proposals.push(row_of(api, language, member, &proposal, whose).await?);
    }
    let mut roster = None;
    if desk.opens("/rosters") {
        let (rosters, now) = (api.rosters().await?, api.clock.now());
        let waiting = rosters.imports.iter().find(|it| it.can_be_judged(now));
        roster = waiting.map(|it| row_of_roster(api, who.visit.language, it));
    }
    let view = ApprovalsPage {
        desk,
        proposals,
        roster,
    };
    Ok(page(&view, form, None))
}

/// `GET /approvals/{member}/{proposal}`.
pub(super) async fn proposal(
    State(api): State<Api>,
    who: StaffIn,
    Path((member, proposal)): Path<(String, String)>,
) -> Response {
    let page = proposal_page(&api, &who, (&member, &proposal), None).await;
    shown(&api, &who, page)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Judged {
    verdict: String,
    seen: String,
}

/// `POST /approvals/{member}/{proposal}`.
pub(super) async fn judge(
    State(api): State<Api>,
    who: StaffIn,
    Path((member, proposal)): Path<(String, String)>,
    Sent(judged): Sent<Judged>,
) -> Response {
    let decided = async {
        let (member, proposal) = (member_named(&member)?, proposal_named(&proposal)?);
        let approves = verdict_named(&judged.verdict)?;
        let seen = &judged.seen;
        api.judge(&who, member, proposal, approves, seen).await?;
        Ok(approval_link(member, proposal))
    };
    let page = match decided.await {
        Ok(to) => return Redirect::to(&to).into_response(),
        Err(problem) => match trouble(who.visit.language, &problem) {
            Some(text) => {
                let failed = Some((Told::Ill(text), &problem));
                proposal_page(&api, &who, (&member, &proposal), failed).await
            }
            None => Err(problem),
        },
    };
    shown(&api, &who, page)
}

async fn proposal_page(
    api: &Api,
    who: &StaffIn,
    (member, proposal): (&str, &str),
    failed: Option<(Told, &Problem)>,
) -> Result<Response, Problem> {
    let (member, proposal) = (member_named(member)?, proposal_named(proposal)?);
    let language = who.visit.language;
    let (state, proposed) = api.proposal(who, member, proposal).await?;
    let showing = Showing {
        member: Some(member),
        ..Showing::of(View::MemberHistory, None)
    };
    api.note_look(who, showing).await?;
    let stands = Standing::of(&state, api.clock.now(), &api.limits);
    let seen = stands.mark(&state, &proposed)?;
    let form = FormToken::of(api, &who.visit);
    let mut desk = desk(api, who, &form, approval_link(member, proposal)).await?;
    let (told, problem) = failed.unzip();
    desk.told = told;
    let key = match proposed.verdict {
        Some(Verdict::Approved { .. }) => Some("support.approved"),
        Some(Verdict::Declined) => Some("support.declined"),
        None if !proposed.is_open(api.clock.now()) => Some("support.over"),
        None => None,
    };
    let view = ApprovalPage {
        desk,
        does: does(language, proposed.intervention, state.not_me_reported),
        standing: standing(api, language, &state, &proposed).await?,
        seen,
        person: api.person(member, None, Mask::On).await?,
        verdict: key.map(|key| Text::of(language, key)),
        is_own: proposed.by == who.staff,
        proposal: row_of(api, language, member, &proposed, None).await?,
    };
    Ok(page(&view, form, problem))
}

/// How the member stands, as pairs of what and how.
async fn standing(
    api: &Api,
    language: Language,
    state: &Onboarding,
    proposed: &Proposal,
) -> Result<Vec<(Text, Text)>, Problem> {
    let text = |key: &str| Text::of(language, key);
    let step = |step: Step| {
        let label = step_label(language, step.name()).map(|text| text.to_string());
        Text::plain(&format!("{} {}", step.number(), label.unwrap_or_default()))
    };
    let email = EmailState::of(state).map_or("support.email_none", EmailState::key);
    let stopped = if state.not_me_reported {
        "support.use_not_me"
    } else if state.frozen {
        "support.use_frozen"
    } else if state.left {
        "support.use_left"
    } else {
        "support.use_open"
    };
    let mut rows = Vec::new();
    rows.extend(
        proposed
            .step
            .map(|then| (text("support.step_then"), step(then))),
    );
    rows.extend([
        (text("support.step_now"), step(state.stands_at())),
        (text("audit.email"), text(email)),
        (text("support.use"), text(stopped)),
        (
            text("support.proofing"),
            proofing(api, language, state).await?,
        ),
    ]);
    Ok(rows)
}

/// How, by whom and when the identity was proven last.
async fn proofing(api: &Api, language: Language, state: &Onboarding) -> Result<Text, Problem> {
    let Some(proofing) = &state.proofing else {
        return Ok(Text::of(language, "support.proofing_none"));
    };
    let names = api.vault.staff.names(&[proofing.by]).await?;
    let counts = state.proven(api.clock.now(), &api.limits).is_some();
    let key = if counts {
        "support.proofing_counts"
    } else {
        "support.proofing_over"
    };
    let how = Text::of(language, &format!("reason.{}", proofing.reason.name()));
    let at = proofing.at.map(|at| date_and_time(language, at));
    let by = names.get(&proofing.by).cloned().unwrap_or_default();
    let text = Text::of(language, key).with("how", how);
    Ok(text.with("by", by).with("at", at.as_deref().unwrap_or("–")))
}

/// A proposal in words.
pub(super) async fn row_of(
    api: &Api,
    language: Language,
    member: MemberId,
    proposal: &Proposal,
    whose: Option<Person>,
) -> Result<ProposalRow, Problem> {
    let names = api.vault.staff.names(&[proposal.by]).await?;
    let reason = proposal.grounds.reason.name();
    Ok(ProposalRow {
        link: approval_link(member, proposal.id),
        label: Text::of(
            language,
            &format!("intervention.{}", proposal.intervention.name()),
        ),
        reason: Text::of(language, &format!("reason.{reason}")),
        ticket: proposal.grounds.ticket.as_str().to_owned(),
        by: names.get(&proposal.by).cloned().unwrap_or_default(),
        until: date_and_time(language, proposal.expires_at),
        whose,
    })
}
