//! What is looked for is found by an index, whatever conditions meet, and just what matches is found.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::Row;
use uuid::Uuid;

use super::{ACTORS, Filter, KINDS, Mail, Outcome, Page};
use crate::database::{Database, MAIN, bind_all, fixed_width};
use crate::domain::ids::{MemberId, StaffId};
use crate::projections::history::search::search;
use crate::subscription::{Position, Recorded};

const COHORTS: [&str; 2] = ["joined-to-2024-12-01", "joined-from-2026-03-26"];

/// All filters that can be made of these eight.
fn filters() -> Vec<Filter> {
    (0..=255_u8)
        .map(|bits| {
            let set = |bit: u8| bits & (1 << bit) != 0;
            let some = |bit: u8, text: &str| set(bit).then(|| text.to_owned());
            Filter {
                member: set(0).then(|| MemberId(Uuid::from_u128(1))),
                event_type: some(1, "MailFailed"),
                mail: set(2).then_some(Mail::Failed),
                outcome: set(3).then_some(Outcome::Failed),
                cohort: some(4, COHORTS[0]),
                actor: some(5, "staff"),
                account: set(6).then(|| StaffId(Uuid::from_u128(2))),
                about: set(7).then(|| StaffId(Uuid::from_u128(8))),
            }
        })
        .collect()
}

const PAGES: [Page; 2] = [Page::Forward(0, 1000), Page::Backward(0, 1000)];

async fn database(folder: &tempfile::TempDir) -> Database {
    let url = format!("sqlite:{}", folder.path().join("a.sqlite").display());
    let database = Database::open(&url).await.unwrap();
    database.migrate(&MAIN).await.unwrap();
    database
}

/// How SQLite goes about it; nothing, where it is not asked.
async fn plan(database: &Database, filter: &Filter, page: Page) -> Vec<String> {
    let Some(statement) = filter.statement(page) else {
        return Vec::new();
    };
    let explained = format!("EXPLAIN QUERY PLAN {}", statement.sql);
    let query = sqlx::query(&explained).bind(0_i64).bind(9_i64).bind(9_i64);
    let query = bind_all(query, &statement.values);
    let plan = query.fetch_all(&database.read).await.unwrap();
    plan.iter().map(|row| row.get("detail")).collect()
}

#[tokio::test]
async fn no_search_reads_the_whole_table() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    for filter in filters() {
        for page in PAGES {
            let details = plan(&database, &filter, page).await;
            let of_history: Vec<&String> =
                details.iter().filter(|it| it.contains("history")).collect();
            let is_asked = filter.statement(page).is_some();
            assert_eq!(!of_history.is_empty(), is_asked, "{filter:?}");
            for detail in of_history {
                assert!(detail.starts_with("SEARCH history"), "{filter:?}: {detail}");
            }
        }
    }
}

#[tokio::test]
async fn types_that_seldom_meet_an_actor_or_a_cohort_are_found_in_an_index_of_both() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let of_type = Filter {
        event_type: Some("MailAccepted".to_owned()),
        ..Filter::default()
    };
    let with_actor = Filter {
        actor: Some("member".to_owned()),
        ..of_type.clone()
    };
    let with_cohort = Filter {
        cohort: Some(COHORTS[0].to_owned()),
        ..of_type.clone()
    };
    let of_staff = Filter {
        actor: Some("staff".to_owned()),
        cohort: Some(COHORTS[0].to_owned()),
        ..Filter::default()
    };
    let expected = [
        (of_staff, "history_by_type_and_cohort "),
        (of_type, "history_by_type_and_actor "),
        (with_actor, "history_by_type_and_actor "),
        (with_cohort, "history_by_type_and_cohort "),
    ];
    for (filter, index) in expected {
        let details = plan(&database, &filter, PAGES[1]).await.join("\n");
        let with_it = format!("SEARCH history USING COVERING INDEX {index}");
        assert!(details.contains(&with_it), "{index}: {details}");
        assert!(!details.contains("SEARCH history USING INDEX"), "{details}");
    }
}

#[test]
fn what_no_type_can_be_is_answered_without_a_database() {
    let of_both = Filter {
        event_type: Some("MemberEnrolled".to_owned()),
        outcome: Some(Outcome::Failed),
        ..Filter::default()
    };
    let of_two_types = Filter {
        event_type: Some("MailAccepted".to_owned()),
        mail: Some(Mail::Failed),
        ..Filter::default()
    };
    for filter in [of_both, of_two_types] {
        assert!(filter.statement(PAGES[0]).is_none());
    }
}

