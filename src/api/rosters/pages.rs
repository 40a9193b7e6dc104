//! The pages of rosters: bringing one, seeing what it would do, deciding on it.

use axum::extract::multipart::{Multipart, MultipartRejection};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use serde::Deserialize;

use super::acts::import_named;
use super::json::PageQuery;
use super::upload::Typed;
use super::views::{
    ChangeRow, FaultRow, ListPage, MemberRow, NewcomerRow, PlanPage, RosterRow, Turning,
};
use super::words::fault_text;
use crate::api::Api;
use crate::api::audit::pages::shown;
use crate::api::audit::person::{Mask, Person};
use crate::api::audit::views::Choice;
use crate::api::pages::answers::page;
use crate::api::pages::forms::{FormToken, Sent};
use crate::api::pages::words::{Text, date_and_time};
use crate::api::problem::{DeskProblem, Problem};
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::api::staff::views::Told;
use crate::api::support::{desk_trouble, verdict_named};
use crate::domain::ids::MemberId;
use crate::domain::rosters::{REASONS, RosterImport, Stage};
use crate::domain::values::Language;
use crate::rosters::{Details, SHOWN, pages};

/// `GET /rosters`.
pub(super) async fn list(State(api): State<Api>, who: StaffIn) -> Response {
    let page = list_page(&api, &who, &Typed::default(), None).await;
    shown(&api, &who, page)
}

