//! Dates as typed: any text is a day of the calendar or none, and a day reads as itself in every form.

#![no_main]

use jiff::civil::{Date, date};
use kadode::api::input::normalise_id;
use kadode::domain::birth_date::{BirthDate, parse_date};
use libfuzzer_sys::fuzz_target;

const TODAY: Date = date(2026, 11, 25);

fuzz_target!(|text: &str| {
    let plain = normalise_id(text);
    let Some(day) = parse_date(&plain) else {
        return;
    };
    assert!(day >= date(1873, 1, 1), "before the calendar began");
    let (year, month, number) = (day.year(), day.month(), day.day());
    for again in [
        day.to_string(),
        format!("{year}/{month}/{number}"),
        format!("{year}年{month}月{number}日"),
        day.strftime("%Y%m%d").to_string(),
    ] {
        assert_eq!(parse_date(&again), Some(day));
    }
    match BirthDate::parse(&plain, TODAY) {
        Ok(born) => {
            assert!(born.date() == day && day <= TODAY);
            assert_eq!(
                BirthDate::parse(&born.date().strftime("%Y%m%d").to_string(), TODAY),
                Ok(born)
            );
        }
        Err(_) => assert!(day > TODAY),
    }
});
