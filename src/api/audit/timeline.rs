//! One member's history, as of any moment, and what changed between two: events in their order, with who, from where, and where the
//! member stood.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Deserialize;

use super::asked::{cursor, moment};
use super::changes::Change;
use super::entries::{Entry, staff_of};
use super::line::EntryBody;
use super::moment::{end_of, settled};
use super::person::{Mask, Person, network};
use crate::api::Api;
use crate::api::problem::Problem;
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Onboarding, Step};
use crate::projections::history::search::{Filter, Page, position_at, search};
use crate::projections::history::{concerned, subject};
use crate::projections::reports::reader::recorded_at;
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
    pub(in crate::api) moment: Timestamp,
    pub(in crate::api) position: Position,
}

/// One member's history.
pub(in crate::api) struct Timeline {
    pub(in crate::api) member: MemberId,
    pub(in crate::api) person: Option<Person>,
    pub(in crate::api) cohort: String,
    pub(in crate::api) at: AsOf,
    /// Whether that is all there is: no moment was asked for, or one that is yet to come.
    pub(in crate::api) is_now: bool,
    pub(in crate::api) since: Option<AsOf>,
    /// Where the member stood at the end; none before the enrolment.
    pub(in crate::api) status: Option<MemberStatus>,
    /// Where the member stood at the beginning of the span.
    pub(in crate::api) status_before: Option<MemberStatus>,
    /// What differs between the two; none, where no beginning was asked for.
    pub(in crate::api) changes: Option<Vec<Change>>,
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
        let now = self.clock.now();
        let at = moment("at", &span.at, end_of)?.filter(|at| *at <= now);
        let since = moment("since", &span.since, end_of)?;
        let before = cursor("before", &span.before)?;
        if self.statuses.of(member).await?.is_none() {
            return Err(Problem::UnknownMember);
        }
        self.shows_everything().await?;
        let is_now = at.is_none();
        let at = self.end(at, now).await?;
        let since = match since {
            Some(since) => {
                let moment = since.min(at.moment);
                let position = position_at(&self.read, moment).await?.min(at.position);
                Some(AsOf { moment, position })
            }
            None => None,
        };
        let status = self.stood(member, at).await?;
        let (status_before, changes) = match since {
            Some(since) => {
                let before = self.stood(member, since).await?;
                let (then, end) = (since.moment, at.moment);
                let changes = self
                    .changes((before.as_ref(), then), (status.as_ref(), end), mask)
                    .await?;
                (before, Some(changes))
            }
            None => (None, None),
        };
        let filter = Filter {
            member: Some(member),
            ..Filter::default()
        };
        let after = since.map_or(0, |since| since.position);
        let until = before.map_or(at.position, |before| at.position.min(before - 1));
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
            part: part_of(at, is_now, since, before),
            at,
            is_now,
            since,
            status,
            status_before,
            changes,
            entries,
            older,
        })
    }

    /// Where a history ends: at the moment asked for, or with all that can be shown.
    async fn end(&self, asked: Option<Timestamp>, now: Timestamp) -> Result<AsOf, Problem> {
        if let Some(moment) = asked {
            let position = position_at(&self.read, moment).await?;
            return Ok(AsOf { moment, position });
        }
        // The read model may lag.
        let position = self.statuses.progress().position();
        let moment = settled(recorded_at(&self.read, position).await?, now);
        Ok(AsOf { moment, position })
    }

    /// Where a member stood then, also by what had come due of itself.
    async fn stood(&self, member: MemberId, then: AsOf) -> Result<Option<MemberStatus>, Problem> {
        let status = self.statuses.at(member, then.position).await?;
        Ok(status.map(|status| status.as_of(then.moment)))
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
        let mut from = self.networks(events, mask).await?;
        let mut entries = self.entries_of(events).await?;
        for entry in &mut entries {
            entry.from = from.remove(&entry.line.position);
        }
        Ok(entries)
    }

    /// The same for programs, which join what is proposed and decided themselves.
    ///
    /// # Errors
    /// The vault is away.
    pub(super) async fn bodies(
        &self,
        events: &[Recorded],
        mask: Option<Mask>,
    ) -> Result<Vec<EntryBody>, Problem> {
        let mut from = self.networks(events, mask).await?;
        let names = self.names_of_concerned(events).await?;
        let body = |event: &Recorded| {
            let about = concerned(event).and_then(|staff| names.get(&staff).cloned());
            EntryBody::of(event, about, from.remove(&event.position))
        };
        Ok(events.iter().map(body).collect())
    }

    /// From where events came, by their positions; nothing, if `mask` is none.
    async fn networks(
        &self,
        events: &[Recorded],
        mask: Option<Mask>,
    ) -> Result<HashMap<Position, String>, Problem> {
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
        let from = positions
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
        Ok(from)
    }
}

fn cohort_of(state: &Onboarding) -> String {
    let enrolment = state.enrolment.as_ref();
    enrolment.map_or_else(String::new, |it| it.cohort.clone())
}

fn part_of(
    at: AsOf,
    is_now: bool,
    since: Option<AsOf>,
    before: Option<Position>,
) -> Option<String> {
    let since = since.map(|since| format!("since={}", since.moment));
    let at = (!is_now).then(|| format!("at={}", at.moment));
    let before = before.map(|position| format!("before={position}"));
    let parts: Vec<String> = since.into_iter().chain(at).chain(before).collect();
    (!parts.is_empty()).then(|| parts.join("&"))
}
