//! The auditors' pages of members: finding one, and one's history.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::json::member_named;
use super::line::Line;
use super::looks::Showing;
use super::person::{Mask, Search};
use super::timeline::{Entry, Span, Timeline};
use super::views::{Choice, MemberPage, Row, SearchPage};
use super::words::{actor_text, event_text, outcome_text, why};
use crate::api::Api;
use crate::api::pages::answers::page;
use crate::api::pages::forms::{FormToken, Sent};
use crate::api::pages::words::{Text, step_label, to_the_second};
use crate::api::problem::{DeskProblem, Problem};
use crate::api::staff::StaffIn;
use crate::api::staff::pages::{desk, turned_away};
use crate::api::staff::views::Told;
use crate::api::support::{Wanted, desk_trouble};
use crate::domain::onboarding::{Intervention, Reason, Step};
use crate::domain::values::Language;
use crate::domain::viewing::{Purpose, View};
use crate::projections::history::kinds::{Outcome, outcome_of};

/// For whom a member is looked for: the pages are alike, and lead to different ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::api) enum Place {
    /// Those who review the history.
    Audit,
    /// Those who help.
    Support,
}

impl Place {
    /// What looking for a member is called there.
    const fn title(self) -> &'static str {
        match self {
            Self::Audit => "audit.search",
            Self::Support => "support.search",
        }
    }

    /// Where its pages begin.
    const fn path(self) -> &'static str {
        match self {
            Self::Audit => "/audit",
            Self::Support => "/support",
        }
    }
}

/// `GET /audit`.
pub(super) async fn search_page(State(api): State<Api>, who: StaffIn) -> Response {
    search_at(&api, &who, Place::Audit).await
}

/// The page on which a member is looked for.
pub(in crate::api) async fn search_at(api: &Api, who: &StaffIn, place: Place) -> Response {
    let form = search_form(api, who, place, Vec::new(), None).await;
    shown(api, who, form)
}

/// `POST /audit/search`: to the member's history; what was typed stands in no address.
pub(super) async fn find(
    State(api): State<Api>,
    who: StaffIn,
    Sent(typed): Sent<Search>,
) -> Response {
    find_at(&api, &who, &typed, Place::Audit).await
}

/// To the one who was found, or the list of them.
pub(in crate::api) async fn find_at(
    api: &Api,
    who: &StaffIn,
    typed: &Search,
    place: Place,
) -> Response {
    shown(api, who, found(api, who, typed, place).await)
}

async fn found(
    api: &Api,
    who: &StaffIn,
    typed: &Search,
    place: Place,
) -> Result<Response, Problem> {
    let language = who.visit.language;
    let members = match api.find_members(typed).await {
        Ok(members) => members,
        Err(problem @ Problem::Invalid { .. }) => {
            let told = Told::Ill(Text::of(language, "audit.one_of"));
            return search_form(api, who, place, Vec::new(), Some((told, problem))).await;
        }
        Err(problem) => return Err(problem),
    };
    api.note_look(who, Showing::of(View::MemberSearch, None))
        .await?;
    if let [member] = members.as_slice() {
        let to = format!("{}/members/{member}", place.path());
        return Ok(Redirect::to(&to).into_response());
    }
    let mut found = Vec::with_capacity(members.len());
    for member in members {
        if let Some(person) = api.person(member, None, Mask::On).await? {
            found.push((member.to_string(), person));
        }
    }
    let told = found
        .is_empty()
        .then(|| Told::Ill(Text::of(language, "audit.nobody")));
    search_form(
        api,
        who,
        place,
        found,
        told.map(|told| (told, Problem::UnknownMember)),
    )
    .await
}

async fn search_form(
    api: &Api,
    who: &StaffIn,
    place: Place,
    found: Vec<(String, super::person::Person)>,
    told: Option<(Told, Problem)>,
) -> Result<Response, Problem> {
    let form = FormToken::of(api, &who.visit);
    let mut desk = desk(api, who, &form, place.path().to_owned()).await?;
    let (told, problem) = told.unzip();
    desk.told = told;
    let view = SearchPage {
        desk,
        title: Text::of(who.visit.language, place.title()),
        path: place.path(),
        found,
    };
    Ok(page(&view, form, problem.as_ref()))
}

