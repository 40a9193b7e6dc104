//! What is to be done for each row: the roster held against the database.

use std::collections::HashSet;

use cqrs_es::Aggregate;

use crate::app::{Fault, Society};
use crate::cli::roster::{Errors, Row};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::domain::policy::InitialPassword;
use crate::vault::{Match, Profile};

/// Streams asked for at once.
const AT_ONCE: usize = 500;

/// What is to be done for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// To be enrolled; a killed run may have left a profile.
    New,
    /// This member was enrolled before.
    Unchanged(MemberId),
    /// The database knows otherwise.
    Conflict,
}

/// Holds the rows against the members in the database.
pub(super) async fn compare(
    society: &Society,
    rows: &[Row<'_>],
    errors: &mut Errors,
) -> Result<Vec<Standing>, Fault> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Fault::from_error("the roster cannot be held against the database", error)
    };
    let profiles: Vec<&Profile> = rows.iter().map(|row| &row.profile).collect();
    let matches = society
        .vault
        .profiles
        .matches(&profiles)
        .await
        .map_err(|error| unreadable(&error))?;
    let known: Vec<String> = matches
        .iter()
        .filter_map(|found| found.person)
        .map(|member| member.to_string())
        .collect();
    let mut enrolled = HashSet::new();
    for members in known.chunks(AT_ONCE) {
        let begun = society.log.begun(Onboarding::TYPE, members).await;
        enrolled.extend(begun.map_err(|error| unreadable(&error))?);
    }
    let mut standing = |row: &Row<'_>, found: Match| match found {
        Match {
            person: Some(person),
            user_id,
        } => {
            if !row.profile.user_id.is_empty() && user_id != Some(person) {
                errors.add(
                    row.line,
                    "user_id",
                    "this member is in the database already, with another user ID",
                );
                Standing::Conflict
            } else if enrolled.contains(&person.to_string()) {
                Standing::Unchanged(person)
            } else {
                Standing::New
            }
        }
        Match {
            person: None,
            user_id: Some(_),
        } => {
            errors.add(
                row.line,
                "user_id",
                "another member in the database has this user ID",
            );
            Standing::Conflict
        }
        Match {
            person: None,
            user_id: None,
        } => Standing::New,
    };
    Ok(rows
        .iter()
        .zip(matches)
        .map(|(row, found)| standing(row, found))
        .collect())
}

/// Without a file of letters, nobody may need one: who gets a password or an ID from us would never learn it.
pub(super) fn letters_not_needed(rows: &[Row<'_>], standings: &[Standing]) -> Result<(), Fault> {
    let needing = rows
        .iter()
        .zip(standings)
        .filter(|(row, standing)| {
            **standing == Standing::New
                && (row.profile.user_id.is_empty()
                    || row.cohort.initial_password == InitialPassword::Printed)
        })
        .count();
    if needing == 0 {
        return Ok(());
    }
    Err(Fault(format!(
        "--letters OUT.csv is needed: {needing} new members get their password or user ID from us; nothing was imported"
    )))
}
