//! When something is signed and when nothing is: the past must be known from outside the database, and still be the same.

use std::fs;

use kadode::app::{Opening, Society};
use kadode::config::DataSettings;
use kadode::ledger::SealError;

use super::{audited, checked, exported, own_file, sealed, stored, tamper};
use crate::support::app::{App, eventually};
use crate::support::postgres::data_in;
use crate::support::walk::{House, walk};

/// The same data, as a program opens them that has these witnesses.
async fn with_witnesses(house: &House, names: &[&str]) -> Society {
    let paths = names.iter().map(|name| house.folder.path().join(name));
    let data = DataSettings {
        witness_file: paths.collect(),
        ..data_in(house.folder.path())
    };
    let clock = house.society.clock.clone();
    Society::open(&data, Opening::TO_LOOK, clock, |_| ())
        .await
        .unwrap()
}

#[tokio::test]
async fn without_news_nothing_is_signed_anew() {
    let house = audited().await;
    let before = stored(&house.society).await;
    let last = sealed(&house.society).await.unwrap();
    assert_eq!(sealed(&house.society).await.unwrap(), last);
    assert_eq!(stored(&house.society).await, before);
    assert_eq!(fs::read_to_string(own_file(&house)).unwrap(), last.note);
}

#[tokio::test]
async fn without_the_checkpoint_outside_nothing_is_signed_until_one_is_put_back() {
    let house = audited().await;
    let earlier = fs::read(own_file(&house)).unwrap();
    walk(&house.society, 9, 20).await;
    fs::remove_file(own_file(&house)).unwrap();
    let before = stored(&house.society).await;
    let refused = sealed(&house.society).await;
    assert!(matches!(refused, Err(SealError::Lost(_))), "{refused:?}");
    fs::write(own_file(&house), "").unwrap();
    assert!(matches!(
        sealed(&house.society).await,
        Err(SealError::Lost(_))
    ));
    assert_eq!(stored(&house.society).await, before);
    fs::write(own_file(&house), earlier).unwrap();
    sealed(&house.society).await.unwrap();
    assert_eq!(stored(&house.society).await, before + 1);
}

