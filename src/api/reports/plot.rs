//! The picture of a report: horizontal bars as SVG, one a row, in widths of a hundred, so that letters stay as large as the page's.

use askama::Template;

use super::words::{value, word};
use crate::domain::values::Language;
use crate::projections::reports::report::{Column, Kind, Plot, Report, Value};

/// Bars in one picture; of more, the last are shown.
pub const MOST_BARS: usize = 40;

/// The whole of percents, in tenths.
const HUNDRED: i64 = 1000;

/// One bar.
#[derive(Debug)]
pub struct Bar {
    /// What it stands for.
    pub label: String,
    /// Its length in words, with the whole where there is one.
    pub value: String,
    /// Its length, in hundredths of a percent of the longest.
    pub length: i64,
    /// The length of the whole that it is a part of.
    pub whole: Option<i64>,
}

impl Bar {
    /// Its length as SVG has it, where the longest is so much of a hundred of the width.
    #[must_use]
    pub fn length_of(&self, width: i64) -> String {
        percent(self.length, width)
    }

    /// The same of the whole.
    #[must_use]
    pub fn whole_of(&self, width: i64) -> String {
        percent(self.whole.unwrap_or_default(), width)
    }
}

/// A picture, drawn for wide and for narrow pages.
#[derive(Template)]
#[template(path = "reports/plot.html")]
pub struct Picture<'a> {
    /// What it is called for those who do not see it.
    pub title: &'a str,
    /// Its bars from above.
    pub bars: &'a [Bar],
}

/// The bars of a report; none, if there is nothing to draw.
#[must_use]
pub fn bars(report: &Report, language: Language) -> Option<Vec<Bar>> {
    let plot = report.plot?;
    let rows = &report.rows[report.rows.len().saturating_sub(MOST_BARS)..];
    let in_hundred = report.columns.get(plot.length)?.kind == Kind::Percent;
    let whole_of = |row: &[Value]| match plot.whole {
        Some(whole) => row.get(whole).and_then(number),
        None => in_hundred.then_some(HUNDRED),
    };
    let length_of = |row: &[Value]| row.get(plot.length).and_then(number).unwrap_or(0);
    let all = rows
        .iter()
        .flat_map(|row| [Some(length_of(row)), whole_of(row)]);
    let longest = all.flatten().max().filter(|longest| *longest > 0)?;
    let share = |length: i64| length.clamp(0, longest) * 10_000 / longest;
    let bar = |row: &Vec<Value>| Bar {
        label: label(&report.columns, row, plot, language),
        value: told(&report.columns, row, plot, language),
        length: share(length_of(row)),
        whole: whole_of(row).map(share),
    };
    Some(rows.iter().map(bar).collect())
}

const fn number(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) | Value::Tenths(number) => Some(*number),
        Value::None | Value::Hidden | Value::Text(_) | Value::Date(_) | Value::Moment(_) => None,
    }
}

fn cell(columns: &[Column], row: &[Value], at: usize, language: Language) -> String {
    let (Some(column), Some(cell)) = (columns.get(at), row.get(at)) else {
        return String::new();
    };
    value(language, column, cell)
}

/// The words of its columns, each once.
fn label(columns: &[Column], row: &[Value], plot: Plot, language: Language) -> String {
    let mut words: Vec<String> = Vec::new();
    for at in plot.labels {
        // Short: the table tells the type of an event too.
        let word = match (columns.get(*at), row.get(*at)) {
            (Some(column), Some(Value::Text(name))) => {
                word(language, column.kind, name).to_string()
            }
            _ => cell(columns, row, *at, language),
        };
        if !word.is_empty() && !words.contains(&word) {
            words.push(word);
        }
    }
    words.join(" ")
}

fn told(columns: &[Column], row: &[Value], plot: Plot, language: Language) -> String {
    let length = cell(columns, row, plot.length, language);
    match plot.whole {
        Some(whole) => format!("{length} / {}", cell(columns, row, whole, language)),
        None => length,
    }
}

