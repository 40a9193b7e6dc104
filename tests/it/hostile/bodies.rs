//! JSON, and what is none, that is right for no route.

use serde_json::json;

use super::texts::texts;

/// Bodies that are right for no route, each with its name.
pub(super) fn bodies(fields: &[String]) -> Vec<(String, Vec<u8>)> {
    let field = fields.first().map_or("field", String::as_str);
    let utf16 = |text: &str| {
        text.encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect::<Vec<u8>>()
    };
    let deep = |count: usize| format!("{}{}", "[".repeat(count), "]".repeat(count)).into_bytes();
    let text = |text: &str| text.replace("FIELD", field).into_bytes();
    [
        ("an empty body", Vec::new()),
        ("null", text("null")),
        ("an array", text("[]")),
        ("an array of an object", text("[{\"FIELD\":\"x\"}]")),
        ("a number", text("0")),
        ("a text", text("\"FIELD\"")),
        ("half an object", text("{\"FIELD\":")),
        ("two objects", text("{}{}")),
        ("a form", text("FIELD=x")),
        (
            "XML",
            text("<?xml version=\"1.0\"?><!DOCTYPE x SYSTEM \"file:///etc/passwd\"><x/>"),
        ),
        ("a comment", text("{/**/\"FIELD\":\"x\"}")),
        ("a comma too many", text("{\"FIELD\":\"x\",}")),
        ("one field twice", text("{\"FIELD\":\"x\",\"FIELD\":\"x\"}")),
        (
            "an unknown field",
            text("{\"FIELD\":\"x\",\"__proto__\":{\"admin\":true}}"),
        ),
        (
            "a field in capitals",
            text("{\"FIELD\":\"x\"}").to_ascii_uppercase(),
        ),
        ("half of a surrogate pair", text("{\"FIELD\":\"\\ud800\"}")),
        ("a naked line end", text("{\"FIELD\":\"a\nb\"}")),
        ("NUL at the end", text("{\"FIELD\":\"x\"}\0")),
        (
            "a byte order mark",
            [b"\xef\xbb\xbf".to_vec(), text("{\"FIELD\":\"x\"}")].concat(),
        ),
        ("UTF-16", utf16("{\"FIELD\":\"x\"}")),
        (
            "broken UTF-8",
            [
                b"{\"".to_vec(),
                text("FIELD"),
                b"\":\"\xff\xfe\xc0\x80\"}".to_vec(),
            ]
            .concat(),
        ),
        ("2,000 arrays in each other", deep(2000)),
        ("10,000 arrays in each other", deep(10_000)),
        ("10 MB", vec![b' '; 10 << 20]),
        (
            "10 MB of a text",
            [b"{\"x\":\"".to_vec(), vec![b'x'; 10 << 20], b"\"}".to_vec()].concat(),
        ),
    ]
    .into_iter()
    .map(|(name, body)| (name.to_owned(), body))
    .collect()
}

/// What stands in a field instead of what is asked for, as JSON.
pub(super) fn values() -> Vec<(String, String)> {
    let kinds = [
        "null",
        "0",
        "-1",
        "1.5",
        "1e999",
        "18446744073709551616",
        "[]",
        "{}",
        "[[[[[[]]]]]]",
        "[\"x\"]",
        "{\"$gt\":\"\"}",
        "NaN",
    ];
    let kinds = kinds
        .map(|kind| (kind.to_owned(), kind.to_owned()))
        .into_iter();
    kinds
        .chain(
            texts()
                .into_iter()
                .map(|(name, text)| (name.to_owned(), json!(text).to_string())),
        )
        .collect()
}
