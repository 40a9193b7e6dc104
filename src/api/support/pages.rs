//! The support desk's pages of members: finding one, seeing what keeps them, and helping.

use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::acts::Wanted;
use super::approvals::row_of;
use super::desk::{EmailState, Shown};
use super::json::proposal_named;
use super::limits::limit_rows;
use super::mails::mail_rows;
use super::views::{MemberPage, OfferForm, StepRow};
use crate::api::Api;
use crate::api::audit::member_named;
use crate::api::audit::pages::{self as audit, Place, shown};
use crate::api::audit::person::Search;
use crate::api::audit::views::Choice;
use crate::api::pages::answers::page;
use crate::api::pages::forms::{FormToken, Sent};
use crate::api::pages::words::{self, Text, date_and_time, step_label};
use crate::api::problem::{DeskProblem, Problem};
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::api::staff::views::Told;
use crate::api::status::steps_of;
use crate::domain::ids::{MemberId, ProposalId};
use crate::domain::onboarding::{Intervention, Offer};
use crate::domain::values::Language;

/// What the page says to whom an act went well.
const DONE: &str = "done";
const PROPOSED: &str = "proposed";

/// `GET /support`.
pub(super) async fn search_page(State(api): State<Api>, who: StaffIn) -> Response {
    audit::search_at(&api, &who, Place::Support).await
}

/// `POST /support/search`.
pub(super) async fn find(
    State(api): State<Api>,
    who: StaffIn,
    Sent(typed): Sent<Search>,
) -> Response {
    audit::find_at(&api, &who, &typed, Place::Support).await
}

/// `GET /support/members/{member}`.
pub(super) async fn member(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let note = match query.as_deref() {
        Some("note=done") => Some(Told::Well(Text::of(who.visit.language, "support.done"))),
        Some("note=proposed") => {
            let text = Text::of(who.visit.language, "support.proposed");
            Some(Told::Well(text))
        }
        Some(_) | None => None,
    };
    let page = member_page(&api, &who, &member, note, None).await;
    shown(&api, &who, page)
}

/// What a form of an intervention sends.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    intervention: String,
    reason: String,
    ticket: String,
    /// The proposal that it makes; empty, if nobody has to approve it.
    proposal: String,
}

/// `POST /support/members/{member}/interventions`: does it, or proposes it.
pub(super) async fn intervene(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    Sent(asked): Sent<Asked>,
) -> Response {
    let done = act(&api, &who, &member, &asked).await;
    let page = match done {
        Ok(note) => {
            let to = format!("/support/members/{member}?note={note}");
            return Redirect::to(&to).into_response();
        }
        Err(problem) => match trouble(who.visit.language, &problem) {
            Some(text) => {
                let told = Some(Told::Ill(text));
                member_page(&api, &who, &member, told, Some((&asked, &problem))).await
            }
            None => Err(problem),
        },
    };
    shown(&api, &who, page)
}

async fn act(
    api: &Api,
    who: &StaffIn,
    member: &str,
    asked: &Asked,
) -> Result<&'static str, Problem> {
    let member = member_named(member)?;
    let wanted = Wanted::read(&asked.intervention, &asked.reason, &asked.ticket)?;
    if asked.proposal.is_empty() {
        api.intervene(who, member, wanted).await?;
        return Ok(DONE);
    }
    let proposal = proposal_named(&asked.proposal)?;
    api.propose(who, member, proposal, wanted).await?;
    Ok(PROPOSED)
}

/// What is said of a problem on the page itself; none, where there is a page for it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other problems have their pages"
)]
pub(super) fn trouble(language: Language, problem: &Problem) -> Option<Text> {
    let key = match problem {
        Problem::Invalid {
            field: "ticket", ..
        } => "support.no_ticket",
        Problem::Invalid { .. } => "support.no_reason",
        Problem::OutOfOrder(_) => "support.out_of_order",
        Problem::TooSoon(_) | Problem::BudgetSpent(_) => "support.no_mail_now",
        Problem::Desk(problem) => return desk_trouble(*problem).map(|key| Text::of(language, key)),
        _ => return None,
    };
    Some(Text::of(language, key))
}

/// The same of what stands against an intervention.
pub(in crate::api) const fn desk_trouble(problem: DeskProblem) -> Option<&'static str> {
    Some(match problem {
        DeskProblem::NeedsApproval | DeskProblem::NeedsNoApproval | DeskProblem::ChangedSince => {
            "support.changed"
        }
        DeskProblem::NothingToDo => "support.nothing_to_do",
        DeskProblem::AlreadyProposed => "support.already_proposed",
        DeskProblem::UnknownProposal => return None,
        DeskProblem::ProposalOver => "support.proposal_over",
        DeskProblem::OwnProposal => "support.own_proposal",
        DeskProblem::NotProven => "support.not_proven",
        DeskProblem::LiftsSpent => "support.no_lift_now",
        DeskProblem::RosterOpen => "roster.another_open",
        DeskProblem::OtherPlan => "roster.other_plan",
    })
}

