//! What can be wrong with a roster's file or with one of its rows. Holds no value of a member.

use serde::{Serialize, Serializer};

use crate::domain::cohort::CohortFault;
use crate::domain::policy::ROSTER_COLUMNS;

/// Why a row, or the file, is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RowFault {
    /// Nothing stands in the file.
    #[error("the file is empty; its first line must name the columns: {}", ROSTER_COLUMNS.join(", "))]
    EmptyFile,
    /// It is no CSV.
    #[error("{0}")]
    NotCsv(String),
    /// There are far too many columns.
    #[error("there are {found} columns; no roster has more than {most}")]
    TooManyColumns {
        /// How many there are.
        found: usize,
        /// How many may be.
        most: usize,
    },
    /// The first line names none of the columns.
    #[error(
        "no column name is known here; the first line must name the columns ({}), and the file be CSV in UTF-8 or Shift_JIS",
        ROSTER_COLUMNS.join(", ")
    )]
    NoHeader,
    /// A column is named twice.
    #[error("this column is there twice")]
    ColumnTwice,
    /// A column has no name.
    #[error("column {0} has no name")]
    ColumnWithoutName(usize),
    /// A column is named that nobody knows.
    #[error("no such column; there are {}, and what the policy calls them in [roster_headers]", ROSTER_COLUMNS.join(", "))]
    UnknownColumn,
    /// A column is not there.
    #[error("this column is missing")]
    ColumnMissing,
    /// The row has other cells than the header.
    #[error("this row has {found} cells, but the header {columns}")]
    CellCount {
        /// How many it has.
        found: usize,
        /// How many the header has.
        columns: usize,
    },
    /// The cell's bytes are no text of the file's encoding.
    #[error("this is not legible as {0}")]
    NotLegible(&'static str),
    /// There is a character in it that nobody sees or can type.
    #[error("there is a line break, another control character or an invisible one in it")]
    Unprintable,
    /// It is too long.
    #[error("it is longer than {0} characters")]
    TooLong(usize),
    /// A spreadsheet would run it when letters are opened in it.
    #[error("it begins like a formula of a spreadsheet (= + - @)")]
    LikeAFormula,
    /// Nothing stands in it.
    #[error("it is missing")]
    Missing,
    /// It is no date.
    #[error("it is not a date like 1980-01-01, 1980/1/1, 19800101, S55.1.1 or 昭和55年1月1日")]
    NotADate,
    /// The day is yet to come.
    #[error("it is in the future")]
    InTheFuture,
    /// It says neither yes nor no.
    #[error("it is none of 1, true, yes, はい, 0, false, no, いいえ and nothing")]
    NeitherYesNorNo,
    /// The member belongs nowhere.
    #[error(transparent)]
    Cohort(CohortFault),
    /// Members of this cohort have user IDs already.
    #[error("it is missing, and members of the cohort {0} have one already")]
    UserIdMissing(String),
    /// A user ID stands in two rows.
    #[error(
        "the same user ID stands in line {earlier} and in line {line}: give each person their own, or keep one of them"
    )]
    UserIdTwice {
        /// The line of the first.
        earlier: u64,
        /// The line of this one.
        line: u64,
    },
    /// A GID stands in two rows.
    #[error(
        "the same person (by GID) stands in line {earlier} and in line {line}: keep one of them"
    )]
    GidTwice {
        /// The line of the first.
        earlier: u64,
        /// The line of this one.
        line: u64,
    },
    /// A symbol, number and date of birth stand in two rows.
    #[error(
        "the same person (by symbol, number and date of birth as of the migration) stands in line {earlier} and in line {line}: \
         keep one of them"
    )]
    NumbersTwice {
        /// The line of the first.
        earlier: u64,
        /// The line of this one.
        line: u64,
    },
    /// Two rows lead to one member.
    #[error("this is the member of line {0} once more: take one of them out")]
    MemberTwice(u64),
    /// A roster of everybody is one of nobody.
    #[error("there is nobody in this roster of everybody")]
    Nobody,
    /// The person was erased.
    #[error("this person was a member here and was erased: take the row out")]
    Erased,
    /// Two members fit.
    #[error(
        "one member has this GID, and another this symbol, number and date of birth as of the migration: correct one of them, or \
         take the row out"
    )]
    TwoMembers,
    /// What no roster changes is another value.
    #[error(
        "this member is enrolled with another value; no roster changes that: put the former value back, or take the row out"
    )]
    Fixed,
    /// The user ID is another member's.
    #[error(
        "another member in the database has this user ID. If it is the same person (what differs: {}), give the GID or what \
         symbol and number were at the migration, by which persons are known again; if not, give another user ID",
        .differing.join(", ")
    )]
    UserIdTaken {
        /// The columns in which the two differ.
        differing: Vec<&'static str>,
    },
    /// The user ID was an erased member's.
    #[error("a member who was erased had this user ID: give another")]
    UserIdOfErased,
    /// There are more than are listed.
    #[error("there are {0} more errors; mend these first")]
    More(usize),
}

/// As programs read it: in words.
impl Serialize for RowFault {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
