//! Mails: one outcome each, without the server's words.

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;

fn mail() -> MailFacts {
    MailFacts {
        mail: MailId(Uuid::from_u128(1)),
        kind: MailKind::Otp,
        member: MemberId(Uuid::from_u128(2)),
        contact: ContactId(Uuid::from_u128(3)),
    }
}

fn accepted() -> Outcome {
    Outcome::Accepted {
        smtp_code: 250,
        domain_class: "carrier".to_owned(),
    }
}

fn failed(smtp_code: Option<u16>) -> Outcome {
    Outcome::Failed {
        smtp_code,
        domain_class: "other".to_owned(),
    }
}

const SKIPPED: Outcome = Outcome::Skipped {
    why: SkipReason::Superseded,
};

async fn conclude(delivery: &mut Delivery, outcome: Outcome) -> Vec<DeliveryEvent> {
    let sink = EventSink::default();
    let command = Conclude {
        mail: mail(),
        outcome,
    };
    delivery.handle(command, &(), &sink).await.unwrap();
    sink.collect().await
}

/// The one event that a mail's outcome stores.
async fn event(outcome: Outcome) -> DeliveryEvent {
    let stored = conclude(&mut Delivery::default(), outcome).await;
    <[DeliveryEvent; 1]>::try_from(stored)
        .unwrap()
        .into_iter()
        .next()
        .unwrap()
}

#[tokio::test]
async fn each_outcome_has_its_event() {
    let mut names = Vec::new();
    for outcome in [accepted(), failed(Some(550)), SKIPPED] {
        names.push(event(outcome).await.event_type());
    }
    assert_eq!(names, ["MailAccepted", "MailFailed", "MailSkipped"]);
}

#[tokio::test]
async fn what_is_folded_is_what_was_noted() {
    for outcome in [accepted(), failed(None), SKIPPED] {
        let mut delivery = Delivery::default();
        conclude(&mut delivery, outcome.clone()).await;
        assert_eq!(delivery.outcome, Some(outcome));
    }
}

#[tokio::test]
async fn a_mail_has_one_outcome() {
    let mut delivery = Delivery::default();
    conclude(&mut delivery, accepted()).await;
    assert_eq!(conclude(&mut delivery, failed(Some(451))).await, []);
}

#[tokio::test]
async fn every_event_says_which_mail_it_is_about() {
    for outcome in [accepted(), failed(None), SKIPPED] {
        assert_eq!(event(outcome).await.mail(), &mail());
    }
}

fn shape(name: &str, more: &Value) -> Value {
    let id = |n| Uuid::from_u128(n).to_string();
    let mut shape =
        json!({"type": name, "mail": id(1), "kind": "otp", "member": id(2), "contact": id(3)});
    let fields = shape.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    shape
}

#[tokio::test]
async fn the_stored_shapes_never_change() {
    for (outcome, stored) in [
        (
            accepted(),
            shape(
                "MailAccepted",
                &json!({"smtp_code": 250, "domain_class": "carrier"}),
            ),
        ),
        (
            failed(None),
            shape(
                "MailFailed",
                &json!({"smtp_code": null, "domain_class": "other"}),
            ),
        ),
        (SKIPPED, shape("MailSkipped", &json!({"why": "superseded"}))),
    ] {
        assert_eq!(serde_json::to_value(event(outcome).await).unwrap(), stored);
    }
}

#[tokio::test]
async fn every_event_comes_back_from_the_log_as_it_was() {
    for outcome in [accepted(), failed(Some(550)), failed(None), SKIPPED] {
        let event = event(outcome).await;
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<DeliveryEvent>(&text).unwrap(), event);
    }
}

#[test]
fn the_stream_keeps_its_name() {
    assert_eq!(Delivery::TYPE, "mail");
}
