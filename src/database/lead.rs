//! Which of several nodes on one server leads: the one whose connection holds a lock, as long as it shows signs of life.

use std::time::Duration;

use super::server::{LEADING, OURS};
use super::{Database, Lent};

/// How long a sign of life may take, and a try to lead.
const PATIENCE: Duration = Duration::from_secs(2);

/// The lead; free for another node when this is dropped, or the program ends, however it does.
#[derive(Debug)]
pub struct Lead(Lent);

impl Database {
    /// Takes the lead, unless another node has it. One that has shown no sign of life for three seconds, being frozen or cut off, loses
    /// it: its connection is ended, so that it cannot but notice when it comes back.
    ///
    /// # Errors
    /// The server is away.
    pub async fn try_to_lead(&self) -> Result<Option<Lead>, sqlx::Error> {
        tokio::time::timeout(PATIENCE, self.try_to_lead_now())
            .await
            .unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    async fn try_to_lead_now(&self) -> Result<Option<Lead>, sqlx::Error> {
        let mut connection = self.write.acquire().await?;
        let free: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, $2)")
            .bind(OURS)
            .bind(LEADING)
            .fetch_one(&mut *connection)
            .await?;
        if free {
            return Ok(Some(Lead(connection)));
        }
        let ended = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pg_stat_activity USING (pid) \
             WHERE locktype = 'advisory' AND classid::bigint = $1 AND objid::bigint = $2 AND granted \
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
             AND state_change < clock_timestamp() - interval '3 seconds'",
        )
        .bind(i64::from(OURS))
        .bind(i64::from(LEADING))
        .fetch_all(&mut *connection)
        .await?;
        if !ended.is_empty() {
            tracing::warn!("the leading node shows no sign of life, and loses the lead");
        }
        connection.give_back();
        Ok(None)
    }
}

impl Lead {
    /// Shows a sign of life; answers whether the lead is still held.
    pub async fn holds(&mut self) -> bool {
        let sign = sqlx::query("SELECT 1").execute(&mut *self.0);
        matches!(tokio::time::timeout(PATIENCE, sign).await, Ok(Ok(_)))
    }
}
