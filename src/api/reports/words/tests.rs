//! Every report, column and listed word has its words in both languages, and no words are left over.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::{grouped, span, value};
use crate::api::pages::words::{Text, step_label};
use crate::domain::custody::Exported;
use crate::domain::delivery::MailKind;
use crate::domain::domain_class::DomainClass;
use crate::domain::onboarding::{Intervention, Reason, Step};
use crate::domain::values::Language;
use crate::domain::viewing::{Purpose, View};
use crate::projections::history::kinds::Outcome;
use crate::projections::reports::counts::{Count, Counts, Key, Topic};
use crate::projections::reports::format::plain;
use crate::projections::reports::report::{Basis, Column, Kind, Report, Value};
use crate::projections::reports::{Name, make};

/// All reports of a society with one member.
fn reports() -> Vec<Report> {
    let mut counts = Counts::default();
    let key = |topic, of: [&str; 3]| Key {
        topic,
        cohort: "all".to_owned(),
        of: of.map(str::to_owned),
    };
    for key in [
        key(Topic::Enrolled, ["2026-04", "", ""]),
        key(Topic::Took, ["valid_from", "60", "2026-04"]),
        key(Topic::InState, ["not_started", "2026-05-01T00:00:00Z", ""]),
    ] {
        counts.add(Date::default(), Count { key, number: 1 });
    }
    let make = |name| make(name, &counts, &[], Basis::default());
    Name::ALL.map(make).into()
}

/// The names of a list: as reports show them, or as the code that writes them knows them.
fn names_of(list: &'static str) -> BTreeSet<String> {
    let fixed: Vec<&str> = match list {
        "by" | "since" | "deviation" | "yes_no" => {
            let mut names: BTreeSet<String> = reports()
                .iter()
                .flat_map(|report| {
                    let columns = report.columns.iter().enumerate();
                    let of_list = columns.filter(|(_, column)| column.kind == Kind::Word(list));
                    of_list.flat_map(|(at, _)| report.rows.iter().map(move |row| &row[at]))
                })
                .map(plain)
                .collect();
            if list == "yes_no" {
                names.extend(["yes", "no"].map(str::to_owned));
            }
            assert!(names.len() > 1, "{list}");
            return names;
        }
        "holds" => vec!["yes", "no", "pending"],
        "step" => Step::ALL.map(Step::name).into(),
        "mail" => MailKind::ALL.map(MailKind::name).into(),
        "domain" => DomainClass::ALL.map(DomainClass::as_str).into(),
        "delivery" => vec!["accepted", "failed", "skipped"],
        "view" => [
            &View::ALL.map(View::name)[..],
            &Exported::ALL.map(Exported::name),
        ]
        .concat(),
        "purpose" => {
            let purposes = Purpose::ALL.map(Purpose::name);
            [&purposes[..], &["session", "token", "command_line"]].concat()
        }
        "intervention" => Intervention::ALL.map(Intervention::name).into(),
        "reason" => Reason::ALL.map(Reason::name).into(),
        "outcome" => Outcome::ALL.map(Outcome::name).into(),
        other => panic!("a list of which this test knows no names: {other}"),
    };
    fixed.into_iter().map(str::to_owned).collect()
}

/// What needs words, and whether it finds some.
fn needed(language: Language) -> BTreeMap<String, bool> {
    let mut needed = BTreeMap::new();
    let mut need = |key: String, else_found: bool| {
        let found = Text::find(language, &key).is_some();
        needed.insert(key, found || else_found);
    };
    for report in reports() {
        let name = report.name.name();
        need(format!("report.name.{name}"), false);
        need(format!("report.lead.{name}"), false);
        for column in &report.columns {
            let step = step_label(language, column.name).is_some();
            need(format!("report.column.{}", column.name), step);
            if let Kind::Word(list) = column.kind {
                for name in names_of(list) {
                    let text = super::listed(language, list, &name);
                    need(format!("report.{list}.{name}"), text.is_some());
                }
            }
        }
    }
    for name in ["Refused", "all", "waiting", "too-soon", "budget-spent"] {
        need(format!("report.event.{name}"), false);
    }
    need("report.all".to_owned(), false);
    need("report.longer".to_owned(), false);
    need("report.small_groups".to_owned(), false);
    needed
}

#[test]
fn nothing_in_a_report_lacks_its_words() {
    for language in [Language::Ja, Language::En] {
        let needed = needed(language);
        let lacking: Vec<_> = needed.iter().filter(|(_, found)| !**found).collect();
        assert!(lacking.is_empty(), "{language:?}: {lacking:?}");
    }
}

#[test]
fn no_words_are_left_over() {
    let file: toml::Table = include_str!("../../../../locales/reports.ja.toml")
        .parse()
        .unwrap();
    let mut left_over = Vec::new();
    let needed = needed(Language::Ja);
    for (section, words) in file["report"].as_table().unwrap() {
        let keys = match words.as_table() {
            Some(words) => words
                .keys()
                .map(|name| format!("report.{section}.{name}"))
                .collect(),
            None => vec![format!("report.{section}")],
        };
        left_over.extend(keys.into_iter().filter(|key| !needed.contains_key(key)));
    }
    assert!(left_over.is_empty(), "{left_over:?}");
}

#[test]
fn numbers_are_as_people_read_them() {
    assert_eq!(
        [0, 999, 1000, 20_000, -1_234_567].map(grouped),
        ["0", "999", "1,000", "20,000", "-1,234,567"]
    );
    let ja = |kind, cell| value(Language::Ja, &Column { name: "x", kind }, &cell);
    assert_eq!(ja(Kind::Percent, Value::Tenths(1000)), "100.0%");
    assert_eq!(ja(Kind::Days, Value::Tenths(32)), "3.2日");
    assert_eq!(ja(Kind::Number, Value::Hidden), "非表示");
    assert_eq!(ja(Kind::Number, Value::None), "–");
}

#[test]
fn a_span_is_told_in_its_two_largest_units() {
    let seconds = [0, 45, 60, 90, 3600, 5400, 86_400, 97_000];
    let japanese = seconds.map(|seconds| span(Language::Ja, seconds));
    assert_eq!(
        japanese,
        [
            "0秒",
            "45秒",
            "1分",
            "1分30秒",
            "1時間",
            "1時間30分",
            "1日",
            "1日2時間"
        ]
    );
    assert_eq!(span(Language::En, 5400), "1 h 30 min");
}

#[test]
fn a_type_of_event_stands_beside_its_words() {
    let column = Column {
        name: "type",
        kind: Kind::Event,
    };
    let text = |name: &str| value(Language::Ja, &column, &name.into());
    assert_eq!(
        text("PolicyAdopted"),
        "規則（ポリシー）を適用しました (PolicyAdopted)"
    );
    assert_eq!(text("Refused"), "受け付けなかった操作");
    assert_eq!(text("OfTomorrow"), "OfTomorrow");
}
