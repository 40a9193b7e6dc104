//! Rosters as plans, for programs of the staff.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::{BytesRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::acts::{Brought, grounds, import_named};
use super::upload::day;
use crate::api::Api;
use crate::api::audit::person::{Mask, Person};
use crate::api::members::bodies::Body;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::api::support::verdict_named;
use crate::domain::rosters::RosterImport;
use crate::rosters::{Details, pages};

/// How a roster is brought.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct BringQuery {
    /// `true`: it is a roster of everybody, so that who is not in it has left.
    complete: bool,
    /// The first day, in Tokyo, of the new members' initial credentials; today, if empty.
    #[param(example = "2026-04-01")]
    valid_from: String,
    /// How many members leave by it, where they are more than one in ten.
    leavers: Option<u64>,
    /// `regular_update` or `roster_corrected`.
    #[param(required, example = "regular_update")]
    reason: String,
    /// The ticket's number.
    #[param(required, example = "HD-1234")]
    ticket: String,
}

/// Which part of what a roster does is asked for.
#[derive(Default, Deserialize, IntoParams)]
#[serde(default)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The page, from 1; each has up to 100 rows or members of every kind.
    #[param(minimum = 1, example = 1)]
    page: Option<u64>,
}

impl PageQuery {
    /// The number of the page; the first, if none was asked for.
    ///
    /// # Errors
    /// [`Problem::Malformed`]: it is no number.
    pub(super) fn of(asked: Result<Query<Self>, QueryRejection>) -> Result<u64, Problem> {
        let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
        Ok(asked.page.unwrap_or(1))
    }
}

/// A decision on a plan.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RosterVerdictBody {
    /// `approve` or `decline`.
    #[schema(example = "approve")]
    verdict: String,
    /// The plan's hash, as it was looked at.
    plan: String,
}

/// A roster, and what it does.
#[derive(Serialize, ToSchema)]
pub struct RosterBody {
    import: String,
    /// `proposed`, `approved`, `running`, `applied`, `declined` or `outdated`.
    stage: &'static str,
    /// When it was brought.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// Who of the staff brought it; none, where the command line did.
    by: Option<String>,
    reason: Option<&'static str>,
    ticket: Option<String>,
    /// Whether it came to nothing while it waited, as somebody was erased or the policy changed: then no approval carries it out. Decline it, and
    /// bring it again.
    forgotten: bool,
    /// The moment from which it can no longer be approved.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// SHA-256 of the file.
    file: String,
    /// SHA-256 of what it does, row by row.
    plan: String,
    /// Whether it is a roster of everybody.
    complete: bool,
    #[schema(value_type = String, format = DateTime)]
    valid_from: Timestamp,
    rows: u64,
    new: u64,
    changed: u64,
    unchanged: u64,
    returned: u64,
    left: u64,
    by_cohort: BTreeMap<String, u64>,
    /// How many pages it takes to see all of the four lists below; 1 at least.
    pages: u64,
    /// Rows that tell something new, those of the page that was asked for; none in a list, and once it is over.
    changes: Vec<ChangeBody>,
    /// Members who are in it no more.
    leavers: Vec<String>,
    /// Members who are back.
    returners: Vec<String>,
    /// Rows of new members.
    newcomers: Vec<NewcomerBody>,
}

/// A row of a new member.
#[derive(Serialize, ToSchema)]
pub struct NewcomerBody {
    /// The line of the file.
    line: u64,
    /// Where the member will belong.
    cohort: String,
    /// Who that is, masked.
    person: Person,
}

/// Rosters, each without what it does member by member.
#[derive(Serialize, ToSchema)]
pub struct RostersBody {
    /// The one that waits for a second person, or is being carried out: there is never more than one.
    open: Option<RosterBody>,
    /// The newest first, 30 at most, also those of the command line.
    rosters: Vec<RosterBody>,
}

/// A row that tells something new of a member.
#[derive(Serialize, ToSchema)]
pub struct ChangeBody {
    /// The line of the file.
    line: u64,
    member: String,
    /// What is new.
    fields: Vec<&'static str>,
}

