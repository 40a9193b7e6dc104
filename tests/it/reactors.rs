//! Reactors: each is given what concerns it, in the order of the log, and after a start goes on behind what it has done.

use std::sync::Arc;

use futures::future::BoxFuture;
use kadode::subscription::{self, ApplyError, Position, Reactor, Recorded};
use sqlx::AnyConnection;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::support::app::eventually;
use crate::support::walk::House;

/// Tells the position of each end of a session.
struct LogOuts(mpsc::UnboundedSender<Position>);

impl Reactor for LogOuts {
    fn name(&self) -> &'static str {
        "log_outs"
    }

    fn concerns(&self, recorded: &Recorded) -> bool {
        recorded.event_type == "LoggedOut"
    }

    fn react<'a>(
        &'a self,
        batch: &'a [Recorded],
        _: &'a mut AnyConnection,
    ) -> BoxFuture<'a, Result<(), ApplyError>> {
        for event in batch {
            self.0.send(event.position).unwrap();
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

async fn log_outs(house: &House) -> Vec<Position> {
    let log = house.society.log.read_after(0, i64::MAX).await.unwrap();
    let log_outs = log.iter().filter(|it| it.event_type == "LoggedOut");
    log_outs.map(|it| it.position).collect()
}

/// Lets the reactor follow the log, until this is dropped.
fn followed(house: &House, sender: mpsc::UnboundedSender<Position>) -> JoinSet<()> {
    let (log, database) = (house.society.log.clone(), house.society.database.clone());
    let mut following = JoinSet::new();
    following.spawn(subscription::follow(
        log,
        database,
        Arc::new(LogOuts(sender)),
    ));
    following
}

/// Waits until the reactor has noted that it came so far.
async fn has_noted(house: &House, position: Position) {
    eventually("the note of it", || async {
        let noted = subscription::checkpoint(&house.society.database, "log_outs").await;
        (noted.unwrap() >= position).then_some(())
    })
    .await;
}

/// What the reactor is told after it starts, until it has been told so many.
async fn told(house: &House, how_many: usize) -> Vec<Position> {
    let (sender, mut told) = mpsc::unbounded_channel();
    let _following = followed(house, sender);
    let mut positions = Vec::new();
    while positions.len() < how_many {
        told.recv_many(&mut positions, how_many).await;
    }
    has_noted(house, *positions.last().unwrap()).await;
    while let Ok(another) = told.try_recv() {
        positions.push(another);
    }
    positions
}

#[tokio::test]
async fn a_reactor_is_given_what_concerns_it_and_goes_on_behind_that() {
    let house = House::new().await;
    house.walk(1, 300).await;
    let before = log_outs(&house).await;
    assert_eq!(told(&house, before.len()).await, before);
    house.walk(2, 300).await;
    let all = log_outs(&house).await;
    let later = all[before.len()..].to_vec();
    assert!(!before.is_empty() && !later.is_empty());
    assert_eq!(told(&house, later.len()).await, later);
}

/// Else, after a start, it would read all of a long log again.
#[tokio::test]
async fn a_reactor_that_nothing_concerns_notes_how_far_it_is_all_the_same() {
    let house = House::new().await;
    sqlx::query(
        "INSERT INTO events WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 10000) \
         SELECT n + (SELECT COALESCE(MAX(position), 0) FROM events), 'attempts', 'd' || n, 1, 'AttemptsCounted', '1', '{}', '{}', \
         '2026-04-01T00:00:00.000000Z' FROM numbers",
    )
    .execute(&house.society.database.write)
    .await
    .unwrap();
    let (sender, mut told) = mpsc::unbounded_channel();
    let _following = followed(&house, sender);
    has_noted(&house, 10_000).await;
    told.try_recv().unwrap_err();
}
