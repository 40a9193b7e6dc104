//! Ledgers of every small size, among them the empty one.

use kadode::ledger::SealError;

use super::{checked, exported, sealed, tamper};
use crate::support::walk::{House, enrol, give, open, walk};

#[tokio::test]
async fn an_empty_ledger_is_not_sealed() {
    let folder = tempfile::tempdir().unwrap();
    let society = open(&folder).await;
    assert!(matches!(sealed(&society).await, Err(SealError::Empty)));
    assert!(!folder.path().join("keys.toml.checkpoint").exists());
}

#[tokio::test]
async fn ledgers_of_one_event_to_twenty_pass_with_a_checkpoint_each() {
    let house = House::new().await;
    let society = &house.society;
    for size in 1..=20 {
        let last = sealed(society).await.unwrap();
        assert_eq!(last.head.size, size);
        let report = checked(exported(society).await.path());
        assert_eq!(
            (report.fault, report.checkpoints),
            (None, size),
            "{size} events"
        );
        let member = kadode::domain::ids::MemberId(society.entropy.id());
        give(society, member, enrol(society)).await;
    }
}

/// A checkpoint may fall between two events of one append, where a batch of the projector ends.
#[tokio::test]
async fn a_ledger_that_ends_within_an_append_passes() {
    for second in ["FirstLoginCompleted", "OtpIssued", "OnboardingCompleted"] {
        let house = House::new().await;
        let society = &house.society;
        walk(society, 1, 150).await;
        society.projector().catch_up().await.unwrap();
        let events = society.log.read_after(0, 1000).await.unwrap();
        let second = events.iter().find(|it| it.event_type == second).unwrap();
        let forget = format!(
            "DELETE FROM ledger_leaves WHERE position >= {}",
            second.position
        );
        tamper(society, &forget).await;
        let last = society.sealer().unwrap().seal().await.unwrap();
        assert_eq!(last.head.size, u64::try_from(second.position - 1).unwrap());
        let report = checked(exported(society).await.path());
        assert_eq!(report.fault, None);
    }
}
