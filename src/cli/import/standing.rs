//! What is to be done for each row: the roster held against the database.

use std::collections::{HashMap, HashSet};

use cqrs_es::Aggregate;

use crate::app::{Fault, Society};
use crate::cli::roster::{Errors, Row};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::vault::{Match, Profile, Stored};

/// What can be done about a member who is enrolled with something else than the row says.
const WHAT_TO_DO: &str =
    "an import does not change who is enrolled: put the former value back, or take the row out";

/// What is to be done for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be enrolled; a killed run may have left a profile.
    New,
    /// This member was enrolled before, with the same data.
    Unchanged(MemberId),
    /// The database knows otherwise.
    Conflict,
}

/// Whom the vault knows of some rows, and who of them is more than what a killed run left.
pub(super) struct Known {
    /// Who each row is, in their order.
    pub(super) matches: Vec<Match>,
    enrolled: HashSet<String>,
}

impl Known {
    /// Looks some rows up.
    pub(super) async fn of(society: &Society, rows: &[&Row<'_>]) -> Result<Self, Fault> {
        let profiles: Vec<&Profile> = rows.iter().map(|row| &row.profile).collect();
        let matches = society.vault.profiles.matches(&profiles).await;
        let matches = matches.map_err(|error| unreadable(&error))?;
        let members: Vec<String> = everybody(&matches).map(|id| id.to_string()).collect();
        let enrolled = society.log.begun(Onboarding::TYPE, &members).await;
        Ok(Self {
            matches,
            enrolled: enrolled.map_err(|error| unreadable(&error))?,
        })
    }

    /// The members who are enrolled.
    fn enrolled(&self) -> impl Iterator<Item = MemberId> {
        everybody(&self.matches).filter(|member| self.is_enrolled(*member))
    }

    /// The members who have a profile and nothing else: a run was killed before it enrolled them.
    pub(super) fn left_over(&self) -> impl Iterator<Item = MemberId> {
        everybody(&self.matches).filter(|member| !self.is_enrolled(*member))
    }

    fn is_enrolled(&self, member: MemberId) -> bool {
        self.enrolled.contains(&member.to_string())
    }
}

/// Holds some rows against the members in the database.
pub(super) async fn compare(
    society: &Society,
    rows: &[Row<'_>],
    errors: &mut Errors,
) -> Result<Vec<Standing>, Fault> {
    let rows: Vec<&Row<'_>> = rows.iter().collect();
    let known = Known::of(society, &rows).await?;
    let enrolled: Vec<MemberId> = known.enrolled().collect();
    let stored = society.vault.profiles.get_many(&enrolled).await;
    let stored = stored.map_err(|error| unreadable(&error))?;
    let found = rows.iter().zip(&known.matches);
    Ok(found
        .map(|(row, found)| standing(row, *found, &known, &stored, errors))
        .collect())
}

fn standing(
    row: &Row<'_>,
    found: Match,
    known: &Known,
    stored: &HashMap<MemberId, Stored>,
    errors: &mut Errors,
) -> Standing {
    let enrolled = |member: Option<MemberId>| member.filter(|member| known.is_enrolled(*member));
    let person = found.persons().find(|member| known.is_enrolled(*member));
    match (person, enrolled(found.user_id)) {
        (Some(person), _) => {
            let Some(stored) = stored.get(&person) else {
                let why = "this person was a member here and was erased: take the row out";
                errors.add(row.line, "", why);
                return Standing::Conflict;
            };
            // The blind index compares user IDs as a sign-in does.
            let other_user_id = !row.profile.user_id.is_empty() && found.user_id != Some(person);
            let mut columns = differing(&stored.profile, &row.profile);
            columns.extend(other_user_id.then_some("user_id"));
            for column in &columns {
                let other = match *column {
                    "gid" => {
                        "another GID or none (symbol, number and date of birth as of the migration are the same)"
                    }
                    _ => "another value",
                };
                let why = format!("this member is enrolled with {other}; {WHAT_TO_DO}");
                errors.add(row.line, column, why);
            }
            if columns.is_empty() {
                Standing::Unchanged(person)
            } else {
                Standing::Conflict
            }
        }
        (None, Some(holder)) => {
            let why = match stored.get(&holder) {
                Some(stored) => format!(
                    "another member in the database has this user ID. If it is the same person with corrected data \
                     (what differs: {}), {WHAT_TO_DO}; if not, give another user ID",
                    differing(&stored.profile, &row.profile).join(", ")
                ),
                None => "a member who was erased had this user ID: give another".to_owned(),
            };
            errors.add(row.line, "user_id", why);
            Standing::Conflict
        }
        (None, None) => Standing::New,
    }
}

/// The columns, but for the user ID, in which a row says something else than what was stored. Both were made plain when
/// their rosters were read, so that equal texts are equal here.
fn differing(stored: &Profile, row: &Profile) -> Vec<&'static str> {
    // Written out, so that no new field is forgotten.
    let Profile {
        user_id: _,
        name,
        symbol,
        number,
        symbol_at_migration,
        number_at_migration,
        birth_date,
        gid,
        joined_on,
        registered,
    } = row;
    // To leave the cell empty and to repeat the present value say the same.
    let symbol_at_migration = stored.symbol_at_migration != *symbol_at_migration
        && stored.initial_symbol() != row.initial_symbol();
    let number_at_migration = stored.number_at_migration != *number_at_migration
        && stored.initial_number() != row.initial_number();
    [
        ("symbol", stored.symbol != *symbol),
        ("number", stored.number != *number),
        ("birth_date", stored.birth_date != *birth_date),
        ("name", stored.name != *name),
        ("gid", stored.gid != *gid),
        ("joined_on", stored.joined_on != *joined_on),
        ("registered_on_old_portal", stored.registered != *registered),
        ("symbol_at_migration", symbol_at_migration),
        ("number_at_migration", number_at_migration),
    ]
    .into_iter()
    .filter_map(|(column, differs)| differs.then_some(column))
    .collect()
}

fn everybody(matches: &[Match]) -> impl Iterator<Item = MemberId> {
    matches.iter().flat_map(|found| {
        let other = found
            .user_id
            .filter(|user| found.persons().all(|person| person != *user));
        found.persons().chain(other)
    })
}

fn unreadable(error: &dyn std::fmt::Display) -> Fault {
    Fault::from_error("the roster cannot be held against the database", error)
}
