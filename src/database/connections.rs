//! Connections that are lent one at a time and kept as they are. The driver's own pool asks each one that comes back whether it still
//! answers, which doubles the cost of a short statement and keeps the next in line waiting meanwhile.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::BoxFuture;
use futures::stream::{self, BoxStream, TryStreamExt};
use sqlx::any::{Any, AnyConnectOptions, AnyQueryResult, AnyRow, AnyStatement, AnyTypeInfo};
use sqlx::{AnyConnection, ConnectOptions, Connection, Describe, Either, Execute, Executor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::sql::{AnyQuery, Insert, Statement};

/// How long to wait for a connection.
const PATIENCE: Duration = Duration::from_secs(10);

/// Some connections to one database; clones share them. A statement takes one by itself, several go over one that was
/// [acquired](Connections::acquire).
#[derive(Clone, Debug)]
pub struct Connections(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    options: AnyConnectOptions,
    settings: Settings,
    most: u32,
    places: Arc<Semaphore>,
    /// Each with the moment since when it has been.
    idle: Mutex<Vec<(AnyConnection, Instant)>>,
}

/// How the connections of one kind are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    /// What every new one is told first.
    pub(super) first: &'static str,
    /// What begins a transaction that is alone.
    pub(super) begin: &'static str,
    /// Whether statements with parameters may stand in one text: each way to a file's thread and back costs more than the work there.
    pub(super) together: bool,
    /// How long a single statement may take, or the beginning of a transaction; for ever if it ends in a file.
    pub(super) patience: Option<Duration>,
    /// How long one may have been idle and is still believed to answer; for ever if it ends in a file.
    pub(super) trusted_for: Option<Duration>,
}

/// One connection, lent. It is kept for others only if it was given back: one that was dropped in the middle of something is closed.
#[derive(Debug)]
pub struct Lent {
    connection: AnyConnection,
    home: Connections,
    _place: OwnedSemaphorePermit,
}

/// Several statements that are committed together, or not at all: where it is dropped, nothing was written.
#[derive(Debug)]
pub struct Transaction(Lent);

impl Connections {
    /// At most `most` connections, none of which is opened yet.
    pub(super) fn new(options: AnyConnectOptions, settings: Settings, most: u32) -> Self {
        Self(Arc::new(Inner {
            options,
            settings,
            most,
            places: Arc::new(Semaphore::new(usize::try_from(most).unwrap_or(1))),
            idle: Mutex::default(),
        }))
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// None came free for ten seconds, none can be opened, or all were closed.
    pub async fn acquire(&self) -> Result<Lent, sqlx::Error> {
        let place = self.0.places.clone().acquire_owned();
        let place = match tokio::time::timeout(PATIENCE, place).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(sqlx::Error::PoolClosed),
            Err(_) => return Err(sqlx::Error::PoolTimedOut),
        };
        let connection = match self.idle_that_answers().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        Ok(Lent {
            connection,
            home: self.clone(),
            _place: place,
        })
    }

