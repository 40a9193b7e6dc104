//! What somebody does to a package, with its leaves and its manifest made anew, that no rule of a history is against: what was signed tells.

use serde_json::{Value, json};

use super::tampered_package::Package;

/// Else nobody could say under which key a code was that somebody got.
#[tokio::test]
async fn a_code_said_to_be_derived_with_another_key() {
    let package = Package::new().await;
    let place = package.first_of("EmailRegistered");
    package.change_event(place, |event| event["payload"]["key"] = json!("older"));
    let why = package.expect("root", None);
    assert!(why.contains("one of the events 1 to "), "{why}");
}

#[tokio::test]
async fn an_event_said_to_be_a_microsecond_younger_and_still_older_than_the_next() {
    let package = Package::new().await;
    let events = package.events();
    let moment = |event: &Value| event["metadata"]["recorded_at"].clone();
    let mut neighbours = events.iter().zip(&events[1..]);
    let (event, _) = neighbours
        .find(|(event, next)| moment(event) != moment(next))
        .unwrap();
    let later = moment(event)
        .as_str()
        .unwrap()
        .replace(".000000Z", ".000001Z");
    assert_ne!(moment(event), later);
    package.change_event(event["position"].as_i64().unwrap(), |event| {
        event["metadata"]["recorded_at"] = json!(later);
    });
    let why = package.expect("root", None);
    assert!(why.contains("one of the events 1 to "), "{why}");
}

#[tokio::test]
async fn a_package_emptied_of_all_that_happened() {
    let package = Package::new().await;
    for name in [
        "events.jsonl",
        "leaves.txt",
        "checkpoints.jsonl",
        "proofs.jsonl",
    ] {
        package.write(name, "");
        package.list_anew(name);
    }
    assert_eq!(package.expect("missing", None), "there is no checkpoint");
}