/// `GET /audit/members/{member}`.
pub(super) async fn member(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    span: Result<Query<Span>, QueryRejection>,
) -> Response {
    let span = span.map(|Query(span)| span).unwrap_or_default();
    let shows = member_page(&api, &who, &member, &span, None).await;
    shown(&api, &who, shows)
}

/// What personal data are asked for with.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Unmasking {
    reason: String,
    ticket: String,
    proposal: String,
    at: String,
    since: String,
}

/// `POST /audit/members/{member}/unmask`: the same page with the personal data, if a second person has approved that; else it is
/// proposed.
pub(super) async fn unmask(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    Sent(asked): Sent<Unmasking>,
) -> Response {
    let span = Span {
        at: asked.at.clone(),
        since: asked.since.clone(),
        before: String::new(),
    };
    let seen = match seen(&api, &who, &member, &asked).await {
        Ok(seen) => seen,
        Err(problem) => return shown(&api, &who, Err(problem)),
    };
    let shows = member_page(&api, &who, &member, &span, Some(seen)).await;
    shown(&api, &who, shows)
}

/// What becomes of the wish to see personal data.
enum Seen {
    /// A second person approved it, for this.
    Approved(Purpose),
    /// It was proposed.
    Proposed,
    /// It cannot be proposed so.
    Refused(Problem),
}

async fn seen(api: &Api, who: &StaffIn, member: &str, asked: &Unmasking) -> Result<Seen, Problem> {
    let member = member_named(member)?;
    if let Some(purpose) = api.unmasked_for(who, member).await? {
        return Ok(Seen::Approved(purpose));
    }
    let name = Intervention::Unmask.name();
    let proposed = async {
        let wanted = Wanted::read(name, &asked.reason, &asked.ticket)?;
        let proposal = asked.proposal.parse();
        let proposal = proposal.map_err(|_| Problem::Desk(DeskProblem::UnknownProposal))?;
        api.propose(who, member, proposal, wanted).await
    };
    Ok(match proposed.await {
        Ok(_) => Seen::Proposed,
        Err(problem @ (Problem::Invalid { .. } | Problem::Desk(_))) => Seen::Refused(problem),
        Err(problem) => return Err(problem),
    })
}

async fn member_page(
    api: &Api,
    who: &StaffIn,
    member: &str,
    span: &Span,
    seen: Option<Seen>,
) -> Result<Response, Problem> {
    let member = member_named(member)?;
    let language = who.visit.language;
    let purpose = match seen {
        Some(Seen::Approved(purpose)) => Some(purpose),
        Some(Seen::Proposed | Seen::Refused(_)) | None => None,
    };
    let mask = if purpose.is_some() {
        Mask::Off
    } else {
        Mask::On
    };
    // Of a moment that cannot be read, the whole is shown, and what is wrong.
    let (timeline, mut problem) = match api.timeline(member, span, mask).await {
        Err(problem @ Problem::Invalid { .. }) => {
            let whole = api.timeline(member, &Span::default(), mask).await?;
            (whole, Some((problem, "audit.not_a_moment")))
        }
        timeline => (timeline?, None),
    };
    let is_proposed = matches!(seen, Some(Seen::Proposed));
    if let Some(Seen::Refused(why)) = seen {
        let key = if let Problem::Desk(why) = &why {
            desk_trouble(*why).unwrap_or("support.nothing_to_do")
        } else {
            "audit.purpose_needed"
        };
        problem = Some((why, key));
    }
    let view = if mask == Mask::Off {
        View::MemberData
    } else {
        View::MemberHistory
    };
    let showing = Showing {
        member: Some(member),
        purpose,
        ..Showing::of(view, timeline.part.clone())
    };
    api.note_look(who, showing).await?;
    let form = FormToken::of(api, &who.visit);
    let path = with_query(
        &format!("/audit/members/{member}"),
        &[("at", span.at.trim()), ("since", span.since.trim())],
    );
    let mut desk = desk(api, who, &form, path).await?;
    desk.told = problem
        .as_ref()
        .map(|(_, key)| Told::Ill(Text::of(language, key)));
    if is_proposed {
        desk.told = Some(Told::Well(Text::of(language, "support.proposed")));
    }
    let older = timeline.older.map(|older| {
        let (at, since) = (span.at.trim(), span.since.trim());
        let query = [("at", at), ("since", since), ("before", &older.to_string())];
        with_query(&format!("/audit/members/{member}"), &query)
    });
    let view = MemberPage {
        member: member.to_string(),
        cohort: timeline.cohort.clone(),
        unmasked: mask == Mask::Off,
        may_unmask: api.unmasked_for(who, member).await?.is_some(),
        purposes: purposes(language),
        proposal: api.entropy.id().to_string(),
        at: span.at.trim().to_owned(),
        since: span.since.trim().to_owned(),
        span: span_text(language, &timeline),
        standing: standing(language, &timeline),
        rows: timeline
            .entries
            .iter()
            .map(|entry| row_of(language, entry))
            .collect(),
        older,
        person: timeline.person,
        desk,
    };
    let problem = problem.map(|(problem, _)| problem);
    Ok(page(&view, form, problem.as_ref()))
}

