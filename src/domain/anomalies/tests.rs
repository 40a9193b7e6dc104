//! When many accounts that resemble each other are told of.

use uuid::Uuid;

use super::*;

fn members(number: u128) -> BTreeSet<MemberId> {
    between(0, number)
}

fn between(first: u128, end: u128) -> BTreeSet<MemberId> {
    (first..end)
        .map(|it| MemberId(Uuid::from_u128(it)))
        .collect()
}

fn noticed(number: u128) -> AnomalyEvent {
    AnomalyEvent::AnomalyNoticed {
        why: Resemblance::OneBrowser,
        members: members(number),
    }
}

/// What follows from so many members, where three are usual, after so many were told of.
fn told_of(number: u128, before: &[u128]) -> Option<AnomalyEvent> {
    let mut anomaly = Anomaly::default();
    for number in before {
        anomaly.apply(noticed(*number));
    }
    anomaly.decide(Notice {
        why: Resemblance::OneBrowser,
        members: members(number),
        usual: 3,
    })
}

#[test]
fn as_many_as_are_usual_are_nothing_to_tell_of() {
    assert_eq!(told_of(3, &[]), None);
}

#[test]
fn one_more_than_usual_is_told_of_with_all_of_them() {
    assert_eq!(told_of(4, &[]), Some(noticed(4)));
}

#[test]
fn they_are_told_of_again_when_they_have_doubled_and_not_before() {
    assert_eq!(told_of(4, &[4]), None);
    assert_eq!(told_of(7, &[4]), None);
    assert_eq!(told_of(8, &[4]), Some(noticed(8)));
    assert_eq!(told_of(15, &[4, 8]), None);
    assert_eq!(told_of(16, &[4, 8]), Some(noticed(16)));
}

#[test]
fn others_are_told_of_however_many_there_were_before_them() {
    let mut anomaly = Anomaly::default();
    anomaly.apply(noticed(64));
    let others = Notice {
        why: Resemblance::OneBrowser,
        members: between(64, 68),
        usual: 3,
    };
    let told = AnomalyEvent::AnomalyNoticed {
        why: Resemblance::OneBrowser,
        members: between(64, 68),
    };
    assert_eq!(anomaly.decide(others), Some(told));
}

#[test]
fn only_what_the_rules_make_is_held_for_their_work() {
    let mut anomaly = Anomaly::default();
    assert!(!anomaly.yields(&[]));
    assert!(!anomaly.yields(&[noticed(1)]));
    assert!(anomaly.yields(&[noticed(4)]));
    assert!(!anomaly.yields(&[noticed(4), noticed(8)]));
    anomaly.apply(noticed(4));
    assert!(!anomaly.yields(&[noticed(7)]));
    assert!(anomaly.yields(&[noticed(8)]));
}

#[test]
fn the_stored_shape_never_changes() {
    let stored = serde_json::json!({
        "type": "AnomalyNoticed", "why": "one_browser",
        "members": ["00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000001"],
    });
    assert_eq!(serde_json::to_value(noticed(2)).unwrap(), stored);
    for why in [Resemblance::OneBrowser, Resemblance::OneDomain] {
        assert_eq!(serde_json::to_value(why).unwrap(), why.name());
    }
    assert_eq!(
        (Anomaly::TYPE, noticed(2).event_type().as_str()),
        ("anomaly", "AnomalyNoticed")
    );
}
