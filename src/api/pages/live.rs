//! `GET /events`: tells a waiting page which step is due, as soon as that changes, until the session ends.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use uuid::Uuid;

use crate::api::Api;
use crate::api::problem::Problem;
use crate::api::visit::Visit;
use crate::domain::onboarding::Step;
use crate::projections::Progress;
use crate::vault::{Found, Session};

/// How often a silent stream says that it lives, and looks whether its session still does.
pub(in crate::api) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// After the read models have moved, a stream rests so long before it looks, so that a rush of events is one look.
const BREATH: Duration = Duration::from_millis(200);

/// How many streams somebody may have open: a few tabs on a few devices.
const MOST_EACH: usize = 4;

/// How many streams may be open in all; each costs a look into the read model whenever that moves.
const MOST: usize = 5000;

/// The streams that are open; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Streams(Arc<Mutex<HashMap<Uuid, usize>>>);

/// One open stream's place, given back when it is dropped.
pub(in crate::api) struct Seat {
    streams: Streams,
    owner: Uuid,
}

impl Streams {
    /// A place for a stream of this member, or this one of the staff.
    pub(in crate::api) fn take(&self, owner: Uuid) -> Option<Seat> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = open.get(&owner).copied().unwrap_or(0);
        if own >= MOST_EACH || open.values().sum::<usize>() >= MOST {
            return None;
        }
        open.insert(owner, own + 1);
        Some(Seat {
            streams: self.clone(),
            owner,
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut open = self
            .streams
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&self.owner).map_or(0, |own| own - 1);
        if left == 0 {
            open.remove(&self.owner);
        } else {
            open.insert(self.owner, left);
        }
    }
}

/// `GET /events`. The session is looked at but not used: an open stream does not keep it alive.
pub(super) async fn events(State(api): State<Api>, visit: Visit) -> Result<Response, Problem> {
    let session = api.session_of(&visit).await?;
    let seat = api.streams.take(session.member.0).ok_or(Problem::Busy)?;
    let watch = Watch {
        progress: api.statuses.progress(),
        api,
        visit,
        session,
        told: None,
        ended: false,
        _seat: seat,
    };
    let mut response = Sse::new(watch.stream()).into_response();
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
struct Watch {
    api: Api,
    visit: Visit,
    session: Session,
    progress: Progress,
    /// The step that was told last.
    told: Option<Step>,
    ended: bool,
    _seat: Seat,
}

impl Watch {
    fn stream(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(self, |mut watch| async move {
            let event = watch.next().await?;
            Some((Ok(event), watch))
        })
    }

    async fn next(&mut self) -> Option<Event> {
        if self.ended {
            return None;
        }
        if self.told.is_none()
            && let Some(event) = self.look().await
        {
            return Some(event);
        }
        // Where the first look met a fault, the next follows as any other: at once, it would be a loop without rest.
        loop {
            match tokio::time::timeout(KEEP_ALIVE, self.progress.moved()).await {
                Ok(()) => {
                    tokio::time::sleep(BREATH).await;
                    if let Some(event) = self.look().await {
                        return Some(event);
                    }
                }
                Err(_) => return Some(self.look().await.unwrap_or_else(quiet)),
            }
        }
    }

    /// What there is to tell: another step, or the end.
    async fn look(&mut self) -> Option<Event> {
        if self.has_lapsed().await {
            return Some(self.end());
        }
        let due = match self.api.member_status(&self.session).await {
            Ok(status) => status.state.due(),
            Err(Problem::Busy) => return None,
            Err(_) => return Some(self.end()),
        };
        if self.told == Some(due) {
            return None;
        }
        self.told = Some(due);
        Some(Event::default().event("step").data(due.name()))
    }

    /// Whether the session's time is over; pages opened meanwhile may have moved its end.
    async fn has_lapsed(&mut self) -> bool {
        let now = self.api.clock.now();
        if now < self.session.idle_until {
            return false;
        }
        let sessions = &self.api.vault.sessions;
        let secret = self.visit.secret.as_deref().unwrap_or_default();
        match sessions.find(secret, &self.visit.agent, now).await {
            Ok(Found::Current(session)) => {
                self.session = session;
                false
            }
            Ok(Found::Rotated(_) | Found::Lapsed(_) | Found::None) => true,
            // The next look tells.
            Err(_) => false,
        }
    }

    fn end(&mut self) -> Event {
        self.ended = true;
        Event::default().event("end").data("session")
    }
}

fn quiet() -> Event {
    Event::default().comment("")
}
