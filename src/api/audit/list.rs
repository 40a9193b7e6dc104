//! The auditors' list of events, newest first, with filters.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;

use super::asked::Asked;
use super::entries::Entry;
use super::pages::{row_of, shown, with_query};
use super::person::Mask;
use super::views::{Choice, EventsPage, Row};
use super::words::{actor_text, event_text, outcome_text};
use crate::api::Api;
use crate::api::pages::answers::page;
use crate::api::pages::forms::FormToken;
use crate::api::pages::words::Text;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::api::staff::pages::desk;
use crate::api::staff::views::Told;
use crate::domain::ids::StaffId;
use crate::domain::values::Language;
use crate::domain::viewing::View;
use crate::projections::Recorded;
use crate::projections::history::kinds::{KINDS, Outcome};
use crate::projections::history::search::{ACTORS, Mail, Page, search};

/// Events on one page.
const A_PAGE: i64 = 100;

/// `GET /audit/events`.
pub(super) async fn events(
    State(api): State<Api>,
    who: StaffIn,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Response {
    let asked = asked.map(|Query(asked)| asked).unwrap_or_default();
    let shows = events_page(&api, &who, asked).await;
    shown(&api, &who, shows)
}

async fn events_page(api: &Api, who: &StaffIn, asked: Asked) -> Result<Response, Problem> {
    let language = who.visit.language;
    let cohorts = api.cohorts().await?;
    let (asked, wanted, problem) = match asked.read(&cohorts) {
        Ok(wanted) => (asked, wanted, None),
        Err(problem) => {
            let all = Asked::default();
            let wanted = all.read(&cohorts)?;
            (all, wanted, Some(problem))
        }
    };
    api.opens(who, &wanted).await?;
    let size = api.statuses.progress().position();
    let (from, until) = wanted.bounds(api).await?;
    let until = wanted
        .before
        .map_or(until, |before| until.min(before - 1))
        .min(size);
    let page_of = Page::Backward(from.max(wanted.after), until);
    let mut found = search(&api.read, &wanted.filter, page_of, A_PAGE + 1).await?;
    let more = found.len() > usize::try_from(A_PAGE).unwrap_or(usize::MAX);
    if more {
        found.pop();
    }
    let older = found.last().filter(|_| more).map(|last| {
        let before = last.recorded.position.to_string();
        let mut query = asked.filters();
        query.push(("before", &before));
        with_query("/audit/events", &query)
    });
    let recorded: Vec<Recorded> = found.iter().map(|it| it.recorded.clone()).collect();
    let entries = api.entries(&recorded, Some(Mask::On)).await?;
    let rows = found.iter().zip(&entries).map(|(it, entry)| Row {
        cohort: it.cohort.clone(),
        account: account_of(entry, &asked),
        about: about_of(entry, &asked),
        ..row_of(language, entry)
    });
    let rows = rows.collect();
    api.note_look(who, wanted.showing(View::EventList)).await?;
    let staff = api.vault.staff.all().await?;
    let form = FormToken::of(api, &who.visit);
    let path = with_query("/audit/events", &asked.filters());
    let mut desk = desk(api, who, &form, path).await?;
    desk.told = problem
        .as_ref()
        .map(|_| Told::Ill(Text::of(language, "audit.filter_unknown")));
    let view = EventsPage {
        types: types(language, &asked),
        outcomes: outcomes(language, &asked),
        mails: mails(language, &asked),
        actors: actors(language, &asked),
        accounts: accounts(&staff, &asked.actor_id),
        about: accounts(&staff, &asked.about),
        member: asked.member.clone(),
        cohorts: choices(api, language, &cohorts, &asked),
        from: asked.from.clone(),
        until: asked.until.clone(),
        rows,
        older,
        size,
        desk,
    };
    Ok(page(&view, form, problem.as_ref()))
}

/// Who of the staff acted, unless the list is of them alone.
fn account_of(entry: &Entry, asked: &Asked) -> Option<(String, String)> {
    let id = &entry.line.actor_id;
    let name = entry.staff.as_ref().unwrap_or(id);
    let is_news = entry.line.actor == "staff" && id != asked.actor_id.trim();
    is_news.then(|| (id.clone(), name.clone()))
}

/// Whom of the staff it happened to, unless the list is of them alone.
fn about_of(entry: &Entry, asked: &Asked) -> Option<(String, String)> {
    let (id, name) = entry.about.as_ref()?;
    let id = id.to_string();
    (id != asked.about.trim()).then(|| (id, name.clone()))
}

fn choice(value: &str, text: String, chosen: &str) -> Choice {
    Choice {
        value: value.to_owned(),
        text,
        chosen: value == chosen.trim(),
    }
}

fn types(language: Language, asked: &Asked) -> Vec<Choice> {
    let choice = |(name, _)| {
        let text = format!("{name} ({})", event_text(language, name, None));
        choice(name, text, &asked.event_type)
    };
    KINDS.map(choice).into()
}

fn outcomes(language: Language, asked: &Asked) -> Vec<Choice> {
    let choice = |outcome: Outcome| {
        let text = outcome_text(language, outcome).to_string();
        choice(outcome.name(), text, &asked.outcome)
    };
    Outcome::ALL.map(choice).into()
}

fn mails(language: Language, asked: &Asked) -> Vec<Choice> {
    let choice = |mail: Mail| {
        let key = match mail {
            Mail::Accepted => "mail_state.accepted",
            Mail::Failed => "mail_state.failed",
            Mail::Skipped => "mail_state.skipped",
        };
        let text = Text::of(language, key).to_string();
        choice(mail.name(), text, &asked.mail)
    };
    Mail::ALL.map(choice).into()
}

/// All accounts of staff by their names, also those that are closed: what they did, and what happened to them, stays.
fn accounts(staff: &[(StaffId, String)], asked: &str) -> Vec<Choice> {
    let mut names: Vec<_> = staff.iter().collect();
    names.sort_by_key(|(_, name)| name);
    let choices = names
        .into_iter()
        .map(|(staff, name)| choice(&staff.to_string(), name.clone(), asked));
    choices.collect()
}

fn actors(language: Language, asked: &Asked) -> Vec<Choice> {
    let choice = |actor| choice(actor, actor_text(language, actor).to_string(), &asked.actor);
    ACTORS.map(choice).into()
}

/// Cohorts, those that the policy in force has no words for by their names.
fn choices(api: &Api, language: Language, cohorts: &[String], asked: &Asked) -> Vec<Choice> {
    let choice = |name: &String| {
        let known = api.policy.cohort(name);
        let who = known.map_or(name.as_str(), |it| it.who.in_language(language));
        choice(name, who.to_owned(), &asked.cohort)
    };
    cohorts.iter().map(choice).collect()
}
