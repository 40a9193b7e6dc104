//! Bringing a roster's members to the vault: who is known already, who is new, whose user ID is taken.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use sqlx::error::ErrorKind;
use sqlx::{AnyConnection, Row};

use super::VaultError;
use super::blind::Index;
use super::data_keys::{Class, DataKey};
use super::profile::{Match, Profile, Stored};
use super::profiles::{AT_ONCE, Profiles, TABLE, member_of, place};
use crate::database::{Cell, Dialect, Insert, bind_all, placeholders};
use crate::domain::ids::{ImportId, MemberId};

/// Members whom one statement changes or removes.
const CHANGED_AT_ONCE: usize = 100;

impl Profiles {
    /// Who the rows of a roster are, in their order. A row whose user ID is empty (we give one) matches by person alone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn matches(&self, rows: &[&Profile]) -> Result<Vec<Match>, VaultError> {
        let indexes: Vec<_> = rows.iter().map(|profile| self.identity(profile)).collect();
        let by_user_id = indexes.iter().map(|row| Some(&row.user_id)).collect();
        let by_numbers = indexes.iter().map(|row| Some(&row.numbers)).collect();
        let by_gid = indexes.iter().map(|row| row.gid.as_ref()).collect();
        let user_ids = self.holders("user_id_index", by_user_id).await?;
        let numbers = self.holders("person_index", by_numbers).await?;
        let gids = self.holders("gid_index", by_gid).await?;
        let matches = gids.into_iter().zip(numbers).zip(user_ids);
        Ok(matches
            .map(|((gid, numbers), user_id)| Match {
                gid,
                numbers,
                user_id,
            })
            .collect())
    }

    /// Who has these indexes in `column`, in their order.
    async fn holders(
        &self,
        column: &str,
        indexes: Vec<Option<&Index>>,
    ) -> Result<Vec<Option<MemberId>>, VaultError> {
        let all: Vec<&String> = indexes.iter().flatten().flat_map(|it| it.all()).collect();
        let mut found = HashMap::new();
        let dialect = self.database.dialect();
        let sql = format!(
            "SELECT member_id, {column} FROM {}",
            dialect.rows_of_list(TABLE, column, "")
        );
        for wanted in all.chunks(AT_ONCE) {
            let query = dialect.query_list(&sql, wanted)?;
            for row in query.fetch_all(&self.database.read).await? {
                found.insert(row.try_get::<String, _>(column)?, member_of(&row)?);
            }
        }
        let holder = |index: &Index| index.all().iter().find_map(|it| found.get(it)).copied();
        Ok(indexes.into_iter().map(|it| it.and_then(holder)).collect())
    }

    /// Writes profiles in one transaction, all or nothing, and returns them as they are stored. Those of `instead_of`, whom no event names,
    /// give way first: a row with the id of one of them takes its place, and who gets no row is gone with their keys. That they are written at
    /// `now` keeps [`super::Sweep`] off.
    ///
    /// # Errors
    /// [`VaultError::Taken`]; or the database is away, or the profile whose place a row takes was swept away meanwhile. Then no profile was
    /// written. Whoever was written under an older master key is not noticed here: ask [`Profiles::matches`] before.
    pub async fn insert(
        &self,
        import: ImportId,
        rows: &[(MemberId, Profile)],
        instead_of: &[MemberId],
        now: Timestamp,
    ) -> Result<Vec<Stored>, VaultError> {
        let members: Vec<MemberId> = rows.iter().map(|(member, _)| *member).collect();
        let keys = self
            .data_keys
            .make_new(&members, Class::Person, now)
            .await?;
        let letters_key = self.data_keys.master();
        let mut cells = Vec::with_capacity(rows.len());
        for (member, profile) in rows {
            let id = member.to_string();
            let key = keys.get(member).ok_or(VaultError::Erased)?;
            let identity = self.identity(profile);
            let symbol_number = self.blind.symbol_number(&profile.symbol, &profile.number);
            cells.push([
                Cell::from(id.as_str()),
                Cell::from(import.to_string()),
                Cell::from(letters_key.0.as_str()),
                Cell::from(self.sealed(key, &id, profile)?),
                Cell::from(identity.user_id.written()),
                Cell::from(identity.numbers.written()),
                Cell::from(symbol_number.written()),
                Cell::from(identity.gid.map(|gid| gid.written().to_owned())),
                Cell::from(now),
            ]);
        }

        let mut transaction = self.database.begin().await?;
        let mut gone = remove(&mut transaction, instead_of).await?;
        // The sweep destroys the keys after the row: what is sealed with them now would not open.
        if members
            .iter()
            .any(|member| instead_of.contains(member) && !gone.contains(member))
        {
            return Err(VaultError::Missing(TABLE));
        }
        let insert = Insert::new(
            Dialect::of(&transaction),
            "INSERT INTO profiles (member_id, import_id, letters_key_id, sealed, user_id_index, person_index, \
             symbol_number_index, gid_index, written_at)",
            &cells,
            "",
        )?;
        match insert.write(&mut transaction).await {
            Ok(_) => {}
            Err(sqlx::Error::Database(error)) if error.kind() == ErrorKind::UniqueViolation => {
                return Err(VaultError::Taken);
            }
            Err(error) => return Err(error.into()),
        }
        transaction.commit().await?;
        for member in &members {
            gone.remove(member);
        }
        if !gone.is_empty() {
            let gone: Vec<MemberId> = gone.into_iter().collect();
            self.data_keys.destroy(&gone).await?;
        }
        let stored = rows.iter().map(|(member, profile)| Stored {
            member: *member,
            import,
            letters_key: letters_key.clone(),
            has_left: false,
            profile: profile.clone(),
        });
        Ok(stored.collect())
    }

    /// Writes other data of members who have a profile, all or nothing. What they are found by in another roster (numbers and date of birth
    /// as of migration) and at a sign-in (the user ID) must be what it was.
    ///
    /// # Errors
    /// The database is away, or another member has such a GID.
    pub async fn change(
        &self,
        rows: &[(MemberId, Profile)],
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let members: Vec<MemberId> = rows.iter().map(|(member, _)| *member).collect();
        let keys = self.data_keys.make(&members, Class::Person, now).await?;
        let mut transaction = self.database.begin().await?;
        for (member, profile) in rows {
            // Who was erased meanwhile stays so.
            let Some(key) = keys.get(member) else {
                continue;
            };
            let id = member.to_string();
            let sealed = self.sealed(key, &id, profile)?;
            let symbol_number = self.blind.symbol_number(&profile.symbol, &profile.number);
            let gid = profile.gid_index(&self.blind);
            sqlx::query(
                "UPDATE profiles SET sealed = $1, symbol_number_index = $2, gid_index = $3 WHERE member_id = $4",
            )
            .bind(sealed)
            .bind(symbol_number.written().to_owned())
            .bind(gid.map(|gid| gid.written().to_owned()))
            .bind(id)
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Notes of members that they have left, or that they are back.
    ///
    /// # Errors
    /// The database is away.
    pub async fn note_left(&self, members: &[MemberId], left: bool) -> Result<(), VaultError> {
        for members in members.chunks(CHANGED_AT_ONCE) {
            let sql = format!(
                "UPDATE profiles SET has_left = {} WHERE member_id IN {}",
                i64::from(left),
                placeholders(members.len())
            );
            let query = bind_all(sqlx::query(&sql), members);
            query.execute(&self.database.write).await?;
        }
        Ok(())
    }

    fn sealed(&self, key: &DataKey, id: &str, profile: &Profile) -> Result<String, VaultError> {
        let plain = serde_json::to_vec(profile).map_err(|_| VaultError::Damaged(TABLE))?;
        let plain = Zeroizing::new(plain);
        key.seal(&self.data_keys.entropy, place(id), &plain)
    }

    fn identity(&self, profile: &Profile) -> Identity {
        Identity {
            user_id: self.blind.user_id(&profile.user_id),
            numbers: profile.person_index(&self.blind),
            gid: profile.gid_index(&self.blind),
        }
    }
}

/// The indexes by which a row is found again.
struct Identity {
    user_id: Index,
    numbers: Index,
    gid: Option<Index>,
}

/// Removes the profiles of these members, and says which were there.
async fn remove(
    connection: &mut AnyConnection,
    members: &[MemberId],
) -> Result<HashSet<MemberId>, VaultError> {
    let mut removed = HashSet::new();
    for members in members.chunks(CHANGED_AT_ONCE) {
        let sql = format!(
            "DELETE FROM profiles WHERE member_id IN {} RETURNING member_id",
            placeholders(members.len())
        );
        let query = bind_all(sqlx::query(&sql), members);
        for row in query.fetch_all(&mut *connection).await? {
            removed.insert(member_of(&row)?);
        }
    }
    Ok(removed)
}
