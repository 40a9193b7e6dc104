//! Sweeps over many user IDs: who is slowed by them, and who is not.

use jiff::SignedDuration;
use secrecy::ExposeSecret;

use super::*;

const OFFICE: &str = "192.0.2.7";
const ELSEWHERE: &str = "198.51.100.7";

/// What a first failure begins where nothing is hot.
const NOTHING: Begun = Begun::Allowed {
    tries_left: 4,
    wait_ends: None,
};

async fn lanes(house: &House, user_id: &str, symbol: Option<&str>, address: &str) -> Lanes {
    let address = address.parse().unwrap();
    let waits = &house.vault.waits;
    waits.lanes(user_id, symbol, address, None).await.unwrap()
}

async fn begin(house: &House, lanes: &Lanes) -> Begun {
    let waits = &house.vault.waits;
    waits.begin_try(lanes, house.now()).await.unwrap()
}

async fn fail(house: &House, lanes: &Lanes) -> Begun {
    let begun = begin(house, lanes).await;
    house.vault.waits.failed(lanes, house.now()).await.unwrap();
    begun
}

/// What a first failure begins where a sweep is going on.
fn the_first_wait(house: &House) -> Begun {
    Begun::Allowed {
        tries_left: 0,
        wait_ends: Some(house.after(30)),
    }
}

/// Lets `count` different user IDs fail in one network, with no symbol.
async fn sweep(house: &House, count: u32) {
    for number in 0..count {
        let swept = lanes(house, &format!("swept{number}"), None, OFFICE).await;
        assert_eq!(fail(house, &swept).await, NOTHING, "number {number}");
    }
}

#[tokio::test]
async fn after_twenty_others_in_its_network_a_user_id_waits_from_its_first_failure_on() {
    let house = House::new().await;
    sweep(&house, 20).await;
    let next = lanes(&house, "next", None, OFFICE).await;
    let wait = the_first_wait(&house);
    assert_eq!(fail(&house, &next).await, wait);
    let until = house.after(30);
    assert_eq!(begin(&house, &next).await, Begun::Waiting { until });
}

#[tokio::test]
async fn wrong_formulas_close_the_formula_until_they_are_a_day_old_and_are_forgotten_then() {
    let sign_in = SignInLimits {
        wrong_formulas: Some(10),
        ..SignInLimits::default()
    };
    let house = House::with(Settings {
        sign_in,
        ..Settings::default()
    })
    .await;
    let waits = &house.vault.waits;
    let swept = lanes(&house, "swept", Some("1"), OFFICE).await;
    for number in 0..10 {
        let counts = waits.formula_counts(&swept, house.now()).await;
        assert!(counts.unwrap(), "number {number}");
        waits.formula_was_wrong(&swept, house.now()).await.unwrap();
    }
    let other = lanes(&house, "other", Some("2"), ELSEWHERE).await;
    assert!(!waits.formula_counts(&other, house.now()).await.unwrap());
    house.clock.advance(SignedDuration::from_hours(24));
    assert!(waits.formula_counts(&other, house.now()).await.unwrap());
    house.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(waits.forget(house.now()).await.unwrap(), 1);
}

#[tokio::test]
async fn a_user_id_s_own_failures_are_not_those_of_others() {
    let house = House::new().await;
    sweep(&house, 19).await;
    let own = lanes(&house, "own", None, OFFICE).await;
    fail(&house, &own).await;
    let second = Begun::Allowed {
        tries_left: 3,
        wait_ends: None,
    };
    assert_eq!(fail(&house, &own).await, second);
}

#[tokio::test]
async fn one_user_id_that_fails_again_and_again_is_one() {
    let house = House::new().await;
    for _ in 0..30 {
        fail(&house, &lanes(&house, "taro", None, OFFICE).await).await;
    }
    let next = lanes(&house, "next", None, OFFICE).await;
    assert_eq!(fail(&house, &next).await, NOTHING);
}

#[tokio::test]
async fn tries_that_have_not_failed_make_nothing_hot() {
    let house = House::new().await;
    for number in 0..30 {
        let in_flight = lanes(&house, &format!("colleague{number}"), None, OFFICE).await;
        assert_eq!(begin(&house, &in_flight).await, NOTHING);
    }
}

