//! What was signed, day by day, as the report `integrity` tells it.

use jiff::civil::date;
use jiff::{SignedDuration, Timestamp};
use kadode::projections::reports::integrity::SealedDay;

use super::{audited, audited_in, sealed, tamper};
use crate::support::postgres::put_on_server;
use crate::support::walk::{House, walk};

async fn days(house: &House, until: Timestamp) -> Vec<SealedDay> {
    let sealer = house.society.sealer().unwrap();
    sealer.sealed_days(until).await.unwrap()
}

/// Something happens, and is sealed at this moment.
async fn sealed_at(house: &House, seed: u64, moment: &str) {
    walk(&house.society, seed, 1).await;
    let moment: Timestamp = moment.parse().unwrap();
    let clock = &house.society.clock;
    clock.advance(moment.duration_since(clock.now()));
    sealed(&house.society).await.unwrap();
}

/// Three checkpoints on the tenth of April, one just before Tokyo's midnight and one at it, and one after a day without.
async fn of_three_days(house: &House) {
    sealed_at(house, 11, "2026-04-10T14:59:59.999999Z").await;
    sealed_at(house, 12, "2026-04-10T15:00:00Z").await;
    sealed_at(house, 13, "2026-04-12T15:00:00Z").await;
}

#[tokio::test]
async fn each_day_of_tokyo_tells_its_last_checkpoint_and_how_many_there_were() {
    let house = audited().await;
    of_three_days(&house).await;
    let last = house.society.log.committed_head().await.unwrap();
    let days = days(&house, house.society.clock.now()).await;
    let told: Vec<_> = days.iter().map(|it| (it.day, it.checkpoints)).collect();
    assert_eq!(
        told,
        [
            (date(2026, 4, 10), 4),
            (date(2026, 4, 11), 1),
            (date(2026, 4, 13), 1)
        ]
    );
    assert!(days.iter().all(|it| it.holds), "{days:?}");
    assert_eq!(days[2].last, last);
    assert_eq!(days[1].sealed_at, "2026-04-10T15:00:00Z".parse().unwrap());
}

#[tokio::test]
async fn it_is_told_alike_on_postgres() {
    let folder = tempfile::tempdir().unwrap();
    put_on_server(folder.path());
    let house = audited_in(folder).await;
    of_three_days(&house).await;
    let days = days(&house, house.society.clock.now()).await;
    let told: Vec<_> = days.iter().map(|it| (it.checkpoints, it.holds)).collect();
    assert_eq!(told, [(4, true), (1, true), (1, true)]);
}

#[tokio::test]
async fn as_of_a_moment_it_tells_what_was_signed_by_then() {
    let house = audited().await;
    of_three_days(&house).await;
    let just: Timestamp = "2026-04-10T14:59:59.999999Z".parse().unwrap();
    assert_eq!(days(&house, just).await[0].checkpoints, 4);
    let before = just - SignedDuration::from_micros(1);
    assert_eq!(days(&house, before).await[0].checkpoints, 3);
    assert_eq!(days(&house, Timestamp::UNIX_EPOCH).await, []);
}

#[tokio::test]
async fn a_day_with_another_note_than_what_was_signed_does_not_hold_and_the_others_do() {
    let house = audited().await;
    of_three_days(&house).await;
    let now = house.society.clock.now();
    let size = days(&house, now).await[1].last;
    let forge = format!("UPDATE ledger_checkpoints SET note = 'forged' WHERE size = {size}");
    tamper(&house.society, &forge).await;
    let days = days(&house, now).await;
    let holds: Vec<_> = days.iter().map(|it| it.holds).collect();
    assert_eq!(holds, [true, false, true]);
}

#[tokio::test]
async fn without_the_nodes_of_the_tree_no_day_holds_and_all_are_told() {
    let house = audited().await;
    of_three_days(&house).await;
    tamper(&house.society, "DELETE FROM ledger_nodes").await;
    let days = days(&house, house.society.clock.now()).await;
    assert_eq!(days.len(), 3);
    assert!(days.iter().all(|it| !it.holds && it.root.is_empty()));
}
