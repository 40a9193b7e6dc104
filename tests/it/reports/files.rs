//! Reports as files: each format is what it says, and the command prints the bytes of the API.

use std::io::{Cursor, Read};

use kadode::domain::staff::Role;
use kadode::projections::reports::Name;

use super::{file, printed, society, then};

const MEDIA_TYPES: [(&str, &str); 4] = [
    ("json", "application/json"),
    ("csv", "text/csv; charset=utf-8"),
    (
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    ("html", "text/html; charset=utf-8"),
];

/// A file of a workbook.
fn part(workbook: &[u8], name: &str) -> String {
    let mut archive = zip::ZipArchive::new(Cursor::new(workbook)).unwrap();
    let mut text = String::new();
    archive
        .by_name(name)
        .unwrap()
        .read_to_string(&mut text)
        .unwrap();
    text
}

#[tokio::test]
async fn a_report_is_a_file_of_its_own_type_and_name_in_each_format() {
    let (_app, browser) = society(Role::Auditor).await;
    for (format, media_type) in MEDIA_TYPES {
        let query = format!("completion?as_of={}&format={format}", then());
        let (headers, _) = file(&browser, &query).await;
        assert_eq!(headers["content-type"], media_type);
        let name = format!("attachment; filename=\"kadode-completion-2026-04-10.{format}\"");
        assert_eq!(headers["content-disposition"], name);
        assert_eq!(headers["cache-control"], "no-store");
    }
}

#[tokio::test]
async fn the_command_prints_the_bytes_that_the_api_answers() {
    let (app, browser) = society(Role::Auditor).await;
    let names = Name::ALL.map(|name| (name.name(), "json"));
    let formats = MEDIA_TYPES.map(|(format, _)| ("completion", format));
    for (name, format) in [&names[..], &formats].concat() {
        let query = format!("{name}?as_of={}&format={format}&days=3&language=en", then());
        let (_, answered) = file(&browser, &query).await;
        let asked = [
            "--as-of",
            &then(),
            "--format",
            format,
            "--days",
            "3",
            "--language",
            "en",
        ];
        let printed = printed(&app, &[&["report", name][..], &asked].concat()).await;
        assert!(answered == printed, "{name} as {format}");
    }
}

#[tokio::test]
async fn the_command_shields_as_the_api_does() {
    let (app, browser) = society(Role::Compliance).await;
    let query = format!("completion?as_of={}&format=csv", then());
    let (_, answered) = file(&browser, &query).await;
    let asked = ["report", "completion", "--as-of", &then(), "--shield"];
    let shielded = printed(&app, &asked).await;
    assert!(answered == shielded);
    let plain = printed(&app, &asked[..4]).await;
    assert!(answered != plain);
}

#[tokio::test]
async fn a_workbook_has_typed_cells_and_no_formula_and_was_made_when_it_holds() {
    let (_app, browser) = society(Role::Auditor).await;
    let query = format!("completion?as_of={}&format=xlsx&language=ja", then());
    let (_, workbook) = file(&browser, &query).await;
    let table = part(&workbook, "xl/worksheets/sheet1.xml");
    assert!(!table.contains("<f>"), "{table}");
    assert!(table.contains("state=\"frozen\""), "{table}");
    // The sum of the imported: a number, not a string.
    let sum = table
        .split("r=\"C2\"")
        .nth(1)
        .unwrap()
        .split("</c>")
        .next()
        .unwrap();
    assert!(
        sum.ends_with("<v>7</v>") && !sum.contains("t=\"s\""),
        "{sum}"
    );
    let strings = part(&workbook, "xl/sharedStrings.xml");
    for text in [
        "=1+1",
        "取り込み",
        "完了の割合 (%)",
        "2026-04-10T00:00:59.000000Z",
    ] {
        assert!(
            strings.contains(&format!(">{text}<")),
            "{text} is not in {strings}"
        );
    }
    let made = part(&workbook, "docProps/core.xml");
    assert!(
        made.contains(">2026-04-10T00:00:59Z</dcterms:created>"),
        "{made}"
    );
}

#[tokio::test]
async fn the_printed_form_needs_nothing_but_itself() {
    let (_app, browser) = society(Role::Auditor).await;
    let query = format!("completion?as_of={}&format=html&language=ja", then());
    let (_, html) = file(&browser, &query).await;
    let html = String::from_utf8(html).unwrap();
    for needed in [
        "<svg",
        "<table",
        "size: A4 landscape",
        "@media print",
        "=1+1",
        "2026年4月10日 9時00分59秒",
    ] {
        assert!(html.contains(needed), "{needed} is not in {html}");
    }
    for foreign in [
        "<script", "<link", "src=", "href=", "url(", "@import", "http:",
    ] {
        let html = html.replace("http://www.w3.org/2000/svg", "");
        assert!(!html.contains(foreign), "{foreign} is in {html}");
    }
}

#[tokio::test]
async fn no_cell_of_a_csv_file_is_a_formula() {
    let (_app, browser) = society(Role::Auditor).await;
    let (_, csv) = file(&browser, &format!("completion?as_of={}&format=csv", then())).await;
    let text = String::from_utf8(csv).unwrap();
    assert!(text.contains("\r\ncohort,'=1+1,2,"), "{text}");
}
