//! What the society knows of its members, sealed, and the blind indexes by which they are found.

use std::collections::HashMap;
use std::fmt;

use data_encoding::BASE32_NOPAD;
use jiff::Timestamp;
use jiff::civil::Date;
use secrecy::zeroize::Zeroizing;
use serde::{Deserialize, Serialize};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::VaultError;
use super::blind::{Blind, Index, normal};
use super::seal::{Class, DataKeys, Place, Unwrapped};
use crate::ambient::Entropy;
use crate::database::{Cell, Database, fixed_width, insert_rows, placeholders};
use crate::domain::ids::{ImportId, MemberId};
use crate::domain::values::KeyId;

const TABLE: &str = "profiles";

/// Values in one look-up.
const AT_ONCE: usize = 100;

/// What the society knows of one member: one row of its roster.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Profile {
    /// The user ID, as it stands on the paper.
    pub user_id: String,
    /// 氏名
    pub name: String,
    /// 記号, at present.
    pub symbol: String,
    /// 番号, at present.
    pub number: String,
    /// 記号 at the end of March 2026, where it changed since.
    pub symbol_at_migration: Option<String>,
    /// 番号 at the end of March 2026, where it changed since.
    pub number_at_migration: Option<String>,
    /// 生年月日
    pub birth_date: Date,
    /// The employee's GID, where there is one.
    pub gid: Option<String>,
    /// The day of joining.
    pub joined_on: Date,
    /// Whether the first login was done on the old portal.
    pub registered: bool,
}

impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Profile")
    }
}

impl Profile {
    /// 記号 as the initial password takes it: that of the end of March 2026.
    #[must_use]
    pub fn initial_symbol(&self) -> &str {
        self.symbol_at_migration.as_deref().unwrap_or(&self.symbol)
    }

    /// 番号 as the initial password takes it: that of the end of March 2026.
    #[must_use]
    pub fn initial_number(&self) -> &str {
        self.number_at_migration.as_deref().unwrap_or(&self.number)
    }

    /// The same person in another roster has the same index: by GID if given, else by symbol, number and birth as of migration.
    fn person_index(&self, blind: &Blind) -> Index {
        self.gid().map_or_else(
            || {
                blind.person(
                    self.initial_symbol(),
                    self.initial_number(),
                    &self.birth_date.to_string(),
                )
            },
            |gid| blind.gid(gid),
        )
    }

    fn gid(&self) -> Option<&str> {
        self.gid.as_deref().filter(|gid| !normal(gid).is_empty())
    }
}

/// A profile with what the vault knows beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The member.
    pub member: MemberId,
    /// The import that brought the member.
    pub import: ImportId,
    /// The key from which a printed password is derived.
    pub letters_key: KeyId,
    /// What the society knows.
    pub profile: Profile,
}

/// Who of the vault's members a row of a roster is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Match {
    /// The member who is the same person.
    pub person: Option<MemberId>,
    /// The member who has the same user ID; another than `person` is a conflict.
    pub user_id: Option<MemberId>,
}

/// What became of a row of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inserted {
    /// It was written.
    New,
    /// This member, in the vault before or earlier in the batch, is the same person; theirs was left as it was.
    SamePerson(MemberId),
    /// This member, another person, has that user ID; nothing was written.
    UserIdTaken(MemberId),
}

/// Members in the order of their ids; `None` in place of one who was erased.
pub type Page = Vec<(MemberId, Option<Stored>)>;

