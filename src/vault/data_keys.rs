//! Data keys: one of each member for the person, one of each member and year for traces, wrapped by the master key.

mod rewrap;

pub use self::rewrap::{DataKeyCounts, Rewrapped};

use std::collections::HashMap;

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::VaultError;
use super::keys::Keys;
use crate::ambient::Entropy;
use crate::database::{Cell, Database, Dialect, Insert, bind_all, placeholders};
use crate::domain::ids::MemberId;
use crate::domain::values::KeyId;

use super::seal::{Place, open, parts, seal};

const TABLE: &str = "data_keys";

/// Members in one look-up.
const AT_ONCE: usize = 500;

/// Members whose keys one statement destroys.
const DESTROYED_AT_ONCE: usize = 100;

/// Which keys of traces there are up to a year.
const TRACES_UNTIL: &str = "class = 'trace' AND wrapped IS NOT NULL AND year <= $1";

/// What a data key protects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Class {
    /// Profile, addresses, verifiers.
    Person,
    /// From where something was done, in one calendar year of Asia/Tokyo.
    Trace(i16),
}

impl Class {
    const fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Trace(_) => "trace",
        }
    }

    fn year(self) -> i64 {
        match self {
            Self::Person => 0,
            Self::Trace(year) => i64::from(year),
        }
    }
}

/// A key of one member, unwrapped.
pub(super) struct DataKey {
    id: String,
    secret: Zeroizing<[u8; 32]>,
}

impl DataKey {
    /// `v1.{data key id}.{base64 of nonce and ciphertext}`
    pub(super) fn seal(
        &self,
        entropy: &Entropy,
        place: Place<'_>,
        plain: &[u8],
    ) -> Result<String, VaultError> {
        seal(self.secret.as_slice(), &self.id, entropy, place, plain)
    }
}

/// Data keys by id, as [`DataKeys::of`] finds them.
pub(super) struct Unwrapped(HashMap<String, DataKey>);

impl Unwrapped {
    /// Opens what [`DataKey::seal`] sealed for this place.
    pub(super) fn open(
        &self,
        place: Place<'_>,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        let (id, _) = parts(sealed).ok_or(VaultError::Damaged(place.table))?;
        let key = self.0.get(id).ok_or(VaultError::Erased)?;
        open(key.secret.as_slice(), place, sealed)
    }
}

/// The data keys in the key database.
#[derive(Clone, Debug)]
pub(super) struct DataKeys {
    database: Database,
    keys: Keys,
    pub(super) entropy: Entropy,
}

impl DataKeys {
    pub(super) const fn new(database: Database, keys: Keys, entropy: Entropy) -> Self {
        Self {
            database,
            keys,
            entropy,
        }
    }

    /// The master key that wraps what is new.
    pub(super) fn master(&self) -> &KeyId {
        self.keys.current()
    }

    /// The keys of these members, made where they are missing; one whose keys were destroyed is not among them.
    pub(super) async fn make(
        &self,
        members: &[MemberId],
        class: Class,
        now: Timestamp,
    ) -> Result<HashMap<MemberId, DataKey>, VaultError> {
        let mut found = self.find(members, class).await?;
        let missing: Vec<MemberId> = members
            .iter()
            .filter(|member| !found.contains_key(member))
            .copied()
            .collect();
        found.extend(self.make_new(&missing, class, now).await?);
        Ok(found)
    }

    /// The key of one member, made where it is missing.
    pub(super) async fn make_one(
        &self,
        member: MemberId,
        class: Class,
        now: Timestamp,
    ) -> Result<DataKey, VaultError> {
        self.make(&[member], class, now)
            .await?
            .remove(&member)
            .ok_or(VaultError::Erased)
    }

    /// The keys with which these values were sealed; a destroyed one is not among them.
    pub(super) async fn of(
        &self,
        sealed: impl Iterator<Item = &str>,
    ) -> Result<Unwrapped, VaultError> {
        let ids: Vec<&str> = sealed.filter_map(parts).map(|(id, _)| id).collect();
        let mut keys = HashMap::new();
        let dialect = self.database.dialect();
        let sql = format!(
            "SELECT data_key_id, member_id, class, year, wrapped FROM {}",
            dialect.rows_of_list(TABLE, "data_key_id", "")
        );
        for ids in ids.chunks(AT_ONCE) {
            let query = dialect.query_list(&sql, ids)?;
            for row in query.fetch_all(&self.database.read).await? {
                if let Some((_, key)) = self.unwrap(&row)? {
                    keys.insert(key.id.clone(), key);
                }
            }
        }
        Ok(Unwrapped(keys))
    }

    /// Opens one value.
    pub(super) async fn open(
        &self,
        place: Place<'_>,
        sealed: &str,
    ) -> Result<Zeroizing<Vec<u8>>, VaultError> {
        self.of(std::iter::once(sealed)).await?.open(place, sealed)
    }

    /// Destroys all keys of these members; the rows stay, so that no new key takes their place.
    pub(super) async fn destroy(&self, members: &[MemberId]) -> Result<(), VaultError> {
        for members in members.chunks(DESTROYED_AT_ONCE) {
            let sql = format!(
                "UPDATE data_keys SET wrapped = NULL WHERE member_id IN {}",
                placeholders(members.len())
            );
            let query = bind_all(sqlx::query(&sql), members);
            query.execute(&self.database.write).await?;
        }
        self.database.scrub().await?;
        Ok(())
    }

