//! Where canaries are looked for, and in which forms.

use std::fs;

use data_encoding::{BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use jiff::Timestamp;
use mail_parser::MessageParser;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, SqliteConnection};
use uuid::Uuid;

use crate::import::house::House;

/// Fails if a canary, as it is or encoded, or a code stands in `text`.
pub(super) fn is_silent(place: &str, text: &str, needles: &[String], codes: &[String]) {
    for needle in needles {
        assert!(!text.contains(needle), "{needle} in {place}");
    }
    for code in codes {
        // Digits of times and ids are none.
        let part =
            |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric() || ".-".contains(c));
        let stands_alone = text.match_indices(code.as_str()).any(|(start, _)| {
            let end = start + code.len();
            !part(text[..start].chars().next_back()) && !part(text[end..].chars().next())
        });
        assert!(!stands_alone, "the code {code} in {place}");
    }
}

/// Fails if a code stands anywhere in a value of a database, also inside a word. Six digits are found by chance in random digits alone: in
/// an id or a hash, written in hexadecimal, and in the fractions of a moment; those that are such, from end to end, are left out. That
/// random bytes or base64 hold them does not come to pass.
pub(super) fn holds_no_code(place: &str, value: &str, codes: &[String]) {
    for code in codes {
        for (at, _) in value.match_indices(code.as_str()) {
            let around = |part: fn(char) -> bool| {
                let end = at + code.len();
                let before = value[..at].trim_end_matches(part).len();
                let after = value[end..].len() - value[end..].trim_start_matches(part).len();
                &value[before..end + after]
            };
            let id = around(|c| c.is_ascii_hexdigit() || c == '-').trim_matches('-');
            let is_hash = id.len() == 64 && !id.contains('-');
            let moment = around(|c| c.is_ascii_digit() || "-:.TZ".contains(c));
            let by_chance =
                Uuid::parse_str(id).is_ok() || is_hash || moment.parse::<Timestamp>().is_ok();
            assert!(by_chance, "the code {code} in {place}: {value}");
        }
    }
}

/// A text as it is, in hexadecimal, and in the middle of either kind of base64.
pub(super) fn forms(text: &str) -> Vec<String> {
    let mut forms = vec![
        text.to_owned(),
        HEXLOWER.encode(text.as_bytes()),
        HEXUPPER.encode(text.as_bytes()),
    ];
    for before in 0..3 {
        let bytes = [&vec![0; before], text.as_bytes()].concat();
        // The first and the last sign depend on what stands beside.
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        forms.push(BASE64_NOPAD.encode(&bytes)[start..end].to_owned());
        forms.push(BASE64URL_NOPAD.encode(&bytes)[start..end].to_owned());
    }
    forms
}

/// The files of both databases, with what SQLite has beside them, as text.
pub(super) fn database_files(house: &House) -> Vec<(String, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(house.path("")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.starts_with("kadode.sqlite") {
            let bytes = fs::read(&path).unwrap();
            files.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    files
}

/// Every value of both databases as text, with the name of its column: whole, where a file has it in parts.
pub(super) async fn values(house: &House) -> Vec<(String, String)> {
    let mut values = Vec::new();
    for file in ["kadode.sqlite", "kadode.sqlite.keys"] {
        let options = SqliteConnectOptions::new().filename(house.path(file));
        let mut database = options.read_only(true).connect().await.unwrap();
        let columns = "SELECT t.name, c.name FROM sqlite_master t, pragma_table_info(t.name) c WHERE t.type = 'table'";
        let columns: Vec<(String, String)> = sqlx::query_as(columns)
            .fetch_all(&mut database)
            .await
            .unwrap();
        for (table, column) in columns {
            let found = column_of(&mut database, &table, &column).await;
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let place = format!("{table}.{column}");
            values.extend(found.into_iter().map(|it| (place.clone(), text(it))));
        }
    }
    values
}

async fn column_of(database: &mut SqliteConnection, table: &str, column: &str) -> Vec<Vec<u8>> {
    let there = format!(
        "SELECT CAST(\"{column}\" AS BLOB) FROM \"{table}\" WHERE \"{column}\" IS NOT NULL"
    );
    let found = sqlx::query_scalar(&there).fetch_all(database).await;
    found.unwrap()
}

/// A mail's head and what its reader sees, without what belongs into a mail: whom it is for, and in its bodies the link or the code.
pub(super) fn mail_without(bytes: &[u8], belongs: &[&str]) -> String {
    let message = MessageParser::default().parse(bytes).unwrap();
    let raw = String::from_utf8_lossy(bytes);
    let (head, _) = raw.split_once("\r\n\r\n").unwrap();
    let mut text = [0, 1]
        .map(|part| message.body_text(part).unwrap_or_default())
        .concat();
    text.push_str(&message.body_html(0).unwrap());
    for word in belongs {
        text = text.replace(word, "");
    }
    let to = belongs[0];
    format!(
        "{}{}{text}",
        head.replace(to, ""),
        message.subject().unwrap()
    )
}

/// The secrets in the file of the master keys.
pub(super) fn master_keys(house: &House) -> Vec<String> {
    let text = fs::read_to_string(house.path("keys.toml")).unwrap();
    let quoted = text.split('"').skip(1).step_by(2);
    let secrets: Vec<_> = quoted
        .filter(|it| it.len() >= 40)
        .map(str::to_owned)
        .collect();
    assert!(!secrets.is_empty(), "the key file has changed its form");
    secrets
}

/// Whether a code is found in a value.
fn is_found(value: &str) -> bool {
    let code = ["918273".to_owned()];
    std::panic::catch_unwind(|| holds_no_code("a place", value, &code)).is_err()
}

#[test]
fn a_code_is_found_inside_a_word_and_beside_an_id() {
    for value in [
        "918273",
        "x918273y",
        "{\"code\":\"918273\"}",
        "0918273",
        "01900000-0000-7000-8000-000000000000-918273",
        "2026-04-10 918273",
    ] {
        assert!(is_found(value), "{value}");
    }
}

#[test]
fn digits_of_an_id_a_hash_or_a_moment_are_no_code() {
    let hash = "0918273f".repeat(8);
    for value in [
        "onboarding-01900000-0000-7000-8000-000000918273",
        &hash,
        "2026-04-10T00:00:00.918273Z",
        "91827",
    ] {
        assert!(!is_found(value), "{value}");
    }
}
