//! Canonical JSON (RFC 8785), so that what was stored has one text, and so one hash.

use serde_json::Value;

/// The one text of a value: keys sorted by UTF-16 code units, no white space. Events hold no floats, so numbers print as they are.
#[must_use]
pub fn canonical(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(entries) => {
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
            text.push('{');
            for (index, (key, value)) in entries.into_iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    text.push(',');
                }
                write_canonical(value, text);
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            text.push_str(&value.to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::canonical;

    #[test]
    fn canonical_json_sorts_keys_by_utf16_and_leaves_no_space() {
        // The example of RFC 8785, 3.2.3, without its control characters.
        let value = json!({ "\u{20ac}": 1, "1": [true, null], "\u{1f600}": 2, "\u{fb33}": 3, "\u{f6}": "a\n" });
        assert_eq!(
            canonical(&value),
            "{\"1\":[true,null],\"\u{f6}\":\"a\\n\",\"\u{20ac}\":1,\"\u{1f600}\":2,\"\u{fb33}\":3}"
        );
    }
}
