//! How many user IDs are failing in one network or with one symbol, so that a sweep over many of them is slowed.

use jiff::{SignedDuration, Timestamp};

use super::VaultError;
use super::forget::forget;
use crate::database::{AnyQuery, Cell, Database, Dialect, Insert, fixed_width};

/// Failures older than this no longer count (judgement).
const WINDOW: SignedDuration = SignedDuration::from_hours(1);

/// One typed user ID, and the places in which its failures count beside those of others; none in a browser of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scopes {
    /// A keyed hash of the typed user ID.
    pub(super) typed: String,
    /// Keyed hashes of the network and of the symbol, each with the number of other IDs that makes it hot.
    pub(super) places: Vec<(String, u32)>,
}

impl Scopes {
    /// An expression: 1, if enough other user IDs failed lately in one of the places, else 0. Only what has failed counts, so that a company
    /// whose members sign in all at once is not taken for a sweep. Its parameters come after the first `before`, and are
    /// bound by [`Scopes::bind_hot`].
    pub(super) fn hot(&self, before: usize) -> String {
        let (since, typed) = (before + 1, before + 2);
        let is_hot = |place: usize| {
            let (scope, bound) = (2 * place + before + 3, 2 * place + before + 4);
            format!(
                "(SELECT count(*) FROM (SELECT 1 FROM failing WHERE scope = ${scope} AND failed_at > ${since} \
                 AND typed <> ${typed} LIMIT ${bound}) AS others) >= ${bound}"
            )
        };
        let places: Vec<String> = (0..self.places.len()).map(is_hot).collect();
        if places.is_empty() {
            return "0".to_owned();
        }
        format!("CASE WHEN {} THEN 1 ELSE 0 END", places.join(" OR "))
    }

    pub(super) fn bind_hot<'q>(&self, mut query: AnyQuery<'q>, now: Timestamp) -> AnyQuery<'q> {
        if self.places.is_empty() {
            return query;
        }
        query = query
            .bind(fixed_width(now - WINDOW))
            .bind(self.typed.clone());
        for (scope, bound) in &self.places {
            query = query.bind(scope.clone()).bind(i64::from(*bound));
        }
        query
    }

    /// Notes that the user ID failed.
    pub(super) async fn note(&self, database: &Database, now: Timestamp) -> Result<(), VaultError> {
        let rows = self.places.iter().map(|(scope, _)| {
            [
                Cell::from(scope.as_str()),
                Cell::from(self.typed.as_str()),
                Cell::from(now),
            ]
        });
        let mut connection = database.write.acquire().await?;
        Insert::new(
            Dialect::of(&connection),
            "INSERT INTO failing (scope, typed, failed_at)",
            &rows.collect::<Vec<_>>(),
            "ON CONFLICT (scope, typed) DO UPDATE SET failed_at = excluded.failed_at",
        )?
        .write(&mut connection)
        .await?;
        connection.give_back();
        Ok(())
    }

    /// Under what its failures are noted; nothing, where they are not.
    pub(super) fn failing_as(&self) -> Option<String> {
        (!self.places.is_empty()).then(|| self.typed.clone())
    }
}

/// Forgets what failed too long ago to count; returns how many rows.
pub(super) async fn forget_old(database: &Database, now: Timestamp) -> Result<u64, VaultError> {
    let old = format!("failed_at < '{}'", fixed_width(now - WINDOW));
    forget(database, "failing", "scope, typed", &old).await
}
