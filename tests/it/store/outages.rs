//! A PostgreSQL server that dies, and a log that moves to another one.

use std::process::Stdio;
use std::time::{Duration, Instant};

use cqrs_es::persist::PersistenceError;
use kadode::database::{self, Database};
use sqlx::{Connection, Executor, PgConnection};

use super::{Place, SqlPlace, all, append, expect_gapless, follow, note, standing, try_append};
use crate::support::app::eventually;
use crate::support::postgres::{OWNER, Places, QUICK, ROLE, Server, as_server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_goes_on_after_its_whole_server_was_killed_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start(QUICK).await;
    let places = Places::on(&server.url()).await;
    let log = places.open(&standing()).await;
    let reader = {
        let log = places.open(&standing()).await;
        tokio::spawn(async move {
            let mut seen = Vec::new();
            while seen.len() < 30 {
                let position = i64::try_from(seen.len()).unwrap();
                log.changed(position).await;
                // Away now is no reason to stop, as for every reader of ours.
                seen.extend(log.read_after(position, 7).await.unwrap_or_default());
            }
            seen
        })
    };
    for sequence in 1..=10 {
        append(&log, &[note("before", sequence)]).await.unwrap();
    }
    server.kill();
    let began = Instant::now();
    let lost = try_append(&log, &[note("during", 1)]).await;
    assert!(
        matches!(lost, Err(PersistenceError::ConnectionError(_))),
        "{lost:?}"
    );
    let took = began.elapsed();
    assert!(took < Duration::from_secs(10), "{took:?}");
    server.start_again().await;
    let next = eventually("an append that is taken", async || {
        try_append(&log, &[note("after", 1)]).await.ok()
    })
    .await;
    assert_eq!(next, 11);
    for sequence in 2..=20 {
        append(&log, &[note("after", sequence)]).await.unwrap();
    }
    let seen = reader.await.unwrap();
    expect_gapless(&seen);
    assert_eq!(seen, all(&log).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dump_restored_into_another_cluster_confuses_no_reader() {
    let places = Places::new().await;
    let log = places.open(&standing()).await;
    let writing = {
        let log = log.clone();
        tokio::spawn(async move {
            for sequence in 1.. {
                append(&log, &[note("a", sequence)]).await;
                append(&log, &[note(&format!("s{sequence}"), 1)]).await;
            }
        })
    };
    log.changed(100).await;
    // In the middle of the writing, as backups are.
    let folder = tempfile::tempdir().unwrap();
    let dump = as_server("pg_dump", "/".as_ref())
        .args(["--dbname", &places.owner])
        .output()
        .unwrap();
    assert!(dump.status.success(), "{dump:?}");
    let file = folder.path().join("dump.sql");
    std::fs::write(&file, &dump.stdout).unwrap();
    log.changed(log.committed_head().await.unwrap() + 100).await;
    writing.abort();
    let original = all(&log).await;

    let server = Server::start(QUICK).await;
    let other = format!("{}/restored", server.url());
    let mut connection = PgConnection::connect(&format!("{}/postgres", server.url()))
        .await
        .unwrap();
    for statement in [
        &*format!("CREATE ROLE {OWNER} LOGIN"),
        &*format!("CREATE ROLE {ROLE} LOGIN"),
        "CREATE DATABASE restored",
    ] {
        connection.execute(statement).await.unwrap();
    }
    let restored = as_server("psql", "/".as_ref())
        .args(["--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &other])
        .stdin(Stdio::from(std::fs::File::open(&file).unwrap()))
        .output()
        .unwrap();
    assert!(restored.status.success(), "{restored:?}");
    let places = Places {
        owner: other.clone(),
        main: other.replacen("postgres@", &format!("{ROLE}@"), 1),
        keys: String::new(),
    };
    let nodes = [
        places.open(&standing()).await,
        places.open(&standing()).await,
    ];
    let stored = all(&nodes[0]).await;
    assert!(stored.len() >= 100);
    assert_eq!(stored, original[..stored.len()]);
    // Readers go on from where they were, writers at the end, and both hear of each other.
    let head = stored.last().unwrap().position;
    assert_eq!(nodes[0].read_after(50, 10).await.unwrap(), original[50..60]);
    let reader = tokio::spawn(follow(nodes[1].clone(), stored.len() + 2));
    assert_eq!(
        append(&nodes[0], &[note("b", 1), note("b", 2)]).await,
        Some(head + 2)
    );
    expect_gapless(&reader.await.unwrap());
    // What kept the log from being changed came along.
    for statement in ["UPDATE events SET payload = '{}'", "TRUNCATE events"] {
        places.tamper(statement).await.unwrap_err();
    }
    let database = Database::open(&places.main).await.unwrap();
    assert!(database.is_up_to_date(&database::MAIN).await.unwrap());
}
