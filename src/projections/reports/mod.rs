//! Reports for compliance and auditors: each is a pure function of counts, and the counts are a pure function of the log.

mod attempts;
mod completion;
pub mod counting;
pub mod counts;
mod deadlines;
mod desk;
mod deviations;
pub mod format;
mod funnel;
mod groups;
pub mod integrity;
mod mails;
mod numbers;
pub mod reader;
mod reconciliation;
pub mod report;
pub(in crate::projections) mod stored;
mod stuck;
mod times;
pub mod track;

#[cfg(test)]
mod tests;

pub use groups::SMALL_GROUPS;

use self::counts::{Counts, Topic};
use self::integrity::SealedDay;
use self::report::{Basis, Column, Kind, Plot, Report, Value};

/// The reports there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Name {
    /// How far each cohort and each month of joining has come.
    Completion,
    /// How many were taken in and came to the end, day by day.
    CompletionByDay,
    /// Where members stop, and how long each step takes.
    Funnel,
    /// How long the whole way takes.
    TimeToComplete,
    /// The same as a histogram.
    TimeHistogram,
    /// Who waits at a step for more than some days.
    Stuck,
    /// When initial passwords end, and whose have ended.
    Deadlines,
    /// Tries that came to nothing.
    Attempts,
    /// Waiting times and freezes.
    Waits,
    /// Mails by class of domain.
    Mail,
    /// Links and one-time passwords.
    Codes,
    /// What happened to accounts of staff, and what they did with rosters.
    Staff,
    /// What staff did for members.
    Interventions,
    /// Who looked at what of the history.
    Access,
    /// Where the product departs from a standard, and why.
    Deviations,
    /// Whether all members who were taken in are accounted for.
    Reconciliation,
    /// How many each import brought.
    Imports,
    /// How many events of each type there are.
    Events,
    /// What was signed, and whether it still holds.
    Integrity,
}

impl Name {
    /// All of them, in the order of a list.
    pub const ALL: [Self; 19] = [
        Self::Completion,
        Self::CompletionByDay,
        Self::Funnel,
        Self::TimeToComplete,
        Self::TimeHistogram,
        Self::Stuck,
        Self::Deadlines,
        Self::Attempts,
        Self::Waits,
        Self::Mail,
        Self::Codes,
        Self::Staff,
        Self::Interventions,
        Self::Access,
        Self::Deviations,
        Self::Reconciliation,
        Self::Imports,
        Self::Events,
        Self::Integrity,
    ];

    /// The name that programs and addresses use.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Completion => "completion",
            Self::CompletionByDay => "completion-by-day",
            Self::Funnel => "funnel",
            Self::TimeToComplete => "time-to-complete",
            Self::TimeHistogram => "time-histogram",
            Self::Stuck => "stuck",
            Self::Deadlines => "deadlines",
            Self::Attempts => "attempts",
            Self::Waits => "waits",
            Self::Mail => "mail",
            Self::Codes => "codes",
            Self::Staff => "staff",
            Self::Interventions => "interventions",
            Self::Access => "access",
            Self::Deviations => "deviations",
            Self::Reconciliation => "reconciliation",
            Self::Imports => "imports",
            Self::Events => "events",
            Self::Integrity => "integrity",
        }
    }

    /// The report of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|report| report.name() == name)
    }
}

/// What a report says: columns, rows, and what to draw.
struct Content {
    columns: Vec<Column>,
    rows: Vec<Vec<Value>>,
    plot: Option<Plot>,
}

/// Makes a report; `sealed` counts for [`Name::Integrity`] alone.
#[must_use]
pub fn make(name: Name, counts: &Counts, sealed: &[SealedDay], basis: Basis) -> Report {
    let content = match name {
        Name::Completion => completion::by_group(counts, &basis),
        Name::CompletionByDay => completion::by_day(counts, &basis),
        Name::Funnel => funnel::funnel(counts, &basis),
        Name::TimeToComplete => times::percentiles(counts, &basis),
        Name::TimeHistogram => times::histogram(counts, &basis),
        Name::Stuck => stuck::stuck(counts, &basis),
        Name::Deadlines => deadlines::deadlines(counts, &basis),
        Name::Attempts => attempts::attempts(counts, &basis),
        Name::Waits => attempts::waits(counts, &basis),
        Name::Mail => mails::mails(counts, &basis),
        Name::Codes => mails::codes(counts, &basis),
        Name::Staff => desk::staff(counts),
        Name::Interventions => desk::interventions(counts, &basis),
        Name::Access => desk::access(counts),
        Name::Deviations => deviations::deviations(),
        Name::Reconciliation => reconciliation::reconciliation(counts, &basis),
        Name::Imports => reconciliation::imports(counts, &basis),
        Name::Events => reconciliation::events(counts, &basis),
        Name::Integrity => integrity::integrity(sealed, counts, &basis),
    };
    Report {
        name,
        basis,
        columns: content.columns,
        rows: content.rows,
        plot: content.plot,
    }
}

/// What a report is made of.
const fn topics(name: Name) -> &'static [Topic] {
    match name {
        Name::Completion => &[
            Topic::Enrolled,
            Topic::Done,
            Topic::DoneByJoined,
            Topic::Took,
            Topic::TookByJoined,
        ],
        Name::CompletionByDay => &[Topic::Imported, Topic::Completed],
        Name::Funnel => &[
            Topic::Entered,
            Topic::Done,
            Topic::Waiting,
            Topic::Dwell,
            Topic::Stumbled,
        ],
        Name::TimeToComplete | Name::TimeHistogram => &[Topic::Took],
        Name::Stuck => &[Topic::Waiting],
        Name::Deadlines => &[Topic::InState],
        Name::Attempts => &[Topic::Failed, Topic::Failing],
        Name::Waits => &[Topic::Failed, Topic::Frozen],
        Name::Mail => &[Topic::Mails, Topic::MailTook],
        Name::Codes => &[Topic::Codes, Topic::CodeTook, Topic::Failed],
        Name::Staff => &[Topic::Staff],
        Name::Interventions => &[Topic::Interventions],
        Name::Access => &[Topic::Viewed],
        // The first is of no counts.
        Name::Deviations | Name::Events => &[Topic::Events],
        Name::Integrity => &[Topic::Custody],
        Name::Reconciliation => &[Topic::Enrolled, Topic::InState],
        Name::Imports => &[Topic::Imported],
    }
}

const fn column(name: &'static str, kind: Kind) -> Column {
    Column { name, kind }
}
