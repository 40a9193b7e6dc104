//! Custody: what is done once is told once.

use super::*;

fn key(name: &str) -> KeyId {
    KeyId(name.to_owned())
}

fn after(events: &[CustodyEvent]) -> Custody {
    let mut custody = Custody::default();
    for event in events {
        assert!(custody.yields(std::slice::from_ref(event)), "{event:?}");
        custody.apply(event.clone());
    }
    custody
}

fn changed() -> CustodyEvent {
    CustodyEvent::MasterKeyChanged {
        key: key("new"),
        before: key("old"),
    }
}

fn rewrapped(number: u64) -> CustodyEvent {
    CustodyEvent::DataKeysRewrapped {
        key: key("new"),
        rewrapped: number,
        data_keys: 7,
    }
}

const fn note(key: KeyId, rewrapped: u64) -> Command {
    Command::NoteRewrapped {
        key,
        rewrapped,
        data_keys: 7,
    }
}

#[test]
fn a_key_that_was_added_is_not_added_again() {
    let added = CustodyEvent::MasterKeyAdded { key: key("new") };
    let command = Command::AddMasterKey { key: key("new") };
    let before = after(&[]).decide(command.clone());
    assert_eq!(before, [added]);
    assert_eq!(after(&before).decide(command), []);
}

#[test]
fn the_present_key_is_not_made_present_again() {
    let command = Command::ChangeMasterKey {
        key: key("new"),
        before: key("old"),
    };
    assert_eq!(after(&[]).decide(command.clone()), [changed()]);
    assert_eq!(after(&[changed()]).decide(command), []);
}

#[test]
fn a_change_of_keys_ends_with_what_was_rewrapped_even_if_that_is_nothing() {
    let custody = after(&[changed()]);
    assert_eq!(custody.decide(note(key("new"), 0)), [rewrapped(0)]);
}

#[test]
fn what_a_later_run_finds_is_told_and_where_it_finds_nothing_nothing() {
    let custody = after(&[changed(), rewrapped(7)]);
    assert_eq!(custody.decide(note(key("new"), 2)), [rewrapped(2)]);
    assert_eq!(custody.decide(note(key("new"), 0)), []);
}

#[test]
fn nothing_is_rewrapped_by_a_key_that_is_not_present() {
    assert_eq!(after(&[changed()]).decide(note(key("other"), 7)), []);
}

fn restored(sizes: &[u64]) -> CustodyEvent {
    let lost = sizes.iter().map(|size| LostHead {
        size: *size,
        root: format!("root {size}"),
    });
    CustodyEvent::RestoredFromBackup {
        kept: 5,
        lost: lost.collect(),
    }
}

#[test]
fn a_loss_is_told_once_and_another_one_again() {
    let custody = after(&[restored(&[7, 9])]);
    assert!(!custody.yields(&[restored(&[9])]));
    assert!(custody.yields(&[restored(&[9, 12])]));
}

#[test]
fn a_restore_that_has_lost_nothing_known_is_told_each_time() {
    assert!(after(&[restored(&[])]).yields(&[restored(&[])]));
}

const fn destroyed(until: i16, keys: u64) -> CustodyEvent {
    CustodyEvent::TracesDestroyed { until, keys }
}

#[test]
fn traces_of_a_year_are_told_to_be_destroyed_once() {
    let custody = after(&[destroyed(2026, 5)]);
    assert!(!custody.yields(&[destroyed(2026, 5)]));
    assert!(custody.yields(&[destroyed(2027, 5)]));
    assert!(!custody.yields(&[destroyed(2027, 0)]));
}

const fn exported(rows: u64) -> CustodyEvent {
    CustodyEvent::DataExported {
        what: Exported::Letters,
        rows,
    }
}

#[test]
fn whatever_is_carried_out_is_told_each_time() {
    let custody = after(&[exported(7)]);
    assert!(custody.yields(&[exported(7)]));
    assert!(custody.yields(&[exported(0)]));
}

#[test]
fn two_facts_at_once_are_not_what_the_rules_make() {
    assert!(!after(&[]).yields(&[changed(), rewrapped(7)]));
}

#[test]
fn the_stored_shapes_never_change() {
    let stored = |event: &CustodyEvent| serde_json::to_value(event).unwrap();
    assert_eq!(
        stored(&CustodyEvent::MasterKeyAdded { key: key("new") }),
        serde_json::json!({"type": "MasterKeyAdded", "key": "new"})
    );
    assert_eq!(
        stored(&changed()),
        serde_json::json!({"type": "MasterKeyChanged", "key": "new", "before": "old"})
    );
    assert_eq!(
        stored(&rewrapped(3)),
        serde_json::json!({"type": "DataKeysRewrapped", "key": "new", "rewrapped": 3, "data_keys": 7})
    );
    assert_eq!(
        stored(&restored(&[7])),
        serde_json::json!({"type": "RestoredFromBackup", "kept": 5, "lost": [{"size": 7, "root": "root 7"}]})
    );
    assert_eq!(
        stored(&destroyed(2026, 5)),
        serde_json::json!({"type": "TracesDestroyed", "until": 2026, "keys": 5})
    );
    assert_eq!(
        stored(&exported(7)),
        serde_json::json!({"type": "DataExported", "what": "letters", "rows": 7})
    );
}
