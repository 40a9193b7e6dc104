//! What any event log has to hold, over whatever store it is given: run by the tests on all stores, and by `kadode-contract` on an
//! operator's own cluster.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use cqrs_es::persist::{PersistedEventRepository, PersistenceError, SerializedEvent};
use jiff::{SignedDuration, Timestamp};
use kadode::ambient::Clock;
use kadode::domain::attempts::Attempts;
use kadode::store::{EventLog, Position, Recorded};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

/// The moment at which the clocks stand.
const START: &str = "2026-04-10T00:00:00Z";

/// A place that can hold one log.
pub trait Place: Send + Sync + 'static {
    /// An empty one.
    async fn new() -> Self;

    /// The log in it, as one more program opens it.
    async fn open(&self, clock: &Clock) -> EventLog;

    /// Whether events have the time of the clock that the log was opened with.
    fn stamps_by_our_clock(&self) -> bool {
        true
    }
}

/// Calls the macro named with what it is given, and the names of all cases.
macro_rules! with_all_cases {
    ($with:ident! $($given:tt)*) => {
        $with! { $($given)*
            events_come_back_as_they_were_appended,
            positions_count_from_one_without_a_gap,
            an_append_that_does_not_follow_its_stream_is_a_conflict_and_stores_nothing,
            of_appends_that_race_for_a_stream_one_is_taken,
            many_writers_on_many_streams_lose_nothing,
            many_writers_on_one_stream_lose_nothing,
            time_never_runs_back_along_positions,
            a_reader_that_resumes_anywhere_sees_each_event_once,
            a_reader_during_appends_sees_each_event_once,
            many_streams_asked_for_at_once_are_what_each_alone_is,
            of_a_stream_what_came_after_a_position_is_read_and_nothing_else,
            two_programs_on_one_log_interleave_without_a_gap,
            a_reader_is_woken_by_commits_of_its_own_program,
            a_reader_is_woken_by_commits_of_another_program,
            writers_and_readers_that_restart_in_the_middle_go_on_where_they_were,
            a_hundred_thousand_events_are_kept_and_read_in_their_order,
        }
    };
}
pub(crate) use with_all_cases;

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(10)
}

pub fn standing() -> Clock {
    Clock::standing_at(START.parse().unwrap())
}

pub fn event(stream: &str, sequence: usize, payload: Value) -> SerializedEvent {
    static COMMANDS: AtomicUsize = AtomicUsize::new(0);
    let command = COMMANDS.fetch_add(1, Ordering::Relaxed);
    SerializedEvent::new(
        stream.to_owned(),
        sequence,
        "attempts".to_owned(),
        "Noted".to_owned(),
        "1".to_owned(),
        payload,
        json!({"command_id": command.to_string()}),
    )
}

pub fn note(stream: &str, sequence: usize) -> SerializedEvent {
    event(stream, sequence, json!({"note": sequence}))
}

/// Appends and answers with the position; none for a conflict.
pub async fn append(log: &EventLog, events: &[SerializedEvent]) -> Option<Position> {
    match try_append(log, events).await {
        Ok(position) => Some(position),
        Err(PersistenceError::OptimisticLockError) => None,
        Err(error) => panic!("{error}"),
    }
}

pub async fn try_append(
    log: &EventLog,
    events: &[SerializedEvent],
) -> Result<Position, PersistenceError> {
    let repository = log.repository(soon());
    repository.persist::<Attempts>(events, None).await?;
    Ok(repository.committed().unwrap())
}

pub async fn all(log: &EventLog) -> Vec<Recorded> {
    log.read_after(0, i64::MAX).await.unwrap()
}

