//! Dates as people in Japan write them, and the date of birth among them.

use std::fmt;

use jiff::civil::{Date, date};
use thiserror::Error;

/// A member's date of birth; never printed by `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BirthDate(Date);

/// Why a text is refused as a date of birth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BirthDateFault {
    /// No day of the calendar, or written in no form we know.
    #[error("not a date")]
    NotADate,
    /// A day after today.
    #[error("a date in the future")]
    InTheFuture,
}

impl BirthDate {
    /// Reads a date of birth in any form that [`parse_date`] knows; `today` is the day in Tokyo.
    ///
    /// # Errors
    /// Says whether the text is no date, or one that has not come yet.
    pub fn parse(input: &str, today: Date) -> Result<Self, BirthDateFault> {
        match parse_date(input) {
            None => Err(BirthDateFault::NotADate),
            Some(day) if day > today => Err(BirthDateFault::InTheFuture),
            Some(day) => Ok(Self(day)),
        }
    }

    /// The day itself.
    #[must_use]
    pub const fn date(self) -> Date {
        self.0
    }
}

impl fmt::Debug for BirthDate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BirthDate(…)")
    }
}

struct Era {
    names: [&'static str; 3],
    /// The calendar year of its 元年.
    year_one: i16,
    first: Date,
    last: Date,
}

/// The first day on which Japan counted by the Gregorian calendar (太政官布告 No. 337 of 1872); no earlier day is read.
const FIRST_DAY: Date = date(1873, 1, 1);

/// The eras with the days on which each began and ended.
const ERAS: [Era; 5] = [
    Era {
        names: ["明治", "明", "M"],
        year_one: 1868,
        first: FIRST_DAY,
        last: date(1912, 7, 29),
    },
    Era {
        names: ["大正", "大", "T"],
        year_one: 1912,
        first: date(1912, 7, 30),
        last: date(1926, 12, 24),
    },
    Era {
        names: ["昭和", "昭", "S"],
        year_one: 1926,
        first: date(1926, 12, 25),
        last: date(1989, 1, 7),
    },
    Era {
        names: ["平成", "平", "H"],
        year_one: 1989,
        first: date(1989, 1, 8),
        last: date(2019, 4, 30),
    },
    Era {
        names: ["令和", "令", "R"],
        year_one: 2019,
        first: date(2019, 5, 1),
        last: Date::MAX,
    },
];

/// Reads a date written as 1980-01-01, 1980/1/1, 1980.1.1, 19800101, 1980年1月1日, S55.1.1, S55/1/1, S550101 or 昭和55年1月1日
/// (元年 too), with spaces anywhere.
///
/// The text should have been through NFKC. A day outside the era that is named (昭和64年1月8日) is no date, nor is any before 1873.
#[must_use]
pub fn parse_date(input: &str) -> Option<Date> {
    let text: String = input
        .chars()
        .filter(|c| !c.is_whitespace())
        .map(plain)
        .collect();
    for era in &ERAS {
        if let Some(rest) = era.names.iter().find_map(|name| text.strip_prefix(name)) {
            let (year, month, day) = parts(rest, 2)?;
            let day = Date::new(era.year_one + year - 1, month, day).ok()?;
            return (year > 0 && (era.first..=era.last).contains(&day)).then_some(day);
        }
    }
    let (year, month, day) = parts(&text, 4)?;
    Date::new(year, month, day)
        .ok()
        .filter(|day| *day >= FIRST_DAY)
}

/// Unifies letters and the strokes that Japanese keyboards offer as a hyphen and NFKC leaves alone.
fn plain(c: char) -> char {
    match c {
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | 'ー' => '-',
        other => other.to_ascii_uppercase(),
    }
}

/// Splits what follows the era into year, month and day; `year_digits` is the longest year, and the only one without separators.
fn parts(text: &str, year_digits: usize) -> Option<(i16, i8, i8)> {
    let compact = text.len() == year_digits + 4 && text.bytes().all(|b| b.is_ascii_digit());
    let (year, month, day) = if compact {
        let (year, rest) = text.split_at_checked(year_digits)?;
        let (month, day) = rest.split_at_checked(2)?;
        (year, month, day)
    } else if let Some((year, rest)) = text.split_once('年') {
        let (month, day) = rest.strip_suffix('日')?.split_once('月')?;
        (year, month, day)
    } else {
        let separator = text.chars().find(|c| matches!(c, '-' | '/' | '.'))?;
        let (year, rest) = text.split_once(separator)?;
        let (month, day) = rest.split_once(separator)?;
        (year, month, day)
    };
    let year = match (year, year_digits) {
        ("元", 2) => 1,
        (_, 4) if year.len() != 4 => return None,
        _ => number(year, year_digits)?,
    };
    Some((
        year,
        i8::try_from(number(month, 2)?).ok()?,
        i8::try_from(number(day, 2)?).ok()?,
    ))
}

fn number(text: &str, longest: usize) -> Option<i16> {
    let digits = (1..=longest).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TODAY: Date = date(2026, 11, 22);

    #[test]
    fn one_day_is_read_in_every_form() {
        for text in [
            "1980-01-01",
            "1980/1/1",
            "1980.1.1",
            "19800101",
            "1980年1月1日",
            "1980年01月01日",
            " 1980 - 1 - 1 ",
            "1980 01 01",
            "1980ー1ー1",
            "1980−01−01",
            "S55.1.1",
            "s55/1/1",
            "S55-01-01",
            "S550101",
            "昭和55年1月1日",
            "昭和 55年 1月 1日",
            "昭55.1.1",
        ] {
            assert_eq!(parse_date(text), Some(date(1980, 1, 1)), "{text}");
        }
    }

    #[test]
    fn every_era_is_known_by_three_names() {
        for (texts, day) in [
            (
                ["明治45年7月29日", "明45.7.29", "M45.7.29"],
                date(1912, 7, 29),
            ),
            (
                ["大正15年12月24日", "大15.12.24", "T15.12.24"],
                date(1926, 12, 24),
            ),
            (["昭和64年1月7日", "昭64.1.7", "S64.1.7"], date(1989, 1, 7)),
            (
                ["平成31年4月30日", "平31.4.30", "H31.4.30"],
                date(2019, 4, 30),
            ),
            (
                ["令和8年11月22日", "令8.11.22", "R8.11.22"],
                date(2026, 11, 22),
            ),
        ] {
            for text in texts {
                assert_eq!(parse_date(text), Some(day), "{text}");
            }
        }
    }

    #[test]
    fn the_first_year_may_be_written_as_gannen() {
        for (text, day) in [
            ("大正元年7月30日", date(1912, 7, 30)),
            ("昭和元年12月25日", date(1926, 12, 25)),
            ("平成元年1月8日", date(1989, 1, 8)),
            ("H1.1.8", date(1989, 1, 8)),
            ("令和元年5月1日", date(2019, 5, 1)),
            ("R元.5.1", date(2019, 5, 1)),
        ] {
            assert_eq!(parse_date(text), Some(day), "{text}");
        }
    }

    #[test]
    fn a_day_outside_its_era_is_no_date() {
        for text in [
            "明治45年7月30日",
            "大正元年7月29日",
            "大正15年12月25日",
            "昭和元年12月24日",
            "昭和64年1月8日",
            "平成元年1月7日",
            "平成31年5月1日",
            "令和元年4月30日",
            "昭和99年1月1日",
            "昭和0年1月1日",
            "明治5年12月2日",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_day_of_the_calendar_is_no_date() {
        for text in [
            "",
            "1980",
            "1980-01",
            "1980-13-01",
            "1980-02-30",
            "1981-02-29",
            "80-01-01",
            "198011",
            "1980-1-1-1",
            "1980-1/1",
            "1980年1月1",
            "1872-12-31",
            "元年1月1日",
            "元-1-1",
            "X55.1.1",
            "昭和",
            "-1980-1-1",
            "1980-+1-1",
            "1980-001-1",
            "0198-01-01",
            "1980-1-",
            "１９８０-１-１",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn a_birth_date_may_be_today_but_not_tomorrow() {
        assert!(BirthDate::parse("2026-11-22", TODAY).is_ok());
        assert_eq!(
            BirthDate::parse("2026-11-23", TODAY),
            Err(BirthDateFault::InTheFuture)
        );
        assert_eq!(
            BirthDate::parse("yesterday", TODAY),
            Err(BirthDateFault::NotADate)
        );
    }

    #[test]
    fn a_birth_date_is_hidden_in_debug_output() {
        let born = BirthDate::parse("S55.1.1", TODAY).unwrap();
        assert!(!format!("{born:?}").contains("80"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_none(text in any::<String>()) {
            let _ = parse_date(&text);
        }

        #[test]
        fn texts_near_a_date_are_a_date_or_none(text in "[MTSHR明治大正昭和平成令元]{0,2}[0-9]{0,5}[-/.年]?[0-9]{0,3}[-/.月]?[0-9]{0,3}日?") {
            if let Some(day) = parse_date(&text) {
                prop_assert!(day >= FIRST_DAY);
            }
        }

        #[test]
        fn each_day_is_read_back_as_it_was_written(year in 1873i16..=9999, month in 1i8..=12, day in 1i8..=28) {
            let written = date(year, month, day);
            prop_assert_eq!(parse_date(&written.to_string()), Some(written));
            prop_assert_eq!(parse_date(&format!("{year}年{month}月{day}日")), Some(written));
            prop_assert_eq!(parse_date(&written.strftime("%Y%m%d").to_string()), Some(written));
        }
    }
}
