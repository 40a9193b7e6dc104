//! A report in a spreadsheet program: what somebody put into a text is shown, and never computed.

use std::fs;
use std::path::Path;
use std::process::Command;

use kadode::projections::reports::Name;
use kadode::projections::reports::format::csv::csv;
use kadode::projections::reports::report::{Basis, Column, Kind, Report, Value};

/// Each would be computed, or taken for a command or a link.
const HOSTILE: [&str; 7] = [
    "=1+1",
    "+1+1",
    "-1+3",
    "@SUM(1;1)",
    "=HYPERLINK(\"http://example.jp\")",
    " =1+1",
    "\t=1+1",
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

/// What LibreOffice shows of a file, as CSV.
fn shown(folder: &Path, name: &str) -> String {
    let converted = Command::new("soffice")
        .arg(format!(
            "-env:UserInstallation=file://{}/profile",
            folder.display()
        ))
        .args([
            "--headless",
            "--convert-to",
            "csv:Text - txt - csv (StarCalc):44,34,76",
        ])
        .arg("--outdir")
        .arg(folder.join("shown"))
        .arg(folder.join(name))
        .output()
        .unwrap();
    assert!(converted.status.success(), "{converted:?}");
    let name = Path::new(name).with_extension("csv");
    fs::read_to_string(folder.join("shown").join(name)).unwrap()
}

#[test]
fn a_spreadsheet_computes_nothing_of_a_reports_texts() {
    let folder = tempfile::tempdir().unwrap();
    // It would, if it were let.
    fs::write(folder.path().join("bare.csv"), "=1+1,x\r\n").unwrap();
    assert_eq!(shown(folder.path(), "bare.csv"), "2,x\n");
    fs::write(folder.path().join("report.csv"), csv(&hostile()).unwrap()).unwrap();
    let shown = shown(folder.path(), "report.csv");
    let mut rows = csv::ReaderBuilder::new()
        .flexible(true)
        .has_headers(false)
        .from_reader(shown.as_bytes())
        .into_records()
        .map(Result::unwrap);
    let policy = rows.find(|row| &row[0] == "#policy").unwrap();
    assert_eq!(&policy[1], "'=1+1@00");
    let rows: Vec<_> = rows.skip_while(|row| &row[0] != "import").skip(1).collect();
    assert_eq!(rows.len(), HOSTILE.len());
    for (row, text) in rows.iter().zip(HOSTILE) {
        let (shown, imported) = (&row[0], &row[1]);
        assert_eq!(
            shown.replace('\t', ""),
            format!("'{text}").replace('\t', ""),
            "{text:?}"
        );
        assert_eq!(imported, "-4");
    }
}
