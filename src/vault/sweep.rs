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

    /// Removes profiles, contacts and credentials written before `before` (a day ago: an event follows its row within
    /// seconds) that `referenced`, asked for some hundreds at a time, does not return; says how many.
    ///
    /// # Errors
    /// The database is away, or `referenced` failed; what was removed until then stays removed.
    pub async fn run<Ask, Answer, E>(&self, before: Timestamp, referenced: Ask) -> Result<u64, E>
    where
        Ask: Fn(Vec<Named>) -> Answer,
        Answer: Future<Output = Result<HashSet<Named>, E>>,
        E: From<VaultError>,
    {
        let mut removed = 0;
        for table in [Table::Profiles, Table::Contacts, Table::Credentials] {
            let mut after = String::new();
            loop {
                let ids = self.written(table, before, &after).await?;
                let Some(last) = ids.last() else {
                    break;
                };
                after.clone_from(last);
                let named =
                    referenced(ids.iter().filter_map(|id| table.named(id)).collect()).await?;
                for id in &ids {
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
        before: Timestamp,
        after: &str,
    ) -> Result<Vec<String>, VaultError> {
        let (table, id) = table.names();
        let sql = format!(
            "SELECT {id} FROM {table} WHERE written_at < $1 AND {id} > $2 ORDER BY {id} LIMIT $3"
        );
        let rows = sqlx::query(&sql)
            .bind(fixed_width(before))
            .bind(after.to_owned())
            .bind(AT_ONCE)
            .fetch_all(&self.database.read)
            .await?;
        Ok(rows
            .iter()
            .map(|row| row.try_get(id))
            .collect::<Result<_, _>>()?)
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
