//! One row of a roster: each cell by its rules, its cohort, and whether it was there before.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use csv::ByteRecord;
use jiff::civil::Date;
use sha2::{Digest, Sha256};

use super::lines::Encoding;
use super::{Errors, Row};
use crate::domain::birth_date::{BirthDate, BirthDateFault, parse_date};
use crate::domain::cohort::{self, CohortFault};
use crate::domain::policy::{Cohort, Policy};
use crate::rosters::fault::RowFault;
use crate::vault::{Profile, normalise_id};

/// Characters in a cell, at most.
const LONGEST: usize = 64;

/// Characters in a name, at most.
const LONGEST_NAME: usize = 100;

/// Where each user ID and each person was met first, by half a SHA-256, so that a million rows take tens of megabytes. The same person is
/// who has the same GID, or the same symbol, number and date of birth as of migration.
#[derive(Default)]
pub(super) struct Seen(HashMap<[u8; 16], u64>);

impl Seen {
    /// In which line this was met before; else it is met first now. No cell holds a NUL, which stands between the parts.
    fn first_line(&mut self, parts: &[&str], line: u64) -> Option<u64> {
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(parts.join("\0"))[..16]);
        match self.0.entry(key) {
            Entry::Occupied(earlier) => Some(*earlier.get()),
            Entry::Vacant(place) => {
                place.insert(line);
                None
            }
        }
    }
}

/// A record while it is read.
pub(super) struct Reading<'a> {
    pub(super) line: u64,
    pub(super) record: &'a ByteRecord,
    pub(super) header: &'a [&'static str],
    pub(super) encoding: Encoding,
    pub(super) errors: &'a mut Errors,
}

