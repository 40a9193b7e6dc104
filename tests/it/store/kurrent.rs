//! What the event log in KurrentDB does besides the contract: faults of the server and of the network, and its numbers. It runs on a
//! protocol double, or where that is possible, on the server that `KADODE_TEST_EVENTS` names.

use std::time::Duration;

use cqrs_es::persist::PersistedEventRepository;
use kadode::ambient::Clock;
use kadode::database::Database;
use kadode::domain::attempts::Attempts;
use kadode::store::EventLog;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Place, Sqlite};
use crate::support::kurrent::Double;
use crate::support::postgres::Places;

/// A log in KurrentDB, whose numbers are in a SQL database.
pub(super) struct Beside<P> {
    sql: P,
    server: Server,
}

enum Server {
    Double(Double),
    Real(String),
}

/// A place that has a database.
pub(super) trait HasDatabase: Place {
    async fn database(&self) -> Database;
}

impl HasDatabase for Sqlite {
    async fn database(&self) -> Database {
        Self::database(self).await
    }
}

impl HasDatabase for Places {
    async fn database(&self) -> Database {
        Database::open(&self.main).await.unwrap()
    }
}

impl<P: HasDatabase> Place for Beside<P> {
    async fn new() -> Self {
        let server = match std::env::var("KADODE_TEST_EVENTS") {
            // Streams of its own, in a log that others write too.
            Ok(url) => {
                let and = if url.contains('?') { '&' } else { '?' };
                Server::Real(format!("{url}{and}streamPrefix={}-", Uuid::now_v7()))
            }
            Err(_) => Server::Double(Double::start()),
        };
        Self {
            sql: P::new().await,
            server,
        }
    }

    async fn open(&self, clock: &Clock) -> EventLog {
        let url = match &self.server {
            Server::Double(double) => {
                double.keep_time(clock);
                double.url()
            }
            Server::Real(url) => url.clone(),
        };
        let database = self.sql.database().await;
        EventLog::open_at(Some(&url), database, clock.clone())
            .await
            .unwrap()
    }

    async fn tamper(&self, statement: &'static str) -> Result<(), String> {
        self.sql.tamper(statement).await
    }

    fn stamps_by_our_clock(&self) -> bool {
        matches!(self.server, Server::Double(_))
    }
}
