//! The JSON side of reviewing: finding a member, one member's history, events for other programs.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::asked::{Asked, text};
use super::changes::{Change, ChangeBody};
use super::line::EntryBody;
use super::looks::Showing;
use super::person::{Mask, Person, Search};
use super::timeline::{AsOf, Span, Timeline};
use crate::api::Api;
use crate::api::members::bodies::Body;
use crate::api::problem::{Problem, StepBody};
use crate::api::staff::StaffIn;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Step;
use crate::domain::viewing::View;
use crate::projections::Position;
use crate::projections::history::search::{Page, search};

/// Tells where the next page of an export begins.
const NEXT: HeaderName = HeaderName::from_static("x-kadode-next");

/// What a search found.
#[derive(Serialize, ToSchema)]
pub struct FoundBody {
    /// The members; none, if nobody has it.
    members: Vec<FoundMember>,
}

/// A member that was found.
#[derive(Serialize, ToSchema)]
pub struct FoundMember {
    /// The member's id.
    member: String,
    /// Who that is, masked; none, if it was erased.
    person: Option<Person>,
}

/// One member's history.
#[derive(Serialize, ToSchema)]
pub struct HistoryBody {
    member: String,
    cohort: String,
    /// Who that is, masked; none, if it was erased. As it is registered now, whatever `at` asks for: only the e-mail address is the one of
    /// that moment.
    person: Option<Person>,
    /// As of when, and how many events the log had then.
    as_of: AsOfBody,
    /// After when, if only what came after was asked for.
    since: Option<AsOfBody>,
    /// The step that was due then; none, before the enrolment.
    step: Option<StepBody>,
    /// The step that was due at the beginning of the span.
    step_before: Option<StepBody>,
    /// What differs between the beginning of the span and its end; null, if no beginning was asked for.
    changes: Option<Vec<ChangeBody>>,
    /// Newest first.
    entries: Vec<EntryBody>,
    /// Ask again with `before` set to this for older ones.
    older: Option<Position>,
}

/// A moment and the end of the log as of it.
#[derive(Debug, Serialize, ToSchema)]
pub struct AsOfBody {
    /// The moment that counts, UTC. If none was asked for, or one that is yet to come: a minute ago, or that of the last event if that is
    /// later, since what is recorded until then is all there.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// The position of the last event that counts.
    position: Position,
}

impl Api {
    /// Whom a search finds, masked; the look is stored.
    pub(in crate::api) async fn found_members(
        &self,
        who: &StaffIn,
        asked: &Search,
    ) -> Result<FoundBody, Problem> {
        let found = self.find_members(asked).await?;
        let mut members = Vec::with_capacity(found.len());
        for &member in &found {
            members.push(FoundMember {
                member: member.to_string(),
                person: self.person(member, None, Mask::On).await?,
            });
        }
        self.note_look(who, asked.showing(&found)).await?;
        Ok(FoundBody { members })
    }
}

fn step_body(step: Step) -> StepBody {
    StepBody {
        number: step.number(),
        name: step.name(),
    }
}

impl HistoryBody {
    fn of(timeline: Timeline) -> Self {
        let (before, due) = timeline.steps();
        let as_of = |as_of: AsOf| AsOfBody {
            at: as_of.moment,
            position: as_of.position,
        };
        Self {
            member: timeline.member.to_string(),
            cohort: timeline.cohort,
            person: timeline.person,
            as_of: as_of(timeline.at),
            since: timeline.since.map(as_of),
            step: due.map(step_body),
            step_before: before.map(step_body),
            changes: timeline
                .changes
                .map(|changes| changes.into_iter().map(Change::body).collect()),
            entries: timeline.entries.into_iter().map(Into::into).collect(),
            older: timeline.older,
        }
    }
}

/// Finds members by user ID, by 記号 and 番号, or by GID.
#[utoipa::path(post, path = "/api/v1/audit/members/search", tag = "audit", request_body = Search,
    responses((status = 200, description = "whom it found", body = FoundBody)))]
pub(in crate::api) async fn audit_search(
    State(api): State<Api>,
    who: StaffIn,
    Body(asked): Body<Search>,
) -> Result<Json<FoundBody>, Problem> {
    api.found_members(&who, &asked).await.map(Json)
}