impl Reading<'_> {
    /// The row, if nothing is wrong with it; all that is wrong is told.
    pub(super) fn row<'policy>(
        &mut self,
        policy: &'policy Policy,
        today: Date,
        seen: Option<&mut Seen>,
    ) -> Option<Row<'policy>> {
        let before = self.errors.count();
        let (cells, columns) = (self.record.len(), self.header.len());
        if cells != columns {
            let nearest = self.header.get(cells).or(self.header.last());
            let why = RowFault::CellCount {
                found: cells,
                columns,
            };
            self.wrong(nearest.copied().unwrap_or_default(), why);
            return None;
        }
        let user_id = self.text("user_id", LONGEST);
        let symbol = self.required("symbol", LONGEST);
        let number = self.required("number", LONGEST);
        let birth_date = self.birth_date(today);
        let name = self.required("name", LONGEST_NAME);
        let gid = self.text("gid", LONGEST);
        let joined_on = self.joined_on();
        let registered = self.registered();
        let symbol_at_migration = self.text("symbol_at_migration", LONGEST);
        let number_at_migration = self.text("number_at_migration", LONGEST);
        let cohort = match (registered, joined_on) {
            (Some(registered), Some(joined_on)) => self.cohort(policy, registered, joined_on),
            _ => None,
        };
        let mut seen = seen;
        if let Some(user_id) = &user_id {
            self.user_id(policy, cohort, user_id, seen.as_deref_mut());
        }
        // A copy is told even of a row with another fault.
        if let Some(seen) = seen
            && let (Some(gid), Some(symbol), Some(number)) = (&gid, &symbol, &number)
            && let (Some(old_symbol), Some(old_number), Some(born)) =
                (&symbol_at_migration, &number_at_migration, birth_date)
        {
            let symbol = if old_symbol.is_empty() {
                symbol
            } else {
                old_symbol
            };
            let number = if old_number.is_empty() {
                number
            } else {
                old_number
            };
            self.person(gid, [symbol, number, &born.to_string()], seen);
        }
        let profile = Profile {
            user_id: user_id?,
            name: name?,
            symbol: symbol?,
            number: number?,
            symbol_at_migration: some(symbol_at_migration?),
            number_at_migration: some(number_at_migration?),
            birth_date: birth_date?,
            gid: some(gid?),
            joined_on: joined_on?,
            registered: registered?,
        };
        let row = Row {
            line: self.line,
            profile,
            cohort: cohort?,
        };
        (self.errors.count() == before).then_some(row)
    }

    fn wrong(&mut self, column: &str, why: RowFault) {
        self.errors.add(self.line, column, why);
    }

    /// What stands in a cell, made plain: full-width characters narrowed (NFKC), the spaces around it gone. None, if
    /// something is wrong with it.
    fn text(&mut self, column: &'static str, longest: usize) -> Option<String> {
        let place = self.header.iter().position(|name| *name == column);
        let cell = place.and_then(|place| self.record.get(place));
        let Some(raw) = self.encoding.read(cell.unwrap_or_default()) else {
            self.wrong(column, RowFault::NotLegible(self.encoding.name()));
            return None;
        };
        if raw.chars().any(is_unprintable) {
            self.wrong(column, RowFault::Unprintable);
            return None;
        }
        let plain = normalise_id(&raw);
        if plain.chars().count() > longest {
            self.wrong(column, RowFault::TooLong(longest));
            return None;
        }
        // Spreadsheets would run it when letters are opened in them.
        if plain.starts_with(['=', '+', '-', '@']) {
            self.wrong(column, RowFault::LikeAFormula);
            return None;
        }
        Some(plain)
    }

    fn required(&mut self, column: &'static str, longest: usize) -> Option<String> {
        let text = self.text(column, longest)?;
        if text.is_empty() {
            self.wrong(column, RowFault::Missing);
            return None;
        }
        Some(text)
    }

    fn birth_date(&mut self, today: Date) -> Option<Date> {
        let text = self.required("birth_date", LONGEST)?;
        match BirthDate::parse(&text, today) {
            Ok(birth_date) => Some(birth_date.date()),
            Err(BirthDateFault::NotADate) => {
                self.not_a_date("birth_date");
                None
            }
            Err(BirthDateFault::InTheFuture) => {
                self.wrong("birth_date", RowFault::InTheFuture);
                None
            }
        }
    }

    fn joined_on(&mut self) -> Option<Date> {
        let text = self.required("joined_on", LONGEST)?;
        let date = parse_date(&text);
        if date.is_none() {
            self.not_a_date("joined_on");
        }
        date
    }

    fn not_a_date(&mut self, column: &str) {
        self.wrong(column, RowFault::NotADate);
    }

    fn registered(&mut self) -> Option<bool> {
        let column = "registered_on_old_portal";
        match self.text(column, LONGEST)?.to_ascii_lowercase().as_str() {
            "1" | "true" | "yes" | "はい" => Some(true),
            "0" | "false" | "no" | "いいえ" | "" => Some(false),
            _ => {
                self.wrong(column, RowFault::NeitherYesNorNo);
                None
            }
        }
    }

    fn cohort<'policy>(
        &mut self,
        policy: &'policy Policy,
        registered: bool,
        joined_on: Date,
    ) -> Option<&'policy Cohort> {
        cohort::assign(policy, registered, joined_on)
            .inspect_err(|fault| {
                let column = match fault {
                    CohortFault::JoinedAfterRegistration => "registered_on_old_portal",
                    CohortFault::NoneFits => "joined_on",
                };
                self.wrong(column, RowFault::Cohort(*fault));
            })
            .ok()
    }

    fn user_id(
        &mut self,
        policy: &Policy,
        cohort: Option<&Cohort>,
        user_id: &str,
        seen: Option<&mut Seen>,
    ) {
        if user_id.is_empty() {
            if let Some(cohort) = cohort
                && !cohort.user_id_may_be_given
            {
                self.wrong("user_id", RowFault::UserIdMissing(cohort.name.clone()));
            }
            return;
        }
        let compared = if policy.user_id_case_sensitive {
            user_id.to_owned()
        } else {
            user_id.to_lowercase()
        };
        let line = self.line;
        if let Some(earlier) = seen.and_then(|seen| seen.first_line(&["user_id", &compared], line))
        {
            self.wrong("user_id", RowFault::UserIdTwice { earlier, line });
        }
    }

    fn person(&mut self, gid: &str, [symbol, number, born]: [&str; 3], seen: &mut Seen) {
        let same_gid = match gid {
            "" => None,
            gid => seen.first_line(&["gid", gid], self.line),
        };
        let line = self.line;
        let same_numbers = seen.first_line(&["numbers", symbol, number, born], line);
        if let Some(earlier) = same_gid {
            self.wrong("gid", RowFault::GidTwice { earlier, line });
        } else if let Some(earlier) = same_numbers {
            self.wrong("number", RowFault::NumbersTwice { earlier, line });
        }
    }
}

/// An empty cell is nothing.
fn some(text: String) -> Option<String> {
    (!text.is_empty()).then_some(text)
}

/// Characters that nobody sees or can type: controls, zero widths, directions, and the mark of a failed conversion.
#[must_use]
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}')
}
