//! Removes what was written for an event that never came.

use std::collections::HashSet;

use jiff::Timestamp;
use sqlx::Row;

use super::VaultError;
use super::data_keys::DataKeys;
use crate::database::{Database, fixed_width};
use crate::domain::ids::{ContactId, CredentialId, MemberId};

/// Rows asked for at once.
const AT_ONCE: i64 = 500;

/// Something in the vault that events name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Named {
    /// A profile, named by its member's stream.
    Profile(MemberId),
    /// An address.
    Contact(ContactId),
    /// A verifier.
    Credential(CredentialId),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Table {
    Profiles,
    Contacts,
    Credentials,
}

impl Table {
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Profiles => ("profiles", "member_id"),
            Self::Contacts => ("contacts", "contact_id"),
            Self::Credentials => ("credentials", "credential_id"),
        }
    }

    fn named(self, id: &str) -> Option<Named> {
        match self {
            Self::Profiles => id.parse().ok().map(Named::Profile),
            Self::Contacts => id.parse().ok().map(Named::Contact),
            Self::Credentials => id.parse().ok().map(Named::Credential),
        }
    }
}

/// Removes rows that no event names.
#[derive(Clone, Debug)]
pub struct Sweep {
    database: Database,
    data_keys: DataKeys,
}

impl Sweep {
    pub(super) const fn new(database: Database, data_keys: DataKeys) -> Self {
        Self {
            database,
            data_keys,
        }
    }

    /// Removes profiles, contacts and credentials written from `since` and before `before` (a day ago: an event follows its row within
    /// seconds) that `referenced`, asked for some hundreds at a time, does not return; says how many.
    ///
    /// # Errors
    /// The database is away, or `referenced` failed; what was removed until then stays removed.
    pub async fn run<Ask, Answer, E>(
        &self,
        since: Timestamp,
        before: Timestamp,
        referenced: Ask,
    ) -> Result<u64, E>
    where
        Ask: Fn(Vec<(MemberId, Named)>) -> Answer,
        Answer: Future<Output = Result<HashSet<Named>, E>>,
        E: From<VaultError>,
    {
        let mut removed = 0;
        for table in [Table::Profiles, Table::Contacts, Table::Credentials] {
            let mut after = String::new();
            loop {
                let rows = self.written(table, since, before, &after).await?;
                let Some((last, _)) = rows.last() else {
                    break;
                };
                after.clone_from(last);
                let asked = rows
                    .iter()
                    .filter_map(|(id, member)| Some((*member, table.named(id)?)));
                let named = referenced(asked.collect()).await?;
                for (id, _) in &rows {
                    if let Some(name) = table.named(id)
                        && !named.contains(&name)
                    {
                        removed += self.remove(table, id, name, before).await?;
                    }
                }
            }
        }
        Ok(removed)
    }

    async fn written(
        &self,
        table: Table,
        from: Timestamp,
        before: Timestamp,
        after: &str,
    ) -> Result<Vec<(String, MemberId)>, VaultError> {
        let (table, id) = table.names();
        let sql = format!(
            "SELECT {id} AS id, member_id FROM {table} WHERE written_at < $1 AND {id} > $2 AND written_at >= $4 \
             ORDER BY {id} LIMIT $3"
        );
        let rows = sqlx::query(&sql)
            .bind(fixed_width(before))
            .bind(after.to_owned())
            .bind(AT_ONCE)
            .bind(fixed_width(from))
            .fetch_all(&self.database.read)
            .await?;
        rows.iter()
            .map(|row| {
                let member: String = row.try_get("member_id")?;
                let member = member.parse().map_err(|_| VaultError::Damaged(table))?;
                Ok((row.try_get("id")?, member))
            })
            .collect()
    }

    /// Which of these the vault does not hold (any more).
    ///
    /// # Errors
    /// The database is away.
    pub async fn missing(&self, named: &[Named]) -> Result<Vec<Named>, VaultError> {
        let mut missing = Vec::new();
        for name in named {
            let (table, id) = match name {
                Named::Profile(id) => (Table::Profiles, id.0),
                Named::Contact(id) => (Table::Contacts, id.0),
                Named::Credential(id) => (Table::Credentials, id.0),
            };
            let (table, column) = table.names();
            let sql = format!("SELECT COUNT(*) FROM {table} WHERE {column} = $1");
            let held: i64 = sqlx::query_scalar(&sql)
                .bind(id.to_string())
                .fetch_one(&self.database.read)
                .await?;
            if held == 0 {
                missing.push(*name);
            }
        }
        Ok(missing)
    }

    /// The time is asked again: an import may have named the member in between.
    async fn remove(
        &self,
        table: Table,
        row: &str,
        name: Named,
        before: Timestamp,
    ) -> Result<u64, VaultError> {
        let (table, id) = table.names();
        let sql = format!("DELETE FROM {table} WHERE {id} = $1 AND written_at < $2");
        let removed = sqlx::query(&sql)
            .bind(row.to_owned())
            .bind(fixed_width(before))
            .execute(&self.database.write)
            .await?
            .rows_affected();
        if let Named::Profile(member) = name
            && removed > 0
        {
            self.data_keys.destroy(&[member]).await?;
        }
        Ok(removed)
    }
}
