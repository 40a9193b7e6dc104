//! Rotation of the master keys: when the new one is used, what is moved, and what goes on as before.

use super::*;

/// A key was added, and no program has been told to use it.
async fn added(house: &House) -> Vault {
    house.vault.rotation.hold_present().await.unwrap();
    house.with_an_added_key().await
}

/// The new key is the present one; nothing is wrapped anew yet.
async fn changed(house: &House) -> Vault {
    let vault = added(house).await;
    vault.rotation.demand_newest().await.unwrap();
    vault.rotation.make_present().await.unwrap();
    vault
}

async fn rewrap(vault: &Vault) -> Rewrapped {
    vault.rotation.rewrap(|_| ()).await.unwrap()
}

async fn all_rewrapped(vault: &Vault, number: u64) {
    let counts = vault.rotation.counts().await.unwrap();
    assert_eq!((counts.under_the_present, counts.under_others), (number, 0));
}

/// A second member, who differs from the first in everything that must be unique.
fn taro() -> Profile {
    Profile {
        user_id: "kadode02".to_owned(),
        number: "22222".to_owned(),
        ..hanako()
    }
}

#[tokio::test]
async fn an_added_key_is_known_and_not_used() {
    let house = House::new().await;
    let vault = added(&house).await;
    assert_ne!(vault.keys.newest(), house.vault.keys.newest());
    assert_eq!(vault.keys.current(), house.vault.keys.current());
}

#[tokio::test]
async fn the_key_file_keeps_its_mode_when_a_key_is_added() {
    use std::os::unix::fs::PermissionsExt;

    let house = House::new().await;
    let path = house.folder.path().join("keys.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o400)).unwrap();
    added(&house).await;
    let mode = path.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o400);
}

#[tokio::test]
async fn no_second_key_is_added_while_one_waits() {
    let house = House::new().await;
    let vault = added(&house).await;
    let again = added(&house).await;
    assert_eq!(again.keys.newest(), vault.keys.newest());
}

#[tokio::test]
async fn the_new_key_is_the_newest_even_where_the_clock_was_set_back() {
    let house = House::new().await;
    house.clock.advance(SignedDuration::from_hours(-24));
    let vault = added(&house).await;
    assert_ne!(vault.keys.newest(), house.vault.keys.newest());
}

#[tokio::test]
async fn a_program_that_knows_the_new_key_follows_when_it_becomes_the_present_one() {
    let house = House::new().await;
    let running = added(&house).await;
    let clone = running.clone();
    let other = house.opened_again().await.unwrap();
    other.rotation.make_present().await.unwrap();
    running.rotation.beat(house.now()).await.unwrap();
    assert_eq!(clone.keys.current(), other.keys.current());
    assert_eq!(other.keys.current(), other.keys.newest());
}

#[tokio::test]
async fn a_program_that_starts_later_uses_the_present_key() {
    let house = House::new().await;
    let vault = changed(&house).await;
    let again = house.opened_again().await.unwrap();
    assert_eq!(again.keys.current(), vault.keys.newest());
}

#[tokio::test]
async fn a_program_that_runs_without_the_key_is_named_until_it_ends_or_is_long_gone() {
    let house = House::new().await;
    let running = &house.vault.rotation;
    running.beat(house.now()).await.unwrap();
    let vault = added(&house).await;
    let strangers = async |after| {
        let key = vault.keys.newest();
        let found = vault.rotation.strangers_to(key, house.after(after)).await;
        found.unwrap()
    };
    assert_eq!(strangers(0).await, [house.now()]);
    assert_eq!(strangers(181).await, []);
    running.leave().await.unwrap();
    assert_eq!(strangers(0).await, []);
}

#[tokio::test]
async fn a_program_that_runs_with_the_key_is_no_stranger_to_it() {
    let house = House::new().await;
    let vault = added(&house).await;
    vault.rotation.beat(house.now()).await.unwrap();
    let key = vault.keys.newest();
    let strangers = vault.rotation.strangers_to(key, house.now()).await;
    assert_eq!(strangers.unwrap(), []);
}

#[tokio::test]
async fn a_key_file_from_before_is_refused_once_the_new_key_is_demanded() {
    let house = House::new().await;
    let path = house.folder.path().join("keys.toml");
    let before = std::fs::read(&path).unwrap();
    let vault = added(&house).await;
    vault.rotation.demand_newest().await.unwrap();
    std::fs::write(&path, before).unwrap();
    let opened = house.opened_again().await;
    assert!(matches!(opened, Err(KeyError::Lacking(_))));
}

#[tokio::test]
async fn a_program_that_opened_before_the_demand_and_says_so_after_it_is_refused() {
    let house = House::new().await;
    let vault = added(&house).await;
    vault.rotation.demand_newest().await.unwrap();
    let late = house.vault.rotation.beat(house.now()).await;
    assert!(matches!(late, Err(VaultError::UnknownKey(key)) if key == *vault.keys.newest()));
}