    /// Begins a transaction that has the write lock from the start.
    pub(super) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        self.in_time(async {
            let mut transaction = Transaction(self.acquire().await?);
            transaction.execute(self.0.settings.begin).await?;
            Ok(transaction)
        })
        .await
    }

    /// Begins a transaction as [`Connections::begin`] does, with a first statement; answers with its rows.
    pub(super) async fn begin_with(
        &self,
        mut first: AnyQuery<'_>,
    ) -> Result<(Transaction, Vec<AnyRow>), sqlx::Error> {
        if !self.0.settings.together {
            let mut transaction = self.begin().await?;
            let rows = first.fetch_all(&mut *transaction).await?;
            return Ok((transaction, rows));
        }
        let mut transaction = Transaction(self.acquire().await?);
        let sql = format!("{}; {}", self.0.settings.begin, first.sql());
        let given = first.take_arguments().map_err(sqlx::Error::Encode)?;
        let query = sqlx::query_with(&sql, given.unwrap_or_default());
        let rows = query.fetch_all(&mut *transaction).await?;
        Ok((transaction, rows))
    }

    /// Writes all of it in one transaction, and answers how many rows each statement wrote.
    pub(super) async fn write_all(
        &self,
        statements: Vec<Statement>,
    ) -> Result<Vec<u64>, sqlx::Error> {
        self.in_time(self.write_in_one(statements)).await
    }

    async fn write_in_one(&self, statements: Vec<Statement>) -> Result<Vec<u64>, sqlx::Error> {
        if !self.0.settings.together {
            let mut transaction = self.begin().await?;
            let mut written = Vec::with_capacity(statements.len());
            for statement in statements {
                let done = statement.query().execute(&mut *transaction).await?;
                written.push(done.rows_affected());
            }
            transaction.commit().await?;
            return Ok(written);
        }
        // Dropped on the way, it is closed, and nothing was written.
        let mut lent = self.acquire().await?;
        let count = statements.len();
        let all = Statement::together(Some(self.0.settings.begin), statements);
        let results: Vec<_> = lent.fetch_many(all.query()).try_collect().await?;
        lent.give_back();
        let done = results.into_iter().filter_map(Either::left);
        // Behind that of the beginning.
        Ok(done
            .map(|it| it.rows_affected())
            .skip(1)
            .take(count)
            .collect())
    }

    /// A server that fell silent is no reason to wait for ever. What was begun is dropped, and so is its connection.
    async fn in_time<T>(
        &self,
        work: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, sqlx::Error> {
        match self.0.settings.patience {
            None => work.await,
            Some(patience) => tokio::time::timeout(patience, work)
                .await
                .unwrap_or_else(|late| Err(sqlx::Error::Io(late.into()))),
        }
    }

    /// Closes all connections, and waits for those that are lent.
    pub async fn close(&self) {
        let all = self.0.places.acquire_many(self.0.most).await;
        self.0.places.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for (connection, _) in idle {
            // What cannot be closed is gone already.
            let _ = connection.close().await;
        }
    }

    async fn idle_that_answers(&self) -> Option<AnyConnection> {
        loop {
            // The last one that came back has most at hand.
            let (mut connection, since) = self.idle().pop()?;
            let trusted = self.0.settings.trusted_for;
            if trusted.is_none_or(|trusted| since.elapsed() < trusted)
                || matches!(
                    tokio::time::timeout(PATIENCE, connection.ping()).await,
                    Ok(Ok(()))
                )
            {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Result<AnyConnection, sqlx::Error> {
        let mut connection = self.0.options.connect().await?;
        connection.execute(self.0.settings.first).await?;
        Ok(connection)
    }

    fn idle(&self) -> MutexGuard<'_, Vec<(AnyConnection, Instant)>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lent {
    /// Gives the connection back as it is.
    pub fn give_back(self) {
        self.home.idle().push((self.connection, Instant::now()));
    }
}

impl Transaction {
    /// Commits what was written.
    ///
    /// # Errors
    /// The database refuses; then nothing was written, unless only its answer got lost.
    pub async fn commit(self) -> Result<(), sqlx::Error> {
        self.end("COMMIT").await
    }

    /// Writes some more and commits.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub async fn commit_with(mut self, inserts: &[Insert]) -> Result<(), sqlx::Error> {
        if self.0.home.0.settings.together {
            let statements = inserts.iter().flat_map(Insert::statements).collect();
            let all = Statement::together(None, statements);
            all.query().execute(&mut *self).await?;
            self.0.give_back();
            return Ok(());
        }
        for insert in inserts {
            insert.write(&mut self).await?;
        }
        self.commit().await
    }

    /// Takes back what was written, as dropping the transaction does, and keeps the connection.
    ///
    /// # Errors
    /// The database is away.
    pub async fn rollback(self) -> Result<(), sqlx::Error> {
        self.end("ROLLBACK").await
    }

    async fn end(mut self, how: &'static str) -> Result<(), sqlx::Error> {
        self.execute(how).await?;
        self.0.give_back();
        Ok(())
    }
}

impl Deref for Lent {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.connection
    }
}

impl Deref for Transaction {
    type Target = AnyConnection;

    fn deref(&self) -> &AnyConnection {
        &self.0
    }
}

impl DerefMut for Transaction {
    fn deref_mut(&mut self) -> &mut AnyConnection {
        &mut self.0
    }
}

/// One statement on whichever connection is free.
impl<'c> Executor<'c> for &'c Connections {
    type Database = Any;

    fn fetch_many<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxStream<'e, Result<Either<AnyQueryResult, AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        let all = self.in_time(async move {
            let mut lent = self.acquire().await?;
            let all: Vec<_> = lent.fetch_many(query).try_collect().await?;
            lent.give_back();
            Ok(stream::iter(all.into_iter().map(Ok)))
        });
        Box::pin(stream::once(all).try_flatten())
    }

    fn fetch_optional<'e, 'q: 'e, E>(
        self,
        query: E,
    ) -> BoxFuture<'e, Result<Option<AnyRow>, sqlx::Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, Any>,
    {
        Box::pin(async move {
            // To the end of the text, whose last statement may be a COMMIT.
            let mut all = self.fetch_many(query);
            let mut first = None;
            while let Some(step) = all.try_next().await? {
                first = first.or(step.right());
            }
            Ok(first)
        })
    }

    fn prepare_with<'e, 'q: 'e>(
        self,
        sql: &'q str,
        parameters: &'e [AnyTypeInfo],
    ) -> BoxFuture<'e, Result<AnyStatement<'q>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut lent = self.acquire().await?;
            let statement = lent.prepare_with(sql, parameters).await?;
            lent.give_back();
            Ok(statement)
        })
    }

    fn describe<'e, 'q: 'e>(self, sql: &'q str) -> BoxFuture<'e, Result<Describe<Any>, sqlx::Error>>
    where
        'c: 'e,
    {
        Box::pin(async move {
            let mut lent = self.acquire().await?;
            let described = lent.describe(sql).await?;
            lent.give_back();
            Ok(described)
        })
    }
}