/// One member's history, personal data masked: as of `at`, after `since`. A bare date means its end in Asia/Tokyo. `person` is as it is now.
#[utoipa::path(get, path = "/api/v1/audit/members/{member}", tag = "audit",
    params(("member" = String, Path, description = "the member's id"),
        ("at" = Option<String>, Query, description = "as of when: a date or a moment; now, if left out or yet to come"),
        ("since" = Option<String>, Query, description = "only what came after, and what differs from then"),
        ("before" = Option<String>, Query, description = "only events before this position")),
    responses((status = 200, description = "the history", body = HistoryBody)))]
pub(in crate::api) async fn audit_history(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    span: Result<Query<Span>, QueryRejection>,
) -> Result<Json<HistoryBody>, Problem> {
    let member = member_named(&member)?;
    let Query(span) = span.map_err(|_| Problem::Malformed)?;
    let timeline = api.timeline(member, &span, Mask::On).await?;
    let showing = Showing {
        member: Some(member),
        ..Showing::of(View::MemberHistory, timeline.part.clone())
    };
    api.note_look(&who, showing).await?;
    Ok(Json(HistoryBody::of(timeline)))
}

/// Events as JSON Lines, oldest first. For the next page, ask with `after` set to the header `X-Kadode-Next`. `from` is told to those who may
/// open members' histories, and only they may ask for a `member`.
#[utoipa::path(get, path = "/api/v1/audit/events", tag = "audit",
    params(("after" = Option<String>, Query, description = "only events after this position"),
        ("before" = Option<String>, Query, description = "only events before this position"),
        ("limit" = Option<String>, Query, description = "at most so many, 1 to 1000"),
        ("type" = Option<String>, Query, description = "only events of this type"),
        ("outcome" = Option<String>, Query, description = "done, failed or refused"),
        ("mail" = Option<String>, Query, description = "only what became of mails: accepted, failed or skipped"),
        ("actor" = Option<String>, Query, description = "member, staff or system"),
        ("actor_id" = Option<String>, Query, description = "only given by this account of staff"),
        ("about" = Option<String>, Query, description = "only what happened to this account of staff, whoever gave it"),
        ("member" = Option<String>, Query, description = "only about this member"),
        ("cohort" = Option<String>, Query, description = "only about members of this cohort: one of the policy in force, or one that members were enrolled in"),
        ("from" = Option<String>, Query, description = "from when: a date or a moment"),
        ("until" = Option<String>, Query, description = "until when; a bare date means its end in Asia/Tokyo")),
    responses((status = 200, description = "a line an event", body = EntryBody, content_type = "application/jsonl",
        headers(("X-Kadode-Next" = i64, description = "`after` of the next page")))))]
pub(in crate::api) async fn audit_events(
    State(api): State<Api>,
    who: StaffIn,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
    // What needs no read model does not wait for them.
    let cohorts = match text(&asked.cohort) {
        Some(_) => api.cohorts().await?,
        None => Vec::new(),
    };
    let wanted = asked.read(&cohorts)?;
    let opens_members = api.opens(&who, &wanted).await?;
    let (after, limit) = (wanted.after, wanted.limit);
    let (events, next) = if wanted.is_all() && wanted.before.is_none() {
        // From the log itself: no event is missing that a read model could not take.
        let events = api.log.after(after, limit).await?;
        let next = events.last().map_or(after, |last| last.position);
        (events, next)
    } else {
        api.shows_everything().await?;
        let shown = api.statuses.progress().position();
        let (from, until) = wanted.bounds(&api).await?;
        let until = until.min(shown);
        let until = wanted.before.map_or(until, |before| until.min(before - 1));
        let page = Page::Forward(after.max(from), until);
        let found = search(&api.read, &wanted.filter, page, limit).await?;
        let events: Vec<_> = found.into_iter().map(|it| it.recorded).collect();
        let full = i64::try_from(events.len()).is_ok_and(|count| count == limit);
        let last = events.last().map(|last| last.position);
        // All that was looked through need not be looked through again.
        let next = last.filter(|_| full).unwrap_or_else(|| after.max(until));
        (events, next)
    };
    let mask = opens_members.then_some(Mask::On);
    let bodies = api.bodies(&events, mask).await?;
    let showing = wanted.showing(View::Export);
    api.note_export(&who, showing, after, next).await?;
    let lines: String = bodies.iter().map(EntryBody::text).collect();
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/jsonl"),
        ),
        (NEXT, HeaderValue::from(next)),
    ];
    Ok((headers, lines).into_response())
}

/// What cannot be a member's id is as unknown as one that is nobody's.
pub(in crate::api) fn member_named(text: &str) -> Result<MemberId, Problem> {
    text.parse().map_err(|_| Problem::UnknownMember)
}