#[tokio::test]
async fn a_key_file_without_the_first_key_is_refused() {
    let house = House::new().await;
    let path = house.folder.path().join("keys.toml");
    changed(&house).await;
    let text = std::fs::read_to_string(&path).unwrap();
    // It stands before the ledger's, and the new one behind.
    let (_, without) = text.split_once("\n# The key that signs").unwrap();
    std::fs::write(&path, format!("# The key that signs{without}")).unwrap();
    let opened = house.opened_again().await;
    assert!(matches!(opened, Err(KeyError::Lacking(_))));
}

#[tokio::test]
async fn every_data_key_is_wrapped_by_the_new_key_and_opens_what_it_sealed() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    house.enter(taro()).await;
    let vault = changed(&house).await;
    let done = Rewrapped {
        rewrapped: 2,
        damaged: 0,
    };
    assert_eq!(rewrap(&vault).await, done);
    all_rewrapped(&vault, 2).await;
    assert_eq!(vault.profiles.get(member).await.unwrap().profile, hanako());
}

#[tokio::test]
async fn more_than_one_portion_is_wrapped_anew() {
    let house = House::new().await;
    let rows: Vec<(MemberId, Profile)> = (0..401)
        .map(|number| {
            let profile = Profile {
                user_id: format!("kadode{number:03}"),
                number: format!("{number:05}"),
                ..hanako()
            };
            (house.member(), profile)
        })
        .collect();
    let import = crate::domain::ids::ImportId(house.entropy.id());
    let profiles = &house.vault.profiles;
    profiles
        .insert(import, &rows, &[], house.now())
        .await
        .unwrap();
    let vault = changed(&house).await;
    let heard = std::cell::Cell::new(0);
    let done = vault.rotation.rewrap(|done| heard.set(done)).await.unwrap();
    assert_eq!((done.rewrapped, heard.get()), (401, 401));
    all_rewrapped(&vault, 401).await;
}

#[tokio::test]
async fn a_rotation_that_was_cut_off_is_finished_by_another_run() {
    let house = House::new().await;
    house.enter(hanako()).await;
    changed(&house).await;
    // The second is wrapped already.
    let vault = house.opened_again().await.unwrap();
    let import = crate::domain::ids::ImportId(house.entropy.id());
    let rows = [(house.member(), taro())];
    vault
        .profiles
        .insert(import, &rows, &[], house.now())
        .await
        .unwrap();
    vault.rotation.make_present().await.unwrap();
    assert_eq!(rewrap(&vault).await.rewrapped, 1);
    all_rewrapped(&vault, 2).await;
    assert_eq!(rewrap(&vault).await, Rewrapped::default());
}

#[tokio::test]
async fn what_was_destroyed_stays_destroyed() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    house.vault.destroy_keys(member).await.unwrap();
    let vault = changed(&house).await;
    assert_eq!(rewrap(&vault).await, Rewrapped::default());
    assert_eq!(vault.rotation.counts().await.unwrap().destroyed, 1);
    assert!(matches!(
        vault.profiles.get(member).await,
        Err(VaultError::Erased)
    ));
}

#[tokio::test]
async fn a_damaged_data_key_is_counted_and_keeps_no_other_from_moving() {
    let house = House::new().await;
    let damaged = house.enter(hanako()).await;
    house.enter(taro()).await;
    sqlx::query("UPDATE data_keys SET wrapped = wrapped || 'A' WHERE member_id = $1")
        .bind(damaged.to_string())
        .execute(&house.key_database.write)
        .await
        .unwrap();
    let vault = changed(&house).await;
    let done = rewrap(&vault).await;
    assert_eq!((done.rewrapped, done.damaged), (1, 1));
}

#[tokio::test]
async fn failures_go_on_being_counted() {
    let house = House::new().await;
    let address = "192.0.2.7".parse().unwrap();
    let before = house.vault.waits.lanes("nobody", None, address, None);
    let before = before.await.unwrap();
    let vault = changed(&house).await;
    let after = vault.waits.lanes("nobody", None, address, None).await;
    assert_eq!(after.unwrap(), before);
}

#[tokio::test]
async fn a_browser_that_was_known_before_is_known() {
    let house = House::new().await;
    let devices = &house.vault.devices;
    let cookie = devices.remember(None, "kadode01", house.now()).await;
    let cookie = secrecy::ExposeSecret::expose_secret(&cookie.unwrap()).to_owned();
    let vault = changed(&house).await;
    let known = vault.devices.known(&cookie, "kadode01").await.unwrap();
    assert!(known.is_some());
}
