//! A report as it is made: columns and rows, before anybody decides how they look.

use jiff::Timestamp;
use jiff::civil::Date;

use super::Name;
use super::numbers::DAY;
use crate::subscription::Position;

/// One report.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Which.
    pub name: Name,
    /// What anyone needs who wants to make it again.
    pub basis: Basis,
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with a value a column.
    pub rows: Vec<Vec<Value>>,
    /// What is worth seeing at a glance.
    pub plot: Option<Plot>,
}

/// Of what a report is made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Basis {
    /// The moment as of which it holds.
    pub as_of: Timestamp,
    /// The position of the last event that was recorded by then.
    pub position: Position,
    /// The root of the ledger over the events up to there, in base64.
    pub root: String,
    /// The policy in force there, `NAME@SHA256`.
    pub policy: String,
    /// The program and its version.
    pub software: String,
    /// What was asked for.
    pub asked: Asked,
}

/// What may be asked of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Who waits for more days than these is stuck; of `stuck`.
    pub days: i64,
    /// Whether groups of fewer than [`SMALL`] members are put together with others.
    pub shield: bool,
}

impl Default for Asked {
    fn default() -> Self {
        Self {
            days: 7,
            shield: false,
        }
    }
}

impl Asked {
    /// Whether what so many members did is not to be told.
    pub(super) const fn hides(self, members: i64) -> bool {
        self.shield && members > 0 && members < SMALL
    }
}

/// Groups of fewer members tell of single persons.
pub const SMALL: i64 = 5;

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// The name that programs use; it never changes.
    pub name: &'static str,
    /// What stands in it.
    pub kind: Kind,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A name of a cohort.
    Cohort,
    /// A name from a fixed list, whose words stand in the locale under `report.{list}.{name}`.
    Word(&'static str),
    /// The stored name of a type of event.
    Event,
    /// Any other text: ids, days, hashes.
    Text,
    /// How many.
    Number,
    /// Of a hundred, to one decimal.
    Percent,
    /// A span in seconds.
    Seconds,
    /// A span in days, to one decimal.
    Days,
    /// A day of Tokyo's calendar.
    Date,
    /// A moment.
    Moment,
}

/// One cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// There is none.
    None,
    /// Not told: it is of fewer than [`SMALL`] members.
    Hidden,
    /// A text, also a name.
    Text(String),
    /// A number, or seconds.
    Number(i64),
    /// Tenths, of percents or days.
    Tenths(i64),
    /// A day.
    Date(Date),
    /// A moment.
    Moment(Timestamp),
}

/// Bars, one a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plot {
    /// The columns that name a bar.
    pub labels: &'static [usize],
    /// The column of its length.
    pub length: usize,
    /// The column of the whole that it is a part of; none, if the longest is the measure.
    pub whole: Option<usize>,
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<Option<i64>> for Value {
    fn from(number: Option<i64>) -> Self {
        number.map_or(Self::None, Self::Number)
    }
}

impl From<Date> for Value {
    fn from(date: Date) -> Self {
        Self::Date(date)
    }
}

impl Value {
    /// So many of a hundred; none of none.
    pub(super) fn percent(part: i64, whole: i64) -> Self {
        if whole == 0 {
            return Self::None;
        }
        // Rounded to the nearest, halves up.
        Self::Tenths((part * 2000 + whole) / (whole * 2))
    }

    /// Seconds in days.
    pub(super) fn days(seconds: Option<i64>) -> Self {
        seconds.map_or(Self::None, |seconds| {
            Self::Tenths((seconds * 20 + DAY) / (DAY * 2))
        })
    }

    /// The same, hidden where it tells of few members.
    pub(super) fn hidden_if(self, is_hidden: bool) -> Self {
        if is_hidden { Self::Hidden } else { self }
    }

    /// A number of members, unless it tells of few and the report is for readers who may not see persons.
    pub(super) const fn members(number: i64, asked: Asked) -> Self {
        if asked.hides(number) {
            Self::Hidden
        } else {
            Self::Number(number)
        }
    }
}