#[tokio::test]
async fn another_network_is_free_for_the_same_user_id() {
    let house = House::new().await;
    sweep(&house, 20).await;
    fail(&house, &lanes(&house, "hanako", None, OFFICE).await).await;
    let at_home = lanes(&house, "hanako", None, ELSEWHERE).await;
    assert_eq!(begin(&house, &at_home).await, NOTHING);
}

#[tokio::test]
async fn a_try_that_goes_well_leaves_no_wait_behind() {
    let house = House::new().await;
    sweep(&house, 20).await;
    let waits = &house.vault.waits;
    let proven = lanes(&house, "proven", None, OFFICE).await;
    begin(&house, &proven).await;
    waits.succeeded(&proven).await.unwrap();
    assert_eq!(waits.check(&proven, house.now()).await.unwrap(), None);
    let half_way = lanes(&house, "halfway", None, OFFICE).await;
    begin(&house, &half_way).await;
    waits.take_back(&half_way).await.unwrap();
    assert_eq!(waits.check(&half_way, house.now()).await.unwrap(), None);
}

#[tokio::test]
async fn after_ten_others_with_its_symbol_a_user_id_waits_wherever_they_failed() {
    let house = House::new().await;
    for number in 0..10 {
        let (user_id, address) = (format!("swept{number}"), format!("10.0.{number}.1"));
        let swept = lanes(&house, &user_id, Some("12"), &address).await;
        assert_eq!(fail(&house, &swept).await, NOTHING);
    }
    let wait = the_first_wait(&house);
    let same = lanes(&house, "same", Some(" １２"), ELSEWHERE).await;
    assert_eq!(fail(&house, &same).await, wait);
    let other = lanes(&house, "other", Some("13"), ELSEWHERE).await;
    assert_eq!(fail(&house, &other).await, NOTHING);
}

#[tokio::test]
async fn an_hour_after_the_failures_nothing_is_hot() {
    let house = House::new().await;
    sweep(&house, 20).await;
    house.clock.advance(SignedDuration::from_secs(3599));
    let wait = the_first_wait(&house);
    let late = lanes(&house, "late", None, OFFICE).await;
    assert_eq!(begin(&house, &late).await, wait);
    house.clock.advance(SignedDuration::from_secs(1));
    let later = lanes(&house, "later", None, OFFICE).await;
    assert_eq!(begin(&house, &later).await, NOTHING);
}

#[tokio::test]
async fn whoever_got_in_is_not_failing() {
    let house = House::new().await;
    sweep(&house, 20).await;
    let got_in = lanes(&house, "swept7", None, ELSEWHERE).await;
    house.vault.waits.succeeded(&got_in).await.unwrap();
    let next = lanes(&house, "next", None, OFFICE).await;
    assert_eq!(fail(&house, &next).await, NOTHING);
}

#[tokio::test]
async fn a_known_browser_is_neither_slowed_nor_counted() {
    let house = House::new().await;
    sweep(&house, 19).await;
    let address = OFFICE.parse().unwrap();
    let cookie = house
        .vault
        .devices
        .remember(None, "hanako", house.now())
        .await
        .unwrap();
    let own = house
        .vault
        .waits
        .lanes("hanako", None, address, Some(cookie.expose_secret()))
        .await
        .unwrap();
    assert_eq!(fail(&house, &own).await, NOTHING);
    // The twentieth: it would be the first to wait, had the known browser counted.
    let next = lanes(&house, "next", None, OFFICE).await;
    assert_eq!(fail(&house, &next).await, NOTHING);
    let slower = Begun::Allowed {
        tries_left: 3,
        wait_ends: None,
    };
    assert_eq!(fail(&house, &own).await, slower);
}

#[tokio::test]
async fn failures_are_forgotten_when_their_hour_is_over() {
    let house = House::new().await;
    sweep(&house, 3).await;
    let count = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM failing")
            .fetch_one(&house.main.read)
            .await
            .unwrap()
    };
    for (seconds, left) in [(3600, 3), (3601, 0)] {
        house
            .vault
            .waits
            .forget(house.after(seconds))
            .await
            .unwrap();
        assert_eq!(count().await, left, "after {seconds} seconds");
    }
}
