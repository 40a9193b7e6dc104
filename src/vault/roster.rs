//! Bringing a roster's members to the vault: who is known already, who is new, whose user ID is taken.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use secrecy::zeroize::Zeroizing;
use sqlx::{AnyConnection, Row};

use super::VaultError;
use super::blind::Index;
use super::data_keys::Class;
use super::profile::{Inserted, Match, Profile};
use super::profiles::{AT_ONCE, Profiles, TABLE, member_of, place};
use crate::database::{Cell, Dialect, Insert, bind_all, placeholders};
use crate::domain::ids::{ImportId, MemberId};

impl Profiles {
    /// Who the rows of a roster are, in their order. A row whose user ID is empty (we give one) matches by person alone.
    ///
    /// # Errors
    /// The database is away.
    pub async fn matches(&self, rows: &[&Profile]) -> Result<Vec<Match>, VaultError> {
        let mut connection = self.database.read.acquire().await?;
        let indexes: Vec<_> = rows.iter().map(|profile| self.identity(profile)).collect();
        let known = known(&mut connection, &indexes).await?;
        connection.give_back();
        Ok(known)
    }

    /// Writes profiles in one transaction and says of each what became of it, in their order. Those of `instead_of`, whom no
    /// event names, give way first: a row with the id of one of them takes its place, and who gets no row is gone with
    /// their keys. That they are written at `now` keeps [`super::Sweep`] off.
    ///
    /// # Errors
    /// The database is away, or the profile whose place a row takes was swept away meanwhile; then nothing was written.
    pub async fn insert(
        &self,
        import: ImportId,
        rows: &[(MemberId, Profile)],
        instead_of: &[MemberId],
        now: Timestamp,
    ) -> Result<Vec<Inserted>, VaultError> {
        let indexes: Vec<_> = rows
            .iter()
            .map(|(_, profile)| self.identity(profile))
            .collect();
        let members: Vec<MemberId> = rows.iter().map(|(member, _)| *member).collect();
        let keys = self.data_keys.make(&members, Class::Person, now).await?;

        let mut transaction = self.database.begin().await?;
        let mut gone = remove(&mut transaction, instead_of).await?;
        // The sweep destroys the keys after the row: what is sealed with them now would not open.
        if members
            .iter()
            .any(|member| instead_of.contains(member) && !gone.contains(member))
        {
            return Err(VaultError::Missing(TABLE));
        }
        let matches = known(&mut transaction, &indexes).await?;
        // Those of this batch, by all their indexes.
        let mut persons: HashMap<&str, MemberId> = HashMap::new();
        let mut user_ids: HashMap<&str, MemberId> = HashMap::new();
        let mut outcome = Vec::with_capacity(rows.len());
        let mut new = Vec::new();
        for (((member, profile), identity), found) in rows.iter().zip(&indexes).zip(matches) {
            let user_id = identity.user_id.written();
            let person = identity.numbers.written();
            let gid = identity.gid.as_ref().map(Index::written);
            let mut in_batch = gid.into_iter().chain([person]);
            let same = found
                .persons()
                .next()
                .or_else(|| in_batch.find_map(|index| persons.get(index)).copied());
            let holder = found.user_id.or_else(|| user_ids.get(user_id).copied());
            outcome.push(match (same, holder) {
                (Some(same), _) => Inserted::SamePerson(same),
                (None, Some(holder)) => Inserted::UserIdTaken(holder),
                (None, None) => {
                    persons.extend(gid.into_iter().chain([person]).map(|it| (it, *member)));
                    user_ids.insert(user_id, *member);
                    gone.remove(member);
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
                        Cell::from(user_id),
                        Cell::from(person),
                        Cell::from(symbol_number.written()),
                        Cell::from(gid.map(str::to_owned)),
                        Cell::from(now),
                    ]);
                    Inserted::New
                }
            });
        }
        Insert::new(
            Dialect::of(&transaction),
            "INSERT INTO profiles (member_id, import_id, letters_key_id, sealed, user_id_index, person_index, \
             symbol_number_index, gid_index, written_at)",
            &new,
            "",
        )?
        .write(&mut transaction)
        .await?;
        transaction.commit().await?;
        if !gone.is_empty() {
            let gone: Vec<MemberId> = gone.into_iter().collect();
            self.data_keys.destroy(&gone).await?;
        }
        Ok(outcome)
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
            let plain = Zeroizing::new(
                serde_json::to_vec(profile).map_err(|_| VaultError::Damaged(TABLE))?,
            );
            let sealed = key.seal(&self.data_keys.entropy, place(&id), &plain)?;
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
        for members in members.chunks(AT_ONCE) {
            let sql = format!(
                "UPDATE profiles SET has_left = {} WHERE member_id IN {}",
                i64::from(left),
                placeholders(1, members.len())
            );
            let query = bind_all(sqlx::query(&sql), members);
            query.execute(&self.database.write).await?;
        }
        Ok(())
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

/// Who has these indexes already.
async fn known(
    connection: &mut AnyConnection,
    rows: &[Identity],
) -> Result<Vec<Match>, VaultError> {
    let by_user_id = rows.iter().map(|row| Some(&row.user_id)).collect();
    let user_ids = holders(connection, "user_id_index", by_user_id).await?;
    let by_numbers = rows.iter().map(|row| Some(&row.numbers)).collect();
    let numbers = holders(connection, "person_index", by_numbers).await?;
    let gids = rows.iter().map(|row| row.gid.as_ref()).collect();
    let gids = holders(connection, "gid_index", gids).await?;
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
    connection: &mut AnyConnection,
    column: &str,
    indexes: Vec<Option<&Index>>,
) -> Result<Vec<Option<MemberId>>, VaultError> {
    let all: Vec<&String> = indexes.iter().flatten().flat_map(|it| it.all()).collect();
    let mut found = HashMap::new();
    for wanted in all.chunks(AT_ONCE) {
        let sql = format!(
            "SELECT member_id, {column} FROM profiles WHERE {column} IN {}",
            placeholders(1, wanted.len())
        );
        let query = bind_all(sqlx::query(&sql), wanted);
        for row in query.fetch_all(&mut *connection).await? {
            found.insert(row.try_get::<String, _>(column)?, member_of(&row)?);
        }
    }
    let holder = |index: &Index| index.all().iter().find_map(|it| found.get(it)).copied();
    Ok(indexes.into_iter().map(|it| it.and_then(holder)).collect())
}

/// Removes the profiles of these members, and says which were there.
async fn remove(
    connection: &mut AnyConnection,
    members: &[MemberId],
) -> Result<HashSet<MemberId>, VaultError> {
    let mut removed = HashSet::new();
    for members in members.chunks(AT_ONCE) {
        let sql = format!(
            "DELETE FROM profiles WHERE member_id IN {} RETURNING member_id",
            placeholders(1, members.len())
        );
        let query = bind_all(sqlx::query(&sql), members);
        for row in query.fetch_all(&mut *connection).await? {
            removed.insert(member_of(&row)?);
        }
    }
    Ok(removed)
}
