//! A report in a spreadsheet program: what somebody put into a text is shown, and never computed.

use std::fs;
use std::path::Path;
use std::process::Command;

use kadode::api::reports::format::Format;
use kadode::domain::values::Language;
use kadode::projections::reports::Name;
use kadode::projections::reports::report::{Basis, Column, Kind, Report, Value};

/// Each would be computed, or taken for a command or a link, by one spreadsheet program or another.
const HOSTILE: [&str; 14] = [
    "=1+1",
    "+1+1",
    "-1+3",
    "@SUM(1;1)",
    "=HYPERLINK(\"http://example.jp\")",
    " =1+1",
    "\t=1+1",
    "\r=1+1",
    "\n=1+1",
    "\u{3000}=1+1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
];

fn hostile() -> Report {
    Report {
        name: Name::Imports,
        basis: Basis {
            policy: "=1+1@00".to_owned(),
            ..Basis::default()
        },
        columns: vec![
            Column {
                name: "import",
                kind: Kind::Text,
            },
            Column {
                name: "imported",
                kind: Kind::Number,
            },
        ],
        rows: HOSTILE
            .map(|text| vec![text.into(), Value::Number(-4)])
            .into(),
        plot: None,
    }
}

/// CSV with commas and quotes, in UTF-8: the mark at its beginning is seen in a window alone, and not where a file is converted.
const IN_UTF_8: &str = "Text - txt - csv (StarCalc):44,34,76";

/// What `LibreOffice` shows of a file, as CSV.
fn shown(folder: &Path, name: &str) -> String {
    let mut office = Command::new("soffice");
    office.arg(format!(
        "-env:UserInstallation=file://{}/profile",
        folder.display()
    ));
    if Path::new(name).extension().is_some_and(|it| it == "csv") {
        office.arg(format!("--infilter={IN_UTF_8}"));
    }
    let converted = office
        .args(["--headless", "--convert-to", &format!("csv:{IN_UTF_8}")])
        .arg("--outdir")
        .arg(folder.join("shown"))
        .arg(folder.join(name))
        .output()
        .unwrap();
    assert!(converted.status.success(), "{converted:?}");
    let name = Path::new(name).with_extension("csv");
    fs::read_to_string(folder.join("shown").join(name)).unwrap()
}

/// What `LibreOffice` shows of the report in this format, row by row.
fn shown_of(format: Format, folder: &Path) -> Vec<csv::StringRecord> {
    let name = format!("report.{}", format.name());
    let bytes = format.bytes(&hostile(), Language::En).unwrap();
    fs::write(folder.join(&name), bytes).unwrap();
    csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(shown(folder, &name).as_bytes())
        .into_records()
        .map(Result::unwrap)
        .collect()
}

#[test]
fn a_spreadsheet_computes_nothing_of_a_reports_texts() {
    let folder = tempfile::tempdir().unwrap();
    // It would, if it were let.
    fs::write(folder.path().join("bare.csv"), "=1+1,x\r\n").unwrap();
    assert_eq!(shown(folder.path(), "bare.csv"), "2,x\n");
    let rows = shown_of(Format::Csv, folder.path());
    let policy = rows.iter().find(|row| &row[0] == "#policy").unwrap();
    assert_eq!(&policy[1], "'=1+1@00");
    let table = rows.iter().skip_while(|row| &row[0] != "import");
    expect_shown(table.skip(1), &HOSTILE.map(|text| format!("'{text}")));
    let rows = shown_of(Format::Xlsx, folder.path());
    expect_shown(rows.iter().skip(rows.len() - HOSTILE.len()), &HOSTILE);
}

/// Fails unless these are the rows: what somebody typed, and the number beside it. Tabs and ends of lines may be lost or changed on the way,
/// which computes nothing.
fn expect_shown<'a>(rows: impl Iterator<Item = &'a csv::StringRecord>, texts: &[impl AsRef<str>]) {
    let plain = |text: &str| text.replace(['\t', '\r', '\n'], "");
    let shown: Vec<_> = rows.map(|row| (plain(&row[0]), &row[1])).collect();
    let texts = texts.iter().map(|text| (plain(text.as_ref()), "-4"));
    assert_eq!(shown, texts.collect::<Vec<_>>());
}
