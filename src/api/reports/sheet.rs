//! A report in words, as its page and its printed form show it.

use askama::Template;

use super::plot::{Bar, MOST_BARS, Picture, bars};
use super::words::{heading, lead, title, value};
use crate::api::pages::words::{Text, to_the_second};
use crate::domain::values::Language;
use crate::projections::reports::Name;
use crate::projections::reports::report::{Basis, Kind, Report, SMALL};

/// A report in words.
#[derive(Debug)]
pub struct Sheet {
    /// The language of the words.
    pub language: Language,
    /// What the report is called.
    pub title: Text,
    /// Which question it answers.
    pub lead: Text,
    /// As of when it holds, and over how many events.
    pub at: Text,
    /// Why some figures are not told, where that is so.
    pub shielded: Option<Text>,
    /// The picture.
    pub figure: Option<Figure>,
    /// What the columns are called.
    pub headings: Vec<Cell>,
    /// The rows, or the last of them.
    pub rows: Vec<Vec<Cell>>,
    /// That these are the last, where there are more.
    pub cut: Option<Text>,
    /// What anyone needs who wants to make it again.
    pub basis: Vec<(Text, String)>,
}

/// A picture and what it shows.
#[derive(Debug)]
pub struct Figure {
    bars: Vec<Bar>,
    title: String,
    /// Which column the bars are, and which the whole.
    pub legend: Text,
    /// That not all rows are drawn, where there are more.
    pub cut: Option<Text>,
}

/// A heading or a value.
#[derive(Debug)]
pub struct Cell {
    /// The words.
    pub text: String,
    /// Whether it stands in a column of figures.
    pub is_figure: bool,
}

/// Letters of a text that is read as a sentence, and may be broken.
const LONG: usize = 30;

impl Cell {
    /// How it stands in its column.
    #[must_use]
    pub fn class(&self) -> &'static str {
        if self.is_figure {
            "figure"
        } else if self.text.chars().count() > LONG {
            "long"
        } else {
            "name"
        }
    }
}

impl Sheet {
    /// The report with its last `most` rows.
    #[must_use]
    pub fn of(report: &Report, language: Language, most: usize) -> Self {
        let cut_off = report.rows.len().saturating_sub(most);
        let cell = |kind, text| Cell {
            text,
            is_figure: is_figure(kind),
        };
        let columns = &report.columns;
        let headings = columns
            .iter()
            .map(|column| cell(column.kind, heading(language, column).to_string()));
        let row = |row: &Vec<_>| {
            let cells = columns.iter().zip(row);
            cells
                .map(|(column, it)| cell(column.kind, value(language, column, it)))
                .collect()
        };
        let text = |key| Text::of(language, key);
        let basis = &report.basis;
        Self {
            language,
            title: title(language, report.name),
            lead: lead(language, report.name),
            at: text("reports.at")
                .with("at", to_the_second(language, basis.as_of))
                .with("size", basis.position),
            shielded: (basis.asked.shield && report.name != Name::Deviations)
                .then(|| text("reports.shielded").with("size", SMALL)),
            figure: Figure::of(report, language),
            headings: headings.collect(),
            rows: report.rows[cut_off..].iter().map(row).collect(),
            cut: (cut_off > 0).then(|| text("reports.table_last").with("size", most)),
            basis: basis_in_words(report.name, basis, language),
        }
    }

    /// The text under `key`.
    #[must_use]
    pub fn t(&self, key: &str) -> Text {
        Text::of(self.language, key)
    }
}

impl Figure {
    fn of(report: &Report, language: Language) -> Option<Self> {
        let bars = bars(report, language)?;
        let plot = report.plot?;
        let name = |at: usize| heading(language, &report.columns[at]);
        let legend = match plot.whole {
            Some(whole) => Text::of(language, "reports.plot_of_whole").with("whole", name(whole)),
            None => Text::of(language, "reports.plot_of"),
        };
        Some(Self {
            title: Text::of(language, "reports.plot")
                .with("title", title(language, report.name))
                .to_string(),
            legend: legend.with("length", name(plot.length)),
            cut: (report.rows.len() > bars.len())
                .then(|| Text::of(language, "reports.plot_last").with("size", MOST_BARS)),
            bars,
        })
    }

    /// The picture as SVG.
    ///
    /// # Errors
    /// None that bars could cause.
    pub fn svg(&self) -> askama::Result<String> {
        let picture = Picture {
            title: &self.title,
            bars: &self.bars,
        };
        picture.render()
    }
}

/// Whether digits stand below each other.
#[must_use]
pub const fn is_figure(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Number | Kind::Percent | Kind::Seconds | Kind::Days
    )
}

/// A report's basis, line by line.
#[must_use]
pub fn basis_in_words(name: Name, basis: &Basis, language: Language) -> Vec<(Text, String)> {
    let text = |key| Text::of(language, key);
    let mut filter = Vec::new();
    if name == Name::Stuck {
        filter.push(text("reports.filter_days").with("days", basis.asked.days));
    }
    if basis.asked.shield {
        filter.push(text("reports.filter_groups").with("size", SMALL));
    }
    if filter.is_empty() {
        filter.push(text("reports.filter_none"));
    }
    let filter: Vec<String> = filter.iter().map(Text::to_string).collect();
    let policy = if basis.policy.is_empty() {
        text("reports.no_policy").to_string()
    } else {
        basis.policy.clone()
    };
    vec![
        (
            text("reports.report"),
            format!("{} ({})", title(language, name), name.name()),
        ),
        (
            text("reports.moment"),
            crate::database::fixed_width(basis.as_of),
        ),
        (text("reports.position"), basis.position.to_string()),
        (text("reports.root"), basis.root.clone()),
        (text("reports.policy"), policy),
        (text("reports.filter"), filter.join(", ")),
        (text("reports.software"), basis.software.clone()),
    ]
}
