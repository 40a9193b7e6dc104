//! Words and times in the member's language: texts from `locales/`, moments as a clock in Japan shows them.

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, Zoned, tz};

use crate::domain::values::Language;

/// A text in one language, ready to be shown; escaping is the template's affair.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text(String);

impl Text {
    /// The text that `locales/` holds under `key`.
    #[must_use]
    pub fn of(language: Language, key: &str) -> Self {
        Self(rust_i18n::t!(key, locale = language.tag()).into_owned())
    }

    /// The same, if there is one.
    #[must_use]
    pub fn find(language: Language, key: &str) -> Option<Self> {
        crate::_rust_i18n_try_translate(language.tag(), key).map(|text| Self(text.into_owned()))
    }

    /// A text that is a name, the same in every language.
    #[must_use]
    pub fn plain(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// This text with `%{name}` replaced by `value`.
    #[must_use]
    pub fn with(self, name: &str, value: impl fmt::Display) -> Self {
        Self(rust_i18n::replace_patterns(
            &self.0,
            &[name],
            &[value.to_string()],
        ))
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The label of the step that the contract calls `name` (`sign_in` … `completed`); none for any other name.
#[must_use]
pub fn step_label(language: Language, name: &str) -> Option<Text> {
    let key = match name {
        "sign_in" => "step.sign_in",
        "birth_date" => "step.birth_date",
        "terms" => "step.terms",
        "email" => "step.email",
        "email_link" => "step.email_link",
        "email_update" => "step.email_update",
        "otp_method" => "step.otp_method",
        "password" => "step.password",
        "first_login_completed" => "step.first_login_completed",
        "log_out" => "step.log_out",
        "sign_in_again" => "step.sign_in_again",
        "otp" => "step.otp",
        "completed" => "step.completed",
        _ => return None,
    };
    Some(Text::of(language, key))
}

/// A moment with its date, as in 2026年11月22日 18時40分.
#[must_use]
pub fn date_and_time(language: Language, at: Timestamp) -> String {
    let format = match language {
        Language::Ja => "%Y年%-m月%-d日 %-H時%M分",
        Language::En => "%-d %B %Y, %H:%M",
    };
    in_japan(at).strftime(format).to_string()
}

/// A day of the calendar, as in 2026年11月22日.
#[must_use]
pub fn day(language: Language, day: Date) -> String {
    let format = match language {
        Language::Ja => "%Y年%-m月%-d日",
        Language::En => "%-d %B %Y",
    };
    day.strftime(format).to_string()
}

/// A moment to the second, as whoever compares it with other records needs it.
#[must_use]
pub fn to_the_second(language: Language, at: Timestamp) -> String {
    let format = match language {
        Language::Ja => "%Y年%-m月%-d日 %-H時%M分%S秒",
        Language::En => "%-d %B %Y, %H:%M:%S",
    };
    in_japan(at).strftime(format).to_string()
}

/// A moment up to which something holds: whole minutes, cut off, and with its date only if that is not today's.
#[must_use]
pub fn until(language: Language, at: Timestamp, now: Timestamp) -> String {
    if in_japan(at).date() != in_japan(now).date() {
        return date_and_time(language, at);
    }
    let format = match language {
        Language::Ja => "%-H時%M分",
        Language::En => "%H:%M",
    };
    in_japan(at).strftime(format).to_string()
}

/// A moment from which something may be done: as [`until`], but never shown earlier than it is.
#[must_use]
pub fn from(language: Language, at: Timestamp, now: Timestamp) -> String {
    let started_minute = at.as_second().rem_euclid(60) != 0 || at.subsec_nanosecond() != 0;
    let shown = if started_minute {
        at.checked_add(SignedDuration::from_mins(1)).unwrap_or(at)
    } else {
        at
    };
    until(language, shown, now)
}

// Japan has kept UTC+9 without summer time since 1952, so no time-zone database is needed.
fn in_japan(at: Timestamp) -> Zoned {
    at.to_zoned(tz::TimeZone::fixed(tz::offset(9)))
}
