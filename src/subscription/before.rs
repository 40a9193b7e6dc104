//! What stands in the tables of the read models before a batch.

use std::collections::{HashMap, HashSet};

use sqlx::{AnyConnection, Row};

use crate::database::{Dialect, Insert};
use crate::store::Position;

/// Members asked for by one statement.
const AT_ONCE: usize = 500;

/// The tables as they were before a batch.
#[derive(Debug)]
pub struct Before<'a> {
    stored: &'a mut AnyConnection,
    /// What is being written of the batch before, and may not be stored yet.
    coming: &'a [Insert],
    positions: (Position, Position),
}

impl<'a> Before<'a> {
    pub(super) const fn new(
        stored: &'a mut AnyConnection,
        coming: &'a [Insert],
        positions: (Position, Position),
    ) -> Self {
        Self {
            stored,
            coming,
            positions,
        }
    }

    /// What is stored, which may lack the batch before where this one begins at a multiple of [`REBUILT_AT_ONCE`](super::REBUILT_AT_ONCE).
    pub const fn connection(&mut self) -> &mut AnyConnection {
        self.stored
    }

    /// Whose SQL what is folded is written in.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        Dialect::of(self.stored)
    }

    /// The position after which the batch begins, and its last. An event there may be parked, and not be in the batch.
    #[must_use]
    pub const fn positions(&self) -> (Position, Position) {
        self.positions
    }

    /// What `table`, which has a row a member, has in `column` of those of `members` who are in it.
    ///
    /// # Errors
    /// The database is away.
    pub async fn of_members(
        &mut self,
        table: &str,
        column: &str,
        members: &HashSet<&str>,
    ) -> Result<HashMap<String, String>, sqlx::Error> {
        let mut found = HashMap::new();
        for insert in self.coming.iter().filter(|insert| insert.is_for(table)) {
            found.extend(insert.pairs()?);
        }
        found.retain(|member, _| members.contains(member.as_str()));
        let stored: Vec<&str> = members
            .iter()
            .copied()
            .filter(|member| !found.contains_key(*member))
            .collect();
        let dialect = self.dialect();
        let sql = format!(
            "SELECT member_id, {column} FROM {}",
            dialect.rows_of_list(table, "member_id", "")
        );
        for some in stored.chunks(AT_ONCE) {
            let query = dialect.query_list(&sql, some)?;
            for row in query.fetch_all(&mut *self.stored).await? {
                found.insert(row.try_get(0)?, row.try_get(1)?);
            }
        }
        Ok(found)
    }
}
