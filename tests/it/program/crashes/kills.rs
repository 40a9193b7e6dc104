//! `kill -9` in a loop under load, at moments drawn by lot.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use sqlx::ConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;

use super::figures::{conclude, expect_no_panic, unanswered};
use super::load::{Journal, Load, MAIL_PASSWORD, grown, serve};
use super::log::STEPS;
use super::seen::Seen;
use crate::import::house::House;
use crate::support::setting;
use crate::support::smtp::SmtpServer;

/// How often the program is killed, unless `KADODE_TEST_KILLS` says otherwise.
const KILLS: usize = 10;

/// How many more there may be, until one of them came between a commit and its answer.
const MORE_KILLS: usize = 10;

/// Members for each kill, so that the load outlasts the last one.
const MEMBERS_A_KILL: usize = 3;

/// A moment to kill the program, drawn by lot; at each, other requests are in whatever state they are.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// Right after so many further answers.
    Answers(usize),
    /// Right after so many further changes of the write-ahead log: while a commit is being written, or between it and what
    /// follows from it.
    Writes(usize),
    /// Right after a step was stored: mostly before it is answered.
    Step,
    /// Right after the mail server has taken so many further mails, which are not on record yet.
    Mails(usize),
}

impl Moment {
    fn draw(random: &mut StdRng) -> Self {
        match random.random_range(0..5) {
            0 => Self::Answers(random.random_range(1..=60)),
            1 => Self::Mails(random.random_range(1..=3)),
            2 => Self::Step,
            _ => Self::Writes(random.random_range(1..=60)),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_that_is_killed_again_and_again_under_load_loses_and_doubles_nothing() {
    let kills = setting("KADODE_TEST_KILLS").unwrap_or(KILLS);
    let lot = setting("KADODE_TEST_SEED")
        .unwrap_or_else(|| StdRng::from_os_rng().random_range(0..1_000_000));
    println!("KADODE_TEST_SEED={lot} draws the same moments again");
    let mut random = StdRng::seed_from_u64(lot.try_into().unwrap());
    let house = House::new();
    let paper = Load::import(&house, kills * MEMBERS_A_KILL + 10);
    let mails = Arc::new(SmtpServer::start_for_any_user(MAIL_PASSWORD).await);
    let mut program = serve(&house, &mails, 0, &[]).await;
    let mut load = Load::begin(paper, &program, mails.clone(), random.random());
    let mut seen = Seen::default();
    let mut run = 0;
    while run < kills || unanswered(&house, &load, &seen).await == 0 {
        run += 1;
        assert!(run <= kills + MORE_KILLS, "no step is left unanswered");
        let moment = if run > kills {
            Moment::Step
        } else {
            Moment::draw(&mut random)
        };
        load.until(reached(moment, &house, &load.journal.clone(), &mails))
            .await;
        expect_no_panic(&program);
        seen.kill(program, &house, None).await;
        program = serve(&house, &mails, run, &[]).await;
        load.moved_to(&program);
    }
    let what = format!("{run} kills");
    let unanswered = conclude(&what, &house, load, program, seen).await;
    assert!(unanswered > 0, "no step was left unanswered");
}

async fn reached(moment: Moment, house: &House, journal: &Journal, mails: &SmtpServer) {
    match moment {
        Moment::Answers(count) => grown(&journal.answered, count).await,
        Moment::Mails(count) => {
            let enough = mails.received().len() + count;
            mails.wait_for(enough).await;
        }
        Moment::Step => stored_step(house).await,
        Moment::Writes(count) => {
            let path = house.path("kadode.sqlite-wal");
            let state = || -> Option<(u64, SystemTime)> {
                let file = path.metadata().ok()?;
                Some((file.len(), file.modified().ok()?))
            };
            let mut last = state();
            for _ in 0..count {
                while state() == last {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                last = state();
            }
        }
    }
}

/// Waits until one more step is stored.
async fn stored_step(house: &House) {
    // It only reads: as the last to leave, another connection would write to the file that a kill left.
    let database = SqliteConnectOptions::new()
        .filename(house.path("kadode.sqlite"))
        .read_only(true);
    let mut database = database.connect().await.unwrap();
    let head: i64 = sqlx::query_scalar("SELECT MAX(position) FROM events")
        .fetch_one(&mut database)
        .await
        .unwrap();
    loop {
        let new: Vec<String> =
            sqlx::query_scalar("SELECT event_type FROM events WHERE position > $1")
                .bind(head)
                .fetch_all(&mut database)
                .await
                .unwrap();
        if new.iter().any(|event| STEPS.contains(&event.as_str())) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
