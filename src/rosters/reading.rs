//! Reads a roster: bytes and a policy in, members or errors out; touches nothing else.

mod lines;
mod row;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use csv::{ByteRecord, ReaderBuilder};
use jiff::civil::Date;
use serde::Serialize;
use utoipa::ToSchema;

use self::lines::{Encoding, Lines, without_mark};
pub use self::row::is_unprintable;
use self::row::{Reading, Seen};
use super::fault::RowFault;
use crate::domain::policy::{Cohort, Policy, ROSTER_COLUMNS};
use crate::vault::{Profile, normalise_id};

/// Columns that a roster may do without.
const OPTIONAL: [&str; 3] = ["gid", "symbol_at_migration", "number_at_migration"];

/// Columns at most (judgement): far more than are known here.
const MOST_COLUMNS: usize = 100;

/// Errors that are listed one by one; of a file with more, the columns are probably mixed up.
const MOST_ERRORS: usize = 1000;

/// What is wrong with a roster, and where. Holds no value of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RowError {
    /// The line of the file, from 1.
    pub line: u64,
    /// The column's own name; of an unknown column, its header.
    pub column: String,
    /// What is wrong.
    #[schema(value_type = String)]
    pub why: RowFault,
}

/// Everything that is wrong with a roster, as far as it is listed.
#[derive(Debug, Default)]
pub struct Errors {
    listed: Vec<RowError>,
    more: usize,
}

impl Errors {
    /// Notes what is wrong in a line and a column.
    pub fn add(&mut self, line: u64, column: &str, why: RowFault) {
        if self.listed.len() == MOST_ERRORS {
            self.more += 1;
            return;
        }
        self.listed.push(RowError {
            line,
            column: column.to_owned(),
            why,
        });
    }

    /// Notes all that others list.
    pub(super) fn append(&mut self, others: Self) {
        for RowError { line, column, why } in others.listed {
            self.add(line, &column, why);
        }
        self.more += others.more;
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// How many there are, listed or not.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.listed.len() + self.more
    }

    /// Those listed in the order of their lines, then one for the others.
    #[must_use]
    pub fn into_list(mut self) -> Vec<RowError> {
        self.listed.sort_by_key(|error| error.line);
        if let (Some(last), 1..) = (self.listed.last(), self.more) {
            self.listed.push(RowError {
                line: last.line,
                column: String::new(),
                why: RowFault::More(self.more),
            });
        }
        self.listed
    }
}

/// A member as the roster tells.
#[derive(Debug)]
pub struct Row<'policy> {
    /// The line on which the row begins.
    pub line: u64,
    /// What the society knows; the user ID is empty where we give one.
    pub profile: Profile,
    /// Where the member belongs.
    pub cohort: &'policy Cohort,
}

/// A roster while it is read, row by row.
pub struct Roster<'a> {
    /// How many rows were read, right or wrong; those without any text in them do not count.
    pub count: usize,
    /// What is wrong, as far as it was read.
    pub errors: Errors,
    policy: &'a Policy,
    today: Date,
    encoding: Encoding,
    lines: Lines<'a>,
    reader: csv::Reader<&'a [u8]>,
    header: Option<Vec<&'static str>>,
    /// None, once it is known that nothing stands in it twice.
    seen: Option<Seen>,
    ended: bool,
}

impl<'a> Roster<'a> {
    /// Begins to read; `today` is the day in Tokyo.
    #[must_use]
    pub fn read(bytes: &'a [u8], policy: &'a Policy, today: Date) -> Self {
        let bytes = without_mark(bytes);
        Self {
            count: 0,
            errors: Errors::default(),
            policy,
            today,
            encoding: Encoding::of(bytes),
            lines: Lines::of(bytes),
            reader: ReaderBuilder::new()
                .has_headers(false)
                .flexible(true)
                .from_reader(bytes),
            header: None,
            seen: Some(Seen::default()),
            ended: false,
        }
    }

