//! Sessions: their secret, their times, and races for them.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::*;
use crate::domain::ids::SessionId;
use crate::domain::onboarding::SessionKind;
use crate::domain::values::Language;

const BROWSER: &str = "Mozilla/5.0";

async fn open(house: &House, member: MemberId, kind: SessionKind, mark: i64) -> Option<Fresh> {
    let session = SessionId(house.entropy.id());
    let opening = Opening {
        session,
        member,
        kind,
        language: Language::Ja,
        browser: BROWSER,
        mark,
    };
    house
        .vault
        .sessions
        .open(&opening, Vec::new(), house.now())
        .await
        .unwrap()
}

async fn found(house: &House, fresh: &Fresh, after_seconds: i64) -> Found {
    let at = house.after(after_seconds);
    house
        .vault
        .sessions
        .find(fresh.secret.expose_secret(), BROWSER, at)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_session_is_found_by_its_secret_as_it_was_opened() {
    let house = House::new().await;
    let fresh = open(&house, house.member(), SessionKind::Onboarding, 7)
        .await
        .unwrap();
    assert_eq!(fresh.secret.expose_secret().len(), 43);
    assert_eq!(
        found(&house, &fresh, 0).await,
        Found::Current(fresh.session.clone())
    );
    assert_eq!(fresh.session.idle_until, house.after(20 * 60));
    assert_eq!(fresh.session.ends_at, house.after(60 * 60));
}

#[tokio::test]
async fn a_strangers_secret_finds_nothing() {
    let house = House::new().await;
    open(&house, house.member(), SessionKind::Full, 1)
        .await
        .unwrap();
    for secret in ["", "guess"] {
        assert_eq!(
            house
                .vault
                .sessions
                .find(secret, BROWSER, house.now())
                .await
                .unwrap(),
            Found::None
        );
    }
}

#[tokio::test]
async fn each_kind_rests_only_so_long() {
    let house = House::new().await;
    for (kind, minutes) in [
        (SessionKind::Onboarding, 20),
        (SessionKind::OtpPending, 15),
        (SessionKind::Full, 30),
    ] {
        let fresh = open(&house, house.member(), kind, 1).await.unwrap();
        assert!(
            matches!(
                found(&house, &fresh, minutes * 60 - 1).await,
                Found::Current(_)
            ),
            "{kind:?}"
        );
        assert!(
            matches!(found(&house, &fresh, minutes * 60).await, Found::Lapsed(_)),
            "{kind:?}"
        );
    }
}

#[tokio::test]
async fn a_session_in_use_lasts_until_its_end_and_no_longer() {
    let house = House::new().await;
    let fresh = open(&house, house.member(), SessionKind::Onboarding, 1)
        .await
        .unwrap();
    for minute in [15, 30, 45, 59] {
        let Found::Current(session) = found(&house, &fresh, minute * 60).await else {
            panic!("ended in minute {minute}")
        };
        house
            .vault
            .sessions
            .touch(session, house.after(minute * 60))
            .await
            .unwrap();
    }
    assert!(matches!(
        found(&house, &fresh, 60 * 60).await,
        Found::Lapsed(_)
    ));
}

#[tokio::test]
async fn use_is_noted_at_most_once_a_minute() {
    let house = House::new().await;
    let fresh = open(&house, house.member(), SessionKind::Full, 1)
        .await
        .unwrap();
    for (seconds, seen) in [(59, 0), (60, 60), (100, 60)] {
        house
            .vault
            .sessions
            .touch(fresh.session.clone(), house.after(seconds))
            .await
            .unwrap();
        let Found::Current(session) = found(&house, &fresh, seconds).await else {
            panic!("ended")
        };
        assert_eq!(session.last_seen, house.after(seen), "after {seconds} s");
    }
}

#[tokio::test]
async fn a_new_sign_in_ends_the_members_other_session() {
    let house = House::new().await;
    let member = house.member();
    let first = open(&house, member, SessionKind::Onboarding, 1)
        .await
        .unwrap();
    let stranger = open(&house, house.member(), SessionKind::Onboarding, 2)
        .await
        .unwrap();
    let second = open(&house, member, SessionKind::OtpPending, 3)
        .await
        .unwrap();
    assert_eq!(found(&house, &first, 0).await, Found::None);
    assert!(matches!(found(&house, &second, 0).await, Found::Current(_)));
    assert!(matches!(
        found(&house, &stranger, 0).await,
        Found::Current(_)
    ));
}

#[tokio::test]
async fn a_sign_in_that_was_overtaken_does_not_push_out_the_later_one() {
    let house = House::new().await;
    let member = house.member();
    let later = open(&house, member, SessionKind::Onboarding, 9)
        .await
        .unwrap();
    assert!(
        open(&house, member, SessionKind::Onboarding, 8)
            .await
            .is_none()
    );
    assert!(matches!(found(&house, &later, 0).await, Found::Current(_)));
}

#[tokio::test]
async fn a_rotated_out_secret_grants_nothing_and_is_known_for_thirty_seconds_in_its_browser() {
    let house = House::new().await;
    let old = open(&house, house.member(), SessionKind::OtpPending, 1)
        .await
        .unwrap();
    let new = house
        .vault
        .sessions
        .rotate(&old.session, SessionKind::Full, house.now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        found(&house, &new, 0).await,
        Found::Current(new.session.clone())
    );
    assert_eq!(new.session.id, old.session.id);
    assert_eq!(
        found(&house, &old, 30).await,
        Found::Rotated(new.session.clone())
    );
    assert_eq!(found(&house, &old, 31).await, Found::None);
    let elsewhere = house
        .vault
        .sessions
        .find(old.secret.expose_secret(), "curl", house.now())
        .await
        .unwrap();
    assert_eq!(elsewhere, Found::None);
}

#[tokio::test]
async fn a_new_kind_starts_its_time_anew_and_the_same_kind_does_not() {
    let house = House::new().await;
    let sessions = &house.vault.sessions;
    let fresh = open(&house, house.member(), SessionKind::Onboarding, 1)
        .await
        .unwrap();
    let at = house.after(600);
    let same = sessions
        .rotate(&fresh.session, SessionKind::Onboarding, at)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(same.session.ends_at, fresh.session.ends_at);
    let pending = open(&house, house.member(), SessionKind::OtpPending, 1)
        .await
        .unwrap();
    let full = sessions
        .rotate(&pending.session, SessionKind::Full, at)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(full.session.ends_at, at + SignedDuration::from_hours(12));
}

#[tokio::test]
async fn of_many_who_rotate_at_once_one_gets_the_session() {
    let house = Arc::new(House::new().await);
    let old = open(&house, house.member(), SessionKind::OtpPending, 1)
        .await
        .unwrap();
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (house, session) = (Arc::clone(&house), old.session.clone());
            tokio::spawn(async move {
                house
                    .vault
                    .sessions
                    .rotate(&session, SessionKind::Full, house.now())
                    .await
                    .unwrap()
            })
        })
        .collect();
    let mut winners = Vec::new();
    for task in tasks {
        winners.extend(task.await.unwrap());
    }
    assert_eq!(winners.len(), 1);
    assert!(matches!(
        found(&house, &winners[0], 0).await,
        Found::Current(_)
    ));
}

