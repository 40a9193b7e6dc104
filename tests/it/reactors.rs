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

/// What the reactor is told after it starts, until it has been told so many.
async fn told(house: &House, how_many: usize) -> Vec<Position> {
    let (sender, mut told) = mpsc::unbounded_channel();
    let (log, database) = (house.society.log.clone(), house.society.database.clone());
    let mut following = JoinSet::new();
    following.spawn(subscription::follow(
        log,
        database,
        Arc::new(LogOuts(sender)),
    ));
    let mut positions = Vec::new();
    while positions.len() < how_many {
        told.recv_many(&mut positions, how_many).await;
    }
    // What it was told of last may have to be noted yet.
    let last = *positions.last().unwrap();
    eventually("the note of it", || async {
        let noted = subscription::checkpoint(&house.society.database, "log_outs").await;
        (noted.unwrap() >= last).then_some(())
    })
    .await;
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
