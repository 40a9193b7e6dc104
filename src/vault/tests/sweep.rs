//! The sweep: what no event names goes, all else stays.

use std::collections::HashSet;

use super::*;
use crate::domain::ids::{ContactId, CredentialId, ImportId};

#[tokio::test]
async fn what_no_event_names_goes_after_its_day_and_all_else_stays() {
    let house = House::new().await;
    let named = house.enter(hanako()).await;
    let lost = house
        .enter(Profile {
            user_id: "lost".to_owned(),
            number: "2".to_owned(),
            ..hanako()
        })
        .await;
    let (contact, credential) = (
        ContactId(house.entropy.id()),
        CredentialId(house.entropy.id()),
    );
    house
        .vault
        .contacts
        .store(contact, named, "a@kenpo.example.jp", house.now())
        .await
        .unwrap();
    let slot = house.vault.hasher.acquire().await.unwrap();
    house
        .vault
        .credentials
        .store(slot, credential, named, "x", house.now())
        .await
        .unwrap();
    house.clock.advance(SignedDuration::from_hours(25));
    let young = house
        .enter(Profile {
            user_id: "young".to_owned(),
            number: "3".to_owned(),
            ..hanako()
        })
        .await;

    let known = HashSet::from([Named::Profile(named), Named::Credential(credential)]);
    let before = house.now() - SignedDuration::from_hours(24);
    let removed = house
        .vault
        .sweep
        .run(Timestamp::MIN, before, |asked: Vec<(MemberId, Named)>| {
            let known = asked
                .into_iter()
                .map(|(_, name)| name)
                .filter(|name| known.contains(name))
                .collect();
            async { Ok::<_, VaultError>(known) }
        })
        .await
        .unwrap();

    assert_eq!(removed, 2);
    assert!(house.vault.profiles.get(named).await.is_ok());
    assert!(house.vault.profiles.get(young).await.is_ok());
    assert!(house.vault.credentials.verifier(credential).await.is_ok());
    assert!(matches!(
        house.vault.profiles.get(lost).await,
        Err(VaultError::Missing(_))
    ));
    assert!(matches!(
        house.vault.contacts.address(contact).await,
        Err(VaultError::Missing(_))
    ));
}

#[tokio::test]
async fn a_member_whose_profile_an_import_writes_anew_meanwhile_is_kept() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    house.clock.advance(SignedDuration::from_hours(25));
    let removed = house
        .vault
        .sweep
        .run(Timestamp::MIN, house.now(), async |_| {
            let import = ImportId(house.entropy.id());
            let anew = [(member, hanako())];
            house
                .vault
                .profiles
                .insert(import, &anew, &[member], house.now())
                .await?;
            Ok::<_, VaultError>(HashSet::new())
        })
        .await
        .unwrap();
    assert_eq!(removed, 0);
    assert!(house.vault.profiles.get(member).await.is_ok());
}
