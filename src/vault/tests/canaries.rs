//! No personal datum and no secret stands in the clear in a database file, an error or a `Debug` text.

use data_encoding::{BASE32_NOPAD, BASE64, BASE64URL_NOPAD, HEXLOWER};
use secrecy::ExposeSecret;

use super::*;
use crate::domain::ids::{CommandId, ContactId, CredentialId, SessionId};
use crate::domain::onboarding::SessionKind;
use crate::domain::values::Language;

/// Uses every room of the vault, and returns what must not be seen.
async fn live(house: &House) -> Vec<String> {
    let vault = &house.vault;
    let profile = Profile {
        user_id: "canaryuserid".to_owned(),
        symbol: "canarysymbol".to_owned(),
        number: "canarynumber".to_owned(),
        symbol_at_migration: Some("canaryoldsymbol".to_owned()),
        number_at_migration: Some("canaryoldnumber".to_owned()),
        birth_date: date(1973, 11, 29),
        gid: Some("canarygid".to_owned()),
        ..hanako()
    };
    let member = house.enter(profile).await;
    let address = "canarymail@kenpo.example.jp";
    vault
        .contacts
        .store(ContactId(house.entropy.id()), member, address, house.now())
        .await
        .unwrap();
    let slot = vault.hasher.acquire().await.unwrap();
    let credential = CredentialId(house.entropy.id());
    vault
        .credentials
        .store(slot, credential, member, "canarypassword", house.now())
        .await
        .unwrap();
    let opening = Opening {
        session: SessionId(house.entropy.id()),
        member,
        kind: SessionKind::Full,
        language: Language::Ja,
        browser: "canarybrowser",
        mark: 1,
    };
    let fresh = vault
        .sessions
        .open(&opening, Vec::new(), house.now())
        .await
        .unwrap()
        .unwrap();
    let device = vault
        .devices
        .remember(None, "canaryuserid", house.now())
        .await
        .unwrap();
    let typed = "canarytyped";
    let lanes = vault
        .waits
        .lanes(
            typed,
            Some("canarysymbol"),
            "203.0.113.77".parse().unwrap(),
            None,
        )
        .await
        .unwrap();
    vault.waits.begin_try(&lanes, house.now()).await.unwrap();
    vault.waits.failed(&lanes, house.now()).await.unwrap();
    let trace = Trace {
        address: "203.0.113.77".parse().unwrap(),
        user_agent: "canarybrowser".to_owned(),
    };
    vault
        .traces
        .seal(member, CommandId(house.entropy.id()), &trace, house.now())
        .await
        .unwrap();
    let stored = vault.profiles.get(member).await.unwrap();
    let printed = vault.initial_passwords.printed(&stored, 1, None).unwrap();
    let key_file = std::fs::read_to_string(house.folder.path().join("keys.toml")).unwrap();
    let secret = key_file.rsplit('"').nth(1).unwrap().to_owned();
    let (_, verifier) = vault.credentials.verifier(credential).await.unwrap();

    let error = vault
        .contacts
        .address(ContactId(house.entropy.id()))
        .await
        .unwrap_err();
    let seen =
        format!("{vault:?} {stored:?} {fresh:?} {lanes:?} {trace:?} {device:?} {error} {error:?}");
    let mut canaries: Vec<String> = ["canary", "門出花子", "1973-11-29", "19731129", "203.0.113"]
        .map(ToOwned::to_owned)
        .into_iter()
        .chain([verifier.as_str(), printed.expose_secret(), &secret].map(ToOwned::to_owned))
        .collect();
    canaries.push(fresh.secret.expose_secret().to_owned());
    canaries.push(device.expose_secret().to_owned());
    for canary in &canaries {
        assert!(!seen.contains(canary), "{canary} in {seen}");
    }
    canaries
}

#[tokio::test]
async fn no_canary_stands_in_a_database_file() {
    let house = House::new().await;
    let canaries = live(&house).await;
    let mut needles: Vec<Vec<u8>> = canaries
        .iter()
        .map(|canary| canary.as_bytes().to_vec())
        .collect();
    for canary in [
        "canaryuserid",
        "canarymail@kenpo.example.jp",
        "canarypassword",
    ] {
        let bytes = canary.as_bytes();
        // The last sign of an encoding depends on what follows.
        for encoded in [
            BASE64.encode(bytes),
            BASE64URL_NOPAD.encode(bytes),
            BASE32_NOPAD.encode(bytes),
            HEXLOWER.encode(bytes),
        ] {
            let end = encoded.trim_end_matches('=').len() - 1;
            needles.push(encoded.as_bytes()[..end].to_vec());
        }
    }
    for canary in &canaries {
        needles.extend(
            BASE64
                .decode(canary.as_bytes())
                .ok()
                .filter(|raw| raw.len() >= 16),
        );
    }
    let mut files = 0;
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap() == "keys.toml" {
            continue;
        }
        files += 1;
        let bytes = std::fs::read(&path).unwrap();
        for needle in &needles {
            let found = bytes.windows(needle.len()).any(|window| window == needle);
            assert!(
                !found,
                "{} in {}",
                String::from_utf8_lossy(needle),
                path.display()
            );
        }
    }
    assert!(
        files >= 4,
        "the files and their logs are searched, not {files}"
    );
}

#[tokio::test]
async fn a_destroyed_key_is_gone_from_the_files_too() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    let (wrapped,): (String,) = sqlx::query_as("SELECT wrapped FROM data_keys")
        .fetch_one(&house.key_database.read)
        .await
        .unwrap();
    house.vault.destroy_keys(member).await.unwrap();
    for suffix in ["", "-wal"] {
        let path = format!("{}{suffix}", house.key_database.shown());
        let bytes = std::fs::read(&path).unwrap();
        assert!(
            !bytes
                .windows(wrapped.len())
                .any(|window| window == wrapped.as_bytes()),
            "{path}"
        );
    }
}