#[tokio::test]
async fn an_ended_session_is_found_by_no_secret() {
    let house = House::new().await;
    let old = open(&house, house.member(), SessionKind::OtpPending, 1)
        .await
        .unwrap();
    let new = house
        .vault
        .sessions
        .rotate(&old.session, SessionKind::Full, house.now())
        .await
        .unwrap()
        .unwrap();
    house.vault.sessions.end(new.session.id).await.unwrap();
    house.vault.sessions.end(new.session.id).await.unwrap();
    assert_eq!(found(&house, &new, 0).await, Found::None);
    assert_eq!(found(&house, &old, 0).await, Found::None);
    assert!(
        house
            .vault
            .sessions
            .rotate(&new.session, SessionKind::Full, house.now())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn a_members_lapsed_session_is_told_for_the_history() {
    let house = House::new().await;
    let member = house.member();
    let fresh = open(&house, member, SessionKind::Onboarding, 1)
        .await
        .unwrap();
    let sessions = &house.vault.sessions;
    assert_eq!(
        sessions
            .lapsed_session_of(member, house.now())
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        sessions
            .lapsed_session_of(member, house.after(1200))
            .await
            .unwrap(),
        Some(fresh.session.id)
    );
}

#[tokio::test]
async fn a_session_outlives_a_change_of_the_master_key() {
    let house = House::new().await;
    let fresh = open(&house, house.member(), SessionKind::Full, 1)
        .await
        .unwrap();
    let newer = house.with_a_newer_key().await;
    let found = newer
        .sessions
        .find(fresh.secret.expose_secret(), BROWSER, house.now())
        .await
        .unwrap();
    assert_eq!(found, Found::Current(fresh.session));
}
