//! Several machines on one server, each with a file of its own beside its own keys: whichever leads signs, and none signs a past that its
//! own file does not know.

use std::fs;
use std::path::PathBuf;

use kadode::app::{Opening, Society};
use kadode::config::DataSettings;
use kadode::ledger::SealError;
use tempfile::TempDir;

use super::{audited_in, own_file, sealed, stored};
use crate::support::postgres::{data_in, put_on_server};
use crate::support::walk::{House, walk};

/// A second machine on the data of the first: the same keys in a folder of its own, and no checkpoint there.
struct Machine {
    society: Society,
    folder: TempDir,
}

impl Machine {
    async fn beside(house: &House) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(
            house.folder.path().join("keys.toml"),
            folder.path().join("keys.toml"),
        )
        .unwrap();
        let data = DataSettings {
            keys: Some(folder.path().join("keys.toml")),
            ..data_in(house.folder.path())
        };
        let clock = house.society.clock.clone();
        let society = Society::open(&data, Opening::TO_LOOK, clock, |_| ())
            .await
            .unwrap();
        Self { society, folder }
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("keys.toml.checkpoint")
    }

    async fn looks_on(&self, seen: &mut Option<u64>) -> Result<(), SealError> {
        self.society.sealer().unwrap().look_on(seen).await
    }
}

async fn house_on_server() -> House {
    let folder = tempfile::tempdir().unwrap();
    put_on_server(folder.path());
    audited_in(folder).await
}

#[tokio::test]
async fn a_machine_that_looked_on_takes_over_where_the_other_ended() {
    let house = house_on_server().await;
    let other = Machine::beside(&house).await;
    let mut seen = None;
    other.looks_on(&mut seen).await.unwrap();
    assert!(
        !other.file().exists(),
        "nobody has signed while it looked on"
    );
    walk(&house.society, 9, 10).await;
    let first = sealed(&house.society).await.unwrap();
    other.looks_on(&mut seen).await.unwrap();
    assert_eq!(fs::read_to_string(other.file()).unwrap(), first.note);
    walk(&other.society, 10, 10).await;
    let second = sealed(&other.society).await.unwrap();
    assert!(second.head.size > first.head.size);
    assert_eq!(fs::read_to_string(other.file()).unwrap(), second.note);
    // The first one comes back with the file that it had.
    assert_eq!(fs::read_to_string(own_file(&house)).unwrap(), first.note);
    walk(&house.society, 11, 10).await;
    let third = sealed(&house.society).await.unwrap();
    assert!(third.head.size > second.head.size);
}

#[tokio::test]
async fn a_machine_that_has_seen_nothing_signs_nothing() {
    let house = house_on_server().await;
    let other = Machine::beside(&house).await;
    let before = stored(&house.society).await;
    let refused = sealed(&other.society).await;
    assert!(matches!(refused, Err(SealError::Lost(_))), "{refused:?}");
    let mut seen = None;
    for _ in 0..3 {
        other.looks_on(&mut seen).await.unwrap();
    }
    assert!(!other.file().exists());
    assert_eq!(stored(&house.society).await, before);
    // Copied from the other machine, the file is as good as its own.
    fs::copy(own_file(&house), other.file()).unwrap();
    sealed(&other.society).await.unwrap();
}

#[tokio::test]
async fn a_checkpoint_that_another_machine_made_meanwhile_is_not_followed_by_a_smaller_one() {
    let house = house_on_server().await;
    let other = Machine::beside(&house).await;
    let earlier = fs::read(own_file(&house)).unwrap();
    walk(&house.society, 9, 10).await;
    let last = sealed(&house.society).await.unwrap();
    fs::write(other.file(), earlier).unwrap();
    // Where nothing is new, what the other one signed is the last.
    assert_eq!(sealed(&other.society).await.unwrap(), last);
    assert_eq!(fs::read_to_string(other.file()).unwrap(), last.note);
}

#[tokio::test]
async fn a_database_set_back_behind_a_machines_own_file_is_not_signed_by_it() {
    let house = house_on_server().await;
    let other = Machine::beside(&house).await;
    let mut seen = Some(0);
    other.looks_on(&mut seen).await.unwrap();
    let kept = fs::read(other.file()).unwrap();
    let owner =
        kadode::database::Database::open(&crate::support::postgres::owner_of(house.folder.path()))
            .await
            .unwrap();
    let last = "(SELECT MAX(position) FROM events)";
    for statement in [
        "ALTER TABLE events DISABLE TRIGGER USER",
        &format!("DELETE FROM ledger_leaves WHERE position = {last}"),
        &format!("DELETE FROM events WHERE position = {last}"),
        "DELETE FROM ledger_checkpoints WHERE size > 60",
    ] {
        sqlx::query(statement).execute(&owner.write).await.unwrap();
    }
    for society in [&house.society, &other.society] {
        let refused = sealed(society).await;
        assert!(matches!(refused, Err(SealError::Cut { .. })), "{refused:?}");
    }
    let refused = other.looks_on(&mut seen).await;
    assert!(
        matches!(refused, Ok(()) | Err(SealError::Cut { .. })),
        "{refused:?}"
    );
    assert_eq!(fs::read(other.file()).unwrap(), kept);
}