pub fn positions(events: &[Recorded]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

/// The first `count` events, read a few at a time while they come.
pub async fn follow(log: EventLog, count: usize) -> Vec<Recorded> {
    let mut seen = Vec::new();
    while seen.len() < count {
        let position = i64::try_from(seen.len()).unwrap();
        log.changed(position).await;
        seen.extend(log.read_after(position, 7).await.unwrap());
    }
    seen
}

/// Fails unless the log is numbered from 1 without a gap, and each stream as well.
pub fn expect_gapless(events: &[Recorded]) {
    let count = i64::try_from(events.len()).unwrap();
    assert_eq!(positions(events), (1..=count).collect::<Vec<_>>());
    let mut lengths = HashMap::new();
    for event in events {
        let length = lengths.entry(&event.stream_id).or_insert(0);
        *length += 1;
        assert_eq!(event.sequence, *length, "in stream {}", event.stream_id);
    }
}

pub async fn events_come_back_as_they_were_appended<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let payload = json!({
        "text": "見本 \"花子\" \\ \u{0} \u{1f338}", "number": i64::MAX, "nested": {"z": [1, null, true], "a": {}},
    });
    let appended = [event("a", 1, payload.clone()), note("a", 2)];
    append(&log, &appended).await;
    let stored = all(&log).await;
    assert_eq!(stored[0].payload, payload);
    if place.stamps_by_our_clock() {
        assert_eq!(stored[0].recorded_at, START.parse().unwrap());
    }
    let mut metadata = appended[0].metadata.clone();
    metadata["recorded_at"] = format!("{:.6}", stored[0].recorded_at).into();
    assert_eq!(stored[0].metadata, metadata);
    assert_eq!(
        (stored[0].stream_kind.as_str(), stored[0].stream_id.as_str()),
        ("attempts", "a")
    );
    assert_eq!(
        (
            stored[0].event_type.as_str(),
            stored[0].event_version.as_str()
        ),
        ("Noted", "1")
    );
    assert_eq!(stored[1].sequence, 2);
    assert_eq!(log.read_stream("attempts", "a").await.unwrap(), stored);
    let loaded = log
        .repository(soon())
        .get_events::<Attempts>("a")
        .await
        .unwrap();
    assert_eq!(loaded[0].payload, payload);
}

pub async fn positions_count_from_one_without_a_gap<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    assert_eq!(
        append(&log, &[note("a", 1), note("a", 2), note("a", 3)]).await,
        Some(3)
    );
    assert_eq!(append(&log, &[note("b", 1)]).await, Some(4));
    // What was refused takes no number.
    assert_eq!(append(&log, &[note("b", 1)]).await, None);
    assert_eq!(append(&log, &[note("a", 4)]).await, Some(5));
    assert_eq!(log.head(), 5);
    assert_eq!(log.committed_head().await.unwrap(), 5);
    expect_gapless(&all(&log).await);
}

pub async fn an_append_that_does_not_follow_its_stream_is_a_conflict_and_stores_nothing<
    P: Place,
>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    append(&log, &[note("a", 1)]).await.unwrap();
    for sequences in [&[1][..], &[3], &[1, 2], &[2, 2], &[2, 4], &[3, 2], &[0, 1]] {
        let events: Vec<_> = sequences.iter().map(|&n| note("a", n)).collect();
        assert_eq!(append(&log, &events).await, None, "{sequences:?}");
    }
    assert_eq!(all(&log).await.len(), 1);
    assert_eq!(append(&log, &[note("a", 2), note("a", 3)]).await, Some(3));
}

pub async fn of_appends_that_race_for_a_stream_one_is_taken<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut racing = JoinSet::new();
    for _ in 0..100 {
        let log = log.clone();
        racing.spawn(async move { append(&log, &[note("a", 1), note("a", 2)]).await });
    }
    let taken = racing.join_all().await.into_iter().flatten().count();
    assert_eq!(taken, 1);
    assert_eq!(all(&log).await.len(), 2);
}

pub async fn many_writers_on_many_streams_lose_nothing<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for writer in 0..64 {
        let log = log.clone();
        writers.spawn(async move {
            let stream = format!("s{writer}");
            let mut told = Vec::new();
            for sequence in 1..=50 {
                let position = append(&log, &[note(&stream, sequence)]).await.unwrap();
                told.push((position, stream.clone(), i64::try_from(sequence).unwrap()));
            }
            told
        });
    }
    let mut told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    told.sort();
    let stored = all(&log).await;
    expect_gapless(&stored);
    let stored: Vec<_> = stored
        .into_iter()
        .map(|event| (event.position, event.stream_id, event.sequence))
        .collect();
    assert_eq!(stored, told);
}

