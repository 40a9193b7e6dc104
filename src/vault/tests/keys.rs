//! The key file: when it is created, when it is refused, and what its errors say.

use std::os::unix::fs::PermissionsExt;

use super::*;

async fn open(
    house: &House,
    file: &str,
    if_missing: IfMissing,
) -> Result<(Keys, KeyFile), KeyError> {
    let path = house.folder.path().join(file);
    Keys::open(
        &path,
        &house.main,
        &house.key_database,
        &house.entropy,
        house.now(),
        if_missing,
    )
    .await
}

#[tokio::test]
async fn the_file_is_created_for_its_owner_alone_and_found_again() {
    let house = House::new().await;
    let mode = house
        .folder
        .path()
        .join("keys.toml")
        .metadata()
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let (keys, file) = open(&house, "keys.toml", IfMissing::Create).await.unwrap();
    assert_eq!(
        (keys.current(), file),
        (house.vault.keys.current(), KeyFile::Found)
    );
}

#[tokio::test]
async fn a_missing_file_of_a_database_that_has_one_is_not_created() {
    let house = House::new().await;
    let opened = open(&house, "lost.toml", IfMissing::Create).await;
    assert!(matches!(opened, Err(KeyError::Missing(_))));
    assert!(!house.folder.path().join("lost.toml").exists());
}

#[tokio::test]
async fn another_file_than_the_databases_was_made_with_is_refused() {
    let house = House::new().await;
    Keys::create(
        &house.folder.path().join("other.toml"),
        &house.entropy,
        house.now(),
    )
    .unwrap();
    assert!(matches!(
        open(&house, "other.toml", IfMissing::Create).await,
        Err(KeyError::Other(_))
    ));
}

#[tokio::test]
async fn an_empty_key_database_beside_a_main_one_in_use_is_refused() {
    let house = House::new().await;
    sqlx::query("DELETE FROM meta")
        .execute(&house.key_database.write)
        .await
        .unwrap();
    assert!(matches!(
        open(&house, "keys.toml", IfMissing::Create).await,
        Err(KeyError::OtherKeyDatabase(_))
    ));
}

#[tokio::test]
async fn a_creation_that_was_cut_off_between_the_databases_is_finished() {
    let house = House::new().await;
    sqlx::query("DELETE FROM meta")
        .execute(&house.main.write)
        .await
        .unwrap();
    open(&house, "keys.toml", IfMissing::Create).await.unwrap();
    assert!(matches!(
        open(&house, "lost.toml", IfMissing::Create).await,
        Err(KeyError::Missing(_))
    ));
}

#[tokio::test]
async fn a_caller_who_may_not_create_leaves_no_trace() {
    let house = House::new().await;
    sqlx::query("DELETE FROM meta")
        .execute(&house.main.write)
        .await
        .unwrap();
    sqlx::query("DELETE FROM meta")
        .execute(&house.key_database.write)
        .await
        .unwrap();
    assert!(matches!(
        open(&house, "lost.toml", IfMissing::Refuse).await,
        Err(KeyError::Missing(_))
    ));
    assert!(!house.folder.path().join("lost.toml").exists());
}

#[tokio::test]
async fn a_file_that_others_may_read_is_refused() {
    let house = House::new().await;
    let path = house.folder.path().join("keys.toml");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(Keys::load(&path), Err(KeyError::Open(_))));
}

#[tokio::test]
async fn the_error_of_a_spoilt_file_names_its_line_and_not_its_secret() {
    let house = House::new().await;
    let path = house.folder.path().join("keys.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, secret) = text.split_once("secret = ").unwrap();
    std::fs::write(&path, format!("{before}secret {secret}")).unwrap();
    let error = Keys::load(&path).unwrap_err();
    assert!(
        error.to_string().ends_with("not a key file (line 7)"),
        "{error}"
    );
    let canary = secret.lines().next().unwrap().trim_matches('"');
    assert!(!format!("{error:?} {error}").contains(canary));
}

#[tokio::test]
async fn an_existing_file_is_never_written_over() {
    let house = House::new().await;
    let path = house.folder.path().join("keys.toml");
    let before = std::fs::read(&path).unwrap();
    assert!(Keys::create(&path, &house.entropy, house.now()).is_err());
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

/// Takes the ledger's key out of the file, and perhaps out of the database, as before there was one.
async fn without_ledger(house: &House, also_in_database: bool) -> String {
    let path = house.folder.path().join("keys.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let (before, _) = text.split_once("\n# The key that signs").unwrap();
    std::fs::write(&path, before).unwrap();
    if also_in_database {
        sqlx::query("DELETE FROM meta WHERE name = 'ledger_key'")
            .execute(&house.main.write)
            .await
            .unwrap();
    }
    before.to_owned()
}

fn secret_of_ledger(keys: &Keys) -> Option<[u8; 32]> {
    use secrecy::ExposeSecret;
    keys.ledger().map(|secret| *secret.expose_secret())
}

#[tokio::test]
async fn a_file_from_before_the_ledger_was_signed_is_given_its_key_once() {
    let house = House::new().await;
    let before = without_ledger(&house, true).await;
    let (keys, file) = open(&house, "keys.toml", IfMissing::Create).await.unwrap();
    assert_eq!(file, KeyFile::Completed);
    assert_eq!(keys.current(), house.vault.keys.current());
    assert!(keys.ledger().is_some());
    let path = house.folder.path().join("keys.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with(before.trim_end()), "the old keys stay");
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let (again, file) = open(&house, "keys.toml", IfMissing::Create).await.unwrap();
    assert_eq!(file, KeyFile::Found);
    assert_eq!(secret_of_ledger(&again), secret_of_ledger(&keys));
}

#[tokio::test]
async fn a_caller_who_may_not_create_finds_no_ledger_key_and_adds_none() {
    let house = House::new().await;
    without_ledger(&house, true).await;
    let (keys, file) = open(&house, "keys.toml", IfMissing::Refuse).await.unwrap();
    assert_eq!((file, secret_of_ledger(&keys)), (KeyFile::Found, None));
}

#[tokio::test]
async fn a_second_machine_must_have_the_ledger_key_of_the_first() {
    let house = House::new().await;
    without_ledger(&house, false).await;
    for if_missing in [IfMissing::Create, IfMissing::Refuse] {
        let opened = open(&house, "keys.toml", if_missing).await;
        assert!(matches!(opened, Err(KeyError::OtherLedger(_))));
    }
}

#[tokio::test]
async fn what_was_written_under_an_older_key_is_found_and_opened_under_a_newer_one() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    let vault = house.with_a_newer_key().await;
    assert_eq!(
        vault.profiles.find_by_user_id("KADODE01").await.unwrap().0,
        Some(member)
    );
    assert_eq!(vault.profiles.get(member).await.unwrap().profile, hanako());
    let found = vault.profiles.matches(&[&hanako()]).await.unwrap();
    let persons: Vec<_> = found.into_iter().flat_map(Match::persons).collect();
    assert_eq!(persons, [member]);
}

#[tokio::test]
async fn keys_of_different_purposes_and_part_boundaries_differ() {
    let house = House::new().await;
    let keys = &house.vault.keys;
    assert_ne!(
        keys.tag(Purpose::Links, &[b"ab"]),
        keys.tag(Purpose::Forms, &[b"ab"])
    );
    assert_ne!(
        keys.tag(Purpose::Links, &[b"a", b"b"]),
        keys.tag(Purpose::Links, &[b"ab"])
    );
}
