//! `GET /api/v1/audit/events/stream`: events as they are committed, for as long as whoever listens may hear them.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};

use super::asked::{Asked, Wanted, cursor, text, unknown};
use super::line::EntryBody;
use super::person::Mask;
use crate::api::Api;
use crate::api::pages::{KEEP_ALIVE, Seat};
use crate::api::problem::Problem;
use crate::api::staff::{StaffIn, rights};
use crate::domain::viewing::View;
use crate::projections::Position;

/// Events read at once.
const BATCH: i64 = 500;

/// Events as they happen (Server-Sent Events): the data of each is a line of the export, its id the position. With `Last-Event-ID` or `after`
/// it goes on there, else it begins with the next event. A stream has no end, and an event by itself tells neither a
/// cohort nor the end of a period: `before`, `limit`, `cohort`, `from` and `until` are refused.
#[utoipa::path(get, path = "/api/v1/audit/events/stream", tag = "audit",
    params(("after" = Option<String>, Query, description = "only events after this position"),
        ("type" = Option<String>, Query, description = "only events of this type"),
        ("outcome" = Option<String>, Query, description = "done, failed or refused"),
        ("mail" = Option<String>, Query, description = "only what became of mails: accepted, failed or skipped"),
        ("actor" = Option<String>, Query, description = "member, staff or system"),
        ("actor_id" = Option<String>, Query, description = "only given by this account of staff"),
        ("about" = Option<String>, Query, description = "only what happened to this account of staff, whoever gave it"),
        ("member" = Option<String>, Query, description = "only about this member"),
        ("Last-Event-ID" = Option<String>, Header, description = "the same, as clients send it that were cut off")),
    responses((status = 200, description = "an event each", body = EntryBody, content_type = "text/event-stream")))]
pub(in crate::api) async fn audit_stream(
    State(api): State<Api>,
    who: StaffIn,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
    let not_here = [
        ("cohort", &asked.cohort),
        ("from", &asked.from),
        ("until", &asked.until),
        ("before", &asked.before),
        ("limit", &asked.limit),
    ];
    if let Some((field, _)) = not_here.into_iter().find(|(_, it)| text(it).is_some()) {
        return Err(unknown(field));
    }
    let wanted = asked.read(&[])?;
    api.opens(&who, &wanted).await?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let position = match last {
        Some(last) => cursor("Last-Event-ID", last)?,
        None => cursor("after", &asked.after)?,
    };
    // Before its own event, which is the first that it tells.
    let position = position.unwrap_or_else(|| api.log.head());
    let seat = api.streams.take(who.staff.0).ok_or(Problem::Busy)?;
    api.note_look(&who, wanted.showing(View::Stream)).await?;
    let following = Following {
        api,
        who,
        wanted,
        position,
        read: VecDeque::new(),
        ended: false,
        _seat: seat,
    };
    let mut response = Sse::new(following.stream()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies of the nginx kind would hold events back otherwise.
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(response)
}

/// One open stream.
struct Following {
    api: Api,
    who: StaffIn,
    /// What is asked for.
    wanted: Wanted,
    /// The last event that was read.
    position: Position,
    /// What was read and not told yet, by its positions.
    read: VecDeque<(Position, EntryBody)>,
    ended: bool,
    _seat: Seat,
}

impl Following {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut following| async move {
            let event = following.next().await?;
            Some((Ok(event), following))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        loop {
            if self.ended {
                return None;
            }
            if let Some((position, body)) = self.read.pop_front() {
                let event = Event::default().event("event");
                let event = event.data(body.text().trim_end());
                return Some(event.id(position.to_string()));
            }
            let before = self.position;
            match self.read_on().await {
                Ok(()) => {}
                Err(Problem::Forbidden) => {
                    self.ended = true;
                    return Some(Event::default().event("end").data("access"));
                }
                // A store is away: nothing is told that could not be asked for.
                Err(_) => return self.rest().await,
            }
            if self.position == before {
                let changed = self.api.log.changed(before);
                if tokio::time::timeout(KEEP_ALIVE, changed).await.is_err() {
                    return Some(self.quiet());
                }
            } else if self.read.is_empty() {
                return Some(self.quiet());
            }
        }
    }

    /// Reads the next events, of which those that are asked for are told. What may be told is asked anew every time, for roles, sessions and
    /// tokens end.
    ///
    /// # Errors
    /// [`Problem::Forbidden`], or a store is away.
    async fn read_on(&mut self) -> Result<(), Problem> {
        let api = &self.api;
        if !api.may_open(&self.who, rights::EVENTS_STREAM).await? {
            return Err(Problem::Forbidden);
        }
        let opens_members = api.opens(&self.who, &self.wanted).await?;
        let batch = api.log.after(self.position, BATCH).await;
        let mut batch = batch.map_err(|_| Problem::Busy)?;
        let last = batch.last().map(|last| last.position);
        batch.retain(|event| self.wanted.filter.admits(event));
        let mask = opens_members.then_some(Mask::On);
        let told = api.bodies(&batch, mask).await?;
        let positions = batch.iter().map(|event| event.position);
        self.read.extend(positions.zip(told));
        self.position = last.unwrap_or(self.position);
        Ok(())
    }

    /// Says nothing, but how far all was read: whoever comes back goes on there, also where nothing was told yet.
    fn quiet(&self) -> Event {
        Event::default().id(self.position.to_string()).comment("")
    }

    async fn rest(&self) -> Option<Event> {
        tokio::time::sleep(KEEP_ALIVE).await;
        Some(self.quiet())
    }
}
