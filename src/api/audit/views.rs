//! The auditors' pages: one struct a page, plain data in, HTML out.

use askama::Template;
use jiff::Timestamp;

use super::changes::ChangeRow;
use super::details::Detail;
use super::person::Person;
use crate::api::pages::words::{Text, to_the_second};
use crate::api::staff::views::{Desk, Told};

/// A choice of a list.
#[derive(Clone, Debug)]
pub struct Choice {
    /// What the form sends.
    pub value: String,
    /// What it is called.
    pub text: String,
    /// Whether it is chosen.
    pub chosen: bool,
}

/// `/audit`: finding a member.
#[derive(Template)]
#[template(path = "audit/search.html")]
pub struct SearchPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// What the page is called.
    pub title: Text,
    /// Where the pages begin that it leads to.
    pub path: &'static str,
    /// Whom a search found, where it was more than one: id, and who that is.
    pub found: Vec<(String, Person)>,
}

/// One event in a list.
#[derive(Clone, Debug)]
pub struct Row {
    /// Its number in the log.
    pub position: i64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What happened.
    pub text: Text,
    /// The stored name of its type.
    pub event_type: String,
    /// How it went.
    pub outcome: Text,
    /// Whether that is worth a look.
    pub notable: bool,
    /// Who acted.
    pub who: String,
    /// The account of staff whose other acts the row leads to, and its name.
    pub account: Option<(String, String)>,
    /// The account of staff that it happened to, whose other events the row leads to, and its name.
    pub about: Option<(String, String)>,
    /// From where.
    pub from: Option<String>,
    /// By which command it came.
    pub command: String,
    /// What it says beyond its type.
    pub details: Vec<Detail>,
    /// The members it is about.
    pub members: Vec<String>,
    /// That member's cohort.
    pub cohort: Option<String>,
}

/// `/audit/members/{member}`.
#[derive(Template)]
#[template(path = "audit/member.html")]
pub struct MemberPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// The member's id.
    pub member: String,
    /// The member's cohort.
    pub cohort: String,
    /// Who that is; none, if it was erased.
    pub person: Option<Person>,
    /// Whether the history is shown up to now, and not to a moment before: the person is always as registered now.
    pub is_now: bool,
    /// Whether personal data are shown.
    pub unmasked: bool,
    /// Whether a second person has approved that whoever looks sees them.
    pub may_unmask: bool,
    /// The id of the proposal that asks for it.
    pub proposal: String,
    /// What personal data may be shown for.
    pub purposes: Vec<Choice>,
    /// The moments as they were asked for.
    pub at: String,
    /// The same of the beginning.
    pub since: String,
    /// The position before which the page begins, as it was asked for.
    pub before: String,
    /// What the span is, in words.
    pub span: Text,
    /// Where the member stood.
    pub standing: Text,
    /// What differs between the two moments, if there are two.
    pub changes: Option<Vec<ChangeRow>>,
    /// What happened, newest first.
    pub rows: Vec<Row>,
    /// Where older ones are.
    pub older: Option<Older>,
}

/// The next page of a member's history.
pub struct Older {
    /// The position before which it begins.
    pub before: i64,
    /// Its address, personal data masked.
    pub link: String,
}

/// `/audit/events`.
#[derive(Template)]
#[template(path = "audit/events.html")]
pub struct EventsPage {
    /// What surrounds the page.
    pub desk: Desk,
    /// Types of events.
    pub types: Vec<Choice>,
    /// Outcomes.
    pub outcomes: Vec<Choice>,
    /// What became of mails.
    pub mails: Vec<Choice>,
    /// Kinds of actors.
    pub actors: Vec<Choice>,
    /// Accounts of staff that acted.
    pub accounts: Vec<Choice>,
    /// The same, that it happened to.
    pub about: Vec<Choice>,
    /// The member, as it was asked for.
    pub member: String,
    /// Cohorts.
    pub cohorts: Vec<Choice>,
    /// The beginning of the period, as it was asked for.
    pub from: String,
    /// Its end.
    pub until: String,
    /// What was found, newest first.
    pub rows: Vec<Row>,
    /// Where older ones are.
    pub older: Option<String>,
    /// The position up to which was looked.
    pub size: i64,
}

impl Row {
    /// When, in the reader's language.
    #[must_use]
    pub fn time(&self, desk: &Desk) -> String {
        to_the_second(desk.page.language, self.at)
    }
}
