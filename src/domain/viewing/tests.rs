//! One event a view, shown by given looks and what the next one brings.

use cqrs_es::Aggregate;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::{EXPORT_GOES_ON, Look, View, ViewingEvent, Viewings};
use crate::domain::ids::{StaffId, TokenId};

fn look(view: View) -> Look {
    Look {
        viewer: StaffId(Uuid::from_u128(1)),
        token: Some(TokenId(Uuid::from_u128(1))),
        view,
        member: None,
        purpose: None,
        part: None,
        after: None,
        at: "2026-04-10T00:00:00Z".parse().unwrap(),
    }
}

fn after(look: &Look, by: SignedDuration) -> Look {
    Look {
        at: look.at + by,
        ..look.clone()
    }
}

/// Whether the next look brings an event.
async fn brings_one(past: &[&Look], next: Look) -> bool {
    let mut state = Viewings::default();
    for look in past {
        let look = Look::clone(look);
        state.apply(ViewingEvent::AuditDataViewed { look });
    }
    let sink = cqrs_es::event_sink::EventSink::default();
    let handled = state.handle(next.clone(), &(), &sink).await;
    handled.unwrap();
    let events = sink.collect().await;
    assert!(events.is_empty() || events == [ViewingEvent::AuditDataViewed { look: next }]);
    !events.is_empty()
}

#[tokio::test]
async fn every_opened_view_is_an_event_also_the_same_again() {
    for view in [
        View::MemberHistory,
        View::EventList,
        View::Stream,
        View::Report,
    ] {
        assert!(brings_one(&[], look(view)).await);
        assert!(brings_one(&[&look(view)], look(view)).await);
    }
}

#[tokio::test]
async fn an_export_is_an_event_wherever_it_begins() {
    let first = Look {
        after: Some(0),
        ..look(View::Export)
    };
    let elsewhere = Look {
        after: Some(1000),
        ..first.clone()
    };
    assert!(brings_one(&[], first.clone()).await);
    assert!(brings_one(&[&first], first.clone()).await);
    assert!(brings_one(&[&first], elsewhere).await);
}

#[tokio::test]
async fn before_events_told_where_an_export_began_its_pages_were_one_event() {
    let first = look(View::Export);
    let next = after(&first, EXPORT_GOES_ON - SignedDuration::from_secs(1));
    assert!(!brings_one(&[&first], next).await);
    assert!(brings_one(&[&first], after(&first, EXPORT_GOES_ON)).await);
    let other_part = Look {
        part: Some("outcome=failed".to_owned()),
        ..first.clone()
    };
    let other_token = Look {
        token: Some(TokenId(Uuid::from_u128(2))),
        ..first.clone()
    };
    let other_viewer = Look {
        viewer: StaffId(Uuid::from_u128(2)),
        ..first.clone()
    };
    for other in [other_part, other_token, other_viewer] {
        assert!(brings_one(&[&first], other).await);
    }
}

#[test]
fn a_view_is_stored_under_its_name() {
    for view in View::ALL {
        assert_eq!(serde_json::to_value(view).unwrap(), view.name());
    }
}

#[test]
fn the_event_is_stored_flat_and_read_back() {
    let event = ViewingEvent::AuditDataViewed {
        look: look(View::MemberHistory),
    };
    let stored = serde_json::to_value(&event).unwrap();
    assert_eq!(stored["type"], "AuditDataViewed");
    assert_eq!(stored["view"], "member_history");
    assert_eq!(
        stored["at"].as_str().unwrap().parse::<Timestamp>().unwrap(),
        look(View::MemberHistory).at
    );
    let read: ViewingEvent = serde_json::from_value(stored).unwrap();
    assert_eq!(read, event);
}