pub async fn many_writers_on_one_stream_lose_nothing<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for writer in 0..16 {
        let log = log.clone();
        writers.spawn(async move {
            let mut next = 1;
            let mut told = Vec::new();
            for number in 0..20 {
                let name = format!("{writer}/{number}");
                loop {
                    let mine = event("one", next, json!({"name": name}));
                    if let Some(position) = append(&log, &[mine]).await {
                        told.push((position, name));
                        next += 1;
                        break;
                    }
                    // There is no other stream, so the log is as long as this one.
                    next = usize::try_from(log.head()).unwrap() + 1;
                }
            }
            told
        });
    }
    let mut told: Vec<_> = writers.join_all().await.into_iter().flatten().collect();
    told.sort();
    let stored = all(&log).await;
    expect_gapless(&stored);
    let stored: Vec<_> = stored
        .iter()
        .map(|event| {
            let name = event.payload["name"].as_str().unwrap();
            (event.position, name.to_owned())
        })
        .collect();
    assert_eq!(stored, told);
}

pub async fn time_never_runs_back_along_positions<P: Place>() {
    let (place, clock) = (P::new().await, standing());
    let log = place.open(&clock).await;
    append(&log, &[note("a", 1)]).await;
    let start: Timestamp = START.parse().unwrap();
    clock.set_back(SignedDuration::from_hours(1));
    append(&log, &[note("a", 2)]).await;
    // Nor does another program's clock turn it back, by an hour or by days.
    for hours in [1, 100] {
        let behind = Clock::standing_at(start - SignedDuration::from_hours(hours));
        append(&place.open(&behind).await, &[note(&hours.to_string(), 1)]).await;
    }
    // Nor does it stand still.
    clock.advance(SignedDuration::from_secs(1));
    append(&log, &[note("a", 3)]).await;
    let times: Vec<_> = all(&log).await.iter().map(|it| it.recorded_at).collect();
    if !place.stamps_by_our_clock() {
        assert!(times.is_sorted(), "{times:?}");
        return;
    }
    assert_eq!(times[..4], [start; 4]);
    assert_eq!(times[4], start + SignedDuration::from_secs(1));
}

pub async fn a_reader_that_resumes_anywhere_sees_each_event_once<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    for sequence in 1..=20 {
        append(&log, &[note("a", sequence), note("a", sequence + 1)]).await;
        append(&log, &[note("b", sequence)]).await;
    }
    let stored = all(&log).await;
    for (from, position) in (0..=stored.len()).zip(0..) {
        for limit in [1, 3, 1000] {
            let read = log.read_after(position, limit).await.unwrap();
            let to = stored.len().min(from + usize::try_from(limit).unwrap());
            assert_eq!(read, stored[from..to], "{limit} after {from}");
        }
    }
}

pub async fn a_reader_during_appends_sees_each_event_once<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let reading = place.open(&standing()).await;
    let reader = tokio::spawn(follow(reading, 800));
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let log = log.clone();
        writers.spawn(async move {
            for sequence in 1..=100 {
                append(&log, &[note(&format!("s{writer}"), sequence)]).await;
            }
        });
    }
    writers.join_all().await;
    let seen = reader.await.unwrap();
    expect_gapless(&seen);
    assert_eq!(seen, all(&log).await);
}

pub async fn many_streams_asked_for_at_once_are_what_each_alone_is<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for number in 0..1_100 {
        let log = log.clone();
        writers.spawn(async move {
            let stream = format!("s{number}");
            append(&log, &[note(&stream, 1), note(&stream, 2)]).await;
        });
    }
    writers.join_all().await;
    let mut alone: HashMap<String, Vec<Recorded>> = HashMap::new();
    for event in all(&log).await {
        let stream = alone.entry(event.stream_id.clone()).or_default();
        stream.push(event);
    }
    // More than one statement has, one of them twice, and among them some who have nothing.
    let there = (50..1_100).chain([50]).map(|number| format!("s{number}"));
    let nobody = [String::new(), "s1100".to_owned(), "'; --".to_owned()];
    let asked: Vec<String> = there.chain(nobody.clone()).collect();
    alone.retain(|stream, _| asked.contains(stream));
    let mut together = log.read_streams("attempts", &asked).await.unwrap();
    together.retain(|_, events| !events.is_empty());
    assert_eq!(together, alone);
    let begun = log.begun("attempts", &asked).await.unwrap();
    assert_eq!(begun, alone.into_keys().collect());
    assert_eq!(log.begun("attempts", &[]).await.unwrap(), [].into());
    assert_eq!(log.begun("onboarding", &asked).await.unwrap(), [].into());
    let others = log.read_streams("onboarding", &asked).await.unwrap();
    assert!(others.into_values().all(|events| events.is_empty()));
}