/// Hundredths of a percent of so much of the width, as SVG has it.
fn percent(share: i64, of: i64) -> String {
    let share = share * of / 100;
    format!("{}.{:02}%", share / 100, share % 100)
}

#[cfg(test)]
mod tests {
    use askama::Template;

    use super::{MOST_BARS, Picture, bars};
    use crate::domain::values::Language;
    use crate::projections::reports::Name;
    use crate::projections::reports::report::{Basis, Column, Kind, Plot, Report, Value};

    /// Rows of a label, a length and a whole.
    fn report(rows: Vec<[Value; 3]>, kind: Kind, whole: Option<usize>) -> Report {
        let column = |name, kind| Column { name, kind };
        Report {
            name: Name::Events,
            basis: Basis::default(),
            columns: vec![
                column("cohort", Kind::Cohort),
                column("completed", kind),
                column("imported", Kind::Number),
            ],
            rows: rows.into_iter().map(Vec::from).collect(),
            plot: Some(Plot {
                labels: &[0],
                length: 1,
                whole,
            }),
        }
    }

    fn lengths(report: &Report) -> Vec<(i64, Option<i64>)> {
        let bars = bars(report, Language::Ja).unwrap_or_default();
        bars.iter().map(|bar| (bar.length, bar.whole)).collect()
    }

    #[test]
    fn the_longest_whole_fills_the_width_and_the_rest_is_a_share_of_it() {
        let rows = vec![
            ["a".into(), 5.into(), 20.into()],
            ["b".into(), 10.into(), 10.into()],
        ];
        assert_eq!(
            lengths(&report(rows, Kind::Number, Some(2))),
            [(2500, Some(10_000)), (5000, Some(5000))]
        );
    }

    #[test]
    fn percents_are_measured_by_a_hundred_however_small_they_are() {
        let rows = vec![["a".into(), Value::Tenths(5), 20.into()]];
        assert_eq!(
            lengths(&report(rows, Kind::Percent, None)),
            [(50, Some(10_000))]
        );
    }

    #[test]
    fn what_is_not_told_has_no_length() {
        let rows = vec![
            ["a".into(), Value::Hidden, 20.into()],
            ["b".into(), Value::None, 20.into()],
        ];
        let lengths = lengths(&report(rows, Kind::Number, Some(2)));
        assert_eq!(lengths, [(0, Some(10_000)), (0, Some(10_000))]);
    }

    #[test]
    fn where_everything_is_none_there_is_no_picture() {
        let rows = vec![["a".into(), 0.into(), 0.into()]];
        assert!(bars(&report(rows, Kind::Number, Some(2)), Language::Ja).is_none());
        assert!(bars(&report(vec![], Kind::Percent, None), Language::Ja).is_none());
    }

    #[test]
    fn of_many_rows_the_last_are_drawn() {
        let rows = (1..=41).map(|number: i64| ["a".into(), number.into(), 0.into()]);
        let bars = bars(&report(rows.collect(), Kind::Number, None), Language::Ja).unwrap();
        assert_eq!(bars.len(), MOST_BARS);
        assert_eq!(bars[0].value, "2");
    }

    #[test]
    fn a_picture_has_a_title_and_escapes_what_it_is_told() {
        let rows = vec![["<b>".into(), 1.into(), 2.into()]];
        let bars = bars(&report(rows, Kind::Number, Some(2)), Language::Ja).unwrap();
        let picture = Picture {
            title: "1 < 2",
            bars: &bars,
        };
        let html = picture.render().unwrap();
        assert!(html.contains("role=\"img\""), "{html}");
        assert!(html.contains("<title>1 &#60; 2</title>"), "{html}");
        assert!(
            html.contains("&#60;b&#62;") && !html.contains("<b>"),
            "{html}"
        );
    }
}
