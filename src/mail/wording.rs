//! What a mail says besides its own message: the society and how to reach it, and moments in words.

use jiff::tz::{self, TimeZone};
use jiff::{Timestamp, civil::Weekday};
use rust_i18n::t;

use crate::domain::values::Language;

/// Japan has had one time zone, without summer time, since 1952; so no time-zone database is needed.
const TOKYO: tz::Offset = tz::offset(9);

/// The society as its mails show it, in the language of the mail. What is empty is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Society {
    /// Its name, which is also the sender's.
    pub name: String,
    /// Its telephone number.
    pub telephone: String,
    /// When the telephone is answered.
    pub hours: String,
    /// Where letters reach it.
    pub address: String,
    /// Where mail reaches it.
    pub email: String,
}

impl Society {
    /// The lines under which the society can be reached: label and text.
    pub(super) fn contacts(&self, locale: &str) -> Vec<(String, String)> {
        let hours = match (self.hours.as_str(), locale) {
            ("", _) => String::new(),
            (hours, "ja") => format!("（{hours}）"),
            (hours, _) => format!(", {hours}"),
        };
        [
            (
                t!("mail.telephone", locale = locale),
                &self.telephone,
                hours,
            ),
            (
                t!("mail.email", locale = locale),
                &self.email,
                String::new(),
            ),
            (
                t!("mail.address", locale = locale),
                &self.address,
                String::new(),
            ),
        ]
        .into_iter()
        .filter(|(_, text, _)| !text.is_empty())
        .map(|(label, text, more)| (label.into_owned(), format!("{text}{more}")))
        .collect()
    }

    /// The same society without a run of six digits anywhere, so that a reader (or a program that fills in codes) finds one only:
    /// the code. An address or link with such a run is left out, as it would be wrong when broken.
    pub(super) fn beside_a_code(&self) -> Self {
        let plain = |text: &str| match without_six_digits(text) {
            broken if broken != text && (text.contains('@') || text.contains("://")) => {
                String::new()
            }
            broken => broken,
        };
        Self {
            name: plain(&self.name),
            telephone: plain(&self.telephone),
            hours: plain(&self.hours),
            address: plain(&self.address),
            email: plain(&self.email),
        }
    }
}

/// Puts a space into the middle of every run of exactly six digits, of whatever script.
pub(super) fn without_six_digits(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = String::new();
    let end_run = |run: &mut String, out: &mut String| {
        let six = run.chars().count() == 6;
        for (place, digit) in run.drain(..).enumerate() {
            if six && place == 3 {
                out.push(' ');
            }
            out.push(digit);
        }
    };
    for c in text.chars() {
        if c.is_numeric() {
            run.push(c);
        } else {
            end_run(&mut run, &mut out);
            out.push(c);
        }
    }
    end_run(&mut run, &mut out);
    out
}

/// A moment in words, as a clock in Tokyo shows it: 「11月22日（日）18時36分」, "18:36 on Sunday, 22 November".
pub(super) fn moment(at: Timestamp, language: Language) -> String {
    let local = at.to_zoned(TimeZone::fixed(TOKYO));
    match language {
        Language::Ja => {
            let weekday = match local.weekday() {
                Weekday::Monday => '月',
                Weekday::Tuesday => '火',
                Weekday::Wednesday => '水',
                Weekday::Thursday => '木',
                Weekday::Friday => '金',
                Weekday::Saturday => '土',
                Weekday::Sunday => '日',
            };
            let (month, day) = (local.month(), local.day());
            let (hour, minute) = (local.hour(), local.minute());
            format!("{month}月{day}日（{weekday}）{hour}時{minute:02}分")
        }
        Language::En => local.strftime("%-H:%M on %A, %-d %B").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_moment_is_told_as_in_tokyo() {
        let at = "2026-11-22T15:05:59Z".parse().unwrap();
        assert_eq!(moment(at, Language::Ja), "11月23日（月）0時05分");
        assert_eq!(moment(at, Language::En), "0:05 on Monday, 23 November");
    }

    #[test]
    fn only_runs_of_exactly_six_digits_are_broken() {
        assert_eq!(without_six_digits("031234"), "031 234");
        assert_eq!(
            without_six_digits("tel 031234, ０３１２３４"),
            "tel 031 234, ０３１ ２３４"
        );
        assert_eq!(
            without_six_digits("03-1234-5678 / 0312345678 / 12345"),
            "03-1234-5678 / 0312345678 / 12345"
        );
    }

    #[test]
    fn contacts_that_would_be_wrong_when_broken_are_left_out_beside_a_code() {
        let society = Society {
            telephone: "031234".to_owned(),
            email: "desk123456@example.jp".to_owned(),
            ..Society::default()
        };
        let contacts = society.beside_a_code().contacts("en");
        assert_eq!(contacts, [("Telephone: ".to_owned(), "031 234".to_owned())]);
    }

    proptest! {
        #[test]
        fn no_run_of_six_digits_is_left(text in "[0-9０-９a -]{0,40}") {
            let kept = without_six_digits(&text);
            let runs = kept.split(|c: char| !c.is_numeric()).filter(|run| run.chars().count() == 6);
            prop_assert_eq!(runs.count(), 0);
        }
    }
}
