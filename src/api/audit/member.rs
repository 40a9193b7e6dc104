//! The auditors' page of one member: as of any moment, what changed between two, and with personal data where two people agreed.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;

use super::json::member_named;
use super::looks::Showing;
use super::pages::{row_of, shown, with_query};
use super::person::Mask;
use super::timeline::{Span, Timeline};
use super::views::{Choice, MemberPage, Older};
use crate::api::Api;
use crate::api::pages::answers::page;
use crate::api::pages::forms::{FormToken, Sent};
use crate::api::pages::words::{Text, step_label, to_the_second};
use crate::api::problem::{DeskProblem, Problem};
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::api::staff::views::Told;
use crate::api::support::{Wanted, desk_trouble};
use crate::domain::onboarding::{Intervention, Reason};
use crate::domain::values::Language;
use crate::domain::viewing::{Purpose, View};

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
    #[serde(flatten)]
    span: Span,
}

/// `POST /audit/members/{member}/unmask`: the same page with the personal data, if a second person has approved that; else it is
/// proposed.
pub(super) async fn unmask(
    State(api): State<Api>,
    who: StaffIn,
    Path(member): Path<String>,
    Sent(asked): Sent<Unmasking>,
) -> Response {
    let seen = match seen(&api, &who, &member, &asked).await {
        Ok(seen) => seen,
        Err(problem) => return shown(&api, &who, Err(problem)),
    };
    let shows = member_page(&api, &who, &member, &asked.span, Some(seen)).await;
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
    let page_before = |before: &str| {
        let (at, since) = (span.at.trim(), span.since.trim());
        let query = [("at", at), ("since", since), ("before", before)];
        with_query(&format!("/audit/members/{member}"), &query)
    };
    let mut desk = desk(api, who, &form, page_before(span.before.trim())).await?;
    desk.told = problem
        .as_ref()
        .map(|(_, key)| Told::Ill(Text::of(language, key)));
    if is_proposed {
        desk.told = Some(Told::Well(Text::of(language, "support.proposed")));
    }
    let older = timeline.older.map(|before| Older {
        before,
        link: page_before(&before.to_string()),
    });
    let changes = timeline.changes.as_ref();
    let view = MemberPage {
        member: member.to_string(),
        cohort: timeline.cohort.clone(),
        is_now: timeline.is_now,
        unmasked: mask == Mask::Off,
        may_unmask: api.unmasked_for(who, member).await?.is_some(),
        purposes: purposes(language),
        proposal: api.entropy.id().to_string(),
        at: span.at.trim().to_owned(),
        since: span.since.trim().to_owned(),
        before: span.before.trim().to_owned(),
        span: span_text(language, &timeline),
        standing: standing(language, &timeline),
        changes: changes.map(|changes| changes.iter().map(|it| it.row(language)).collect()),
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
    let key = match (timeline.since, timeline.is_now) {
        (None, true) => "audit.span_now",
        (None, false) => "audit.span_at",
        (Some(_), true) => "audit.span_since",
        (Some(_), false) => "audit.span_between",
    };
    let time = |moment| to_the_second(language, moment);
    let since = timeline.since.map(|since| time(since.moment));
    Text::of(language, key)
        .with("since", since.unwrap_or_default())
        .with("at", time(timeline.at.moment))
        .with("size", timeline.at.position)
}

/// Where the member stood.
fn standing(language: Language, timeline: &Timeline) -> Text {
    let (_, due) = timeline.steps();
    let Some(due) = due else {
        return Text::of(language, "audit.not_enrolled");
    };
    let label = step_label(language, due.name()).map(|text| text.to_string());
    let step = format!("{} {}", due.number(), label.unwrap_or_default());
    Text::of(language, "audit.step_due").with("step", step)
}
