//! What the society knows of its members, sealed, and the blind indexes by which they are found.

use std::collections::HashMap;

use sqlx::Row;
use sqlx::any::AnyRow;

use super::VaultError;
use super::blind::{Blind, Index};
use super::data_keys::{DataKeys, Unwrapped};
use super::profile::{Page, Stored};
use super::seal::Place;
use crate::database::{Database, bind_all, placeholders};
use crate::domain::ids::MemberId;
use crate::domain::values::KeyId;

pub(super) const TABLE: &str = "profiles";

/// Values in one look-up.
pub(super) const AT_ONCE: usize = 500;

/// The profiles of all members.
#[derive(Clone, Debug)]
pub struct Profiles {
    pub(super) database: Database,
    pub(super) data_keys: DataKeys,
    pub(super) blind: Blind,
}

impl Profiles {
    pub(super) const fn new(database: Database, data_keys: DataKeys, blind: Blind) -> Self {
        Self {
            database,
            data_keys,
            blind,
        }
    }

    /// The profile of one member.
    ///
    /// # Errors
    /// There is none, the member was erased, or the database is away.
    pub async fn get(&self, member: MemberId) -> Result<Stored, VaultError> {
        let row = sqlx::query("SELECT member_id, import_id, letters_key_id, has_left, sealed FROM profiles WHERE member_id = $1")
            .bind(member.to_string())
            .fetch_optional(&self.database.read)
            .await?
            .ok_or(VaultError::Missing(TABLE))?;
        let page = self.open(&[row]).await?;
        page.into_iter()
            .next()
            .and_then(|(_, stored)| stored)
            .ok_or(VaultError::Erased)
    }

    /// The profiles of several members; who is missing or erased is not among them.
    ///
    /// # Errors
    /// The database is away.
    pub async fn get_many(
        &self,
        members: &[MemberId],
    ) -> Result<HashMap<MemberId, Stored>, VaultError> {
        let mut found = HashMap::with_capacity(members.len());
        let dialect = self.database.dialect();
        let sql = format!(
            "SELECT member_id, import_id, letters_key_id, has_left, sealed FROM {}",
            dialect.rows_of_list(TABLE, "member_id", "")
        );
        for members in members.chunks(AT_ONCE) {
            let query = dialect.query_list(&sql, members)?;
            let rows = query.fetch_all(&self.database.read).await?;
            let page = self.open(&rows).await?;
            found.extend(
                page.into_iter()
                    .filter_map(|(member, stored)| Some((member, stored?))),
            );
        }
        Ok(found)
    }

    /// Whom a typed user ID names, with that member's profile. If it names nobody, the profile of the member whose blind
    /// index comes next: a stand-in that costs the same and stays the same, so that nothing tells the two apart. No profile, if there is
    /// none at all, or its member was erased.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_by_user_id(
        &self,
        typed: &str,
    ) -> Result<(Option<MemberId>, Option<Stored>), VaultError> {
        let (mut named, mut nearest) = (None, None);
        // To the end in any case; of several master keys, the oldest found most members.
        for index in self.blind.user_id(typed).all() {
            let end_of_key = index.rfind('.').map_or(0, |dot| dot + 1);
            let (key, _) = index.split_at(end_of_key);
            for from in [index.as_str(), key] {
                let row = sqlx::query(
                    "SELECT member_id, import_id, letters_key_id, has_left, sealed, user_id_index FROM profiles \
                     WHERE user_id_index >= $1 ORDER BY user_id_index LIMIT 1",
                )
                .bind(from.to_owned())
                .fetch_optional(&self.database.read)
                .await?;
                let Some(row) = row else { continue };
                let found: String = row.try_get("user_id_index")?;
                if found == *index {
                    named = Some(row);
                } else if found.starts_with(key) {
                    nearest = Some(row);
                } else {
                    // The last one of this key is passed: on with its first.
                    continue;
                }
                break;
            }
        }
        let member = named.as_ref().map(member_of).transpose()?;
        let rows: Vec<AnyRow> = named.or(nearest).into_iter().collect();
        let page = self.open(&rows).await?;
        Ok((member, page.into_iter().next().and_then(|(_, it)| it)))
    }

    /// Whom 記号 and 番号 name at present.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_by_symbol_number(
        &self,
        symbol: &str,
        number: &str,
    ) -> Result<Vec<MemberId>, VaultError> {
        let index = self.blind.symbol_number(symbol, number);
        self.members_where("symbol_number_index", &index).await
    }

    /// Whom a GID names.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_by_gid(&self, gid: &str) -> Result<Vec<MemberId>, VaultError> {
        self.members_where("gid_index", &self.blind.gid(gid)).await
    }

    async fn members_where(
        &self,
        column: &str,
        index: &Index,
    ) -> Result<Vec<MemberId>, VaultError> {
        let sql = format!(
            "SELECT member_id FROM profiles WHERE {column} IN {} ORDER BY member_id",
            placeholders(index.all().len())
        );
        let rows = bind_all(sqlx::query(&sql), index.all())
            .fetch_all(&self.database.read)
            .await?;
        rows.iter().map(member_of).collect()
    }

    /// The next members after `after`.
    ///
    /// # Errors
    /// The database is away.
    pub async fn page(&self, after: Option<MemberId>, limit: u32) -> Result<Page, VaultError> {
        let after = after.map(|member| member.to_string()).unwrap_or_default();
        let rows = sqlx::query(
            "SELECT member_id, import_id, letters_key_id, has_left, sealed FROM profiles WHERE member_id > $1 \
             ORDER BY member_id LIMIT $2",
        )
        .bind(after)
        .bind(i64::from(limit))
        .fetch_all(&self.database.read)
        .await?;
        self.open(&rows).await
    }

    async fn open(&self, rows: &[AnyRow]) -> Result<Page, VaultError> {
        let sealed: Vec<String> = rows
            .iter()
            .map(|row| row.try_get("sealed"))
            .collect::<Result<_, _>>()?;
        let keys = self.data_keys.of(sealed.iter().map(String::as_str)).await?;
        rows.iter()
            .zip(&sealed)
            .map(|(row, sealed)| open_row(&keys, row, sealed))
            .collect()
    }
}

fn open_row(
    keys: &Unwrapped,
    row: &AnyRow,
    sealed: &str,
) -> Result<(MemberId, Option<Stored>), VaultError> {
    let member = member_of(row)?;
    let plain = match keys.open(place(&member.to_string()), sealed) {
        Err(VaultError::Erased) => return Ok((member, None)),
        plain => plain?,
    };
    let import: String = row.try_get("import_id")?;
    let stored = Stored {
        member,
        import: import.parse().map_err(|_| VaultError::Damaged(TABLE))?,
        letters_key: KeyId(row.try_get("letters_key_id")?),
        has_left: row.try_get::<i64, _>("has_left")? != 0,
        // The parser's own message would quote what it read.
        profile: serde_json::from_slice(&plain).map_err(|_| VaultError::Damaged(TABLE))?,
    };
    Ok((member, Some(stored)))
}

pub(super) const fn place(member: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "sealed",
        row: member,
    }
}

pub(super) fn member_of(row: &AnyRow) -> Result<MemberId, VaultError> {
    row.try_get::<String, _>("member_id")?
        .parse()
        .map_err(|_| VaultError::Damaged(TABLE))
}
