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
        RowFault::NotCsv(_) => text("not_csv"),
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
            let word = |column: &&str| Text::of(language, &format!("roster_field.{column}"));
            let names: Vec<String> = differing.iter().map(|it| word(it).to_string()).collect();
            text("user_id_taken").with(
                "differing",
                names.join(match language {
                    Language::Ja => "、",
                    Language::En => ", ",
                }),
            )
        }
        RowFault::UserIdOfErased => text("user_id_of_erased"),
        RowFault::More(more) => text("more").with("more", more),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each.
    fn faults() -> Vec<RowFault> {
        let (earlier, line) = (2, 3);
        vec![
            RowFault::EmptyFile,
            RowFault::NotCsv("it ends too early".to_owned()),
            RowFault::TooManyColumns {
                found: 101,
                most: 100,
            },
            RowFault::NoHeader,
            RowFault::ColumnTwice,
            RowFault::ColumnWithoutName(4),
            RowFault::UnknownColumn,
            RowFault::ColumnMissing,
            RowFault::CellCount {
                found: 7,
                columns: 8,
            },
            RowFault::NotLegible("UTF-8"),
            RowFault::Unprintable,
            RowFault::TooLong(64),
            RowFault::LikeAFormula,
            RowFault::Missing,
            RowFault::NotADate,
            RowFault::InTheFuture,
            RowFault::NeitherYesNorNo,
            RowFault::Cohort(CohortFault::JoinedAfterRegistration),
            RowFault::Cohort(CohortFault::NoneFits),
            RowFault::UserIdMissing("printed".to_owned()),
            RowFault::UserIdTwice { earlier, line },
            RowFault::GidTwice { earlier, line },
            RowFault::NumbersTwice { earlier, line },
            RowFault::MemberTwice(earlier),
            RowFault::Nobody,
            RowFault::Erased,
            RowFault::TwoMembers,
            RowFault::Fixed,
            RowFault::UserIdTaken {
                differing: vec!["name", "gid"],
            },
            RowFault::UserIdOfErased,
            RowFault::More(12),
        ]
    }

    #[test]
    fn every_fault_has_words_of_its_own_and_every_place_in_them_is_filled() {
        for (language, file) in [
            (Language::Ja, include_str!("../../../locales/staff.ja.toml")),
            (Language::En, include_str!("../../../locales/staff.en.toml")),
        ] {
            let told: std::collections::BTreeSet<String> = faults()
                .iter()
                .map(|fault| fault_text(language, fault).to_string())
                .collect();
            let (_, rest) = file.split_once("[row_fault]\n").unwrap();
            let (words, _) = rest.split_once("\n[").unwrap();
            let known = words.lines().filter(|line| line.contains(" = ")).count();
            assert_eq!(told.len(), known, "{told:?}");
            for text in told {
                assert!(
                    !text.contains("%{") && !text.contains("row_fault"),
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn columns_are_called_as_the_page_calls_them() {
        let taken = RowFault::UserIdTaken {
            differing: vec!["name", "gid"],
        };
        let text = fault_text(Language::Ja, &taken).to_string();
        assert!(text.contains("氏名、GID"), "{text}");
    }
}
