//! Several nodes write to one PostgreSQL server while nodes, server and connections are killed: no event is lost, doubled, skipped or
//! reordered, and what was told to have failed has not happened.
//!
//! `scripts/log-kills` runs the same at length, and prints the figures.

mod node;
mod site;
mod verdict;

use std::time::Duration;

use kadode::ambient::Clock;
use kadode::database::Database;
use kadode::store::{EventLog, Position};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use self::node::Job;
use self::site::{Kill, Site};
use self::verdict::Chain;
use crate::support::setting;

/// How many events there are in the end, unless `KADODE_TEST_LOG_EVENTS` says otherwise.
const EVENTS: usize = 50_000;

/// How many kills there are, unless `KADODE_TEST_KILLS` says otherwise.
const KILLS: usize = 10;

/// So many further events show that the nodes go on after a kill.
const ENOUGH_TO_GO_ON: usize = 100;

/// Longer than it may take until the next event, whatever was killed.
const FAR_TOO_LONG: Duration = Duration::from_mins(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_doubled_skipped_or_reordered_whatever_is_killed() {
    // Its own program is also that of the nodes.
    if let Some(job) = Job::given() {
        return node::work(job).await;
    }
    let events = setting("KADODE_TEST_LOG_EVENTS").unwrap_or(EVENTS);
    let kills = setting("KADODE_TEST_KILLS").unwrap_or(KILLS);
    let lot = setting("KADODE_TEST_SEED")
        .unwrap_or_else(|| StdRng::from_os_rng().random_range(0..1_000_000));
    println!("KADODE_TEST_SEED={lot} draws the same kills again");
    let mut random = StdRng::seed_from_u64(lot.try_into().unwrap());
    let mut site = Site::build(events).await;
    let began = Instant::now();
    let mut follower = Follower::start(&site.proxy.url(&site.places.owner)).await;
    let (mut to_come, mut longest) = (Vec::new(), Duration::ZERO);
    for kill in 0..kills {
        if to_come.is_empty() {
            to_come = Kill::KINDS.to_vec();
            to_come.shuffle(&mut random);
        }
        let stretch = events / (kills + 1);
        let moment = stretch * (kill + 1) + random.random_range(0..stretch.min(500));
        follower.reaches(moment).await;
        let kill = to_come.pop().unwrap();
        let hit = Instant::now();
        site.suffer(kill, &mut random).await;
        follower.reaches(moment + ENOUGH_TO_GO_ON).await;
        println!(
            "{kill:?} at {moment} events; on again after {:.1} s",
            hit.elapsed().as_secs_f64()
        );
        longest = longest.max(hit.elapsed());
    }
    follower.reaches(events).await;
    let took = began.elapsed();
    site.end().await;
    let seen = follower.finish(&site).await;
    let figures = verdict::expect_kept(&site, &seen).await;
    verdict::expect_rebuilt(&site).await;
    println!(
        "| {kills} kills of nodes, server and connections on PostgreSQL, fsync on | {figures}; {:.0} s, the longest pause {:.1} s | \
         none lost, doubled, skipped or reordered; read models equal their rebuild | holds |",
        took.as_secs_f64(),
        longest.as_secs_f64()
    );
}

/// A reader of the log that meets the same troubles as the nodes, and never looks back.
struct Follower {
    seen: watch::Receiver<Position>,
    end: watch::Sender<Position>,
    following: JoinHandle<Chain>,
}

impl Follower {
    async fn start(url: &str) -> Self {
        let database = Database::open(url).await.unwrap();
        let log = EventLog::open(database, Clock::machine()).await.unwrap();
        let (tells, seen) = watch::channel(0);
        let (end, ends) = watch::channel(Position::MAX);
        let following = tokio::spawn(async move {
            let mut chain = Chain::default();
            while chain.length < *ends.borrow() {
                match log.read_after(chain.length, 1000).await {
                    Ok(batch) if batch.is_empty() => {
                        // Also for the end, which may be here.
                        let _ = timeout(Duration::from_secs(1), log.changed(chain.length)).await;
                    }
                    Ok(batch) => {
                        for event in &batch {
                            chain.add(event);
                        }
                        tells.send_replace(chain.length);
                    }
                    // As every reader of ours does.
                    Err(_) => sleep(Duration::from_millis(100)).await,
                }
            }
            chain
        });
        Self {
            seen,
            end,
            following,
        }
    }

    /// Waits until it has seen so many events.
    async fn reaches(&mut self, length: usize) {
        let length = Position::try_from(length).unwrap();
        while *self.seen.borrow_and_update() < length {
            let more = timeout(FAR_TOO_LONG, self.seen.changed()).await;
            assert!(matches!(more, Ok(Ok(()))), "nothing comes any more");
        }
    }

    /// Everything it saw, once that is all there is.
    async fn finish(self, site: &Site) -> Chain {
        let head = site.open_log().await.committed_head().await.unwrap();
        self.end.send_replace(head);
        timeout(FAR_TOO_LONG, self.following)
            .await
            .unwrap()
            .unwrap()
    }
}