/// The profiles of all members.
#[derive(Clone, Debug)]
pub struct Profiles {
    database: Database,
    data_keys: DataKeys,
    blind: Blind,
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
        let row = sqlx::query("SELECT member_id, import_id, letters_key_id, sealed FROM profiles WHERE member_id = $1")
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
        for members in members.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT member_id, import_id, letters_key_id, sealed FROM profiles WHERE member_id IN {}",
                placeholders(1, members.len())
            );
            let mut query = sqlx::query(&sql);
            for member in members {
                query = query.bind(member.to_string());
            }
            let rows = query.fetch_all(&self.database.read).await?;
            let page = self.open(&rows).await?;
            found.extend(
                page.into_iter()
                    .filter_map(|(member, stored)| Some((member, stored?))),
            );
        }
        Ok(found)
    }

    /// Whom a typed user ID names.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_by_user_id(&self, typed: &str) -> Result<Option<MemberId>, VaultError> {
        let found = self
            .find("user_id_index", &self.blind.user_id(typed))
            .await?;
        Ok(found.first().copied())
    }

    /// Whom a GID names.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_by_gid(&self, gid: &str) -> Result<Option<MemberId>, VaultError> {
        Ok(self
            .find("gid_index", &self.blind.gid(gid))
            .await?
            .first()
            .copied())
    }

    /// Whom a present 記号 and 番号 name; a family shares one.
    ///
    /// # Errors
    /// The database is away.
    pub async fn find_by_symbol_number(
        &self,
        symbol: &str,
        number: &str,
    ) -> Result<Vec<MemberId>, VaultError> {
        self.find(
            "symbol_number_index",
            &self.blind.symbol_number(symbol, number),
        )
        .await
    }

    /// Who the rows of a roster are, in their order. A row whose user ID is empty (we give one) matches by person alone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn matches(&self, rows: &[&Profile]) -> Result<Vec<Match>, VaultError> {
        let mut connection = self.database.read.acquire().await?;
        let indexes: Vec<_> = rows.iter().map(|profile| self.identity(profile)).collect();
        known(&mut connection, &indexes).await
    }

    /// Writes profiles in one transaction and says of each what became of it, in their order. Who is the same person as a
    /// member already there is marked as named by an import at `now`, which keeps [`super::Sweep`] off.
    ///
    /// # Errors
    /// The database is away; then nothing was written.
    pub async fn insert(
        &self,
        import: ImportId,
        rows: &[(MemberId, Profile)],
        now: Timestamp,
    ) -> Result<Vec<Inserted>, VaultError> {
        let indexes: Vec<_> = rows
            .iter()
            .map(|(_, profile)| self.identity(profile))
            .collect();
        let before = known(&mut *self.database.read.acquire().await?, &indexes).await?;
        let new = rows
            .iter()
            .zip(before)
            .filter(|(_, found)| *found == Match::default());
        let members: Vec<MemberId> = new.map(|((member, _), _)| *member).collect();
        let keys = self.data_keys.make(&members, Class::Person, now).await?;

        let mut transaction = self.database.begin().await?;
        let matches = known(&mut transaction, &indexes).await?;
        let mut persons: HashMap<&str, MemberId> = HashMap::new();
        let mut user_ids: HashMap<&str, MemberId> = HashMap::new();
        let mut outcome = Vec::with_capacity(rows.len());
        let mut new = Vec::new();
        let mut again = Vec::new();
        for (((member, profile), (user_id, person)), found) in
            rows.iter().zip(&indexes).zip(matches)
        {
            let same = found
                .person
                .or_else(|| persons.get(person.newest()).copied());
            let holder = found
                .user_id
                .or_else(|| user_ids.get(user_id.newest()).copied());
            outcome.push(match (same, holder) {
                (Some(same), _) => {
                    again.push(same);
                    Inserted::SamePerson(same)
                }
                (None, Some(holder)) => Inserted::UserIdTaken(holder),
                (None, None) => {
                    persons.insert(person.newest(), *member);
                    user_ids.insert(user_id.newest(), *member);
                    let id = member.to_string();
                    let plain = Zeroizing::new(
                        serde_json::to_vec(profile).map_err(|_| VaultError::Damaged(TABLE))?,
                    );
                    let key = keys.get(member).ok_or(VaultError::Erased)?;
                    let sealed = key.seal(&self.data_keys.entropy, place(&id), &plain)?;
                    let symbol_number = self.blind.symbol_number(&profile.symbol, &profile.number);
                    new.push([
                        Cell::from(id),
                        Cell::from(import.to_string()),
                        Cell::from(self.data_keys.master().0.as_str()),
                        Cell::from(sealed),
                        Cell::from(user_id.newest()),
                        Cell::from(person.newest()),
                        Cell::from(symbol_number.newest()),
                        Cell::from(
                            profile
                                .gid()
                                .map(|gid| self.blind.gid(gid).newest().to_owned()),
                        ),
                        Cell::from(now),
                    ]);
                    Inserted::New
                }
            });
        }
        insert_rows(
            &mut transaction,
            "INSERT INTO profiles (member_id, import_id, letters_key_id, sealed, user_id_index, person_index, \
             symbol_number_index, gid_index, written_at)",
            new,
            "",
        )
        .await?;
        name_again(&mut transaction, &again, now).await?;
        transaction.commit().await?;
        Ok(outcome)
    }

    /// The next members after `after`, of one import or of all.
    ///
    /// # Errors
    /// The database is away.
    pub async fn page(
        &self,
        import: Option<ImportId>,
        after: Option<MemberId>,
        limit: u32,
    ) -> Result<Page, VaultError> {
        let after = after.map(|member| member.to_string()).unwrap_or_default();
        let of_import = if import.is_some() {
            "AND import_id = $3"
        } else {
            ""
        };
        let sql = format!(
            "SELECT member_id, import_id, letters_key_id, sealed FROM profiles WHERE member_id > $1 {of_import} \
             ORDER BY member_id LIMIT $2"
        );
        let mut query = sqlx::query(&sql).bind(after).bind(i64::from(limit));
        if let Some(import) = import {
            query = query.bind(import.to_string());
        }
        let rows = query.fetch_all(&self.database.read).await?;
        self.open(&rows).await
    }

    /// The user ID's index and the person's.
    fn identity(&self, profile: &Profile) -> (Index, Index) {
        (
            self.blind.user_id(&profile.user_id),
            profile.person_index(&self.blind),
        )
    }

    async fn find(&self, column: &str, index: &Index) -> Result<Vec<MemberId>, VaultError> {
        let list = placeholders(1, index.all().len());
        let sql =
            format!("SELECT member_id FROM profiles WHERE {column} IN {list} ORDER BY member_id");
        let mut query = sqlx::query(&sql);
        for index in index.all() {
            query = query.bind(index.clone());
        }
        query
            .fetch_all(&self.database.read)
            .await?
            .iter()
            .map(member_of)
            .collect()
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
        // The parser's own message would quote what it read.
        profile: serde_json::from_slice(&plain).map_err(|_| VaultError::Damaged(TABLE))?,
    };
    Ok((member, Some(stored)))
}

