//! SIGTERM: an end in good order, whoever is connected.

use std::time::Duration;

use reqwest::StatusCode;

use super::house_with_member;
use crate::support::app::{INITIAL_PASSWORD, USER_ID};
use crate::support::program::Program;

/// Requests in flight have five seconds; the rest is for a slow machine.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_program_told_to_stop_ends_well_although_a_page_listens_to_it() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let client = program.client();
    client
        .sign_in(USER_ID, INITIAL_PASSWORD)
        .await
        .expect(StatusCode::CREATED);
    let events = client.http.get(format!("{}/events", program.url));
    let mut events = events.send().await.unwrap();
    assert_eq!(events.headers()["content-type"], "text/event-stream");
    assert!(events.chunk().await.unwrap().is_some());

    let (status, took) = program.stop().await;
    assert_eq!(status.code(), Some(0));
    assert!(took < SOON, "{took:?}");
}

#[tokio::test]
async fn what_was_only_counted_is_in_the_log_when_the_program_has_stopped() {
    let house = house_with_member();
    let program = Program::serve(&house).await;
    let client = program.client();
    for _ in 0..3 {
        client
            .sign_in("nobody", "nothing")
            .await
            .expect(StatusCode::UNAUTHORIZED);
    }
    program.stop().await;

    let society = house.society().await;
    let events = society.log.read_after(0, i64::MAX).await.unwrap();
    society.close().await;
    let tallies: Vec<_> = events
        .iter()
        .filter(|event| event.event_type == "AttemptsTallied")
        .map(|event| {
            (
                event.payload["kind"].clone(),
                event.payload["count"].clone(),
            )
        })
        .collect();
    assert_eq!(tallies, [("unknown-id".into(), 3.into())]);
}
