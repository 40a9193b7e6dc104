//! A disk that fills up while members act, and has room again.

use std::fs::File;
use std::io::{ErrorKind, Write};
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::figures::{conclude, not_tried};
use super::load::{Load, MAIL_PASSWORD, grown, serve};
use super::seen::Seen;
use crate::import::house::House;
use crate::support::smtp::SmtpServer;

const WHAT: &str = "full disk, twice";

const MEMBERS: usize = 16;

/// Fills the rest of the disk with a file, and answers with its path.
fn fill(house: &House) -> PathBuf {
    let path = house.path("ballast");
    let mut file = File::create(&path).unwrap();
    // The last pages are got by small pieces alone.
    for piece in [vec![0; 65536], vec![0; 512]] {
        loop {
            match file.write_all(&piece) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::StorageFull => break,
                Err(error) => panic!("{error}"),
            }
        }
    }
    path
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_refuses_loses_nothing_and_is_forgotten_when_there_is_room() {
    let Some(house) = House::on_a_disk_of(8) else {
        not_tried(WHAT, "no tmpfs can be mounted here");
        return;
    };
    let paper = Load::import(&house, MEMBERS);
    let mails = Arc::new(SmtpServer::start_for_any_user(MAIL_PASSWORD).await);
    let program = serve(&house, &mails, 0, &[]).await;
    let mut load = Load::begin(paper, &program, mails, 1);
    let journal = load.journal.clone();
    load.until(grown(&journal.answered, 30)).await;
    for _ in 0..2 {
        let ballast = fill(&house);
        load.until(grown(&journal.refused, 8)).await;
        let said = program.said();
        assert!(said.contains("database or disk is full"), "{said}");
        // That is the reason, and not what the driver makes of it.
        assert!(!said.contains("transaction depth"), "{said}");
        // What only reads goes on.
        let ready = reqwest::get(format!("{}/readyz", program.url)).await;
        let ready: Value = ready.unwrap().json().await.unwrap();
        assert_eq!(ready["ready"], true);
        std::fs::remove_file(ballast).unwrap();
        load.until(grown(&journal.answered, 30)).await;
    }
    conclude(WHAT, &house, load, program, Seen::default()).await;
}
