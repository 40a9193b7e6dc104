//! Tallies: one event a kind, with its count.

use super::*;

fn window() -> Timestamp {
    "2026-04-02T00:10:00Z".parse().unwrap()
}

fn tallied(kind: &str, count: u64) -> AttemptsEvent {
    AttemptsEvent::AttemptsTallied {
        window: window(),
        kind: kind.to_owned(),
        count,
    }
}

async fn tally(counts: &[(&str, u64)]) -> Vec<AttemptsEvent> {
    let sink = EventSink::default();
    let command = Tally {
        window: window(),
        counts: counts
            .iter()
            .map(|&(kind, count)| (kind.to_owned(), count))
            .collect(),
    };
    Attempts::default()
        .handle(command, &(), &sink)
        .await
        .unwrap();
    sink.collect().await
}

#[tokio::test]
async fn each_kind_is_stored_with_its_count() {
    let stored = tally(&[("unknown-id", 12), ("waiting", 3)]).await;
    assert_eq!(stored, [tallied("unknown-id", 12), tallied("waiting", 3)]);
}

#[tokio::test]
async fn ten_minutes_without_news_store_nothing() {
    assert_eq!(tally(&[]).await, []);
}

#[tokio::test]
async fn a_kind_that_did_not_occur_is_not_stored() {
    assert_eq!(tally(&[("unknown-id", 0)]).await, []);
}

/// Whether the rules make these, stored at the end of their ten minutes in the stream of the second of April.
fn made(events: &[AttemptsEvent]) -> bool {
    yields(events, "2026-04-02", window() + WINDOW)
}

#[tokio::test]
async fn what_is_stored_is_what_the_rules_make() {
    let stored = tally(&[("unknown-id", 12), ("waiting", 3)]).await;
    assert!(made(&stored));
    // Nobody has read further.
    assert!(made(&stored[..1]));
}

#[test]
fn a_tally_of_nothing_or_of_no_known_kind_is_not_made() {
    assert!(!made(&[]));
    assert!(!made(&[tallied("waiting", 0)]));
    assert!(!made(&[tallied("patience", 1)]));
}

#[test]
fn a_kind_is_told_once_and_in_the_order_of_names() {
    assert!(!made(&[tallied("waiting", 3), tallied("unknown-id", 12)]));
    assert!(!made(&[tallied("waiting", 3), tallied("waiting", 3)]));
}

#[test]
fn a_tally_is_of_ten_minutes_of_its_streams_day_in_tokyo_that_have_begun() {
    let at = |window: &str| {
        let window: Timestamp = window.parse().unwrap();
        let tallied = AttemptsEvent::AttemptsTallied {
            window,
            kind: "waiting".to_owned(),
            count: 1,
        };
        made(&[tallied])
    };
    assert!(at("2026-04-01T15:00:00Z"));
    assert!(!at("2026-04-01T14:50:00Z"));
    assert!(!at("2026-04-02T00:05:00Z"));
    assert!(!at("2026-04-02T00:30:00Z"));
}

#[test]
fn ten_minutes_told_together_are_the_same_ten_minutes() {
    let other = AttemptsEvent::AttemptsTallied {
        window: window() - WINDOW,
        kind: "unknown-id".to_owned(),
        count: 1,
    };
    assert!(!made(&[other, tallied("waiting", 3)]));
}

#[test]
fn the_stored_shape_never_changes() {
    let event = tallied("unknown-id", 12);
    let stored = serde_json::json!({
        "type": event.event_type(), "window": "2026-04-02T00:10:00Z", "kind": "unknown-id", "count": 12,
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), stored);
}

#[test]
fn a_tally_comes_back_from_the_log_as_it_was() {
    let event = tallied("unknown-id", u64::MAX);
    let text = serde_json::to_string(&event).unwrap();
    assert_eq!(serde_json::from_str::<AttemptsEvent>(&text).unwrap(), event);
}

#[test]
fn the_stream_and_the_event_keep_their_names() {
    assert_eq!(
        (Attempts::TYPE, tallied("waiting", 1).event_type().as_str()),
        ("attempts", "AttemptsTallied")
    );
}
