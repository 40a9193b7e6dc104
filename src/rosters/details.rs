//! What a roster does, row by row, for whoever decides on it: a page at a time, each time the same.

use jiff::civil::Date;

use super::{BATCH, Plan, Roster, Standing};
use crate::domain::ids::MemberId;
use crate::domain::onboarding::ProfileField;
use crate::domain::policy::Policy;
use crate::domain::rosters::Content;
use crate::vault::Profile;

/// Rows and members of each kind on a page.
pub const SHOWN: usize = 100;

/// A page of what a roster does.
#[derive(Debug, Default)]
pub struct Details {
    /// Rows of members whom nobody knew.
    pub new: Vec<NewRow>,
    /// Rows that tell something new of a member.
    pub changed: Vec<ChangedRow>,
    /// Members who are back.
    pub returned: Vec<MemberId>,
    /// Members who have left.
    pub left: Vec<MemberId>,
}

/// A row of a member whom nobody knew.
#[derive(Debug)]
pub struct NewRow {
    /// The line of the file.
    pub line: u64,
    /// Where the member will belong.
    pub cohort: String,
    /// Who that is.
    pub profile: Profile,
}

/// A row that tells something new of a member.
#[derive(Debug)]
pub struct ChangedRow {
    /// The line of the file.
    pub line: u64,
    /// The member.
    pub member: MemberId,
    /// What is new.
    pub fields: Vec<ProfileField>,
}

/// How many pages it takes to see all that a roster does; one at least.
#[must_use]
pub fn pages(content: &Content) -> u64 {
    let longest = [content.new, content.changed, content.returned, content.left];
    let longest = longest.into_iter().max().unwrap_or_default();
    longest.div_ceil(SHOWN as u64).max(1)
}

impl Details {
    /// The page of that number, from 1, of what was planned with the rows of a file; none, if the policy reads other rows in it by now.
    #[must_use]
    pub fn read(plan: &Plan, file: &[u8], policy: &Policy, today: Date, page: u64) -> Option<Self> {
        let before = usize::try_from(page.saturating_sub(1)).ok()?;
        let before = before.checked_mul(SHOWN)?;
        let (mut new, mut changed, mut returned) = (
            Part::after(before),
            Part::after(before),
            Part::after(before),
        );
        let mut roster = Roster::read_again(file, policy, today);
        for standings in plan.standings.chunks(BATCH) {
            let rows = roster.rows(BATCH);
            if rows.len() != standings.len() {
                return None;
            }
            for (row, standing) in rows.into_iter().zip(standings) {
                let known = match standing {
                    Standing::New => {
                        new.offer(|| NewRow {
                            line: row.line,
                            cohort: row.cohort.name.clone(),
                            profile: row.profile,
                        });
                        continue;
                    }
                    Standing::Conflict => continue,
                    Standing::Known(known) => known,
                };
                if !known.changed.is_empty() {
                    changed.offer(|| ChangedRow {
                        line: row.line,
                        member: known.member,
                        fields: known.changed.clone(),
                    });
                }
                if known.returns {
                    returned.offer(|| known.member);
                }
            }
        }
        let left = plan.leavers.iter().skip(before).take(SHOWN);
        Some(Self {
            new: new.shown,
            changed: changed.shown,
            returned: returned.shown,
            left: left.copied().collect(),
        })
    }
}

/// What of one kind falls on a page.
struct Part<T> {
    before: usize,
    shown: Vec<T>,
}

impl<T> Part<T> {
    const fn after(before: usize) -> Self {
        Self {
            before,
            shown: Vec::new(),
        }
    }

    fn offer(&mut self, make: impl FnOnce() -> T) {
        if self.before > 0 {
            self.before -= 1;
        } else if self.shown.len() < SHOWN {
            self.shown.push(make());
        }
    }
}
