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
    let (before, secret) = text.rsplit_once("secret = ").unwrap();
    std::fs::write(&path, format!("{before}secret {secret}")).unwrap();
    let error = Keys::load(&path).unwrap_err();
    assert!(
        error.to_string().ends_with("not a key file (line 7)"),
        "{error}"
    );
    let canary = secret.trim().trim_matches('"');
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
    let again = [(house.member(), hanako())];
    let import = crate::domain::ids::ImportId(house.entropy.id());
    assert_eq!(
        vault
            .profiles
            .insert(import, &again, &[], house.now())
            .await
            .unwrap(),
        [Inserted::SamePerson(member)]
    );
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
