//! Data keys under another master key: wrapped anew one by one, and counted.

use sqlx::Row;

use super::{DataKeys, place_and_wrapped};
use crate::vault::VaultError;

/// Keys that are wrapped anew in one transaction: some ten milliseconds.
const REWRAPPED_AT_ONCE: i64 = 200;

/// What became of the data keys that were looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrapped {
    /// Wrapped by the present key from now on.
    pub rewrapped: u64,
    /// Not opened by the key that they name: damaged, and left as they were.
    pub damaged: u64,
}

/// How many data keys there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DataKeyCounts {
    /// Wrapped by the present key.
    pub under_the_present: u64,
    /// Wrapped by another.
    pub under_others: u64,
    /// Destroyed.
    pub destroyed: u64,
}

impl DataKeys {
    /// Wraps by the present key what others wrap, some at a time, so that members are not kept waiting; `done` hears how many were looked
    /// at. A destroyed one stays so, even if that happens meanwhile.
    pub(in crate::vault) async fn rewrap(
        &self,
        done: impl Fn(u64),
    ) -> Result<Rewrapped, VaultError> {
        let mut all = Rewrapped::default();
        let mut after = String::new();
        loop {
            let mut transaction = self.database.begin().await?;
            let rows = sqlx::query(
                "SELECT data_key_id, member_id, class, year, wrapped FROM data_keys WHERE data_key_id > $1 \
                 AND wrapped IS NOT NULL AND wrapped NOT LIKE $2 ORDER BY data_key_id LIMIT $3",
            )
            .bind(after.clone())
            .bind(self.under_the_present())
            .bind(REWRAPPED_AT_ONCE)
            .fetch_all(&mut *transaction)
            .await?;
            let Some(last) = rows.last() else {
                transaction.rollback().await?;
                return Ok(all);
            };
            after = last.try_get("data_key_id")?;
            for row in &rows {
                let (place, wrapped) = place_and_wrapped(row)?;
                let Some(wrapped) = wrapped else { continue };
                match self.secret_of(&place, &wrapped) {
                    Ok(secret) => {
                        sqlx::query("UPDATE data_keys SET wrapped = $1 WHERE data_key_id = $2 AND wrapped = $3")
                            .bind(self.wrap(&place, &secret)?)
                            .bind(row.try_get::<String, _>("data_key_id")?)
                            .bind(wrapped)
                            .execute(&mut *transaction)
                            .await?;
                        all.rewrapped += 1;
                    }
                    Err(VaultError::Damaged(_)) => all.damaged += 1,
                    Err(error) => return Err(error),
                }
            }
            transaction.commit().await?;
            done(all.rewrapped + all.damaged);
        }
    }

    /// How many there are under which keys.
    pub(in crate::vault) async fn counts(&self) -> Result<DataKeyCounts, VaultError> {
        let row = sqlx::query(
            "SELECT COUNT(*) AS rows_there, COUNT(wrapped) AS living, \
             CAST(COALESCE(SUM(CASE WHEN wrapped LIKE $1 THEN 1 ELSE 0 END), 0) AS BIGINT) AS present FROM data_keys",
        )
        .bind(self.under_the_present())
        .fetch_one(&self.database.read)
        .await?;
        let count = |name| {
            let number: i64 = row.try_get(name)?;
            Ok::<_, sqlx::Error>(u64::try_from(number).unwrap_or_default())
        };
        let (rows, living, present) = (count("rows_there")?, count("living")?, count("present")?);
        Ok(DataKeyCounts {
            under_the_present: present,
            under_others: living - present,
            destroyed: rows - living,
        })
    }

    /// A pattern of what the present key wraps. A key's name has no sign that means more in a pattern.
    fn under_the_present(&self) -> String {
        format!("v1.{}.%", self.keys.current().0)
    }
}
