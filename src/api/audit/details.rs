//! What an event says beyond its type, in the reader's language: what was done on what grounds, why it failed, what was looked at.

use jiff::Timestamp;
use serde_json::Value;

use super::entries::Entry;
use super::words::{event_text, named};
use crate::api::pages::words::{Text, step_label, to_the_second};
use crate::domain::values::Language;

/// One thing that an event says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detail {
    /// What it is of.
    pub label: Text,
    /// What it says.
    pub text: String,
}

/// Where payloads say more than their type, in the order in which it is told.
pub(super) const FIELDS: [&str; 21] = [
    "/intervention",
    "/grounds/reason",
    "/grounds/ticket",
    "/why",
    "/view",
    "/part",
    "/after",
    "/purpose",
    "/token",
    "/kind",
    "/count",
    "/domain_class",
    "/smtp_code",
    "/tries_left",
    "/step",
    "/after_days",
    "/fields",
    "/role",
    "/issue",
    "/what",
    "/rows",
];

/// What an event says; of a decision, what was proposed, and by whom.
pub(super) fn details(language: Language, entry: &Entry) -> Vec<Detail> {
    let proposed = entry.proposed.as_ref();
    let payload = proposed.map_or(&entry.line.payload, |it| &it.payload);
    let detail = |field: &str, text: String| Detail {
        label: Text::of(language, &format!("detail.{field}")),
        text,
    };
    let mut details: Vec<Detail> = FIELDS
        .iter()
        .filter_map(|path| {
            let field = path.rsplit('/').next()?;
            let value = payload.pointer(path)?;
            let text = text_of(language, &entry.line.event_type, field, value)?;
            Some(detail(field, text))
        })
        .collect();
    if let Some(by) = proposed.and_then(|it| it.by.clone()) {
        details.push(detail("by", by));
    }
    details
}

/// What a field says; none, if that is an id.
fn text_of(language: Language, event_type: &str, field: &str, value: &Value) -> Option<String> {
    if let Some(names) = value.as_array() {
        let texts = names
            .iter()
            .filter_map(|name| text_of(language, event_type, field, name));
        return Some(texts.collect::<Vec<_>>().join(", "));
    }
    let Some(name) = value.as_str() else {
        // The step of an authenticator's code is no step of a member's.
        let number = value.as_u64().filter(|_| field != "step")?;
        return Some(number.to_string());
    };
    let of_reports = |list: &str| Some(named(language, &format!("report.{list}"), name));
    match field {
        "issue" => None,
        "ticket" => Some(name.to_owned()),
        "token" => Some(Text::of(language, "report.purpose.token").to_string()),
        "step" => step_label(language, name).map(|label| label.to_string()),
        "part" => Some(part_text(language, name)),
        "why" => Some(named(language, &format!("why.{event_type}"), name)),
        "kind" if event_type == "AttemptsTallied" => Some(named(language, "refusal", name)),
        "kind" => of_reports("mail"),
        "domain_class" => of_reports("domain"),
        "view" => of_reports("view"),
        "fields" => Some(named(language, "roster_field", name)),
        "what" => Some(named(language, "exported", name)),
        list => Some(named(language, list, name)),
    }
}

/// Which part was looked at, as its event holds it: `name=value` pairs, joined by `&`.
fn part_text(language: Language, part: &str) -> String {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let label = Text::find(language, &format!("part.{name}"));
        let label = label.unwrap_or_else(|| Text::plain(name));
        let text = match name {
            "report" => named(language, &format!("{name}.name"), value),
            "type" => format!("{} ({value})", event_text(language, value, None)),
            "outcome" | "actor" => named(language, name, value),
            "mail" => named(language, "mail_state", value),
            _ => value
                .parse::<Timestamp>()
                .map_or_else(|_| value.to_owned(), |at| to_the_second(language, at)),
        };
        format!("{label} {text}")
    };
    part.split('&').map(pair).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{FIELDS, part_text, text_of};
    use crate::api::pages::words::Text;
    use crate::domain::values::Language;

    const BOTH: [Language; 2] = [Language::Ja, Language::En];

    #[test]
    fn every_field_that_is_told_has_a_label() {
        for language in BOTH {
            let fields = FIELDS.iter().filter_map(|path| path.rsplit('/').next());
            for field in fields.chain(["by"]) {
                let key = format!("detail.{field}");
                assert!(Text::find(language, &key).is_some(), "{key}");
            }
        }
    }

    #[test]
    fn the_part_that_was_looked_at_is_told_in_words() {
        let part = "report=completion&as_of=2026-04-10T00:00:59.000000Z&format=csv";
        assert_eq!(
            part_text(Language::En, part),
            "report Completion (completion), as of 10 April 2026, 09:00:59, format csv"
        );
        let filter = "type=OtpRejected&outcome=failed&cohort=printed";
        assert_eq!(
            part_text(Language::Ja, filter),
            "種類 入力されたワンタイムパスワードが違っていました (OtpRejected), 結果 失敗 (failed), 区分 printed"
        );
    }

    #[test]
    fn ids_are_not_told_and_names_of_tomorrow_are_told_as_they_are() {
        let said = |field, value| text_of(Language::En, "CredentialsReissued", field, &value);
        assert_eq!(said("issue", json!("01a2")), None);
        assert_eq!(said("issue", json!(2)), Some("2".to_owned()));
        assert_eq!(said("step", json!(57)), None);
        assert_eq!(said("reason", json!("whim")), Some("whim".to_owned()));
    }
}
