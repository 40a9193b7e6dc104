//! What is to be done for each row: the roster held against the database.

use std::collections::{HashMap, HashSet};

use serde::{Deserialize, Serialize};

use super::{Errors, Members, RosterFault, Row, RowFault};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::{Onboarding, ProfileField};
use crate::vault::{Match, Profile, Stored};

/// What is to be done for a row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Standing {
    /// To be enrolled; a killed run may have left a profile.
    New,
    /// A member who was enrolled before.
    Known(Known),
    /// The database knows what no roster changes.
    Conflict,
}

/// A member who was enrolled before, and what the row tells of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    /// Who.
    pub member: MemberId,
    /// What it tells otherwise; nothing, mostly.
    pub changed: Vec<ProfileField>,
    /// Whether they had left.
    pub returns: bool,
}

impl Standing {
    /// What is done of an approved row when it is looked at again on the way: what was approved, as far as that is left to do. Somebody who was
    /// to be changed and is known no more, say, is not enrolled anew.
    fn still(&self, now: Self) -> Self {
        match (self, now) {
            (Self::New, Self::New) => Self::New,
            (Self::Known(approved), Self::Known(now)) if approved.member == now.member => {
                Self::Known(Known {
                    changed: now
                        .changed
                        .into_iter()
                        .filter(|it| approved.changed.contains(it))
                        .collect(),
                    returns: now.returns && approved.returns,
                    ..now
                })
            }
            _ => Self::Conflict,
        }
    }
}

/// What two people approved, row by row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// For each row, in their order.
    pub standings: Vec<Standing>,
    /// Who is in it no more.
    pub leavers: Vec<MemberId>,
}

impl Plan {
    /// The same, as far as it is left to do; none, if the rows are not the same.
    #[must_use]
    pub fn still(&self, now: Self) -> Option<Self> {
        if self.standings.len() != now.standings.len() {
            return None;
        }
        let rows = self.standings.iter().zip(now.standings);
        let approved: HashSet<&MemberId> = self.leavers.iter().collect();
        let mut leavers = now.leavers;
        leavers.retain(|member| approved.contains(member));
        Some(Self {
            standings: rows.map(|(then, now)| then.still(now)).collect(),
            leavers,
        })
    }
}

/// Whom the vault knows of some rows, and who of them is more than what a killed run left.
pub(super) struct Found {
    /// Who each row is, in their order.
    pub(super) matches: Vec<Match>,
    enrolled: HashSet<String>,
}

impl Found {
    /// Looks some rows up; who is `being_enrolled` counts as enrolled already.
    pub(super) async fn of(
        members: &Members,
        rows: &[&Row<'_>],
        being_enrolled: &[MemberId],
    ) -> Result<Self, RosterFault> {
        let profiles: Vec<&Profile> = rows.iter().map(|row| &row.profile).collect();
        let matches = members.vault.profiles.matches(&profiles).await;
        let matches = matches.map_err(RosterFault::unreadable)?;
        let ids: Vec<String> = everybody(&matches).map(|id| id.to_string()).collect();
        let enrolled = members.commands.begun::<Onboarding>(&ids).await;
        let mut enrolled = enrolled.map_err(RosterFault::unreadable)?;
        enrolled.extend(being_enrolled.iter().map(ToString::to_string));
        Ok(Self { matches, enrolled })
    }

    /// Nobody, for so many rows.
    pub(super) fn nothing(rows: usize) -> Self {
        Self {
            matches: vec![Match::default(); rows],
            enrolled: HashSet::new(),
        }
    }

    /// The members who are enrolled.
    fn enrolled(&self) -> impl Iterator<Item = MemberId> {
        everybody(&self.matches).filter(|member| self.is_enrolled(*member))
    }

    /// The members who have a profile and nothing else: a run was killed before it enrolled them.
    pub(super) fn left_over(&self) -> impl Iterator<Item = MemberId> {
        everybody(&self.matches).filter(|member| !self.is_enrolled(*member))
    }

    pub(super) fn is_enrolled(&self, member: MemberId) -> bool {
        self.enrolled.contains(&member.to_string())
    }
}

/// Rows that were held against the members in the database.
pub(super) struct Compared<'policy> {
    pub(super) rows: Vec<Row<'policy>>,
    /// What is to be done for each.
    pub(super) standings: Vec<Standing>,
    /// What is wrong with them.
    pub(super) errors: Errors,
    /// Whether they have to be looked up again before they are written: a killed run left some of them, whom another batch may enrol
    /// before, or there is no database yet.
    pub(super) again: bool,
}