#[test]
fn a_state_of_a_mail_is_a_type_of_event() {
    for mail in Mail::ALL {
        assert!(KINDS.iter().any(|(name, _)| *name == mail.event_type()));
    }
}

/// An event, with the cohort that the history tells of it: every condition meets every other, but a mail and a member, and what happens to
/// accounts and what is of members.
fn events() -> Vec<(Recorded, Option<String>)> {
    let types = ["MailFailed", "OtpRejected", "MemberEnrolled"];
    let mut events = Vec::new();
    for number in 0..120_usize {
        let event_type = types[number % 3];
        let member = Uuid::from_u128(1 + (number as u128 / 3) % 4);
        let actor = if event_type == "MailFailed" {
            "system"
        } else {
            ACTORS[(number / 12) % 3]
        };
        let account = Uuid::from_u128(2 + (number as u128 / 36) % 2);
        events.push((
            Recorded {
                position: Position::try_from(number).unwrap() + 1,
                stream_kind: "onboarding".to_owned(),
                stream_id: member.to_string(),
                sequence: 1,
                event_type: event_type.to_owned(),
                event_version: "1".to_owned(),
                payload: json!({}),
                metadata: json!({"actor": actor, "actor_id": account.to_string()}),
                recorded_at: "2026-04-10T00:00:00Z".parse().unwrap(),
            },
            (number % 5 != 0).then(|| COHORTS[number % 2].to_owned()),
        ));
    }
    for number in 0..24_usize {
        let (mut event, _) = events[number * 3].clone();
        event.position += 120;
        event.stream_kind = "staff".to_owned();
        event.stream_id = Uuid::from_u128(8 + (number as u128) % 2).to_string();
        event.event_type = ["StaffRoleChanged", "StaffSignInRejected"][number / 2 % 2].to_owned();
        event.metadata["actor"] = ACTORS[1 + number / 4 % 2].into();
        events.push((event, None));
    }
    events
}

#[tokio::test]
async fn every_filter_finds_what_matches_and_nothing_else_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let database = database(&folder).await;
    let events = events();
    for (event, cohort) in &events {
        let insert = "INSERT INTO history (position, recorded_at, event_type, event_version, stream_kind, stream_id, sequence, cohort, \
            member_id, actor, actor_id, outcome, payload, metadata, counts) \
            VALUES ($1, $2, $3, '1', $4, $5, 1, $6, $7, $8, $9, $10, '{}', $11, '[]')";
        sqlx::query(insert)
            .bind(event.position)
            .bind(fixed_width(event.recorded_at))
            .bind(event.event_type.clone())
            .bind(event.stream_kind.clone())
            .bind(event.stream_id.clone())
            .bind(cohort.clone())
            .bind(super::subject(event).map(|member| member.to_string()))
            .bind(super::actor_of(event).to_owned())
            .bind(super::account_of(event).map(str::to_owned))
            .bind(super::outcome_of(&event.event_type).name())
            .bind(event.metadata.to_string())
            .execute(&database.write)
            .await
            .unwrap();
    }
    let mut sizes = BTreeSet::new();
    for filter in filters() {
        let expected: Vec<Position> = events
            .iter()
            .filter(|(event, cohort)| {
                let in_cohort = filter.cohort.is_none() || filter.cohort == *cohort;
                in_cohort && filter.admits(event)
            })
            .map(|(event, _)| event.position)
            .collect();
        sizes.insert(expected.len());
        for page in PAGES {
            let found = search(&database.read, &filter, page, 1000).await.unwrap();
            let mut found: Vec<Position> = found.iter().map(|it| it.recorded.position).collect();
            if matches!(page, Page::Backward(..)) {
                found.reverse();
            }
            assert_eq!(found, expected, "{filter:?}");
        }
        let some = search(&database.read, &filter, Page::Forward(30, 90), 2)
            .await
            .unwrap();
        let some: Vec<Position> = some.iter().map(|it| it.recorded.position).collect();
        let between = expected.iter().filter(|it| (31..=90).contains(*it));
        let first: Vec<Position> = between.take(2).copied().collect();
        assert_eq!(some, first, "{filter:?}");
    }
    assert!(sizes.len() > 5, "the events tell filters apart: {sizes:?}");
}