    /// Begins to read one again in which nothing is wrong.
    #[must_use]
    pub fn read_again(bytes: &'a [u8], policy: &'a Policy, today: Date) -> Self {
        Self {
            seen: None,
            ..Self::read(bytes, policy, today)
        }
    }

    /// How many of the bytes were read.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.reader.position().byte()
    }

    /// The next `most` rows in which nothing is wrong; fewer only at the end.
    pub fn rows(&mut self, most: usize) -> Vec<Row<'a>> {
        let mut rows = Vec::new();
        let mut record = ByteRecord::new();
        while rows.len() < most && !self.ended {
            let start = usize::try_from(self.position()).unwrap_or(usize::MAX);
            let read = self.reader.read_byte_record(&mut record);
            if matches!(read, Ok(false)) {
                self.ended = true;
                if self.header.is_none() {
                    self.errors.add(1, "", RowFault::EmptyFile);
                }
                break;
            }
            let line = self.lines.record_at(start);
            if let Err(error) = read {
                self.errors
                    .add(line, "", RowFault::NotCsv(error.to_string()));
                self.ended = true;
                break;
            }
            if self.header.is_none() && record.len() > MOST_COLUMNS {
                let why = RowFault::TooManyColumns {
                    found: record.len(),
                    most: MOST_COLUMNS,
                };
                self.errors.add(line, "", why);
                self.ended = true;
                break;
            }
            let Some(header) = &self.header else {
                let (encoding, policy) = (self.encoding, self.policy);
                self.header = read_header(&record, line, encoding, policy, &mut self.errors);
                self.ended = self.header.is_none();
                continue;
            };
            if record.iter().all(|cell| cell.trim_ascii().is_empty()) {
                continue;
            }
            self.count += 1;
            let mut reading = Reading {
                line,
                record: &record,
                header,
                encoding: self.encoding,
                errors: &mut self.errors,
            };
            rows.extend(reading.row(self.policy, self.today, self.seen.as_mut()));
        }
        rows
    }
}

/// Reads the names of the columns, in their order; none, if something is wrong with them, since no row can be read then.
fn read_header(
    record: &ByteRecord,
    line: u64,
    encoding: Encoding,
    policy: &Policy,
    errors: &mut Errors,
) -> Option<Vec<&'static str>> {
    let aliases: HashMap<String, &str> = policy
        .roster_headers
        .iter()
        .map(|(alias, column)| (normalise_id(alias), column.as_str()))
        .collect();
    let names: Vec<String> = record
        .iter()
        .map(|cell| normalise_id(&encoding.read_lossy(cell)))
        .collect();
    let columns: Vec<Option<&'static str>> = names
        .iter()
        .map(|name| {
            let name = aliases.get(name).copied().unwrap_or(name);
            ROSTER_COLUMNS.into_iter().find(|column| *column == name)
        })
        .collect();
    if columns.iter().all(Option::is_none) {
        // Perhaps a member's own row: nothing of it is quoted.
        errors.add(line, "", RowFault::NoHeader);
        return None;
    }
    let mut header: Vec<&'static str> = Vec::new();
    for (place, (name, column)) in names.iter().zip(columns).enumerate() {
        match column {
            Some(column) if header.contains(&column) => {
                errors.add(line, column, RowFault::ColumnTwice);
            }
            Some(column) => header.push(column),
            None if name.is_empty() => {
                errors.add(line, "", RowFault::ColumnWithoutName(place + 1));
            }
            None => {
                let name: String = name.chars().take(64).collect();
                errors.add(line, &name, RowFault::UnknownColumn);
            }
        }
    }
    for column in ROSTER_COLUMNS {
        if !OPTIONAL.contains(&column) && !header.contains(&column) {
            errors.add(line, column, RowFault::ColumnMissing);
        }
    }
    errors.is_empty().then_some(header)
}