async fn member_page(
    api: &Api,
    who: &StaffIn,
    member: &str,
    told: Option<Told>,
    failed: Option<(&Asked, &Problem)>,
) -> Result<Response, Problem> {
    let member = member_named(member)?;
    let shown = Box::pin(api.at_the_desk(who, member)).await?;
    let language = who.visit.language;
    let form = FormToken::of(api, &who.visit);
    let path = format!("/support/members/{member}");
    let mut desk = desk(api, who, &form, path).await?;
    desk.told = told;
    let asked = failed.map(|(asked, _)| asked);
    let mut proposals = Vec::new();
    let now = api.clock.now();
    for proposal in &shown.status.state.proposals {
        let is_unmask = proposal.intervention == Intervention::Unmask;
        if proposal.is_open(now) && !is_unmask {
            proposals.push(row_of(api, language, member, proposal, None).await?);
        }
    }
    let view = MemberPage {
        member: member.to_string(),
        cohort: shown.timeline.cohort.clone(),
        steps: steps(language, &shown),
        warnings: warnings(api, language, &shown),
        limits: limit_rows(language, now, &shown.reached),
        mails: mail_rows(language, &shown.mails),
        email_state: EmailState::of(&shown.status.state)
            .map(|state| Text::of(language, state.key())),
        proposals,
        offers: offers(api, language, &shown, asked),
        wait_for_proof: shown
            .wait_for_proof
            .iter()
            .map(|it| Text::of(language, &format!("intervention.{}", it.name())))
            .collect(),
        rows: shown
            .timeline
            .entries
            .iter()
            .map(|entry| audit::row_of(language, entry))
            .collect(),
        person: shown.timeline.person,
        desk,
    };
    Ok(page(&view, form, failed.map(|(_, problem)| problem)))
}

fn steps(language: Language, shown: &Shown) -> Vec<StepRow> {
    let due = shown.status.state.due();
    let row = |step: crate::domain::onboarding::Step| StepRow {
        number: step.number(),
        label: step_label(language, step.name()).unwrap_or_else(|| Text::plain(step.name())),
        done: shown
            .status
            .done
            .get(&step)
            .map(|at| date_and_time(language, *at)),
        is_due: step == due,
    };
    steps_of(&shown.status.state).map(row).collect()
}

fn warnings(api: &Api, language: Language, shown: &Shown) -> Vec<Text> {
    let state = &shown.status.state;
    let now = api.clock.now();
    let mut warnings = Vec::new();
    if state.not_me_reported {
        let key = if state.proven(now, &api.limits).is_some() {
            "support.not_me_proven"
        } else {
            "support.not_me"
        };
        warnings.push(Text::of(language, key));
    } else if state.frozen {
        warnings.push(Text::of(language, "support.frozen"));
    }
    if state.left {
        warnings.push(Text::of(language, "support.has_left"));
    }
    let until = shown.kept.and_then(|it| it.until);
    if let Some((until, kept)) = until.zip(shown.kept) {
        let key = if kept.everywhere {
            "support.waiting"
        } else {
            "support.waiting_somewhere"
        };
        let from = words::from(language, until, now);
        warnings.push(Text::of(language, key).with("from", from));
    }
    if shown.kept.is_some_and(|it| it.browser_closed) {
        warnings.push(Text::of(language, "support.browser_closed"));
    }
    if let Some(from) = shown.lifts_from {
        let from = words::from(language, from, now);
        warnings.push(Text::of(language, "support.lifts_spent").with("from", from));
    }
    if let Some(coming) = state.coming_password {
        let from = words::from(language, coming.reset.counts_from, now);
        warnings.push(Text::of(language, "support.password_changes").with("from", from));
    }
    let enrolment = state.enrolment.as_ref();
    let has_expired = enrolment.is_some_and(|it| it.expires_at <= now);
    if state.password.is_none() && has_expired {
        warnings.push(Text::of(language, "support.expired"));
    }
    warnings
}

fn offers(api: &Api, language: Language, shown: &Shown, asked: Option<&Asked>) -> Vec<OfferForm> {
    let form = |(intervention, offer): &(Intervention, Offer)| {
        let name = intervention.name();
        let sent = asked.filter(|asked| asked.intervention == name);
        let reason = |reason: &crate::domain::onboarding::Reason| Choice {
            value: reason.name().to_owned(),
            text: Text::of(language, &format!("reason.{}", reason.name())).to_string(),
            chosen: sent.is_some_and(|asked| asked.reason == reason.name()),
        };
        OfferForm {
            name,
            label: Text::of(language, &format!("intervention.{name}")),
            does: does(language, *intervention, shown.status.state.not_me_reported),
            proposal: (*offer == Offer::Proposal).then(|| api.entropy.id().to_string()),
            reasons: intervention.reasons().iter().map(reason).collect(),
            typed: sent.map(|asked| asked.ticket.trim().to_owned()),
        }
    };
    shown.offers.iter().map(form).collect()
}

/// What exactly an intervention does.
pub(super) fn does(language: Language, intervention: Intervention, not_me_reported: bool) -> Text {
    let key = if intervention == Intervention::Release && not_me_reported {
        "does.release_after_report".to_owned()
    } else {
        format!("does.{}", intervention.name())
    };
    Text::of(language, &key)
}

/// The page on which a proposal is decided.
pub(super) fn approval_link(member: MemberId, proposal: ProposalId) -> String {
    format!("/approvals/{member}/{proposal}")
}
