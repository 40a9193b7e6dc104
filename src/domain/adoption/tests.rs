//! Policies: stored whole when they come into force, and not again while they are.

use super::*;

fn version(name: &str, digit: &str) -> PolicyVersion {
    PolicyVersion {
        name: name.to_owned(),
        sha256: digit.repeat(64),
    }
}

fn adopted(policy: PolicyVersion, text: &str) -> AdoptionEvent {
    AdoptionEvent::PolicyAdopted {
        policy,
        text: Some(text.to_owned()),
    }
}

async fn adopt(policies: &mut Adoptions, version: PolicyVersion, text: &str) -> Vec<AdoptionEvent> {
    let sink = EventSink::default();
    let command = Adopt {
        version,
        text: text.to_owned(),
    };
    policies.handle(command, &(), &sink).await.unwrap();
    sink.collect().await
}

#[tokio::test]
async fn the_first_use_of_a_text_stores_it_whole() {
    let stored = adopt(&mut Adoptions::default(), version("a", "1"), "text").await;
    assert_eq!(stored, [adopted(version("a", "1"), "text")]);
}

#[tokio::test]
async fn the_text_in_force_is_not_stored_again() {
    let mut policies = Adoptions::default();
    adopt(&mut policies, version("a", "1"), "text").await;
    assert_eq!(adopt(&mut policies, version("a", "1"), "text").await, []);
}

#[tokio::test]
async fn another_text_under_the_same_name_is_another_policy() {
    let mut policies = Adoptions::default();
    adopt(&mut policies, version("a", "1"), "text").await;
    let stored = adopt(&mut policies, version("a", "2"), "other").await;
    assert_eq!(stored, [adopted(version("a", "2"), "other")]);
}

#[tokio::test]
async fn an_earlier_text_that_comes_back_is_in_force_again_and_not_stored_again() {
    let mut policies = Adoptions::default();
    adopt(&mut policies, version("a", "1"), "text").await;
    adopt(&mut policies, version("b", "2"), "other").await;
    let stored = adopt(&mut policies, version("a", "1"), "text").await;
    let version_alone = AdoptionEvent::PolicyAdopted {
        policy: version("a", "1"),
        text: None,
    };
    assert_eq!(stored, [version_alone]);
    assert_eq!(
        policies.present(),
        Some(&(version("a", "1"), "text".to_owned()))
    );
}

#[tokio::test]
async fn a_text_that_is_no_longer_in_force_is_found_by_its_version() {
    let mut policies = Adoptions::default();
    adopt(&mut policies, version("a", "1"), "text").await;
    adopt(&mut policies, version("a", "2"), "other").await;
    assert_eq!(policies.text_of(&version("a", "1")), Some("text"));
    assert_eq!(policies.text_of(&version("a", "3")), None);
}

#[test]
fn the_stored_shape_never_changes() {
    let event = adopted(version("a", "1"), "text");
    let stored = serde_json::json!({
        "type": event.event_type(), "policy": {"name": "a", "sha256": "1".repeat(64)}, "text": "text",
    });
    assert_eq!(serde_json::to_value(&event).unwrap(), stored);
    let back = AdoptionEvent::PolicyAdopted {
        policy: version("a", "1"),
        text: None,
    };
    let stored = serde_json::json!({
        "type": event.event_type(), "policy": {"name": "a", "sha256": "1".repeat(64)},
    });
    assert_eq!(serde_json::to_value(&back).unwrap(), stored);
}

#[test]
fn an_adoption_comes_back_from_the_log_as_it_was() {
    let back = AdoptionEvent::PolicyAdopted {
        policy: version("a", "1"),
        text: None,
    };
    for event in [adopted(version("a", "1"), "name = \"見本\"\n"), back] {
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<AdoptionEvent>(&text).unwrap(), event);
    }
}

#[test]
fn the_stream_and_the_event_keep_their_names() {
    let event = adopted(version("a", "1"), "text");
    assert_eq!(
        (Adoptions::TYPE, event.event_type().as_str()),
        ("policy", "PolicyAdopted")
    );
}