pub async fn of_a_stream_what_came_after_a_position_is_read_and_nothing_else<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    for sequence in 1..=3 {
        append(&log, &[note("a", sequence)]).await.unwrap();
        append(&log, &[note("b", sequence)]).await.unwrap();
    }
    let stream = log.read_stream("attempts", "a").await.unwrap();
    let positions: Vec<_> = stream.iter().map(|event| event.position).collect();
    for (after, left) in [
        (0, 3),
        (positions[0], 2),
        (positions[1], 1),
        (positions[2], 0),
    ] {
        let later = log.read_stream_after("attempts", "a", after).await.unwrap();
        assert_eq!(later, stream[3 - left..]);
    }
    for nobody in ["c", ""] {
        let none = log.read_stream_after("attempts", nobody, 0).await.unwrap();
        assert_eq!(none, []);
    }
}

pub async fn two_programs_on_one_log_interleave_without_a_gap<P: Place>() {
    let place = P::new().await;
    let logs = [place.open(&standing()).await, place.open(&standing()).await];
    let mut writers = JoinSet::new();
    for writer in 0..8 {
        let log = logs[writer % 2].clone();
        writers.spawn(async move {
            for sequence in 1..=25 {
                append(&log, &[note(&format!("s{writer}"), sequence)])
                    .await
                    .unwrap();
            }
        });
    }
    writers.join_all().await;
    let stored = all(&logs[0]).await;
    assert_eq!(stored.len(), 200);
    expect_gapless(&stored);
    // A stream that the other program has lengthened meanwhile is a lost race here too.
    assert_eq!(append(&logs[0], &[note("s1", 25)]).await, None);
    assert_eq!(append(&logs[0], &[note("s1", 26)]).await, Some(201));
}

pub async fn a_reader_is_woken_by_commits_of_its_own_program<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut waiting = std::pin::pin!(log.changed(0));
    assert!(futures::poll!(&mut waiting).is_pending());
    append(&log, &[note("a", 1)]).await;
    waiting.await;
    // What is committed already is not waited for.
    log.changed(0).await;
}

pub async fn a_reader_is_woken_by_commits_of_another_program<P: Place>() {
    let place = P::new().await;
    let (log, other) = (place.open(&standing()).await, place.open(&standing()).await);
    let mut waiting = std::pin::pin!(log.changed(0));
    assert!(futures::poll!(&mut waiting).is_pending());
    append(&other, &[note("a", 1)]).await;
    waiting.await;
    assert_eq!(log.head(), 1);
}

pub async fn writers_and_readers_that_restart_in_the_middle_go_on_where_they_were<P: Place>() {
    let place = P::new().await;
    let mut seen: Vec<Recorded> = Vec::new();
    for run in 0..10 {
        let log = place.open(&standing()).await;
        append(&log, &[note("a", 2 * run + 1), note("a", 2 * run + 2)]).await;
        append(&log, &[note(&format!("s{run}"), 1)]).await;
        // A reader that stops in the middle of what there is.
        let position = i64::try_from(seen.len()).unwrap();
        seen.extend(log.read_after(position, 2).await.unwrap());
    }
    let log = place.open(&standing()).await;
    let position = i64::try_from(seen.len()).unwrap();
    seen.extend(log.read_after(position, 1000).await.unwrap());
    assert_eq!(seen.len(), 30);
    expect_gapless(&seen);
    assert_eq!(seen, all(&log).await);
}

pub async fn a_hundred_thousand_events_are_kept_and_read_in_their_order<P: Place>() {
    let place = P::new().await;
    let log = place.open(&standing()).await;
    let mut writers = JoinSet::new();
    for writer in 0..10 {
        let log = log.clone();
        writers.spawn(async move {
            for number in 0..100 {
                let stream = format!("s{writer}-{number}");
                let events: Vec<_> = (1..=100).map(|it| note(&stream, it)).collect();
                append(&log, &events).await.unwrap();
            }
        });
    }
    writers.join_all().await;
    let mut seen = Vec::new();
    loop {
        let position = i64::try_from(seen.len()).unwrap();
        let batch = log.read_after(position, 500).await.unwrap();
        if batch.is_empty() {
            break;
        }
        seen.extend(batch);
    }
    assert_eq!(seen.len(), 100_000);
    expect_gapless(&seen);
}
