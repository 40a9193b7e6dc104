//! Waiting times: when they begin, for whom they count, and that no crowd slips through.

use std::net::IpAddr;
use std::sync::Arc;

use secrecy::ExposeSecret;

use super::*;

const HOME: &str = "192.0.2.7";

async fn lanes(house: &House, user_id: &str, address: &str) -> Lanes {
    house
        .vault
        .waits
        .lanes(user_id, None, address.parse::<IpAddr>().unwrap(), None)
        .await
        .unwrap()
}

async fn fail(house: &House, lanes: &Lanes) -> Begun {
    house
        .vault
        .waits
        .begin_try(lanes, house.now())
        .await
        .unwrap()
}

async fn fail_times(house: &House, lanes: &Lanes, times: u32) {
    for _ in 0..times {
        assert!(matches!(fail(house, lanes).await, Begun::Allowed { .. }));
    }
}

#[tokio::test]
async fn five_failures_begin_a_wait_of_thirty_seconds() {
    let house = House::new().await;
    let lanes = lanes(&house, "nobody", HOME).await;
    for tries_left in [4, 3, 2, 1] {
        assert_eq!(
            fail(&house, &lanes).await,
            Begun::Allowed {
                tries_left,
                wait_ends: None
            }
        );
    }
    assert_eq!(
        house.vault.waits.check(&lanes, house.now()).await.unwrap(),
        None
    );
    let until = house.after(30);
    assert_eq!(
        fail(&house, &lanes).await,
        Begun::Allowed {
            tries_left: 0,
            wait_ends: Some(until)
        }
    );
    assert_eq!(fail(&house, &lanes).await, Begun::Waiting { until });
    assert_eq!(
        house.vault.waits.check(&lanes, house.now()).await.unwrap(),
        Some(until)
    );
}

#[tokio::test]
async fn waits_double_to_an_hour_and_count_no_try_while_they_run() {
    let house = House::new().await;
    let lanes = lanes(&house, "nobody", HOME).await;
    fail_times(&house, &lanes, 4).await;
    for seconds in [30, 60, 120, 240, 480, 960, 1920, 3600, 3600] {
        let until = house.after(seconds);
        assert_eq!(
            fail(&house, &lanes).await,
            Begun::Allowed {
                tries_left: 0,
                wait_ends: Some(until)
            }
        );
        house.clock.advance(SignedDuration::from_secs(seconds - 1));
        assert_eq!(fail(&house, &lanes).await, Begun::Waiting { until });
        house.clock.advance(SignedDuration::from_secs(1));
    }
}

#[tokio::test]
async fn only_a_success_resets() {
    let house = House::new().await;
    let lanes = lanes(&house, "hanako", HOME).await;
    fail_times(&house, &lanes, 4).await;
    house.clock.advance(SignedDuration::from_hours(24 * 30));
    assert!(matches!(
        fail(&house, &lanes).await,
        Begun::Allowed { tries_left: 0, .. }
    ));
    house.vault.waits.succeeded(&lanes).await.unwrap();
    assert_eq!(
        fail(&house, &lanes).await,
        Begun::Allowed {
            tries_left: 4,
            wait_ends: None
        }
    );
}

#[tokio::test]
async fn a_try_taken_back_leaves_earlier_failures_counted() {
    let house = House::new().await;
    let lanes = lanes(&house, "hanako", HOME).await;
    fail_times(&house, &lanes, 3).await;
    fail_times(&house, &lanes, 1).await;
    house.vault.waits.take_back(&lanes).await.unwrap();
    assert_eq!(
        fail(&house, &lanes).await,
        Begun::Allowed {
            tries_left: 1,
            wait_ends: None
        }
    );
}

#[tokio::test]
async fn a_try_taken_back_takes_the_wait_that_it_began_with_it() {
    let house = House::new().await;
    let lanes = lanes(&house, "hanako", HOME).await;
    fail_times(&house, &lanes, 5).await;
    house.clock.advance(SignedDuration::from_secs(30));
    fail_times(&house, &lanes, 1).await;
    house.vault.waits.take_back(&lanes).await.unwrap();
    assert_eq!(
        house.vault.waits.check(&lanes, house.now()).await.unwrap(),
        None
    );
    let until = house.after(60);
    assert_eq!(
        fail(&house, &lanes).await,
        Begun::Allowed {
            tries_left: 0,
            wait_ends: Some(until)
        },
        "the next wait is the second one, not the first again"
    );
}

