//! The signed ledger: sealed, packed for auditors and checked, and whatever somebody does to it found and named.

mod certificate;
mod machines;
mod packages;
mod planned;
mod sealing;
mod sizes;
mod stolen_key;
mod tampered_database;
mod tampered_package;
mod tampered_unseen;

use std::fs;
use std::path::{Path, PathBuf};

use kadode::app::Society;
use kadode::ledger::package::{self, Fault, Given, Report, Source};
use kadode::ledger::{SealError, Sealed};
use tempfile::TempDir;

use crate::support::walk::{House, open, walk};

/// A society with some histories of members, sealed in between and in the end.
async fn audited() -> House {
    audited_in(tempfile::tempdir().unwrap()).await
}

async fn audited_in(folder: TempDir) -> House {
    let society = open(&folder).await;
    society.adopt_policy().await.unwrap();
    let house = House { society, folder };
    for seed in 1..=3 {
        walk(&house.society, seed, 40).await;
        sealed(&house.society).await.unwrap();
    }
    house
}

/// Writes the leaves of all that is committed, and seals.
async fn sealed(society: &Society) -> Result<Sealed, SealError> {
    society.projector().catch_up().await.unwrap();
    society.sealer().unwrap().seal().await
}

/// The package of what was signed last, as `kadode ledger export` writes it, in a folder of its own.
pub(crate) async fn exported(society: &Society) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sealer = society.sealer().unwrap();
    let last = Sealed::stored_last(&society.database)
        .await
        .unwrap()
        .unwrap();
    let source = Source {
        log: &society.log,
        database: &society.database,
        tree: sealer.tree(),
        last: &last,
        signer: &sealer.key_of(&last).unwrap(),
        now: society.clock.now(),
    };
    let ready = package::export(&source, folder.path(), |_| ()).await;
    ready.unwrap().put_in_place().unwrap();
    folder
}

/// What is found in a package.
pub(crate) fn checked(folder: &Path) -> Report {
    checked_since(folder, None)
}

fn checked_since(folder: &Path, since: Option<&Path>) -> Report {
    let given = Given {
        folder,
        since,
        key: None,
        reports: true,
    };
    package::verify(&given, |_| ()).unwrap()
}

/// Fails unless this is what is found first: its kind, and the event it is about.
#[track_caller]
fn expect_fault(report: &Report, what: &str, position: Option<i64>) -> Fault {
    let fault = report.fault.clone().unwrap();
    assert_eq!((fault.what, fault.position), (what, position), "{fault:?}");
    assert!(!report.ok);
    fault
}

/// Keeps a checkpoint elsewhere.
fn kept(house: &House, sealed: &Sealed) -> PathBuf {
    let path = house.folder.path().join("kept");
    fs::write(&path, &sealed.note).unwrap();
    path
}

/// The file beside the keys.
fn own_file(house: &House) -> PathBuf {
    house.folder.path().join("keys.toml.checkpoint")
}

/// How many checkpoints the database has.
async fn stored(society: &Society) -> i64 {
    sqlx::query_scalar("SELECT COUNT(*) FROM ledger_checkpoints")
        .fetch_one(&society.database.read)
        .await
        .unwrap()
}

/// What somebody does who has the database in hand.
async fn tamper(society: &Society, statements: &str) {
    let unlock = "DROP TRIGGER IF EXISTS events_are_never_changed; DROP TRIGGER IF EXISTS events_are_never_deleted; \
        DROP TRIGGER IF EXISTS events_are_only_added";
    for statement in unlock.split(';').chain(statements.split(';')) {
        sqlx::query(statement)
            .execute(&society.database.write)
            .await
            .unwrap();
    }
}