impl RosterBody {
    fn of(found: RosterImport, details: Option<Details>) -> Self {
        let content = found.content;
        let pages = pages(&content);
        let proposed = found.proposed.as_ref();
        let details = details.unwrap_or_default();
        Self {
            import: found.id.to_string(),
            stage: found.stage.name(),
            at: found.at,
            by: proposed.map(|it| it.by.to_string()),
            reason: proposed.map(|it| it.grounds.reason.name()),
            ticket: proposed.map(|it| it.grounds.ticket.as_str().to_owned()),
            forgotten: false,
            expires_at: proposed.map(|it| it.expires_at),
            file: content.file,
            plan: content.plan,
            complete: content.complete,
            valid_from: content.valid_from,
            rows: content.rows,
            new: content.new,
            changed: content.changed,
            unchanged: content.unchanged,
            returned: content.returned,
            left: content.left,
            by_cohort: content.by_cohort,
            pages,
            changes: details
                .changed
                .into_iter()
                .map(|row| ChangeBody {
                    line: row.line,
                    member: row.member.to_string(),
                    fields: row.fields.iter().map(|field| field.name()).collect(),
                })
                .collect(),
            leavers: details.left.iter().map(ToString::to_string).collect(),
            returners: details.returned.iter().map(ToString::to_string).collect(),
            newcomers: details
                .new
                .into_iter()
                .map(|row| NewcomerBody {
                    line: row.line,
                    person: Person::of(&row.profile, None, Mask::On),
                    cohort: row.cohort,
                })
                .collect(),
        }
    }
}

async fn told(api: &Api, who: &StaffIn, import: &str, page: u64) -> Result<RosterBody, Problem> {
    let found = api.roster(import_named(import)?).await?;
    let details = api.details_of(who, &found, page).await?;
    let forgotten = found.can_be_judged(api.clock.now()) && details.is_none();
    Ok(RosterBody {
        forgotten,
        ..RosterBody::of(found, details)
    })
}

/// Brings a roster: looks at it, and keeps it until a second person has decided on what it would do.
#[utoipa::path(post, path = "/api/v1/rosters", tag = "rosters", params(BringQuery),
    request_body(content = String, content_type = "text/csv", description = "the roster"),
    responses((status = 201, description = "what it would do", body = RosterBody)))]
pub(in crate::api) async fn roster_bring(
    State(api): State<Api>,
    who: StaffIn,
    asked: Result<Query<BringQuery>, QueryRejection>,
    headers: HeaderMap,
    file: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<RosterBody>), Problem> {
    let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let (kind, _) = kind.split_once(';').unwrap_or((kind, ""));
    if !kind.trim().eq_ignore_ascii_case("text/csv") {
        return Err(Problem::MediaType);
    }
    let file = file.map_err(|rejection| {
        if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
            Problem::TooLarge
        } else {
            Problem::Malformed
        }
    })?;
    let brought = Brought {
        file: file.to_vec(),
        complete: asked.complete,
        valid_from: day(&asked.valid_from)?,
        leavers: asked.leavers,
        grounds: grounds(&asked.reason, &asked.ticket)?,
    };
    let import = api.bring(&who, brought).await?;
    let body = told(&api, &who, &import.to_string(), 1).await?;
    Ok((StatusCode::CREATED, Json(body)))
}

/// The roster that waits, and the last ones.
#[utoipa::path(get, path = "/api/v1/rosters", tag = "rosters",
    responses((status = 200, description = "the rosters", body = RostersBody)))]
pub(in crate::api) async fn roster_list(
    State(api): State<Api>,
    _: StaffIn,
) -> Result<Json<RostersBody>, Problem> {
    let (open, newest) = api.listed_rosters().await?;
    let body = |found| RosterBody::of(found, None);
    Ok(Json(RostersBody {
        open: open.map(body),
        rosters: newest.into_iter().map(body).collect(),
    }))
}

/// A roster, and what it does, a page at a time.
#[utoipa::path(get, path = "/api/v1/rosters/{import}", tag = "rosters",
    params(("import" = String, Path, description = "the import's id"), PageQuery),
    responses((status = 200, description = "the roster", body = RosterBody)))]
pub(in crate::api) async fn roster_plan(
    State(api): State<Api>,
    who: StaffIn,
    Path(import): Path<String>,
    asked: Result<Query<PageQuery>, QueryRejection>,
) -> Result<Json<RosterBody>, Problem> {
    let page = PageQuery::of(asked)?;
    told(&api, &who, &import, page).await.map(Json)
}

/// Approves or declines a plan.
#[utoipa::path(post, path = "/api/v1/rosters/{import}", tag = "rosters",
    params(("import" = String, Path, description = "the import's id")), request_body = RosterVerdictBody,
    responses((status = 200, description = "the roster, afterwards", body = RosterBody)))]
pub(in crate::api) async fn roster_judge(
    State(api): State<Api>,
    who: StaffIn,
    Path(import): Path<String>,
    Body(asked): Body<RosterVerdictBody>,
) -> Result<Json<RosterBody>, Problem> {
    let id = import_named(&import)?;
    let approves = verdict_named(&asked.verdict)?;
    api.judge_roster(&who, id, &asked.plan, approves).await?;
    told(&api, &who, &import, 1).await.map(Json)
}