    pub(super) async fn count_traces(&self, until: i16) -> Result<u64, VaultError> {
        let sql = format!("SELECT COUNT(*) FROM data_keys WHERE {TRACES_UNTIL}");
        let count: i64 = sqlx::query_scalar(&sql)
            .bind(i64::from(until))
            .fetch_one(&self.database.read)
            .await?;
        Ok(u64::try_from(count).unwrap_or_default())
    }

    /// Destroys keys of traces some at a time; the rows stay, as those of erased members do.
    pub(super) async fn destroy_traces(&self, until: i16) -> Result<(), VaultError> {
        let sql = format!(
            "UPDATE data_keys SET wrapped = NULL WHERE data_key_id IN \
             (SELECT data_key_id FROM data_keys WHERE {TRACES_UNTIL} LIMIT 1000)"
        );
        loop {
            let query = sqlx::query(&sql).bind(i64::from(until));
            let done = query.execute(&self.database.write).await?;
            if done.rows_affected() == 0 {
                self.database.scrub().await?;
                return Ok(());
            }
        }
    }

    async fn find(
        &self,
        members: &[MemberId],
        class: Class,
    ) -> Result<HashMap<MemberId, DataKey>, VaultError> {
        let mut found = HashMap::new();
        let dialect = self.database.dialect();
        let sql = format!(
            "SELECT data_key_id, member_id, class, year, wrapped FROM {}",
            dialect.rows_of_list(TABLE, "member_id", "AND class = $2 AND year = $3")
        );
        for members in members.chunks(AT_ONCE) {
            let query = dialect.query_list(&sql, members)?;
            for row in query
                .bind(class.name())
                .bind(class.year())
                .fetch_all(&self.database.read)
                .await?
            {
                found.extend(self.unwrap(&row)?);
            }
        }
        Ok(found)
    }

    /// As [`DataKeys::make`], where hardly one has a key yet: it does not look for those first.
    pub(super) async fn make_new(
        &self,
        members: &[MemberId],
        class: Class,
        now: Timestamp,
    ) -> Result<HashMap<MemberId, DataKey>, VaultError> {
        if members.is_empty() {
            return Ok(HashMap::new());
        }
        let mut rows = Vec::with_capacity(members.len());
        let mut made = HashMap::with_capacity(members.len());
        for member in members {
            let id = self.entropy.id().to_string();
            let secret = Zeroizing::new(self.entropy.bytes::<32>());
            let place = place_of(&id, &member.to_string(), class.name(), class.year());
            let wrapped = self.wrap(&place, &secret)?;
            rows.push([
                Cell::from(id.as_str()),
                Cell::from(member.to_string()),
                Cell::from(class.name()),
                Cell::from(class.year()),
                Cell::from(wrapped),
                Cell::from(now),
            ]);
            made.insert(*member, DataKey { id, secret });
        }
        let mut connection = self.database.write.acquire().await?;
        let written = Insert::new(
            Dialect::of(&connection),
            "INSERT INTO data_keys (data_key_id, member_id, class, year, wrapped, created_at)",
            &rows,
            "AND NOT EXISTS (SELECT 1 FROM data_keys AS person WHERE person.member_id = cells.c1 \
             AND person.class = 'person' AND person.wrapped IS NULL) ON CONFLICT (member_id, class, year) DO NOTHING",
        )?
        .write(&mut connection)
        .await?;
        connection.give_back();
        if written == u64::try_from(rows.len()).unwrap_or(u64::MAX) {
            return Ok(made);
        }
        // Another has made some in between, or destroyed them; what stands in the table counts.
        self.find(members, class).await
    }

    fn wrap(&self, row: &str, secret: &[u8; 32]) -> Result<String, VaultError> {
        let key = self.keys.current();
        let wrapping = self.keys.wrapping(key)?;
        seal(wrapping, &key.0, &self.entropy, in_row(row), secret)
    }

    fn secret_of(&self, row: &str, wrapped: &str) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        let (key, _) = parts(wrapped).ok_or(VaultError::Damaged(TABLE))?;
        let wrapping = self.keys.wrapping(&KeyId(key.to_owned()))?;
        let plain = open(wrapping, in_row(row), wrapped)?;
        let secret = plain.as_slice().try_into();
        Ok(Zeroizing::new(
            secret.map_err(|_| VaultError::Damaged(TABLE))?,
        ))
    }

    fn unwrap(&self, row: &AnyRow) -> Result<Option<(MemberId, DataKey)>, VaultError> {
        let (place, Some(wrapped)) = place_and_wrapped(row)? else {
            return Ok(None);
        };
        let secret = self.secret_of(&place, &wrapped)?;
        let member: String = row.try_get("member_id")?;
        let member = member.parse().map_err(|_| VaultError::Damaged(TABLE))?;
        let id = row.try_get("data_key_id")?;
        Ok(Some((member, DataKey { id, secret })))
    }
}

/// What stands in a row beside the wrapped key, in one text; and that key, unless it was destroyed.
fn place_and_wrapped(row: &AnyRow) -> Result<(String, Option<String>), sqlx::Error> {
    let id: String = row.try_get("data_key_id")?;
    let member: String = row.try_get("member_id")?;
    let class: String = row.try_get("class")?;
    let place = place_of(&id, &member, &class, row.try_get("year")?);
    Ok((place, row.try_get("wrapped")?))
}

fn place_of(id: &str, member: &str, class: &str, year: i64) -> String {
    format!("{id} {member} {class} {year}")
}

const fn in_row(row: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "wrapped",
        row,
    }
}
