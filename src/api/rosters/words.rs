//! What is wrong with a row of a roster, in words for whoever has to mend it.

use crate::api::pages::words::Text;
use crate::domain::cohort::CohortFault;
use crate::domain::policy::ROSTER_COLUMNS;
use crate::domain::values::Language;
use crate::rosters::RowFault;

/// The words for a fault.
pub(super) fn fault_text(language: Language, fault: &RowFault) -> Text {
    let text = |name: &str| Text::of(language, &format!("row_fault.{name}"));
    let columns = || ROSTER_COLUMNS.join(", ");
    match fault {
        RowFault::EmptyFile => text("empty_file").with("columns", columns()),
        RowFault::NotCsv(why) => text("not_csv").with("why", why),
        RowFault::TooManyColumns { found, most } => text("too_many_columns")
            .with("found", found)
            .with("most", most),
        RowFault::NoHeader => text("no_header").with("columns", columns()),
        RowFault::ColumnTwice => text("column_twice"),
        RowFault::ColumnWithoutName(number) => text("column_without_name").with("number", number),
        RowFault::UnknownColumn => text("unknown_column").with("columns", columns()),
        RowFault::ColumnMissing => text("column_missing"),
        RowFault::CellCount { found, columns } => text("cell_count")
            .with("found", found)
            .with("columns", columns),
        RowFault::NotLegible(encoding) => text("not_legible").with("encoding", encoding),
        RowFault::Unprintable => text("unprintable"),
        RowFault::TooLong(most) => text("too_long").with("most", most),
        RowFault::LikeAFormula => text("like_a_formula"),
        RowFault::Missing => text("missing"),
        RowFault::NotADate => text("not_a_date"),
        RowFault::InTheFuture => text("in_the_future"),
        RowFault::NeitherYesNorNo => text("neither_yes_nor_no"),
        RowFault::Cohort(CohortFault::JoinedAfterRegistration) => text("joined_after_registration"),
        RowFault::Cohort(CohortFault::NoneFits) => text("no_cohort"),
        RowFault::UserIdMissing(cohort) => text("user_id_missing").with("cohort", cohort),
        RowFault::UserIdTwice { earlier, .. } => text("user_id_twice").with("earlier", earlier),
        RowFault::GidTwice { earlier, .. } => text("gid_twice").with("earlier", earlier),
        RowFault::NumbersTwice { earlier, .. } => text("numbers_twice").with("earlier", earlier),
        RowFault::MemberTwice(earlier) => text("member_twice").with("earlier", earlier),
        RowFault::Nobody => text("nobody"),
        RowFault::Erased => text("erased"),
        RowFault::TwoMembers => text("two_members"),
        RowFault::Fixed => text("fixed"),
        RowFault::UserIdTaken { differing } => {
            text("user_id_taken").with("differing", differing.join(", "))
        }
        RowFault::UserIdOfErased => text("user_id_of_erased"),
        RowFault::More(more) => text("more").with("more", more),
    }
}