#[tokio::test]
async fn of_fifty_guesses_at_once_five_are_checked() {
    let house = Arc::new(House::new().await);
    let lanes = lanes(&house, "hanako", HOME).await;
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (house, lanes) = (Arc::clone(&house), lanes.clone());
            tokio::spawn(async move { fail(&house, &lanes).await })
        })
        .collect();
    let mut allowed = 0;
    for task in tasks {
        allowed += u32::from(matches!(task.await.unwrap(), Begun::Allowed { .. }));
    }
    assert_eq!(allowed, 5);
}

#[tokio::test]
async fn the_same_id_typed_otherwise_and_the_same_network_are_one_lane() {
    let house = House::new().await;
    fail_times(&house, &lanes(&house, "hanako", HOME).await, 5).await;
    for (typed, address) in [
        (" ＨＡＮＡＫＯ", HOME),
        ("hanako", "192.0.2.200"),
        ("hanako", "::ffff:192.0.2.9"),
    ] {
        let begun = fail(&house, &lanes(&house, typed, address).await).await;
        assert!(
            matches!(begun, Begun::Waiting { .. }),
            "{typed} from {address}"
        );
    }
    for (typed, address) in [
        ("taro", HOME),
        ("hanako", "192.0.3.7"),
        ("hanako", "2001:db8::1"),
    ] {
        let begun = fail(&house, &lanes(&house, typed, address).await).await;
        assert!(
            matches!(begun, Begun::Allowed { .. }),
            "{typed} from {address}"
        );
    }
}

#[tokio::test]
async fn one_customer_of_ipv6_is_one_network() {
    let house = House::new().await;
    let first = lanes(&house, "hanako", "2001:db8:1::1").await;
    assert_eq!(lanes(&house, "hanako", "2001:db8:1:ffff::2").await, first);
    assert_ne!(lanes(&house, "hanako", "2001:db8:2::1").await, first);
}

#[tokio::test]
async fn guesses_from_everywhere_are_held_at_the_higher_bound() {
    let house = House::new().await;
    for network in 0..49 {
        let begun = fail(
            &house,
            &lanes(&house, "hanako", &format!("10.0.{network}.1")).await,
        )
        .await;
        assert!(matches!(
            begun,
            Begun::Allowed {
                wait_ends: None,
                ..
            }
        ));
    }
    let begun = fail(&house, &lanes(&house, "hanako", "10.0.49.1").await).await;
    assert_eq!(
        begun,
        Begun::Allowed {
            tries_left: 0,
            wait_ends: Some(house.after(30))
        }
    );
    let elsewhere = lanes(&house, "hanako", "10.0.50.1").await;
    assert_eq!(
        fail(&house, &elsewhere).await,
        Begun::Waiting {
            until: house.after(30)
        }
    );
    // The refused try was counted nowhere.
    house.clock.advance(SignedDuration::from_secs(30));
    assert_eq!(
        fail(&house, &elsewhere).await,
        Begun::Allowed {
            tries_left: 0,
            wait_ends: Some(house.after(60))
        }
    );
}

#[tokio::test]
async fn strangers_guesses_do_not_keep_a_member_out_of_a_known_browser() {
    let house = House::new().await;
    let cookie = house
        .vault
        .devices
        .remember(None, "hanako", house.now())
        .await
        .unwrap();
    fail_times(&house, &lanes(&house, "hanako", HOME).await, 5).await;
    let address = HOME.parse().unwrap();
    let own = house
        .vault
        .waits
        .lanes("Hanako", None, address, Some(cookie.expose_secret()))
        .await
        .unwrap();
    assert_eq!(
        fail(&house, &own).await,
        Begun::Allowed {
            tries_left: 4,
            wait_ends: None
        }
    );
    // A success there gives the strangers no new tries.
    house.vault.waits.succeeded(&own).await.unwrap();
    let begun = fail(&house, &lanes(&house, "hanako", HOME).await).await;
    assert!(matches!(begun, Begun::Waiting { .. }));
}

