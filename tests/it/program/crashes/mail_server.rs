//! A mail server that refuses, goes, hangs and comes back while members act.

use std::collections::HashSet;
use std::sync::Arc;

use kadode::mail::CONNECTIONS;
use serde_json::Value;

use super::figures::conclude;
use super::load::{Load, MAIL_PASSWORD, grown, serve};
use super::mails::id_of;
use super::seen::{RECORDED, Seen};
use crate::import::house::House;
use crate::support::app::eventually;
use crate::support::program::Program;
use crate::support::smtp::{Answer, SmtpServer};

const MEMBERS: usize = 16;

/// Waits until the program has told so often of a mail that did not leave, and how.
async fn told(program: &Program, how: &str, times: usize) {
    let how = format!("mail refused for now: {how}");
    eventually("mails that do not leave", || {
        let told = program.said().matches(&how).count();
        std::future::ready((told >= times).then_some(()))
    })
    .await;
}

/// Waits until all that the server took is on record: a server that goes in that instant is sent the mail again, as is right.
async fn on_record(house: &House, mails: &SmtpServer) {
    eventually("the record of all mails", async || {
        let society = house.society().await;
        let recorded = sqlx::query_scalar(RECORDED).fetch_all(&society.database.read);
        let recorded: HashSet<String> = recorded.await.unwrap().into_iter().collect();
        society.close().await;
        let received = mails.received();
        let mut ids = received.iter().map(|mail| id_of(mail).to_string());
        ids.all(|id| recorded.contains(&id)).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_server_that_refuses_goes_hangs_and_comes_back_gets_each_mail_once() {
    let house = House::new();
    let paper = Load::import(&house, MEMBERS);
    let mails = Arc::new(SmtpServer::start_for_any_user(MAIL_PASSWORD).await);
    let program = serve(&house, &mails, 0, &[]).await;
    let mut load = Load::begin(paper, &program, mails.clone(), 1);
    let journal = load.journal.clone();
    load.until(grown(&journal.answered, 30)).await;

    mails.answer(Answer::Refuse(451, "later"));
    load.until(told(&program, "Reply, code 451", 4)).await;
    load.until(Box::pin(on_record(&house, &mails))).await;
    mails.stop().await;
    load.until(told(&program, "Connection", 4)).await;

    mails.be_silent(true);
    mails.answer(Answer::Accept);
    let all_hang = mails.connections() + CONNECTIONS;
    mails.come_back().await;
    load.until(mails.wait_for_connections(all_hang)).await;
    // What needs no mail goes on.
    let ready = reqwest::get(format!("{}/readyz", program.url)).await;
    let ready: Value = ready.unwrap().json().await.unwrap();
    assert_eq!(ready["ready"], true);
    mails.be_silent(false);
    let what = "mail server refuses, goes, hangs";
    conclude(what, &house, load, program, Seen::default()).await;
}
