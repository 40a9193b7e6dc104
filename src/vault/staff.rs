//! Who works for the society: names, sealed, with a blind index to find them by; and what staff are found and kept apart by elsewhere.

use std::collections::HashMap;

use jiff::Timestamp;
use sqlx::Row;
use sqlx::any::AnyRow;
use sqlx::error::ErrorKind;

use super::VaultError;
use super::blind::Blind;
use super::data_keys::{Class, DataKeys};
use super::seal::Place;
use crate::database::{Database, bind_all, fixed_width, placeholders};
use crate::domain::ids::{MemberId, StaffId};

const TABLE: &str = "staff";

/// Names in one look-up.
const AT_ONCE: usize = 100;

/// The names of all staff.
#[derive(Clone, Debug)]
pub struct StaffNames {
    database: Database,
    data_keys: DataKeys,
    blind: Blind,
}

/// Under whose name keys, verifiers and traces of somebody of the staff are kept: ids are unique among members and staff alike.
#[must_use]
pub const fn keys_of(staff: StaffId) -> MemberId {
    MemberId(staff.0)
}

/// What failures with a typed name of staff count under, in whatever letters. No user ID of a member holds a NUL, so neither counts for
/// the other.
#[must_use]
pub fn lane_of_staff(name: &str) -> String {
    format!("staff\0{}", name.to_lowercase())
}

impl StaffNames {
    pub(super) const fn new(database: Database, data_keys: DataKeys, blind: Blind) -> Self {
        Self {
            database,
            data_keys,
            blind,
        }
    }

    /// Keeps a name under a new id; answers whether it was free.
    ///
    /// # Errors
    /// The database is away.
    pub async fn insert(
        &self,
        staff: StaffId,
        name: &str,
        now: Timestamp,
    ) -> Result<bool, VaultError> {
        if self.find(name).await?.is_some() {
            return Ok(false);
        }
        let id = staff.to_string();
        let key = self
            .data_keys
            .make_one(keys_of(staff), Class::Person, now)
            .await?;
        let sealed = key.seal(&self.data_keys.entropy, place(&id), name.as_bytes())?;
        let inserted = sqlx::query(
            "INSERT INTO staff (staff_id, name_index, sealed, written_at) VALUES ($1, $2, $3, $4)",
        )
        .bind(id.clone())
        .bind(self.blind.staff_name(name).written().to_owned())
        .bind(sealed)
        .bind(fixed_width(now))
        .execute(&self.database.write)
        .await;
        match inserted {
            Ok(_) => Ok(true),
            Err(sqlx::Error::Database(error)) if error.kind() == ErrorKind::UniqueViolation => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Whom a typed name names; width and case of letters, and spaces around it, are forgiven.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find(&self, name: &str) -> Result<Option<StaffId>, VaultError> {
        let index = self.blind.staff_name(name);
        let sql = format!(
            "SELECT staff_id FROM staff WHERE name_index IN {}",
            placeholders(index.all().len())
        );
        let row = bind_all(sqlx::query(&sql), index.all())
            .fetch_optional(&self.database.read)
            .await?;
        row.as_ref().map(staff_of).transpose()
    }

    /// The names of these; who is unknown or erased is not among them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn names(&self, staff: &[StaffId]) -> Result<HashMap<StaffId, String>, VaultError> {
        let mut names = HashMap::new();
        let dialect = self.database.dialect();
        let sql = format!(
            "SELECT staff_id, sealed FROM {}",
            dialect.rows_of_list(TABLE, "staff_id", "")
        );
        for some in staff.chunks(AT_ONCE) {
            let rows = dialect
                .query_list(&sql, some)?
                .fetch_all(&self.database.read)
                .await?;
            names.extend(self.open(&rows).await?);
        }
        Ok(names)
    }

    /// All of them, in the order of their making.
    ///
    /// # Errors
    /// The database is away.
    pub async fn all(&self) -> Result<Vec<(StaffId, String)>, VaultError> {
        let rows = sqlx::query("SELECT staff_id, sealed FROM staff ORDER BY staff_id")
            .fetch_all(&self.database.read)
            .await?;
        self.open(&rows).await
    }

    async fn open(&self, rows: &[AnyRow]) -> Result<Vec<(StaffId, String)>, VaultError> {
        let sealed: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("sealed"))
            .collect::<Result<_, _>>()?;
        let keys = self.data_keys.of(sealed.iter().map(String::as_str)).await?;
        let mut names = Vec::with_capacity(rows.len());
        for (row, sealed) in rows.iter().zip(&sealed) {
            let staff = staff_of(row)?;
            match keys.open(place(&staff.to_string()), sealed) {
                Ok(plain) => {
                    let name =
                        std::str::from_utf8(&plain).map_err(|_| VaultError::Damaged(TABLE))?;
                    names.push((staff, name.to_owned()));
                }
                Err(VaultError::Erased) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(names)
    }
}

fn staff_of(row: &AnyRow) -> Result<StaffId, VaultError> {
    row.try_get::<String, _>("staff_id")?
        .parse()
        .map_err(|_| VaultError::Damaged(TABLE))
}

const fn place(staff: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "sealed",
        row: staff,
    }
}
