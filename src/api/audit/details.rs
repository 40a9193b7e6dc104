//! What an event says beyond its type, in the reader's language: what was done on what grounds, why it failed, what was looked at.

use jiff::Timestamp;
use percent_encoding::percent_decode_str;
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
pub(super) const FIELDS: [&str; 25] = [
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
    "/scopes",
    "/expires_at",
    "/import",
    "/content",
    "/issue",
    "/what",
    "/rows",
];

/// Signs of an import's id that are told: the moment at which it was made (UUID v7).
const IMPORT_SHOWN: usize = 13;

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
    // Of what somebody did themselves, it is told who that was.
    let about = entry.about.as_ref();
    if let Some((_, name)) = about.filter(|(id, _)| id.to_string() != entry.line.actor_id) {
        details.insert(0, detail("about", name.clone()));
    }
    details
}

/// What a field says; none, if that is an id, or of no use to whoever reads this type of event.
fn text_of(language: Language, event_type: &str, field: &str, value: &Value) -> Option<String> {
    if field == "content" {
        return Some(sum_of(language, value).to_string());
    }
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
        "ticket" => Some(name.to_owned()),
        // In events of a token itself, it is its id.
        "token" if event_type == "AuditDataViewed" => {
            Some(Text::of(language, "report.purpose.token").to_string())
        }
        "expires_at" if event_type == "AccessTokenIssued" => Some(moment_text(language, name)),
        "issue" | "token" | "expires_at" => None,
        "scopes" => Some(named(language, "scope", name)),
        "import" => Some(short(name)),
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
        // Of a roster, the parts of before have a blank.
        let (name, value) = pair.split_once(['=', ' ']).unwrap_or((pair, ""));
        let label = Text::find(language, &format!("part.{name}"));
        let label = label.unwrap_or_else(|| Text::plain(name));
        let text = match name {
            "report" => named(language, &format!("{name}.name"), value),
            "type" => format!("{} ({value})", event_text(language, value, None)),
            "outcome" | "actor" => named(language, name, value),
            "mail" => named(language, "mail_state", value),
            "by" => named(language, "roster_field", value),
            "roster" => short(value),
            "cohort" => percent_decode_str(value).decode_utf8_lossy().into_owned(),
            _ => moment_text(language, value),
        };
        format!("{label} {text}")
    };
    part.split('&').map(pair).collect::<Vec<_>>().join(", ")
}

/// As much of an import's id as tells rosters apart.
fn short(import: &str) -> String {
    import.chars().take(IMPORT_SHOWN).collect()
}

/// A moment; what is none as it is.
fn moment_text(language: Language, text: &str) -> String {
    text.parse::<Timestamp>()
        .map_or_else(|_| text.to_owned(), |at| to_the_second(language, at))
}

/// What a roster does, in numbers.
fn sum_of(language: Language, content: &Value) -> Text {
    ["rows", "new", "changed", "left"]
        .into_iter()
        .fold(Text::of(language, "roster.sum"), |text, count| {
            text.with(count, &content[count])
        })
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
            for field in fields.chain(["by", "about"]) {
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
    fn a_part_of_before_names_its_roster_as_one_of_today_does() {
        let id = "0196a1b2-c3d4-7000-8000-000000000000";
        for part in [format!("roster={id}"), format!("roster {id}")] {
            assert_eq!(part_text(Language::Ja, &part), "名簿 0196a1b2-c3d4");
        }
    }

    #[test]
    fn a_roster_tells_its_import_and_what_it_does_in_numbers() {
        let said = |field, value| text_of(Language::Ja, "RosterPlanned", field, &value);
        let import = json!("0196a1b2-c3d4-7000-8000-000000000000");
        assert_eq!(said("import", import), Some("0196a1b2-c3d4".to_owned()));
        let content = json!({"rows": 12, "new": 3, "changed": 2, "left": 1, "unchanged": 7});
        let sum = Some("12行：新規 3、変更 2、脱退 1".to_owned());
        assert_eq!(said("content", content), sum);
        assert_eq!(said("expires_at", json!("2026-04-10T00:00:00Z")), None);
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