/// Holds some rows against the members in the database, if there is one.
pub(super) async fn compare<'policy>(
    members: Option<&Members>,
    rows: Vec<Row<'policy>>,
) -> Result<Compared<'policy>, RosterFault> {
    let mut errors = Errors::default();
    let Some(members) = members else {
        let standings = vec![Standing::New; rows.len()];
        return Ok(Compared {
            rows,
            standings,
            errors,
            again: true,
        });
    };
    let known = Found::of(members, &rows.iter().collect::<Vec<_>>(), &[]).await?;
    let enrolled: Vec<MemberId> = known.enrolled().collect();
    let stored = members.vault.profiles.get_many(&enrolled).await;
    let stored = stored.map_err(RosterFault::unreadable)?;
    let found = rows.iter().zip(&known.matches);
    let standings = found
        .map(|(row, found)| standing(row, *found, &known, &stored, &mut errors))
        .collect();
    let again = known.left_over().next().is_some();
    Ok(Compared {
        rows,
        standings,
        errors,
        again,
    })
}

fn standing(
    row: &Row<'_>,
    found: Match,
    known: &Found,
    stored: &HashMap<MemberId, Stored>,
    errors: &mut Errors,
) -> Standing {
    let enrolled = |member: Option<MemberId>| member.filter(|member| known.is_enrolled(*member));
    let mut persons = found.persons().filter(|member| known.is_enrolled(*member));
    match (persons.next(), enrolled(found.user_id)) {
        (Some(person), _) => {
            let Some(stored) = stored.get(&person) else {
                errors.add(row.line, "", RowFault::Erased);
                return Standing::Conflict;
            };
            if persons.next().is_some() {
                errors.add(row.line, "gid", RowFault::TwoMembers);
                return Standing::Conflict;
            }
            // The blind index compares user IDs as a sign-in does.
            let other_user_id = !row.profile.user_id.is_empty() && found.user_id != Some(person);
            let mut columns = fixed(&stored.profile, &row.profile);
            columns.extend(other_user_id.then_some("user_id"));
            for column in &columns {
                errors.add(row.line, column, RowFault::Fixed);
            }
            if columns.is_empty() {
                Standing::Known(Known {
                    member: person,
                    changed: changed(&stored.profile, &row.profile),
                    returns: stored.has_left,
                })
            } else {
                Standing::Conflict
            }
        }
        (None, Some(holder)) => {
            let why = match stored.get(&holder) {
                Some(stored) => {
                    let mut differing = fixed(&stored.profile, &row.profile);
                    let changed = changed(&stored.profile, &row.profile);
                    differing.extend(changed.into_iter().map(ProfileField::name));
                    RowFault::UserIdTaken { differing }
                }
                None => RowFault::UserIdOfErased,
            };
            errors.add(row.line, "user_id", why);
            Standing::Conflict
        }
        (None, None) => Standing::New,
    }
}

/// The columns, but for the user ID, that no roster changes and in which a row says something else than what was stored. Both were made plain
/// when their rosters were read, so that equal texts are equal here.
fn fixed(stored: &Profile, row: &Profile) -> Vec<&'static str> {
    // Written out, so that no new field is forgotten.
    let Profile {
        user_id: _,
        name: _,
        symbol: _,
        number: _,
        symbol_at_migration,
        number_at_migration,
        birth_date,
        gid: _,
        joined_on,
        registered,
    } = row;
    // An empty cell says nothing.
    let is_other = |told: &Option<String>, known: &str| told.as_ref().is_some_and(|it| it != known);
    let symbol = is_other(symbol_at_migration, stored.initial_symbol());
    let number = is_other(number_at_migration, stored.initial_number());
    [
        ("birth_date", stored.birth_date != *birth_date),
        ("joined_on", stored.joined_on != *joined_on),
        ("registered_on_old_portal", stored.registered != *registered),
        ("symbol_at_migration", symbol),
        ("number_at_migration", number),
    ]
    .into_iter()
    .filter_map(|(column, differs)| differs.then_some(column))
    .collect()
}

/// What a row tells otherwise, of what may change. An empty GID says nothing: a roster may do without.
fn changed(stored: &Profile, row: &Profile) -> Vec<ProfileField> {
    let differs = |field: &ProfileField| match field {
        ProfileField::Name => stored.name != row.name,
        ProfileField::Symbol => stored.symbol != row.symbol,
        ProfileField::Number => stored.number != row.number,
        ProfileField::Gid => row.gid.is_some() && stored.gid != row.gid,
    };
    ProfileField::ALL.into_iter().filter(differs).collect()
}

/// What is known of a member from a row on. What the initial password is made of, and what the person is known by, stays.
pub(super) fn profile_from(stored: &Profile, row: &Profile) -> Profile {
    let kept = |initial: &str, present: &str| (initial != present).then(|| initial.to_owned());
    Profile {
        name: row.name.clone(),
        symbol: row.symbol.clone(),
        number: row.number.clone(),
        symbol_at_migration: kept(stored.initial_symbol(), &row.symbol),
        number_at_migration: kept(stored.initial_number(), &row.number),
        gid: row.gid.clone().or_else(|| stored.gid.clone()),
        ..stored.clone()
    }
}

fn everybody(matches: &[Match]) -> impl Iterator<Item = MemberId> {
    matches.iter().flat_map(|found| {
        let other = found
            .user_id
            .filter(|user| found.persons().all(|person| person != *user));
        found.persons().chain(other)
    })
}
