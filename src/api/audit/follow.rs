//! `GET /api/v1/audit/events/stream`: events as they are committed, for as long as whoever listens may hear them.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};

use super::asked::{Asked, cursor};
use super::line::Line;
use super::looks::Showing;
use crate::api::Api;
use crate::api::pages::{KEEP_ALIVE, Seat};
use crate::api::problem::Problem;
use crate::api::staff::{StaffIn, rights};
use crate::domain::viewing::View;
use crate::projections::{Position, Recorded};

/// Events read at once.
const BATCH: i64 = 500;

/// Events as they happen (Server-Sent Events): the data of each is a line of the export, its id the position. With `Last-Event-ID` or `after`
/// it goes on there, else it begins with the next event.
#[utoipa::path(get, path = "/api/v1/audit/events/stream", tag = "audit",
    params(("after" = Option<String>, Query, description = "only events after this position"),
        ("Last-Event-ID" = Option<String>, Header, description = "the same, as clients send it that were cut off")),
    responses((status = 200, description = "an event each", body = Line, content_type = "text/event-stream")))]
pub(in crate::api) async fn audit_stream(
    State(api): State<Api>,
    who: StaffIn,
    headers: HeaderMap,
    asked: Result<Query<Asked>, QueryRejection>,
) -> Result<Response, Problem> {
    let Query(asked) = asked.map_err(|_| Problem::Malformed)?;
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let position = match last {
        Some(last) => cursor("Last-Event-ID", last)?,
        None => cursor("after", &asked.after)?,
    };
    // Before its own event, which is the first that it tells.
    let position = position.unwrap_or_else(|| api.log.head());
    let seat = api.streams.take(who.staff.0).ok_or(Problem::Busy)?;
    api.note_look(&who, Showing::of(View::Stream, None)).await?;
    let following = Following {
        api,
        who,
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
    /// The last event that was read.
    position: Position,
    /// What was read and not told yet.
    read: VecDeque<Recorded>,
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
            if let Some(recorded) = self.read.pop_front() {
                let line = Line::of(&recorded).text();
                let event = Event::default().event("event").data(line.trim_end());
                return Some(event.id(recorded.position.to_string()));
            }
            match self.may_go_on().await {
                Ok(true) => {}
                Ok(false) => {
                    self.ended = true;
                    return Some(Event::default().event("end").data("access"));
                }
                // A store is away: nothing is told that could not be asked for.
                Err(_) => return self.rest().await,
            }
            match self.api.log.after(self.position, BATCH).await {
                Ok(batch) => {
                    let last = batch.last().map(|last| last.position);
                    self.position = last.unwrap_or(self.position);
                    self.read.extend(batch);
                }
                Err(_) => return self.rest().await,
            }
            if self.read.is_empty() {
                let changed = self.api.log.changed(self.position);
                if tokio::time::timeout(KEEP_ALIVE, changed).await.is_err() {
                    return Some(quiet());
                }
            }
        }
    }

    /// Whether session or token still open it: asked anew before every batch, for roles, sessions and tokens end.
    async fn may_go_on(&self) -> Result<bool, Problem> {
        let Some(right) = rights::of(&Method::GET, rights::EVENTS_STREAM) else {
            return Ok(false);
        };
        match self.api.still_admitted(&self.who.visit, right).await {
            Ok(_) => Ok(true),
            Err(Problem::NotSignedIn | Problem::Forbidden | Problem::PasswordDue) => Ok(false),
            Err(problem) => Err(problem),
        }
    }

    async fn rest(&self) -> Option<Event> {
        tokio::time::sleep(KEEP_ALIVE).await;
        Some(quiet())
    }
}

fn quiet() -> Event {
    Event::default().comment("")
}