/// `POST /rosters`.
pub(super) async fn bring(
    State(api): State<Api>,
    who: StaffIn,
    form: Result<Multipart, MultipartRejection>,
) -> Response {
    let read = match form {
        Ok(form) => Typed::read(&api, &who.visit, form).await,
        Err(_) => Err(Problem::MediaType),
    };
    let mut typed = match read {
        Ok(typed) => typed,
        Err(problem @ Problem::TooLarge) => {
            let page = list_page(&api, &who, &Typed::default(), Some(problem)).await;
            return shown(&api, &who, page);
        }
        Err(problem) => return shown(&api, &who, Err(problem)),
    };
    let brought = async { api.bring(&who, typed.brought()?).await };
    let page = match brought.await {
        Ok(import) => return Redirect::to(&link(&import.to_string())).into_response(),
        Err(problem) if trouble(who.visit.language, &problem).is_some() => {
            list_page(&api, &who, &typed, Some(problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&api, &who, page)
}

/// `GET /rosters/{import}`.
pub(super) async fn plan(
    State(api): State<Api>,
    who: StaffIn,
    Path(import): Path<String>,
    asked: Result<Query<PageQuery>, QueryRejection>,
) -> Response {
    let page = async { plan_page(&api, &who, &import, PageQuery::of(asked)?, None).await };
    let page = page.await;
    shown(&api, &who, page)
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Judged {
    verdict: String,
    plan: String,
}

/// `POST /rosters/{import}`.
pub(super) async fn judge(
    State(api): State<Api>,
    who: StaffIn,
    Path(import): Path<String>,
    Sent(judged): Sent<Judged>,
) -> Response {
    let decided = async {
        let id = import_named(&import)?;
        let approves = verdict_named(&judged.verdict)?;
        api.judge_roster(&who, id, &judged.plan, approves).await
    };
    let page = match decided.await {
        Ok(()) => return Redirect::to(&link(&import)).into_response(),
        Err(problem) if trouble(who.visit.language, &problem).is_some() => {
            plan_page(&api, &who, &import, 1, Some(problem)).await
        }
        Err(problem) => Err(problem),
    };
    shown(&api, &who, page)
}

/// What is said of a problem on the page itself; none, where there is a page for it.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "all other problems have their pages"
)]
fn trouble(language: Language, problem: &Problem) -> Option<Text> {
    let key = match problem {
        Problem::ManyLeave { left, known } => {
            let text = Text::of(language, "roster.many_leave");
            return Some(text.with("left", left).with("known", known));
        }
        Problem::Rows(_) => "roster.wrong_rows",
        Problem::TooLarge => "roster.too_large",
        Problem::Invalid { field: "file", .. } => "roster.no_file",
        Problem::Invalid {
            field: "valid_from",
            ..
        } => "roster.no_day",
        Problem::Invalid {
            field: "ticket", ..
        } => "support.no_ticket",
        Problem::Invalid { .. } => "support.no_reason",
        Problem::Desk(DeskProblem::RosterOpen) => "roster.another_open",
        Problem::Desk(problem) => return desk_trouble(*problem).map(|key| Text::of(language, key)),
        _ => return None,
    };
    Some(Text::of(language, key))
}

fn told(language: Language, problem: Option<&Problem>) -> Option<Told> {
    problem.and_then(|problem| trouble(language, problem).map(Told::Ill))
}

async fn list_page(
    api: &Api,
    who: &StaffIn,
    typed: &Typed,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    let language = who.visit.language;
    let form = FormToken::of(api, &who.visit);
    let mut desk = desk(api, who, &form, "/rosters".to_owned()).await?;
    desk.told = told(language, problem.as_ref());
    let (open, newest) = api.listed_rosters().await?;
    let reason = |reason: &crate::domain::onboarding::Reason| Choice {
        value: reason.name().to_owned(),
        text: Text::of(language, &format!("reason.{}", reason.name())).to_string(),
        chosen: typed.reason == reason.name(),
    };
    let many_leave = matches!(problem, Some(Problem::ManyLeave { .. }));
    let view = ListPage {
        desk,
        open: open.map(|found| row_of(api, language, &found)),
        rosters: newest
            .iter()
            .map(|found| row_of(api, language, found))
            .collect(),
        reasons: REASONS.iter().map(reason).collect(),
        ticket: typed.ticket.clone(),
        valid_from: typed.valid_from.clone(),
        complete: typed.complete,
        leavers: (many_leave || !typed.leavers.is_empty()).then(|| typed.leavers.clone()),
        errors: match &problem {
            Some(Problem::Rows(errors)) => errors
                .iter()
                .map(|error| FaultRow {
                    line: error.line,
                    column: error.column.clone(),
                    why: fault_text(language, &error.why),
                })
                .collect(),
            Some(_) | None => Vec::new(),
        },
    };
    Ok(page(&view, form, problem.as_ref()))
}

async fn plan_page(
    api: &Api,
    who: &StaffIn,
    import: &str,
    number: u64,
    problem: Option<Problem>,
) -> Result<Response, Problem> {
    let language = who.visit.language;
    let found = api.roster(import_named(import)?).await?;
    let details = api.details_of(who, &found, number).await?;
    let form = FormToken::of(api, &who.visit);
    let mut desk = desk(api, who, &form, page_link(import, number)).await?;
    desk.told = told(language, problem.as_ref());
    let proposed = found.proposed.as_ref();
    let by = match proposed {
        Some(proposed) => {
            let names = api.vault.staff.names(&[proposed.by]).await?;
            names.get(&proposed.by).cloned()
        }
        None => None,
    };
    let now = api.clock.now();
    let can_be_judged = found.can_be_judged(now);
    let is_forgotten = can_be_judged && details.is_none();
    // Once a roster is over, nothing is shown of it.
    let last = details.as_ref().map_or(1, |_| pages(&found.content));
    let turning = (last > 1).then(|| Turning {
        here: Text::of(language, "roster.page")
            .with("page", number)
            .with("pages", last)
            .with("shown", SHOWN),
        previous: (number > 1).then(|| page_link(import, number - 1)),
        next: (number < last).then(|| page_link(import, number + 1)),
    });
    let details = details.unwrap_or_default();
    let content = &found.content;
    let counts = [
        ("roster.rows", content.rows),
        ("roster.new", content.new),
        ("roster.changed", content.changed),
        ("roster.unchanged", content.unchanged),
        ("roster.returned", content.returned),
        ("roster.left", content.left),
    ];
    let view = PlanPage {
        desk,
        link: link(import),
        stage: stage_text(language, &found, api),
        by,
        reason: proposed
            .map(|it| Text::of(language, &format!("reason.{}", it.grounds.reason.name()))),
        ticket: proposed.map(|it| it.grounds.ticket.as_str().to_owned()),
        at: date_and_time(language, found.at),
        until: proposed
            .filter(|_| can_be_judged)
            .map(|it| date_and_time(language, it.expires_at)),
        is_own: proposed.is_some_and(|it| it.by == who.staff),
        is_forgotten,
        is_moving: matches!(found.stage, Stage::Approved | Stage::Running),
        complete: content.complete,
        valid_from: date_and_time(language, content.valid_from),
        file: content.file.clone(),
        plan: content.plan.clone(),
        counts: counts
            .map(|(key, count)| (Text::of(language, key), count))
            .into(),
        by_cohort: content.by_cohort.clone().into_iter().collect(),
        newcomers: details
            .new
            .iter()
            .map(|row| NewcomerRow {
                line: row.line,
                cohort: row.cohort.clone(),
                person: Person::of(&row.profile, None, Mask::On),
            })
            .collect(),
        turning,
        changes: changes(api, language, &details).await?,
        leavers: members(api, &details.left).await?,
        returned: members(api, &details.returned).await?,
    };
    Ok(page(&view, form, problem.as_ref()))
}

async fn changes(
    api: &Api,
    language: Language,
    details: &Details,
) -> Result<Vec<ChangeRow>, Problem> {
    let mut rows = Vec::with_capacity(details.changed.len());
    for row in &details.changed {
        let fields = row.fields.iter().map(|field| {
            let text = Text::of(language, &format!("roster_field.{}", field.name()));
            text.to_string()
        });
        let fields: Vec<String> = fields.collect();
        rows.push(ChangeRow {
            line: row.line,
            who: member(api, row.member).await?,
            fields: fields.join(", "),
        });
    }
    Ok(rows)
}

async fn members(api: &Api, members: &[MemberId]) -> Result<Vec<MemberRow>, Problem> {
    let mut rows = Vec::with_capacity(members.len());
    for id in members {
        rows.push(member(api, *id).await?);
    }
    Ok(rows)
}

async fn member(api: &Api, member: MemberId) -> Result<MemberRow, Problem> {
    Ok(MemberRow {
        link: format!("/support/members/{member}"),
        member: member.to_string(),
        person: api.person(member, None, Mask::On).await?,
    })
}

pub(in crate::api) fn row_of(api: &Api, language: Language, found: &RosterImport) -> RosterRow {
    let content = &found.content;
    RosterRow {
        link: link(&found.id.to_string()),
        at: date_and_time(language, found.at),
        stage: stage_text(language, found, api),
        sum: Text::of(language, "roster.sum")
            .with("rows", content.rows)
            .with("new", content.new)
            .with("changed", content.changed)
            .with("left", content.left),
    }
}

fn stage_text(language: Language, found: &RosterImport, api: &Api) -> Text {
    let is_over = found.stage == Stage::Proposed && !found.is_open(api.clock.now());
    let name = if is_over { "over" } else { found.stage.name() };
    Text::of(language, &format!("roster_stage.{name}"))
}

fn link(import: &str) -> String {
    format!("/rosters/{import}")
}

fn page_link(import: &str, number: u64) -> String {
    match number {
        1 => link(import),
        _ => format!("/rosters/{import}?page={number}"),
    }
}