#[tokio::test]
async fn a_log_that_was_cut_is_not_signed() {
    let house = audited().await;
    let last = "(SELECT MAX(position) FROM events)";
    tamper(
        &house.society,
        &format!(
            "DELETE FROM ledger_leaves WHERE position = {last}; DELETE FROM events WHERE position = {last}; \
             DELETE FROM ledger_checkpoints WHERE size > 60"
        ),
    )
    .await;
    let refused = sealed(&house.society).await;
    assert!(matches!(refused, Err(SealError::Cut { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_past_that_was_written_anew_from_its_first_event_on_is_not_signed() {
    let house = audited().await;
    let before = fs::read(own_file(&house)).unwrap();
    tamper(
        &house.society,
        "UPDATE events SET payload = json_set(payload, '$.cohort', 'another') WHERE position = 2; \
         DELETE FROM ledger_leaves; DELETE FROM ledger_nodes; DELETE FROM ledger_checkpoints; \
         UPDATE checkpoints SET position = 0 WHERE reader = 'read_models'; DELETE FROM history; DELETE FROM history_members; DELETE FROM history_counts; DELETE FROM history_parts",
    )
    .await;
    let refused = sealed(&house.society).await;
    let Err(SealError::Forked { place, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(place, own_file(&house).display().to_string());
    assert_eq!(stored(&house.society).await, 0);
    assert_eq!(fs::read(own_file(&house)).unwrap(), before);
}

#[tokio::test]
async fn a_checkpoint_that_the_key_has_not_signed_does_not_count() {
    let house = audited().await;
    let note = fs::read_to_string(own_file(&house)).unwrap();
    for wrong in [note.replacen('\n', "x\n", 1), "no note".to_owned()] {
        fs::write(own_file(&house), wrong).unwrap();
        let refused = sealed(&house.society).await;
        assert!(matches!(refused, Err(SealError::Note(..))), "{refused:?}");
    }
}

/// Whatever a kill leaves between two writes: each place has the last checkpoint or one of the earlier ones, or none yet.
#[tokio::test]
async fn whichever_writes_a_kill_cut_off_are_made_good() {
    let house = audited().await;
    let earlier = fs::read_to_string(own_file(&house)).unwrap();
    let society = with_witnesses(&house, &["witness"]).await;
    fs::write(house.folder.path().join("witness"), "").unwrap();
    walk(&society, 9, 20).await;
    let last = sealed(&society).await.unwrap();
    let witness = house.folder.path().join("witness");
    let forget = format!(
        "DELETE FROM ledger_checkpoints WHERE size = {}",
        last.head.size
    );
    // Written are, of the three places: the first; the first two.
    for witness_has in [&earlier, &last.note] {
        fs::write(&witness, witness_has).unwrap();
        tamper(&society, &forget).await;
        assert_eq!(sealed(&society).await.unwrap(), last);
        assert_eq!(fs::read_to_string(&witness).unwrap(), last.note);
        assert_eq!(super::stored(&society).await, 4);
    }
    // A copy of the file from before, on a machine that takes over.
    fs::write(own_file(&house), &earlier).unwrap();
    assert_eq!(sealed(&society).await.unwrap(), last);
    assert_eq!(fs::read_to_string(own_file(&house)).unwrap(), last.note);
}

#[tokio::test]
async fn what_cannot_be_kept_outside_is_not_in_the_database_either() {
    let house = House::new().await;
    let society = with_witnesses(&house, &["no-folder/witness"]).await;
    let refused = sealed(&society).await;
    assert!(matches!(refused, Err(SealError::File(..))), "{refused:?}");
    assert_eq!(stored(&society).await, 0);
}

#[tokio::test]
async fn a_kill_before_the_very_first_checkpoint_reached_the_database_is_made_good() {
    let house = House::new().await;
    let first = sealed(&house.society).await.unwrap();
    tamper(&house.society, "DELETE FROM ledger_checkpoints").await;
    assert_eq!(sealed(&house.society).await.unwrap(), first);
    assert_eq!(stored(&house.society).await, 1);
}

#[tokio::test]
async fn a_kill_before_the_very_first_checkpoint_reached_the_witness_is_made_good() {
    let house = House::new().await;
    let first = sealed(&house.society).await.unwrap();
    tamper(&house.society, "DELETE FROM ledger_checkpoints").await;
    let society = with_witnesses(&house, &["witness"]).await;
    assert_eq!(sealed(&society).await.unwrap(), first);
    let witness = fs::read_to_string(house.folder.path().join("witness"));
    assert_eq!(witness.unwrap(), first.note);
}

#[tokio::test]
async fn a_witness_that_lost_its_checkpoint_stops_the_signing_and_an_empty_file_makes_a_new_one() {
    let house = audited().await;
    let society = with_witnesses(&house, &["witness"]).await;
    let refused = sealed(&society).await;
    assert!(
        matches!(refused, Err(SealError::NoWitness(_))),
        "{refused:?}"
    );
    let witness = house.folder.path().join("witness");
    fs::write(&witness, "").unwrap();
    let last = sealed(&society).await.unwrap();
    assert_eq!(fs::read_to_string(&witness).unwrap(), last.note);
}

/// With the stolen key, everything but the witness can be made to fit: the database, the leaves, and the file beside the keys.
#[tokio::test]
async fn a_ledger_made_anew_with_the_stolen_key_is_caught_by_the_witness_and_by_the_auditors_checkpoint()
 {
    let house = audited().await;
    let society = with_witnesses(&house, &["witness"]).await;
    fs::write(house.folder.path().join("witness"), "").unwrap();
    let last = sealed(&society).await.unwrap();
    let kept = super::kept(&house, &last);
    tamper(
        &society,
        "UPDATE events SET payload = json_set(payload, '$.joined_month', '2001-01') WHERE position = 3; \
         DELETE FROM ledger_leaves; DELETE FROM ledger_nodes; DELETE FROM ledger_checkpoints; \
         UPDATE checkpoints SET position = 0 WHERE reader = 'read_models'; DELETE FROM history; DELETE FROM history_members; DELETE FROM history_counts; DELETE FROM history_parts",
    )
    .await;
    fs::remove_file(own_file(&house)).unwrap();
    let refused = sealed(&society).await;
    assert!(matches!(refused, Err(SealError::Lost(_))), "{refused:?}");
    // Whoever has the key needs no program of ours to believe that there is no witness.
    sealed(&house.society).await.unwrap();
    let refused = sealed(&society).await;
    let Err(SealError::Forked { place, .. }) = &refused else {
        panic!("{refused:?}");
    };
    assert!(place.ends_with("witness"), "{place}");
    let package = exported(&house.society).await;
    assert!(checked(package.path()).ok, "it is whole in itself");
    let report = super::checked_since(package.path(), Some(&kept));
    super::expect_fault(&report, "since", None);
}

#[tokio::test]
async fn a_served_ledger_is_sealed_at_once_when_a_member_has_arrived() {
    let (app, member) = App::with_member().await;
    let client = app.client_at("completed").await;
    drop(client);
    let member = member.to_string();
    let events = app.society.log.read_stream("onboarding", &member);
    let events = events.await.unwrap();
    let arrived = events
        .iter()
        .find(|it| it.event_type == "OnboardingCompleted");
    let arrived = arrived.unwrap().position;
    // Well within the minute that less urgent news may wait.
    eventually("a checkpoint over it", async || {
        let size: i64 = sqlx::query_scalar("SELECT COALESCE(MAX(size), 0) FROM ledger_checkpoints")
            .fetch_one(&app.society.database.read)
            .await
            .unwrap();
        (size >= arrived).then_some(())
    })
    .await;
    assert!(app.folder.path().join("keys.toml.checkpoint").exists());
}

/// The old root rests on lower nodes, the new one on a higher: each alone may look right.
#[tokio::test]
async fn a_node_planted_beforehand_makes_no_other_past() {
    let house = audited().await;
    let old = sealed(&house.society).await.unwrap().head.size;
    let before = fs::read(own_file(&house)).unwrap();
    walk(&house.society, 10, 120).await;
    house.society.projector().catch_up().await.unwrap();
    let head = house.society.log.committed_head().await.unwrap();
    let new = u64::try_from(head).unwrap();
    // The complete subtree of the new tree in whose middle the old one ends.
    let level = (1..64)
        .find(|level| {
            let begins = (old >> level) << level;
            let ends = begins + (1 << level);
            begins < old
                && ends <= new
                && new & (1 << level) != 0
                && new >> (level + 1) << (level + 1) == begins
        })
        .unwrap();
    tamper(
        &house.society,
        &format!(
            "INSERT INTO ledger_nodes (level, number, hash) VALUES ({level}, {}, '{}')",
            old >> level,
            "0".repeat(64)
        ),
    )
    .await;
    let refused = sealed(&house.society).await;
    assert!(
        matches!(refused, Err(SealError::Forked { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read(own_file(&house)).unwrap(), before);
}
