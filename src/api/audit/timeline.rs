//! One member's history, as of any moment, and what changed between two: events in their order, with who, from where, and where the
//! member stood.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::asked::{cursor, moment};
use super::line::Line;
use super::moment::end_of;
use super::person::{Mask, Person, network};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::ids::{MemberId, StaffId};
use crate::domain::onboarding::{Onboarding, Step};
use crate::projections::history::search::{Filter, Page, position_at, search};
use crate::projections::history::subject;
use crate::projections::status::MemberStatus;
use crate::projections::{Position, Recorded};
use crate::vault::keys_of;

/// Events on one page.
const A_PAGE: i64 = 200;

/// Which part of a history is asked for.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Span {
    /// As of when; now, if empty.
    pub at: String,
    /// Only what came after; from the beginning, if empty.
    pub since: String,
    /// Only events before this position.
    pub before: String,
}

/// A moment and where the log ended then.
#[derive(Clone, Copy, Debug)]
pub(in crate::api) struct AsOf {
    pub(in crate::api) moment: Option<Timestamp>,
    pub(in crate::api) position: Position,
}

/// One event of it.
pub(in crate::api) struct Entry {
    pub(in crate::api) line: Line,
    /// The name of the one of the staff who acted.
    pub(in crate::api) staff: Option<String>,
    /// From where: a network, or address and browser.
    pub(in crate::api) from: Option<String>,
}

/// One member's history.
pub(in crate::api) struct Timeline {
    pub(in crate::api) member: MemberId,
    pub(in crate::api) person: Option<Person>,
    pub(in crate::api) cohort: String,
    pub(in crate::api) at: AsOf,
    pub(in crate::api) since: Option<AsOf>,
    /// Where the member stood at the end; none before the enrolment.
    pub(in crate::api) status: Option<MemberStatus>,
    /// Where the member stood at the beginning of the span.
    pub(in crate::api) status_before: Option<MemberStatus>,
    /// Newest first.
    pub(in crate::api) entries: Vec<Entry>,
    /// Where the next page goes on, if there are more.
    pub(in crate::api) older: Option<Position>,
    /// The span, for the event of the view.
    pub(in crate::api) part: Option<String>,
}

impl Timeline {
    /// The step that was due, before and after.
    pub(super) fn steps(&self) -> (Option<Step>, Option<Step>) {
        let due = |status: &Option<MemberStatus>| status.as_ref().map(|it| it.state.due());
        (due(&self.status_before), due(&self.status))
    }
}

impl Api {
    /// The history of a member.
    ///
    /// # Errors
    /// [`Problem::UnknownMember`], [`Problem::Invalid`], or a store is away.
    pub(in crate::api) async fn timeline(
        &self,
        member: MemberId,
        span: &Span,
        mask: Mask,
    ) -> Result<Timeline, Problem> {
        let at = moment("at", &span.at, end_of)?;
        let since = moment("since", &span.since, end_of)?;
        let before = cursor("before", &span.before)?;
        if self.statuses.of(member).await?.is_none() {
            return Err(Problem::UnknownMember);
        }
        self.shows_everything().await?;
        let end = match at {
            Some(at) => position_at(&self.read, at).await?,
            // No more than what can be shown: the read model may lag.
            None => self.statuses.progress().position(),
        };
        let at = AsOf {
            moment: at,
            position: end,
        };
        let since = match since {
            Some(moment) => Some(AsOf {
                moment: Some(moment),
                position: position_at(&self.read, moment).await?.min(end),
            }),
            None => None,
        };
        let status = self.statuses.at(member, end).await?;
        let status_before = match since {
            Some(since) => self.statuses.at(member, since.position).await?,
            None => None,
        };
        let filter = Filter {
            member: Some(member),
            ..Filter::default()
        };
        let after = since.map_or(0, |since| since.position);
        let until = before.map_or(end, |before| end.min(before - 1));
        let page = Page::Backward(after, until);
        let found = search(&self.read, &filter, page, A_PAGE + 1).await?;
        let mut events: Vec<Recorded> = found.into_iter().map(|it| it.recorded).collect();
        let more = events.len() > usize::try_from(A_PAGE).unwrap_or(usize::MAX);
        if more {
            events.pop();
        }
        let older = events.last().filter(|_| more).map(|it| it.position);
        let state_then = status.as_ref().map(|status| &status.state);
        let contact = state_then.and_then(|state| state.contact.as_ref().map(|it| it.id));
        let email = self.address(contact).await?;
        let entries = self.entries(&events, Some(mask)).await?;
        Ok(Timeline {
            member,
            person: self.person(member, email.as_ref(), mask).await?,
            cohort: state_then.map_or_else(String::new, cohort_of),
            part: part_of(at, since),
            at,
            since,
            status,
            status_before,
            entries,
            older,
        })
    }

    /// Events with the names of staff and, if `mask` is given, from where they came.
    ///
    /// # Errors
    /// The vault is away.
    pub(super) async fn entries(
        &self,
        events: &[Recorded],
        mask: Option<Mask>,
    ) -> Result<Vec<Entry>, Problem> {
        let staff = self.staff_names(events).await?;
        let mut sealed = Vec::new();
        for event in events.iter().filter(|_| mask.is_some()) {
            let owner = staff_of(event).map(keys_of).or_else(|| subject(event));
            let metadata = |name: &str| event.metadata[name].as_str();
            let command = metadata("command_id").and_then(|id| id.parse().ok());
            if let (Some(owner), Some(command), Some(trace)) = (owner, command, metadata("trace")) {
                sealed.push((event.position, (owner, command, trace)));
            }
        }
        let texts: Vec<_> = sealed.iter().map(|(_, it)| *it).collect();
        let traces = self.vault.traces.open_many(&texts).await?;
        let positions = sealed.iter().map(|(position, _)| *position);
        let mut from: HashMap<Position, String> = positions
            .zip(traces)
            .filter_map(|(position, trace)| {
                let trace = trace?;
                let shown = match mask {
                    Some(Mask::Off) => format!("{} {}", trace.address, trace.user_agent),
                    Some(Mask::On) | None => network(trace.address),
                };
                Some((position, shown))
            })
            .collect();
        let entry = |event: &Recorded| Entry {
            staff: staff_of(event).and_then(|id| staff.get(&id).cloned()),
            line: Line::of(event),
            from: from.remove(&event.position),
        };
        Ok(events.iter().map(entry).collect())
    }

    /// The names of the staff who acted in these events.
    ///
    /// # Errors
    /// The vault is away.
    async fn staff_names(&self, events: &[Recorded]) -> Result<HashMap<StaffId, String>, Problem> {
        let mut staff: Vec<StaffId> = events.iter().filter_map(staff_of).collect();
        staff.sort_unstable();
        staff.dedup();
        Ok(self.vault.staff.names(&staff).await?)
    }
}

/// Who of the staff acted, if one did.
fn staff_of(event: &Recorded) -> Option<StaffId> {
    (event.metadata["actor"] == "staff")
        .then(|| event.metadata["actor_id"].as_str()?.parse().ok())
        .flatten()
}

fn cohort_of(state: &Onboarding) -> String {
    let enrolment = state.enrolment.as_ref();
    enrolment.map_or_else(String::new, |it| it.cohort.clone())
}

fn part_of(at: AsOf, since: Option<AsOf>) -> Option<String> {
    let named = |name: &str, as_of: AsOf| Some(format!("{name}={}", as_of.moment?));
    let since = since.and_then(|since| named("since", since));
    let parts: Vec<String> = since.into_iter().chain(named("at", at)).collect();
    (!parts.is_empty()).then(|| parts.join("&"))
}
