//! How PostgreSQL commits a group: by one function of the database, in one round trip.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use sqlx::postgres::{PgDatabaseError, PgListener, PgSeverity};
use sqlx::{PgConnection, PgPool};
use tokio::sync::watch;
use tokio::time::timeout;

use super::append::{Append, AppendError, Outcome, Row};
use super::stored_head;
use crate::database::{Database, fixed_width, time_of};
use crate::store::stamp::Stamp;
use crate::store::{GivenUp, Position, advance};

/// How long the listener rests after it lost its connection.
const REST: Duration = Duration::from_secs(1);

/// How long an append may take; beyond, nobody knows what became of it. The function itself waits for its lock no longer than
/// one and a half seconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long it may take to begin a session, or to end a lost one: no shorter than a command's own patience, so that whoever is
/// answered before a lost session is ended decides nothing afresh.
const SESSION_PATIENCE: Duration = Duration::from_secs(2);

/// The writer to a database on a PostgreSQL server.
pub(super) struct PostgresWriter {
    pool: PgPool,
    stamp: Stamp,
    /// The time of the last event that this program knows of.
    last_time: Option<Timestamp>,
    session: Option<Session>,
    /// The server's process behind the last session.
    own: Arc<AtomicI32>,
    /// What served a connection that was lost in the middle of an append, while it may still commit that.
    lost: Option<Backend>,
}

/// The connection that appends go by.
struct Session {
    connection: PgConnection,
    backend: Backend,
}

/// The process of the server's behind a connection.
struct Backend {
    id: i32,
    /// When it began, as text: ids come again.
    since: String,
}

/// The events of a group, a column an array.
#[derive(Default)]
struct Columns<'group> {
    appends: Vec<i64>,
    kinds: Vec<&'group str>,
    ids: Vec<&'group str>,
    sequences: Vec<i64>,
    types: Vec<&'group str>,
    versions: Vec<&'group str>,
    payloads: Vec<&'group str>,
    metadatas: Vec<&'group str>,
}

impl PostgresWriter {
    pub(super) fn new(
        pool: PgPool,
        stamp: Stamp,
        last_time: Option<Timestamp>,
        own: Arc<AtomicI32>,
    ) -> Self {
        Self {
            pool,
            stamp,
            last_time,
            session: None,
            own,
            lost: None,
        }
    }

    pub(super) async fn commit(&mut self, group: &[Append]) -> Result<Vec<Outcome>, sqlx::Error> {
        // Before anything is taken: whoever waits for a server that is away can still give up.
        let session = self.session().await?;
        let mut columns = Columns::default();
        // What is not among those taken in the end has lost its race.
        let mut outcomes: Vec<Outcome> = Vec::with_capacity(group.len());
        for (append, number) in group.iter().zip(0..) {
            outcomes.push(Err(if !follow_one_another(&append.rows) {
                AppendError::Conflict
            } else if append.take() {
                append.rows.iter().for_each(|row| columns.push(number, row));
                AppendError::Conflict
            } else {
                AppendError::GivenUp(GivenUp)
            }));
        }
        if columns.appends.is_empty() {
            self.session = Some(session);
            return Ok(outcomes);
        }
        let taken = self.append(session, columns).await?;
        for (outcome, number) in outcomes.iter_mut().zip(0..) {
            if let Some(&position) = taken.get(&number) {
                *outcome = Ok(position);
            }
        }
        Ok(outcomes)
    }

    /// Answers with the last position of each append that was taken. After an error, nothing was taken or will be, unless
    /// the connection was lost and stays lost: see [`Self::end_lost`].
    async fn append(
        &mut self,
        mut session: Session,
        columns: Columns<'_>,
    ) -> Result<HashMap<i64, Position>, sqlx::Error> {
        let now = fixed_width(self.stamp.after(self.last_time));
        let answer = match timeout(PATIENCE, session.append(columns, now)).await {
            Ok(answer) => answer,
            Err(_) => Err(sqlx::Error::Protocol(
                "the append was not answered in five seconds".to_owned(),
            )),
        };
        if let Err(error) = &answer
            && !is_refusal(error)
        {
            self.lost = Some(session.backend);
            drop(session.connection);
            if let Err(error) = self.end_lost().await {
                tracing::warn!(%error, "what became of an append is not known for a while");
            }
        } else {
            self.session = Some(session);
        }
        let mut taken = HashMap::new();
        for (append, position, stamp) in answer? {
            taken.insert(append, position);
            self.last_time = Some(time_of(&stamp)?);
        }
        Ok(taken)
    }

