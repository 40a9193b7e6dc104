//! The auditors' pages on which a member is looked for, and what all their pages share.

use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::details::details;
use super::entries::Entry;
use super::line::Line;
use super::person::{Mask, Search};
use super::views::{Row, SearchPage};
use super::words::{actor_text, command_text, event_text, outcome_text};
use crate::api::Api;
use crate::api::pages::answers::page;
use crate::api::pages::forms::{FormToken, Sent};
use crate::api::pages::words::Text;
use crate::api::problem::Problem;
use crate::api::staff::StaffIn;
use crate::api::staff::pages::{desk, turned_away};
use crate::api::staff::views::Told;
use crate::domain::values::Language;
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
    api.note_look(who, typed.showing(&members)).await?;
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

pub(in crate::api) fn row_of(language: Language, entry: &Entry) -> Row {
    let line = &entry.line;
    let outcome = outcome_of(&line.event_type);
    let actor = actor_text(language, &line.actor);
    let who = match (&entry.staff, line.actor.as_str()) {
        (Some(name), _) => format!("{actor}: {name}"),
        (None, "system") => match &line.operator {
            Some(operator) => format!("{actor}: {} ({operator})", line.actor_id),
            None => format!("{actor}: {}", line.actor_id),
        },
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
        about: None,
        from: entry.from.clone(),
        command: command_text(language, &line.command),
        details: details(language, entry),
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

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::{Value, json};

    use super::*;
    use crate::projections::Recorded;

    fn who(metadata: Value) -> String {
        let recorded = Recorded {
            position: 1,
            stream_kind: "staff".to_owned(),
            stream_id: "1".to_owned(),
            sequence: 1,
            event_type: "StaffAdded".to_owned(),
            event_version: "1.0".to_owned(),
            recorded_at: Timestamp::UNIX_EPOCH,
            payload: json!({}),
            metadata,
        };
        let entry = Entry {
            line: Line::of(&recorded),
            staff: None,
            about: None,
            from: None,
            proposed: None,
        };
        row_of(Language::En, &entry).who
    }

    #[test]
    fn of_what_somebody_did_by_the_command_line_their_name_is_told() {
        let system = json!({"actor": "system", "actor_id": "staff"});
        let named = json!({"actor": "system", "actor_id": "staff", "operator": "uid 1000"});
        assert_eq!(who(named), format!("{} (uid 1000)", who(system)));
    }
}