#[tokio::test]
async fn a_cookie_opens_no_lane_for_another_id_nor_when_it_is_forged() {
    let house = House::new().await;
    let address = HOME.parse().unwrap();
    let cookie = house
        .vault
        .devices
        .remember(None, "hanako", house.now())
        .await
        .unwrap();
    let cookie = cookie.expose_secret();
    let stranger = house
        .vault
        .waits
        .lanes("taro", None, address, Some(cookie))
        .await
        .unwrap();
    assert_eq!(stranger, lanes(&house, "taro", HOME).await);
    let forged = format!("AAAA{}", &cookie[4..]);
    for forged in [forged.as_str(), "", ".", "x.y.z"] {
        let lane = house
            .vault
            .waits
            .lanes("hanako", None, address, Some(forged))
            .await
            .unwrap();
        assert_eq!(lane, lanes(&house, "hanako", HOME).await, "{forged}");
    }
}

#[tokio::test]
async fn a_family_browser_has_a_lane_for_each_of_its_members() {
    let house = House::new().await;
    let address = HOME.parse().unwrap();
    let cookie = house
        .vault
        .devices
        .remember(None, "hanako", house.now())
        .await
        .unwrap();
    let same = house
        .vault
        .devices
        .remember(Some(cookie.expose_secret()), "taro", house.now())
        .await
        .unwrap();
    assert_eq!(cookie.expose_secret(), same.expose_secret());
    let hanako = house
        .vault
        .waits
        .lanes("hanako", None, address, Some(same.expose_secret()))
        .await
        .unwrap();
    let taro = house
        .vault
        .waits
        .lanes("taro", None, address, Some(same.expose_secret()))
        .await
        .unwrap();
    fail_times(&house, &hanako, 5).await;
    assert_eq!(
        fail(&house, &taro).await,
        Begun::Allowed {
            tries_left: 4,
            wait_ends: None
        }
    );
}

#[tokio::test]
async fn fifty_failures_in_a_known_browser_need_support() {
    let house = House::new().await;
    let cookie = house
        .vault
        .devices
        .remember(None, "hanako", house.now())
        .await
        .unwrap();
    let own = house
        .vault
        .waits
        .lanes(
            "hanako",
            None,
            HOME.parse().unwrap(),
            Some(cookie.expose_secret()),
        )
        .await
        .unwrap();
    for _ in 0..50 {
        assert!(matches!(fail(&house, &own).await, Begun::Allowed { .. }));
        house.clock.advance(SignedDuration::from_hours(1));
    }
    assert_eq!(fail(&house, &own).await, Begun::NeedsSupport);
    house.clock.advance(SignedDuration::from_hours(1000));
    assert_eq!(fail(&house, &own).await, Begun::NeedsSupport);
}

#[tokio::test]
async fn a_lift_gives_as_many_tries_as_there_are_before_a_first_wait_and_no_more() {
    let house = House::new().await;
    let waits = &house.vault.waits;
    assert_eq!(waits.kept("hanako", house.now()).await.unwrap(), None);
    for network in 0..50 {
        let address = format!("10.0.{network}.1");
        fail(&house, &lanes(&house, "hanako", &address).await).await;
    }
    let kept = waits.kept("hanako", house.now()).await.unwrap();
    assert!(kept.is_some_and(|it| it.everywhere));
    waits.lift("Hanako").await.unwrap();
    assert_eq!(waits.kept("hanako", house.now()).await.unwrap(), None);
    for network in 50..54 {
        let address = format!("10.0.{network}.1");
        let begun = fail(&house, &lanes(&house, "hanako", &address).await).await;
        let wait_ends = None;
        assert!(matches!(begun, Begun::Allowed { wait_ends: ends, .. } if ends == wait_ends));
    }
    let fifth = fail(&house, &lanes(&house, "hanako", "10.0.54.1").await).await;
    assert_eq!(
        fifth,
        Begun::Allowed {
            tries_left: 0,
            wait_ends: Some(house.after(30))
        }
    );
}

