//! What reports, their columns and their values are called, in the reader's language.

use crate::api::audit::words::{event_text, outcome_text, purpose_text};
use crate::api::pages::words::{Text, date_and_time, step_label};
use crate::domain::values::Language;
use crate::domain::viewing::Purpose;
use crate::projections::history::kinds::{KINDS, Outcome};
use crate::projections::reports::format::decimal;
use crate::projections::reports::report::{Column, Kind, Value};
use crate::projections::reports::{Name, SMALL_GROUPS};

/// What stands where there is no value.
const NOTHING: &str = "–";

/// What a report is called.
#[must_use]
pub fn title(language: Language, name: Name) -> Text {
    Text::of(language, &format!("report.name.{}", name.name()))
}

/// Which question a report answers.
#[must_use]
pub fn lead(language: Language, name: Name) -> Text {
    Text::of(language, &format!("report.lead.{}", name.name()))
}

/// What a column is called; columns that are named after a step, as that step.
#[must_use]
pub fn heading(language: Language, column: &Column) -> Text {
    Text::find(language, &format!("report.column.{}", column.name))
        .or_else(|| step_label(language, column.name))
        .unwrap_or_else(|| Text::plain(column.name))
}

/// A value as people read it.
#[must_use]
pub fn value(language: Language, column: &Column, value: &Value) -> String {
    let kind = column.kind;
    match value {
        Value::None if column.name == "seconds_up_to" => {
            Text::of(language, "report.longer").to_string()
        }
        Value::None => NOTHING.to_owned(),
        Value::Hidden => Text::of(language, "reports.hidden").to_string(),
        Value::Text(name) => {
            let word = word(language, kind, name).to_string();
            // Auditors compare the type itself, and the words of two types may be alike.
            if kind == Kind::Event && KINDS.iter().any(|(known, _)| known == name) {
                format!("{word} ({name})")
            } else {
                word
            }
        }
        Value::Number(seconds) if kind == Kind::Seconds => span(language, *seconds),
        Value::Number(number) => grouped(*number),
        Value::Tenths(tenths) if kind == Kind::Percent => format!("{}%", decimal(*tenths)),
        Value::Tenths(tenths) => with_unit(language, &decimal(*tenths), "reports.unit_days"),
        Value::Date(date) => date.to_string(),
        Value::Moment(moment) => date_and_time(language, *moment),
    }
}

/// A text of a report: names have words, where there are some.
#[must_use]
pub fn word(language: Language, kind: Kind, name: &str) -> Text {
    if name == SMALL_GROUPS {
        return Text::of(language, "report.small_groups");
    }
    match kind {
        Kind::Cohort if name.is_empty() => Text::of(language, "report.all"),
        Kind::Word(list) => listed(language, list, name).unwrap_or_else(|| Text::plain(name)),
        Kind::Event => Text::find(language, &format!("report.event.{name}"))
            .unwrap_or_else(|| event_text(language, name, None)),
        Kind::Cohort
        | Kind::Text
        | Kind::Number
        | Kind::Percent
        | Kind::Seconds
        | Kind::Days
        | Kind::Date
        | Kind::Moment => Text::plain(name),
    }
}

/// The words for a name of a fixed list; none, if the list has no such name.
fn listed(language: Language, list: &str, name: &str) -> Option<Text> {
    let outcome = || Outcome::ALL.into_iter().find(|it| it.name() == name);
    match list {
        "step" => step_label(language, name),
        "outcome" => outcome().map(|outcome| outcome_text(language, outcome)),
        "purpose" if Purpose::named(name).is_some() => {
            Purpose::named(name).map(|purpose| purpose_text(language, purpose))
        }
        "intervention" | "reason" => Text::find(language, &format!("{list}.{name}")),
        list => Text::find(language, &format!("report.{list}.{name}")),
    }
}

/// A number with its thousands apart.
fn grouped(number: i64) -> String {
    let digits = number.unsigned_abs().to_string();
    let mut text = String::new();
    if number < 0 {
        text.push('-');
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn with_unit(language: Language, number: &str, unit: &str) -> String {
    let unit = Text::of(language, unit);
    match language {
        Language::Ja => format!("{number}{unit}"),
        Language::En => format!("{number} {unit}"),
    }
}

/// A span in its two largest units: spans are counted to two digits.
fn span(language: Language, seconds: i64) -> String {
    let units = match language {
        Language::Ja => ["日", "時間", "分", "秒"],
        Language::En => [" d", " h", " min", " s"],
    };
    let parts = [
        seconds / 86_400,
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60,
    ];
    let first = parts.iter().position(|part| *part > 0).unwrap_or(3);
    let told: Vec<String> = (first..parts.len().min(first + 2))
        .filter(|at| *at == first || parts[*at] > 0)
        .map(|at| format!("{}{}", parts[at], units[at]))
        .collect();
    told.join(match language {
        Language::Ja => "",
        Language::En => " ",
    })
}

#[cfg(test)]
mod tests;