fn purposes(language: Language) -> Vec<Choice> {
    let choice = |reason: &Reason| Choice {
        value: reason.name().to_owned(),
        text: Text::of(language, &format!("reason.{}", reason.name())).to_string(),
        chosen: false,
    };
    Intervention::Unmask.reasons().iter().map(choice).collect()
}

/// As of when, after when, and how many events the log had.
fn span_text(language: Language, timeline: &Timeline) -> Text {
    let time = |moment| to_the_second(language, moment);
    let at = timeline.at.moment.map(time);
    let since = timeline.since.and_then(|since| since.moment).map(time);
    let text = match (since, at) {
        (None, None) => Text::of(language, "audit.span_now"),
        (None, Some(at)) => Text::of(language, "audit.span_at").with("at", at),
        (Some(since), None) => Text::of(language, "audit.span_since").with("since", since),
        (Some(since), Some(at)) => Text::of(language, "audit.span_between")
            .with("since", since)
            .with("at", at),
    };
    text.with("size", timeline.at.position)
}

/// Where the member stood, or how that changed.
fn standing(language: Language, timeline: &Timeline) -> Text {
    let label = |step: Option<Step>| match step {
        Some(step) => {
            let label = step_label(language, step.name()).map(|text| text.to_string());
            format!("{} {}", step.number(), label.unwrap_or_default())
        }
        None => Text::of(language, "audit.not_enrolled").to_string(),
    };
    let (before, due) = timeline.steps();
    if timeline.since.is_some() && before != due {
        return Text::of(language, "audit.step_changed")
            .with("before", label(before))
            .with("after", label(due));
    }
    if timeline.since.is_some() {
        return Text::of(language, "audit.step_same").with("step", label(due));
    }
    Text::of(language, "audit.step_due").with("step", label(due))
}

pub(in crate::api) fn row_of(language: Language, entry: &Entry) -> Row {
    let line = &entry.line;
    let outcome = outcome_of(&line.event_type);
    let actor = actor_text(language, &line.actor);
    let who = match (&entry.staff, line.actor.as_str()) {
        (Some(name), _) => format!("{actor}: {name}"),
        (None, "system") => format!("{actor}: {}", line.actor_id),
        (None, _) => actor.to_string(),
    };
    Row {
        position: line.position,
        at: line.recorded_at,
        text: event_text(language, &line.event_type, line.payload["why"].as_str()),
        event_type: line.event_type.clone(),
        outcome: outcome_text(language, outcome),
        notable: outcome != Outcome::Done,
        who,
        account: None,
        from: entry.from.clone(),
        why: why(line),
        members: members_of(line),
        cohort: None,
    }
}

/// Members of one event that are named on the page; programs read all of them.
const LISTED: usize = 20;

/// The members an event is about: one, or some of those that it names.
fn members_of(line: &Line) -> Vec<String> {
    let named = line.payload["members"].as_array().into_iter().flatten();
    let named = named.filter_map(|member| member.as_str().map(str::to_owned));
    line.member
        .iter()
        .cloned()
        .chain(named)
        .take(LISTED)
        .collect()
}

/// A page, or what stands in its place.
pub(in crate::api) fn shown(api: &Api, who: &StaffIn, page: Result<Response, Problem>) -> Response {
    page.unwrap_or_else(|problem| turned_away(api, &who.visit, &problem))
}

/// A path with those fields that say something.
pub(in crate::api) fn with_query(path: &str, fields: &[(&str, &str)]) -> String {
    let said = fields.iter().filter(|(_, value)| !value.is_empty());
    let pairs: Vec<String> = said
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)))
        .collect();
    if pairs.is_empty() {
        path.to_owned()
    } else {
        format!("{path}?{}", pairs.join("&"))
    }
}
