//! The one writer of this program: commits what has gathered meanwhile as one group.

use std::sync::Arc;

use sqlx::error::DatabaseError;
use tokio::sync::{mpsc, watch};

use super::append::{Append, AppendError, Outcome};
use super::postgres::PostgresWriter;
use super::sqlite::SqliteWriter;
use crate::store::{Position, advance};

/// The most appends that share one commit.
pub(super) const GROUP: usize = 256;

/// How a group is committed. All hold to this: in one transaction; an append is taken whole, only if its sequences follow the stream's last
/// without a gap, and only the first of its stream; the others lost their race. What nobody waits for any more is left out.
/// Positions and times are given under a lock that all writers share.
pub(super) enum Writer {
    Sqlite(SqliteWriter),
    Postgres(PostgresWriter),
}

impl Writer {
    async fn commit(&mut self, group: &[Append]) -> Result<Vec<Outcome>, sqlx::Error> {
        match self {
            Self::Sqlite(writer) => writer.commit(group).await,
            Self::Postgres(writer) => writer.commit(group).await,
        }
    }

    /// Whether a row is to blame, and not the state of the database.
    fn blames_a_row(&self, error: &sqlx::Error) -> bool {
        let code = error.as_database_error().and_then(DatabaseError::code);
        let code = code.as_deref().unwrap_or_default();
        match self {
            // SQLITE_TOOBIG, SQLITE_CONSTRAINT and SQLITE_MISMATCH; the higher bits tell kinds of them.
            Self::Sqlite(_) => code
                .parse::<u32>()
                .is_ok_and(|code| matches!(code & 0xff, 18..=20)),
            // Data exceptions, broken constraints, and what exceeds a limit of the server's.
            Self::Postgres(_) => ["22", "23", "54"]
                .iter()
                .any(|class| code.starts_with(class)),
        }
    }
}

/// Takes what has gathered while the last commit ran, and commits it together.
pub(super) async fn write_groups(
    mut writer: Writer,
    mut waiting: mpsc::Receiver<Append>,
    head: watch::Sender<Position>,
) {
    while let Some(first) = waiting.recv().await {
        let mut group = vec![first];
        while group.len() < GROUP
            && let Ok(next) = waiting.try_recv()
        {
            group.push(next);
        }
        let outcomes = match writer.commit(&group).await {
            Ok(outcomes) => outcomes,
            // One bad append must not fail its neighbours.
            Err(error) if group.len() > 1 && writer.blames_a_row(&error) => {
                let appends = group.len();
                tracing::warn!(%error, appends, "a group of appends failed and is taken one by one");
                commit_one_by_one(&mut writer, &group, error).await
            }
            // Away or locked it would be for each of them, one after the other.
            Err(error) => {
                let error = Arc::new(error);
                let failed = |_| Err(AppendError::Database(error.clone()));
                group.iter().map(failed).collect()
            }
        };
        let last = outcomes
            .iter()
            .filter_map(|outcome| outcome.as_ref().ok())
            .max();
        if let Some(&last) = last {
            advance(&head, last);
        }
        for (append, outcome) in group.into_iter().zip(outcomes) {
            // Who asked may have gone while it was committed; it stands all the same.
            let _ = append.answer.send(outcome);
        }
    }
}

async fn commit_one_by_one(
    writer: &mut Writer,
    group: &[Append],
    why: sqlx::Error,
) -> Vec<Outcome> {
    let why = Arc::new(why);
    let mut outcomes = Vec::with_capacity(group.len());
    for append in group {
        let alone = writer.commit(std::slice::from_ref(append)).await;
        outcomes.push(match alone.map(|mut alone| alone.pop()) {
            Ok(Some(Ok(position))) => Ok(position),
            // The group's commit may have gone through after all, and the append be in its own way: not a lost race,
            // but an unknown outcome, which is looked for.
            Ok(Some(Err(_)) | None) => Err(AppendError::Database(why.clone())),
            Err(error) => Err(AppendError::Database(Arc::new(error))),
        });
    }
    outcomes
}
