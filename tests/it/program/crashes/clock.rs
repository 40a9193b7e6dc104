//! The machine's clock is set back an hour while members act, and is still so at the next start.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::figures::conclude;
use super::load::{Load, MAIL_PASSWORD, grown, serve};
use super::seen::Seen;
use crate::import::house::House;
use crate::support::smtp::SmtpServer;

const MEMBERS: usize = 16;

/// Far less than the clock is set back.
const SOON: Duration = Duration::from_mins(2);

/// The library that shows a program another time.
fn faketime() -> PathBuf {
    let mut places = std::fs::read_dir("/usr/lib").unwrap();
    let library = places.find_map(|place| {
        let library = place.unwrap().path().join("faketime/libfaketime.so.1");
        library.exists().then_some(library)
    });
    library.unwrap_or_else(|| panic!("there is no libfaketime: scripts/test installs it"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_an_hour_keeps_nobody_and_no_mail() {
    let house = House::new();
    let paper = Load::import(&house, MEMBERS);
    let mails = Arc::new(SmtpServer::start_for_any_user(MAIL_PASSWORD).await);
    let library = faketime();
    let offset = house.file("offset", b"+0");
    let settings = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
    ];
    let mut program = serve(&house, &mails, 0, &settings).await;
    let mut load = Load::begin(paper, &program, mails.clone(), 1);
    let journal = load.journal.clone();
    let mut seen = Seen::default();
    load.until(grown(&journal.answered, 30)).await;

    house.file("offset", b"-1h");
    load.until(grown(&journal.answered, 60)).await;
    let told = "the machine's clock is behind the log's last event";
    let said = program.said();
    assert_eq!(said.matches(told).count(), 1, "{said}");

    seen.kill(program, &house, None).await;
    program = serve(&house, &mails, 1, &settings).await;
    load.moved_to(&program);
    tokio::time::timeout(SOON, load.finish()).await.unwrap();
    let said = program.said();
    assert_eq!(said.matches(told).count(), 1, "{said}");
    conclude("clock set back an hour", &house, load, program, seen).await;
}