    async fn session(&mut self) -> Result<Session, sqlx::Error> {
        if self.pool.is_closed() {
            self.session = None;
            return Err(sqlx::Error::PoolClosed);
        }
        self.end_lost().await?;
        if let Some(session) = self.session.take() {
            return Ok(session);
        }
        let session = timeout(SESSION_PATIENCE, Session::begin(&self.pool))
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))?;
        self.own.store(session.backend.id, Ordering::Relaxed);
        Ok(session)
    }

    /// Ends what served a lost connection: afterwards, what was sent by it is committed, or never will be. Else it could wait in the
    /// queue for the lock, or in the network, while its command is looked for in vain and refused, and happen after all.
    async fn end_lost(&mut self) -> Result<(), sqlx::Error> {
        if let Some(backend) = &self.lost {
            let ended = timeout(SESSION_PATIENCE, backend.end(&self.pool)).await;
            ended.map_err(|_| sqlx::Error::PoolTimedOut)?;
            self.lost = None;
        }
        Ok(())
    }
}

impl Session {
    async fn begin(pool: &PgPool) -> Result<Self, sqlx::Error> {
        // Taken out of the pool, which would wait for it on closing.
        let mut connection = pool.acquire().await?.detach();
        let (id, since) = sqlx::query_as(
            "SELECT pid, backend_start::text FROM pg_stat_activity WHERE pid = pg_backend_pid()",
        )
        .fetch_one(&mut connection)
        .await?;
        let backend = Backend { id, since };
        Ok(Self {
            connection,
            backend,
        })
    }

    /// Each append that was taken, with its last position and the time given to it.
    async fn append(
        &mut self,
        columns: Columns<'_>,
        now: String,
    ) -> Result<Vec<(i64, Position, String)>, sqlx::Error> {
        sqlx::query_as(
            "SELECT taken, last_position, stamp FROM append_events($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        )
        .bind(columns.appends)
        .bind(columns.kinds)
        .bind(columns.ids)
        .bind(columns.sequences)
        .bind(columns.types)
        .bind(columns.versions)
        .bind(columns.payloads)
        .bind(columns.metadatas)
        .bind(now)
        .fetch_all(&mut self.connection)
        .await
    }
}

impl Backend {
    /// Ends it, if it is still there, and waits until it is gone; for as long as it takes, the server's coming back included.
    async fn end(&self, pool: &PgPool) {
        loop {
            let there = sqlx::query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start::text = $2",
            )
            .bind(self.id)
            .bind(&self.since)
            .fetch_optional(pool)
            .await;
            if matches!(there, Ok(None)) || pool.is_closed() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Whether the server has refused a statement and goes on: then nothing of it was committed, nor will be.
fn is_refusal(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .and_then(|error| error.try_downcast_ref::<PgDatabaseError>())
        .is_some_and(|error| error.severity() == PgSeverity::Error)
}

impl<'group> Columns<'group> {
    fn push(&mut self, append: i64, row: &'group Row) {
        self.appends.push(append);
        self.kinds.push(&row.kind);
        self.ids.push(&row.id);
        self.sequences.push(row.sequence);
        self.types.push(&row.event_type);
        self.versions.push(&row.version);
        self.payloads.push(&row.payload);
        self.metadatas.push(&row.metadata);
    }
}

/// Whether the sequences have no gap; whether they follow the stream is asked under the lock.
fn follow_one_another(rows: &[Row]) -> bool {
    let Some(first) = rows.first() else {
        return false;
    };
    let mut rows = rows.iter().zip(0..);
    rows.all(|(row, number)| row.sequence - first.sequence == number)
}

/// Hears of commits by other programs, whose sessions are not this one's `own`, and tells how far the log has grown. Who reads looks now and
/// then by itself, too.
pub(super) async fn listen(
    pool: PgPool,
    database: Database,
    head: watch::Sender<Position>,
    own: Arc<AtomicI32>,
) {
    loop {
        if let Err(error) = hear(&pool, &database, &head, &own).await {
            if pool.is_closed() {
                return;
            }
            tracing::warn!(%error, "commits of other nodes are not heard of at once for a while");
        }
        tokio::time::sleep(REST).await;
    }
}

async fn hear(
    pool: &PgPool,
    database: &Database,
    head: &watch::Sender<Position>,
    own: &AtomicI32,
) -> Result<(), sqlx::Error> {
    // A server that began anew gives the numbers of its processes anew.
    own.store(0, Ordering::Relaxed);
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("kadode_events").await?;
    loop {
        advance(head, stored_head(database).await?);
        loop {
            // None: the connection was lost, and something may have been missed.
            let Some(notice) = listener.try_recv().await? else {
                return Ok(());
            };
            // The writer tells of its own.
            if i32::try_from(notice.process_id()) != Ok(own.load(Ordering::Relaxed)) {
                break;
            }
        }
    }
}
