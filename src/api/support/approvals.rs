//! What waits for a second person: the list, and the page on which it is decided.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::json::{proposal_named, verdict_named};
use super::pages::{approval_link, does, trouble};
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
use crate::domain::onboarding::{Proposal, Verdict};
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
    let all = Showing::of(View::MemberSearch, None);
    api.note_look(who, all).await?;
    let mut proposals = Vec::new();
    for (member, proposal) in api.open_proposals(who).await? {
        let whose = api.person(member, None, Mask::On).await?;
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
        api.judge(&who, member, proposal, approves).await?;
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
    let proposed = api.proposal(who, member, proposal).await?;
    let showing = Showing {
        member: Some(member),
        ..Showing::of(View::MemberHistory, None)
    };
    api.note_look(who, showing).await?;
    let status = api.statuses.of(member).await?;
    let state = status.ok_or(Problem::UnknownMember)?.state;
    let due = state.due();
    let label = step_label(language, due.name()).map(|text| text.to_string());
    let due = format!("{} {}", due.number(), label.unwrap_or_default());
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
        standing: Text::of(language, "audit.step_due").with("step", due),
        person: api.person(member, None, Mask::On).await?,
        verdict: key.map(|key| Text::of(language, key)),
        is_own: proposed.by == who.staff,
        proposal: row_of(api, language, member, &proposed, None).await?,
    };
    Ok(page(&view, form, problem))
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