const fn place(member: &str) -> Place<'_> {
    Place {
        table: TABLE,
        column: "sealed",
        row: member,
    }
}

fn member_of(row: &AnyRow) -> Result<MemberId, VaultError> {
    row.try_get::<String, _>("member_id")?
        .parse()
        .map_err(|_| VaultError::Damaged(TABLE))
}

/// Who has these indexes already: of each pair the user ID's and the person's.
async fn known(
    connection: &mut AnyConnection,
    indexes: &[(Index, Index)],
) -> Result<Vec<Match>, VaultError> {
    let mut user_ids = HashMap::new();
    let mut persons = HashMap::new();
    for chunk in indexes.chunks(AT_ONCE) {
        let of_user_ids: Vec<&String> = chunk
            .iter()
            .flat_map(|(user_id, _)| user_id.all())
            .collect();
        let of_persons: Vec<&String> = chunk.iter().flat_map(|(_, person)| person.all()).collect();
        for (column, wanted, found) in [
            ("user_id_index", of_user_ids, &mut user_ids),
            ("person_index", of_persons, &mut persons),
        ] {
            let sql = format!(
                "SELECT member_id, {column} FROM profiles WHERE {column} IN {}",
                placeholders(1, wanted.len())
            );
            let mut query = sqlx::query(&sql);
            for index in wanted {
                query = query.bind(index.clone());
            }
            for row in query.fetch_all(&mut *connection).await? {
                found.insert(row.try_get::<String, _>(column)?, member_of(&row)?);
            }
        }
    }
    let of = |found: &HashMap<String, MemberId>, index: &Index| {
        index.all().iter().find_map(|i| found.get(i)).copied()
    };
    Ok(indexes
        .iter()
        .map(|(user_id, person)| Match {
            person: of(&persons, person),
            user_id: of(&user_ids, user_id),
        })
        .collect())
}

async fn name_again(
    connection: &mut AnyConnection,
    members: &[MemberId],
    now: Timestamp,
) -> Result<(), sqlx::Error> {
    for members in members.chunks(AT_ONCE) {
        let count = members.len();
        let sql = format!(
            "UPDATE profiles SET written_at = ${} WHERE member_id IN {}",
            count + 1,
            placeholders(1, count)
        );
        let mut query = sqlx::query(&sql);
        for member in members {
            query = query.bind(member.to_string());
        }
        query
            .bind(fixed_width(now))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// A user ID for a member whose roster row has none: 10 characters of base32 in small letters (50 random bits); it has
/// no 0, 1, 8 or 9.
#[must_use]
pub fn given_user_id(entropy: &Entropy) -> String {
    let mut text = BASE32_NOPAD
        .encode(&entropy.bytes::<7>())
        .to_ascii_lowercase();
    text.truncate(10);
    text
}