#[tokio::test]
async fn a_browser_that_needs_support_can_be_helped_though_no_wait_runs() {
    let house = House::new().await;
    let devices = &house.vault.devices;
    let cookie = devices.remember(None, "hanako", house.now()).await.unwrap();
    let (address, waits) = (HOME.parse().unwrap(), &house.vault.waits);
    let own = waits.lanes("hanako", None, address, Some(cookie.expose_secret()));
    let own = own.await.unwrap();
    for _ in 0..50 {
        fail(&house, &own).await;
        house.clock.advance(SignedDuration::from_hours(1));
    }
    assert_eq!(fail(&house, &own).await, Begun::NeedsSupport);
    let kept = waits.kept("hanako", house.now()).await.unwrap();
    assert!(kept.is_some_and(|it| it.browser_closed && it.until.is_none()));
    waits.lift("hanako").await.unwrap();
    assert!(matches!(fail(&house, &own).await, Begun::Allowed { .. }));
}

/// A stranger who has failed in one network as often as closes a browser of the member's own closes nothing.
#[tokio::test]
async fn a_network_whose_waiting_time_is_over_keeps_nobody_however_many_failures_it_has() {
    let house = House::new().await;
    let waits = &house.vault.waits;
    let strangers = lanes(&house, "hanako", HOME).await;
    for _ in 0..60 {
        fail(&house, &strangers).await;
        house.clock.advance(SignedDuration::from_hours(1));
    }
    assert_eq!(waits.kept("hanako", house.now()).await.unwrap(), None);
}

#[tokio::test]
async fn what_nobody_tried_for_long_is_forgotten() {
    let house = House::new().await;
    let old = lanes(&house, "invented", HOME).await;
    fail_times(&house, &old, 5).await;
    house.clock.advance(SignedDuration::from_hours(24 * 31));
    let recent = lanes(&house, "hanako", HOME).await;
    fail_times(&house, &recent, 5).await;
    assert_eq!(house.vault.waits.forget(house.now()).await.unwrap(), 2);
    assert!(matches!(
        fail(&house, &old).await,
        Begun::Allowed { tries_left: 4, .. }
    ));
    assert!(matches!(fail(&house, &recent).await, Begun::Waiting { .. }));
}

#[tokio::test]
async fn failures_that_no_wait_followed_are_forgotten_after_a_day() {
    let house = House::new().await;
    let few = lanes(&house, "invented", HOME).await;
    fail_times(&house, &few, 4).await;
    let many = lanes(&house, "hanako", HOME).await;
    fail_times(&house, &many, 5).await;
    house.clock.advance(SignedDuration::from_hours(23));
    assert_eq!(house.vault.waits.forget(house.now()).await.unwrap(), 0);
    house.clock.advance(SignedDuration::from_hours(2));
    assert_eq!(house.vault.waits.forget(house.now()).await.unwrap(), 2);
    assert!(matches!(
        fail(&house, &few).await,
        Begun::Allowed { tries_left: 4, .. }
    ));
    assert!(matches!(
        fail(&house, &many).await,
        Begun::Allowed { tries_left: 0, .. }
    ));
}

#[tokio::test]
async fn more_lanes_than_one_portion_are_all_forgotten() {
    let house = House::new().await;
    sqlx::query(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500) \
         INSERT INTO waits (lane, failures, tried_at) SELECT i, 1, '2026-04-01T00:00:00.000000Z' FROM n",
    )
    .execute(&house.main.write)
    .await
    .unwrap();
    assert_eq!(house.vault.waits.forget(house.now()).await.unwrap(), 2500);
}

#[tokio::test]
async fn a_browser_is_known_as_long_as_it_keeps_its_cookie() {
    let house = House::new().await;
    let devices = &house.vault.devices;
    let first = house.now();
    for user_id in ["hanako", "taro"] {
        devices.remember(None, user_id, house.now()).await.unwrap();
        house.clock.advance(SignedDuration::from_secs(1));
    }
    let forgotten = devices.forget(first + DEVICE_AGE).await.unwrap();
    assert_eq!(forgotten, 0);
    let later = first + DEVICE_AGE + SignedDuration::from_millis(500);
    assert_eq!(devices.forget(later).await.unwrap(), 1);
}
