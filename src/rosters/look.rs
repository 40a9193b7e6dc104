//! What a roster would do, before anything is done.

use std::collections::{BTreeMap, HashMap};

use data_encoding::HEXLOWER;
use futures::StreamExt;
use futures::stream::FuturesOrdered;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::standing::{Compared, compare};
use super::{
    AT_ONCE, BATCH, Errors, Members, Plan, Roster, RosterFault, Row, RowFault, Standing, Window,
};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::Onboarding;
use crate::domain::policy::InitialPassword;
use crate::domain::rosters::Content;
use crate::policies::LoadedPolicy;

/// Batches that are held against the database at once.
const AHEAD: usize = 3;

/// What a look at the whole roster has shown; its rows were let go, to be read again.
pub struct Looked {
    /// What it would do, counted.
    pub content: Content,
    /// The same, row by row.
    pub plan: Plan,
    /// Rows that say what no roster changes.
    pub conflicts: usize,
    /// New members who get something from us that they can learn from a letter alone.
    pub needing_letters: usize,
    /// Of each batch of rows, whether it has to be looked up again before it is written: a killed run left some of its members, or there
    /// was no database.
    pub again: Vec<bool>,
    /// What is wrong with it.
    pub errors: Errors,
}

/// SHA-256 in hexadecimal, as `sha256sum` prints it.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    HEXLOWER.encode(&Sha256::digest(bytes))
}

/// Reads a roster and holds it against the society's members, if there are any; `told` hears how many bytes were read.
///
/// # Errors
/// The database is away.
pub async fn look(
    bytes: &[u8],
    loaded: &LoadedPolicy,
    today: Date,
    (window, complete): (Window, bool),
    members: Option<&Members>,
    told: impl Fn(u64),
) -> Result<Looked, RosterFault> {
    let policy = &loaded.policy;
    let mut roster = Roster::read(bytes, policy, today);
    let cohorts = policy.cohorts.iter();
    let mut by_cohort: BTreeMap<String, u64> =
        cohorts.map(|cohort| (cohort.name.clone(), 0)).collect();
    let (mut standings, mut again) = (Vec::new(), Vec::new());
    let mut needing_letters = 0;
    let mut met: HashMap<MemberId, u64> = HashMap::new();
    let mut compared = FuturesOrdered::new();
    loop {
        // The next are read before the database has answered for these.
        while compared.len() < AHEAD {
            let rows = roster.rows(BATCH);
            if rows.is_empty() {
                break;
            }
            let position = roster.position();
            compared.push_back(async move { Ok((compare(members, rows).await?, position)) });
        }
        let Some(next) = compared.next().await else {
            break;
        };
        let (some, position) = next?;
        let Compared {
            rows,
            standings: some,
            errors,
            again: look_again,
        } = some;
        again.push(look_again);
        roster.errors.append(errors);
        for row in &rows {
            *by_cohort.entry(row.cohort.name.clone()).or_default() += 1;
        }
        let needs = |(row, standing): &(&Row<'_>, &Standing)| {
            **standing == Standing::New
                && (row.profile.user_id.is_empty()
                    || row.cohort.initial_password == InitialPassword::Printed)
        };
        for (row, standing) in rows.iter().zip(&some) {
            if let Standing::Known(known) = standing
                && let Some(line) = met.insert(known.member, row.line)
            {
                let why = RowFault::MemberTwice(line);
                roster.errors.add(row.line, "", why);
            }
        }
        needing_letters += rows.iter().zip(&some).filter(needs).count();
        standings.extend(some);
        told(position);
    }
    if complete && roster.count == 0 && roster.errors.is_empty() {
        roster.errors.add(1, "", RowFault::Nobody);
    }
    let leavers = match members {
        Some(members) if complete => missing_in(&met, members).await?,
        Some(_) | None => Vec::new(),
    };
    let number = |wanted: fn(&Standing) -> bool| standings.iter().filter(|it| wanted(it)).count();
    let known = |wanted: fn(&super::Known) -> bool| {
        let is = |it: &&Standing| matches!(it, Standing::Known(known) if wanted(known));
        standings.iter().filter(is).count()
    };
    let content = Content {
        file: sha256(bytes),
        plan: plan(
            &standings,
            &leavers,
            (window, complete),
            (bytes, &loaded.label()),
        ),
        policy: loaded.label(),
        complete,
        valid_from: window.from,
        rows: count(roster.count),
        new: count(number(|standing| *standing == Standing::New)),
        changed: count(known(|it| !it.changed.is_empty())),
        unchanged: count(known(|it| !it.returns && it.changed.is_empty())),
        returned: count(known(|it| it.returns)),
        // Who is in a row that is wrong has not left.
        left: if roster.errors.is_empty() {
            count(leavers.len())
        } else {
            0
        },
        by_cohort,
    };
    Ok(Looked {
        content,
        conflicts: number(|standing| *standing == Standing::Conflict),
        plan: Plan { standings, leavers },
        needing_letters,
        again,
        errors: roster.errors,
    })
}

/// Who is enrolled and has not left, but was not met in any row.
async fn missing_in(
    met: &HashMap<MemberId, u64>,
    members: &Members,
) -> Result<Vec<MemberId>, RosterFault> {
    let mut missing = Vec::new();
    let mut after = None;
    loop {
        let page = members.vault.profiles.page(after, AT_ONCE).await;
        let page = page.map_err(RosterFault::unreadable)?;
        let Some((last, _)) = page.last() else {
            return Ok(missing);
        };
        after = Some(*last);
        let present = page.iter().filter_map(|(member, stored)| {
            let stays = stored.as_ref().is_none_or(|stored| stored.has_left);
            (!stays && !met.contains_key(member)).then_some(*member)
        });
        let present: Vec<MemberId> = present.collect();
        let ids: Vec<String> = present.iter().map(ToString::to_string).collect();
        let enrolled = members.commands.begun::<Onboarding>(&ids).await;
        let enrolled = enrolled.map_err(RosterFault::unreadable)?;
        let found = present.into_iter().zip(&ids);
        missing.extend(found.filter_map(|(member, id)| enrolled.contains(id).then_some(member)));
    }
}

/// The hash of what is done, row by row.
fn plan(
    standings: &[Standing],
    leavers: &[MemberId],
    (window, complete): (Window, bool),
    (bytes, policy): (&[u8], &str),
) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{policy} {} {complete}\n", window.from));
    hash.update(Sha256::digest(bytes));
    for standing in standings {
        match standing {
            Standing::New => hash.update("new\n"),
            Standing::Conflict => hash.update("conflict\n"),
            Standing::Known(known) => {
                hash.update(format!("{} {}", known.member, known.returns));
                for field in &known.changed {
                    hash.update(format!(" {}", field.name()));
                }
                hash.update("\n");
            }
        }
    }
    for member in leavers {
        hash.update(format!("left {member}\n"));
    }
    HEXLOWER.encode(&hash.finalize())
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
