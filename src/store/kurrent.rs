//! The event log in KurrentDB (EventStoreDB): appended to and loaded there, numbered in the SQL database beside it.

mod address;
mod append;
mod events;
mod numbers;
mod server;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use self::address::Address;
pub use self::address::AddressError;
pub use self::append::KurrentRepository;
use self::events::{Names, Stored};
use self::numbers::{Numbered, Numbers, PAGE};
use self::server::{Failure, READS, Server};
use super::sql::begun_in;
use super::stamp::Stamp;
use super::{Position, ReadError, Recorded, grown};
use crate::ambient::Clock;
use crate::database::Database;

/// How often the log is looked at for commits of other programs.
const POLL: Duration = Duration::from_millis(200);

/// A place in the event store's log. Both halves count: one alone may be shared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    commit: i64,
    prepare: i64,
}

impl From<eventstore::Position> for Place {
    fn from(position: eventstore::Position) -> Self {
        // The log is counted in bytes: no disk holds so many.
        let half = |half: u64| i64::try_from(half).unwrap_or(i64::MAX);
        Self {
            commit: half(position.commit),
            prepare: half(position.prepare),
        }
    }
}

impl From<Place> for eventstore::Position {
    fn from(place: Place) -> Self {
        Self {
            commit: place.commit.unsigned_abs(),
            prepare: place.prepare.unsigned_abs(),
        }
    }
}

impl From<Failure> for ReadError {
    fn from(failure: Failure) -> Self {
        Self::Away(failure.to_string())
    }
}

/// The log; cheap to clone.
#[derive(Clone)]
pub struct KurrentLog(Arc<Inner>);

struct Inner {
    server: Server,
    names: Names,
    numbers: Numbers,
    database: Database,
}

impl KurrentLog {
    /// Looks whether `url` names a place for a log, and touches nothing.
    ///
    /// # Errors
    /// It does not.
    pub fn look_at(url: &str) -> Result<(), AddressError> {
        Address::parse(url).map(drop)
    }

    /// The log at `url`, whose numbers are in `database`, which must be migrated; from now on `clock` shows no time before the
    /// last event's.
    ///
    /// # Errors
    /// One line: what is wrong, and what to do.
    pub async fn open(url: &str, database: Database, clock: Clock) -> Result<Self, String> {
        let address = Address::parse(url).map_err(|error| error.to_string())?;
        let shown = address.shown.clone();
        let names = Names(address.prefix.clone());
        let opened = async {
            let server = Server::new(address)?;
            let numbers = Numbers::open(database.clone(), Stamp::new(clock)).await;
            let log = Self(Arc::new(Inner {
                server,
                names,
                numbers: numbers.map_err(|error| error.to_string())?,
                database,
            }));
            // That it is the log whose events were numbered here shows at the last of them.
            let numbered = log.head();
            let read = log.read_after(numbered - 1, 1).await;
            read.map_err(|error| error.to_string())?;
            log.committed_head()
                .await
                .map_err(|error| error.to_string())?;
            Ok(log)
        };
        opened
            .await
            .map_err(|why: String| format!("{shown}: {why}"))
    }

    pub(super) fn head(&self) -> Position {
        *self.0.numbers.head.borrow()
    }

    pub(super) async fn committed_head(&self) -> Result<Position, ReadError> {
        self.catch_up().await?;
        Ok(self.head())
    }

    async fn catch_up(&self) -> Result<(), ReadError> {
        self.0.numbers.catch_up(&self.0.server, &self.0.names).await
    }

    pub(super) async fn read_after(
        &self,
        position: Position,
        limit: i64,
    ) -> Result<Vec<Recorded>, ReadError> {
        let numbered = self.0.numbers.after(position, limit).await?;
        let mut read = Vec::with_capacity(numbered.len());
        let mut at = numbered.first().map(|first| first.place);
        let mut due = numbered.into_iter().peekable();
        while let (Some(from), Some(_)) = (at, due.peek()) {
            let page = self.0.server.all(Some(from.into()), PAGE).await?;
            for event in &page {
                let Some(next) = due.peek() else { break };
                let place = Place::from(event.position);
                if place < next.place {
                    continue;
                }
                let stored = Stored::read(&self.0.names, event);
                let stored = stored.filter(|stored| place == next.place && is(stored, next));
                read.push(recorded(stored, next)?);
                due.next();
            }
            let last = page.last().map(|event| Place::from(event.position));
            if last <= at && due.peek().is_some() {
                break;
            }
            at = last;
        }
        match due.next() {
            // The log ends before it: cut off, or another one.
            Some(next) if read.is_empty() => recorded(None, &next).map(|event| vec![event]),
            _ => Ok(read),
        }
    }

    pub(super) async fn read_stream_after(
        &self,
        kind: &str,
        id: &str,
        position: Position,
    ) -> Result<Vec<Recorded>, ReadError> {
        let Inner {
            server,
            names,
            numbers,
            ..
        } = &*self.0;
        let from = match position {
            0 => 0,
            position => numbers.length_at(kind, id, position).await?,
        };
        let name = names.of(kind, id);
        for _ in 0..READS {
            let stored = server.stream(&name, from.unsigned_abs()).await?;
            let mut numbered = numbers.of_stream(kind, id, from).await?;
            if numbered.len() < stored.len() {
                // Some are so fresh that they have no number yet.
                self.catch_up().await?;
                numbered = numbers.of_stream(kind, id, from).await?;
            }
            // Else some came meanwhile, or the answer was cut short.
            if numbered.len() <= stored.len() {
                let events = numbered.iter().zip(&stored).map(|(number, event)| {
                    let stored = Stored::read(names, event);
                    recorded(stored.filter(|stored| is(stored, number)), number)
                });
                return events.collect();
            }
        }
        Err(ReadError::Away("its answers end early".to_owned()))
    }

    pub(super) async fn begun(
        &self,
        kind: &str,
        ids: &[String],
    ) -> Result<HashSet<String>, ReadError> {
        self.catch_up().await?;
        begun_in(&self.0.database, "positions", kind, ids).await
    }

    pub(super) async fn changed(&self, position: Position) {
        grown(&self.0.numbers.head, position, POLL, || async {
            // Away now is no reason to stop: whoever reads next meets the error and tells it.
            let _ = self.committed_head().await;
        })
        .await;
    }

    pub(super) fn repository(&self, deadline: Instant) -> KurrentRepository {
        KurrentRepository::new(self.clone(), deadline)
    }
}

/// Whether it is the event that was numbered.
fn is(stored: &Stored, numbered: &Numbered) -> bool {
    stored.kind == numbered.kind && stored.id == numbered.id && stored.sequence == numbered.sequence
}

/// The event that was numbered, if it is still there.
fn recorded(stored: Option<Stored>, numbered: &Numbered) -> Result<Recorded, ReadError> {
    let (position, time): (Position, Timestamp) = (numbered.position, numbered.recorded_at);
    match stored {
        Some(stored) => Ok(stored.recorded(position, time)),
        None => Err(ReadError::Corrupt {
            position,
            why: "the event store has not the event that was numbered here; is it the one that belongs to this database?".to_owned(),
        }),
    }
}
