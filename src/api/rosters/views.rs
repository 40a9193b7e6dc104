//! The pages of rosters: one struct a page, plain data in, HTML out.

use askama::Template;

use crate::api::audit::person::Person;
use crate::api::audit::views::Choice;
use crate::api::pages::words::Text;
use crate::api::staff::views::{Desk, Told};

/// `/rosters`.
#[derive(Template)]
#[template(path = "rosters/list.html")]
pub struct ListPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// What was brought before, the newest first.
    pub rosters: Vec<RosterRow>,
    /// The roster that has to end before another is brought; the form is there if there is none.
    pub open: Option<RosterRow>,
    /// Why a roster is brought.
    pub reasons: Vec<Choice>,
    /// The ticket as it was typed.
    pub ticket: String,
    /// The first day of initial passwords as it was typed.
    pub valid_from: String,
    /// Whether it was said to be one of everybody.
    pub complete: bool,
    /// How many leave by it, as it was typed; none, as long as nobody was asked.
    pub leavers: Option<String>,
    /// What was wrong with the file just sent.
    pub errors: Vec<FaultRow>,
}

/// What is wrong with a row.
pub struct FaultRow {
    /// The line of the file.
    pub line: u64,
    /// The column.
    pub column: String,
    /// What is wrong.
    pub why: Text,
}

/// A roster in the list.
#[derive(Clone)]
pub struct RosterRow {
    /// Its page.
    pub link: String,
    /// When it was brought.
    pub at: String,
    /// How far it has come.
    pub stage: Text,
    /// What it does, in one line.
    pub sum: Text,
}

/// `/rosters/{import}`.
#[derive(Template)]
#[template(path = "rosters/plan.html")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is shown at a place of its own"
)]
pub struct PlanPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// Its page.
    pub link: String,
    /// How far it has come.
    pub stage: Text,
    /// Who brought it; none, where the command line did.
    pub by: Option<String>,
    /// Why.
    pub reason: Option<Text>,
    /// The ticket's number.
    pub ticket: Option<String>,
    /// When it was brought.
    pub at: String,
    /// Until when it can be approved; none, if it cannot be decided on.
    pub until: Option<String>,
    /// Whether whoever looks brought it: then they can only take it back.
    pub is_own: bool,
    /// Whether it came to nothing while it waited: then it can only be declined, and brought again.
    pub is_forgotten: bool,
    /// Whether the page shows something else a little later.
    pub is_moving: bool,
    /// Whether it is one of everybody.
    pub complete: bool,
    /// From when its new members' initial passwords count.
    pub valid_from: String,
    /// SHA-256 of the file.
    pub file: String,
    /// SHA-256 of what it does.
    pub plan: String,
    /// What it does: in words, and how many rows or members.
    pub counts: Vec<(Text, u64)>,
    /// Its rows by cohort.
    pub by_cohort: Vec<(String, u64)>,
    /// Which of several pages this is; none, if there is only one. Each has the next of all four lists.
    pub turning: Option<Turning>,
    /// Rows of new members.
    pub newcomers: Vec<NewcomerRow>,
    /// Rows that tell something new: line, member's page, person, what.
    pub changes: Vec<ChangeRow>,
    /// Members who have left.
    pub leavers: Vec<MemberRow>,
    /// Members who are back.
    pub returned: Vec<MemberRow>,
}

/// One of several pages.
pub struct Turning {
    /// Which one, of how many.
    pub here: Text,
    /// Where the one before is.
    pub previous: Option<String>,
    /// Where the next one is.
    pub next: Option<String>,
}

/// A row of a new member.
pub struct NewcomerRow {
    /// The line of the file.
    pub line: u64,
    /// Where the member will belong.
    pub cohort: String,
    /// Who that is, masked.
    pub person: Person,
}

/// A row that tells something new.
pub struct ChangeRow {
    /// The line of the file.
    pub line: u64,
    /// Whose it is.
    pub who: MemberRow,
    /// What is new.
    pub fields: String,
}

/// A member whom a roster does something to.
pub struct MemberRow {
    /// The member's page.
    pub link: String,
    /// The member's id.
    pub member: String,
    /// Who that is, masked; none, if it was erased.
    pub person: Option<Person>,
}
