//! Profiles, addresses and traces: found, opened, never swapped, and erased.

use std::sync::Arc;

use secrecy::ExposeSecret;

use super::*;
use crate::domain::ids::{CommandId, ContactId, ImportId};

#[tokio::test]
async fn a_profile_comes_back_as_it_was() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    let stored = house.vault.profiles.get(member).await.unwrap();
    assert_eq!((stored.member, stored.profile), (member, hanako()));
}

#[tokio::test]
async fn a_user_id_is_found_in_full_width_with_spaces_and_in_capitals() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    for typed in ["kadode01", " KADODE01\u{3000}", "ｋａｄｏｄｅ０１"] {
        assert_eq!(
            house.vault.profiles.find_by_user_id(typed).await.unwrap().0,
            Some(member),
            "{typed}"
        );
    }
    assert_eq!(
        house
            .vault
            .profiles
            .find_by_user_id("kadode02")
            .await
            .unwrap()
            .0,
        None
    );
}

#[tokio::test]
async fn a_user_id_that_names_nobody_has_the_same_stand_in_every_time() {
    let house = House::new().await;
    let find = async |vault: &Vault, typed: &str| {
        let (member, stored) = vault.profiles.find_by_user_id(typed).await.unwrap();
        (member, stored.map(|stored| stored.member))
    };
    assert_eq!(find(&house.vault, "nobody").await, (None, None));
    let mut members = Vec::new();
    for number in 0..8 {
        let profile = Profile {
            user_id: format!("kadode{number}"),
            number: number.to_string(),
            ..hanako()
        };
        members.push(house.enter(profile).await);
    }
    // Also where a newer key has found nobody yet.
    for vault in [&house.vault, &house.with_a_newer_key().await] {
        for (number, member) in members.iter().enumerate() {
            let found = find(vault, &format!("KADODE{number}")).await;
            assert_eq!(found, (Some(*member), Some(*member)));
        }
        let mut stand_ins = Vec::new();
        for number in 0..100 {
            let typed = format!("nobody{number}");
            let found = find(vault, &typed).await;
            assert_eq!(find(vault, &typed).await, found);
            assert_eq!(found.0, None);
            stand_ins.push(found.1.unwrap());
        }
        stand_ins.sort_unstable();
        stand_ins.dedup();
        assert!(stand_ins.len() > 1, "all share one stand-in");
    }
}

#[tokio::test]
async fn capitals_count_where_the_policy_says_so() {
    let house = House::with(Settings {
        user_id_case_sensitive: true,
        ..Settings::default()
    })
    .await;
    house.enter(hanako()).await;
    assert_eq!(
        house
            .vault
            .profiles
            .find_by_user_id("Kadode01")
            .await
            .unwrap()
            .0,
        None
    );
}

#[tokio::test]
async fn rows_of_new_members_are_told_from_those_of_known_ones_and_from_taken_user_ids() {
    let house = House::new().await;
    let known = house.enter(hanako()).await;
    let renamed = Profile {
        name: "改姓".to_owned(),
        ..hanako()
    };
    let jiro = Profile {
        user_id: "jiro".to_owned(),
        number: "2".to_owned(),
        ..hanako()
    };
    let with_her_user_id = Profile {
        number: "3".to_owned(),
        ..hanako()
    };
    let rows = [&renamed, &jiro, &with_her_user_id];
    let found = house.vault.profiles.matches(&rows).await.unwrap();
    let [numbers, user_id] = [Some(known); 2];
    let both = Match {
        gid: None,
        numbers,
        user_id,
    };
    let taken = Match {
        user_id,
        ..Match::default()
    };
    assert_eq!(found, [both, Match::default(), taken]);
}

#[tokio::test]
async fn of_a_batch_with_somebody_who_is_there_already_nobody_is_written() {
    let house = House::new().await;
    let with = |user_id: &str, number: &str, gid: &str| Profile {
        user_id: user_id.to_owned(),
        number: number.to_owned(),
        gid: Some(gid.to_owned()),
        ..hanako()
    };
    house.enter(with("kadode01", "11111", "G1")).await;
    let import = ImportId(house.entropy.id());
    let profiles = &house.vault.profiles;
    for other in [
        with("kadode01", "3", "G3"),
        with("other", "11111", "G3"),
        with("other", "3", "G1"),
        with("jiro", "3", "G3"),
        with("other", "2", "G3"),
        with("other", "3", "G2"),
    ] {
        let new = house.member();
        let rows = [(new, with("jiro", "2", "G2")), (house.member(), other)];
        let outcome = profiles.insert(import, &rows, &[], house.now()).await;
        assert!(matches!(outcome, Err(VaultError::Taken)));
        assert!(matches!(
            profiles.get(new).await,
            Err(VaultError::Missing(_))
        ));
    }
}

#[tokio::test]
async fn a_profile_that_gives_way_is_found_by_the_new_data_alone() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    let corrected = Profile {
        user_id: "kadode02".to_owned(),
        number: "22222".to_owned(),
        ..hanako()
    };
    let import = ImportId(house.entropy.id());
    let rows = [(member, corrected.clone())];
    let profiles = &house.vault.profiles;
    let written = profiles.insert(import, &rows, &[member], house.now()).await;
    let found = profiles.matches(&[&hanako(), &corrected]).await.unwrap();
    let both = Match {
        gid: None,
        numbers: Some(member),
        user_id: Some(member),
    };
    assert_eq!(found, [Match::default(), both]);
    let stored = profiles.get(member).await.unwrap();
    assert_eq!(written.unwrap(), std::slice::from_ref(&stored));
    assert_eq!((stored.import, stored.profile), (import, corrected));
}

#[tokio::test]
async fn who_gives_way_to_another_is_gone_with_their_keys() {
    let house = House::new().await;
    let (gone, new) = (house.enter(hanako()).await, house.member());
    let contact = ContactId(house.entropy.id());
    let contacts = &house.vault.contacts;
    contacts
        .store(contact, gone, "a@kenpo.example.jp", house.now())
        .await
        .unwrap();
    let import = ImportId(house.entropy.id());
    let rows = [(new, hanako())];
    let profiles = &house.vault.profiles;
    let written = profiles.insert(import, &rows, &[gone], house.now()).await;
    assert_eq!(written.unwrap().len(), 1);
    assert_eq!(
        profiles.find_by_user_id("kadode01").await.unwrap().0,
        Some(new)
    );
    assert!(matches!(
        contacts.address(contact).await,
        Err(VaultError::Erased)
    ));
}

#[tokio::test]
async fn nobody_takes_the_place_of_a_profile_that_was_swept_away_meanwhile() {
    let house = House::new().await;
    let swept = house.member();
    let import = ImportId(house.entropy.id());
    let rows = [(swept, hanako())];
    let profiles = &house.vault.profiles;
    let outcome = profiles.insert(import, &rows, &[swept], house.now()).await;
    assert!(matches!(outcome, Err(VaultError::Missing(_))));
    assert_eq!(profiles.find_by_user_id("kadode01").await.unwrap().0, None);
}

#[tokio::test]
async fn a_person_whose_number_changed_is_known_by_the_one_at_migration() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    let moved = Profile {
        number: "777".to_owned(),
        number_at_migration: Some("11111".to_owned()),
        ..hanako()
    };
    let found = house.vault.profiles.matches(&[&moved]).await.unwrap();
    assert_eq!(
        found,
        [Match {
            gid: None,
            numbers: Some(member),
            user_id: Some(member)
        }]
    );
}

#[tokio::test]
async fn a_person_is_known_by_the_numbers_whatever_the_gid() {
    let house = House::new().await;
    let with_gid = |gid: Option<&str>, number: &str| Profile {
        user_id: format!("u{number}"),
        number: number.to_owned(),
        gid: gid.map(str::to_owned),
        ..hanako()
    };
    for (number, before, after) in [
        ("1", None, Some("G1")),
        ("2", Some("G2"), None),
        ("3", Some("G3"), Some("G4")),
    ] {
        let member = house.enter(with_gid(before, number)).await;
        let profiles = &house.vault.profiles;
        let found = profiles.matches(&[&with_gid(after, number)]).await.unwrap();
        let persons: Vec<_> = found.into_iter().flat_map(Match::persons).collect();
        assert_eq!(persons, [member], "{number}");
    }
}

#[tokio::test]
async fn a_large_import_is_found_page_by_page_and_at_once() {
    let house = House::new().await;
    let import = ImportId(house.entropy.id());
    let rows: Vec<_> = (0..250)
        .map(|n: u32| {
            (
                house.member(),
                Profile {
                    user_id: format!("u{n}"),
                    number: n.to_string(),
                    ..hanako()
                },
            )
        })
        .collect();
    house
        .vault
        .profiles
        .insert(import, &rows, &[], house.now())
        .await
        .unwrap();

    let mut seen = Vec::new();
    loop {
        let last = seen.last().map(|stored: &Stored| stored.member);
        let page = house.vault.profiles.page(last, 60).await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().map(|(_, stored)| stored.unwrap()));
    }
    let mut expected: Vec<_> = rows.iter().map(|(member, _)| *member).collect();
    let many = house.vault.profiles.get_many(&expected).await.unwrap();
    expected.sort_unstable();
    assert_eq!(
        seen.iter().map(|stored| stored.member).collect::<Vec<_>>(),
        expected
    );
    assert!(
        rows.iter()
            .all(|(member, profile)| many[member].profile == *profile)
    );
}

#[tokio::test]
async fn a_given_user_id_has_ten_characters_and_no_digit_that_looks_like_a_letter() {
    let house = House::new().await;
    for _ in 0..100 {
        let user_id = given_user_id(&house.entropy);
        assert_eq!(user_id.len(), 10);
        assert!(was_given(&user_id));
        assert!(
            user_id
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte)),
            "{user_id}"
        );
    }
}

#[tokio::test]
async fn an_address_is_kept_as_entered_and_compared_in_small_letters() {
    let house = House::new().await;
    let contact = ContactId(house.entropy.id());
    let contacts = &house.vault.contacts;
    contacts
        .store(
            contact,
            house.member(),
            "Hanako..k.@docomo.example.jp",
            house.now(),
        )
        .await
        .unwrap();
    assert_eq!(
        contacts.address(contact).await.unwrap().expose_secret(),
        "Hanako..k.@docomo.example.jp"
    );
    assert!(
        contacts
            .same_address(contact, "HANAKO..K.@docomo.example.jp")
            .await
            .unwrap()
    );
    assert!(
        !contacts
            .same_address(contact, "taro@docomo.example.jp")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn who_shares_an_address_is_found_also_after_a_change_of_the_master_key() {
    let house = House::new().await;
    let mut family = [house.member(), house.member()];
    family.sort_unstable();
    let (first, second) = (ContactId(house.entropy.id()), ContactId(house.entropy.id()));
    house
        .vault
        .contacts
        .store(first, family[0], "family@kenpo.example.jp", house.now())
        .await
        .unwrap();
    let other = ContactId(house.entropy.id());
    house
        .vault
        .contacts
        .store(other, house.member(), "taro@kenpo.example.jp", house.now())
        .await
        .unwrap();
    let newer = house.with_a_newer_key().await;
    newer
        .contacts
        .store(second, family[1], "Family@kenpo.example.jp", house.now())
        .await
        .unwrap();
    let mut both = [first, second];
    both.sort_unstable();
    for contact in both {
        assert_eq!(newer.contacts.of_same_address(contact).await.unwrap(), both);
    }
}

#[tokio::test]
async fn a_sealed_value_moved_to_another_row_does_not_open() {
    let house = House::new().await;
    let member = house.member();
    let (mine, other) = (ContactId(house.entropy.id()), ContactId(house.entropy.id()));
    for (contact, address) in [(mine, "a@kenpo.example.jp"), (other, "b@kenpo.example.jp")] {
        house
            .vault
            .contacts
            .store(contact, member, address, house.now())
            .await
            .unwrap();
    }
    sqlx::query("UPDATE contacts SET sealed = (SELECT sealed FROM contacts WHERE contact_id = $1)")
        .bind(other.to_string())
        .execute(&house.main.write)
        .await
        .unwrap();
    assert!(matches!(
        house.vault.contacts.address(mine).await,
        Err(VaultError::Damaged("contacts"))
    ));
    assert!(house.vault.contacts.address(other).await.is_ok());
}

#[tokio::test]
async fn destroyed_keys_erase_the_member_and_nobody_else() {
    let house = House::new().await;
    let gone = house.enter(hanako()).await;
    let stays = house
        .enter(Profile {
            user_id: "stays".to_owned(),
            number: "2".to_owned(),
            ..hanako()
        })
        .await;
    let contact = ContactId(house.entropy.id());
    house
        .vault
        .contacts
        .store(contact, gone, "a@kenpo.example.jp", house.now())
        .await
        .unwrap();
    house.vault.destroy_keys(gone).await.unwrap();
    house.vault.destroy_keys(gone).await.unwrap();

    assert!(matches!(
        house.vault.profiles.get(gone).await,
        Err(VaultError::Erased)
    ));
    assert!(matches!(
        house.vault.contacts.address(contact).await,
        Err(VaultError::Erased)
    ));
    assert!(house.vault.profiles.get(stays).await.is_ok());
    let page = house.vault.profiles.page(None, 10).await.unwrap();
    let erased: Vec<_> = page
        .iter()
        .filter(|(_, stored)| stored.is_none())
        .map(|(member, _)| *member)
        .collect();
    assert_eq!((page.len(), erased), (2, vec![gone]));
}

/// What a backup of the main database still holds is sealed under keys that are gone.
#[tokio::test]
async fn a_backup_from_before_no_longer_reads_who_was_erased() {
    let house = House::new().await;
    let (gone, mut other) = (house.enter(hanako()).await, hanako());
    other.user_id = "kadode02".to_owned();
    other.number = "22222".to_owned();
    let stays = house.enter(other).await;
    let backup = house.folder.path().join("backup.sqlite");
    let copy = format!("VACUUM INTO '{}'", backup.display());
    sqlx::query(&copy).execute(&house.main.write).await.unwrap();
    let mut transaction = house.main.begin().await.unwrap();
    house.vault.forget(gone, &mut transaction).await.unwrap();
    transaction.commit().await.unwrap();
    house.vault.destroy_keys(gone).await.unwrap();
    let (found, _) = house
        .vault
        .profiles
        .find_by_user_id("kadode01")
        .await
        .unwrap();
    assert_eq!(found, None);
    let backup = Database::open(&format!("sqlite:{}", backup.display())).await;
    let restored = Vault::new(
        &backup.unwrap(),
        &house.key_database,
        &house.vault.keys,
        &house.entropy,
        &Settings::default(),
    );
    let found = restored.profiles.get(gone).await;
    assert!(matches!(found, Err(VaultError::Erased)), "{found:?}");
    assert!(restored.profiles.get(stays).await.is_ok());
}

#[tokio::test]
async fn an_erased_member_gets_no_new_key() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    house.vault.destroy_keys(member).await.unwrap();
    let contact = ContactId(house.entropy.id());
    let stored = house
        .vault
        .contacts
        .store(contact, member, "a@kenpo.example.jp", house.now())
        .await;
    assert!(matches!(stored, Err(VaultError::Erased)));
    let sealed = house
        .vault
        .traces
        .seal(member, CommandId(house.entropy.id()), &trace(), house.now())
        .await;
    assert!(matches!(sealed, Err(VaultError::Erased)));
}

#[tokio::test]
async fn many_who_need_a_members_first_key_at_once_all_get_the_same() {
    let house = Arc::new(House::new().await);
    let member = house.member();
    let tasks: Vec<_> = (0..20)
        .map(|_| {
            let house = Arc::clone(&house);
            tokio::spawn(async move {
                let contact = ContactId(house.entropy.id());
                house
                    .vault
                    .contacts
                    .store(contact, member, "a@kenpo.example.jp", house.now())
                    .await
                    .unwrap();
                contact
            })
        })
        .collect();
    for task in tasks {
        let contact = task.await.unwrap();
        assert_eq!(
            house
                .vault
                .contacts
                .address(contact)
                .await
                .unwrap()
                .expose_secret(),
            "a@kenpo.example.jp"
        );
    }
}

#[tokio::test]
async fn a_trace_opens_only_for_its_own_command() {
    let house = House::new().await;
    let member = house.member();
    let (command, other) = (CommandId(house.entropy.id()), CommandId(house.entropy.id()));
    let sealed = house
        .vault
        .traces
        .seal(member, command, &trace(), house.now())
        .await
        .unwrap();
    assert_eq!(
        house
            .vault
            .traces
            .open(member, command, &sealed)
            .await
            .unwrap(),
        trace()
    );
    assert!(matches!(
        house.vault.traces.open(member, other, &sealed).await,
        Err(VaultError::Damaged(_))
    ));
}

#[tokio::test]
async fn traces_of_a_year_in_tokyo_share_a_key() {
    let house = House::new().await;
    let member = house.member();
    for at in [
        "2026-12-31T14:59:59Z",
        "2026-12-31T15:00:00Z",
        "2027-12-31T14:59:59Z",
    ] {
        let command = CommandId(house.entropy.id());
        house
            .vault
            .traces
            .seal(member, command, &trace(), at.parse().unwrap())
            .await
            .unwrap();
    }
    let years: Vec<(i64,)> =
        sqlx::query_as("SELECT year FROM data_keys WHERE class = 'trace' ORDER BY year")
            .fetch_all(&house.key_database.read)
            .await
            .unwrap();
    assert_eq!(years, [(2026,), (2027,)]);
}

fn trace() -> Trace {
    Trace {
        address: "192.0.2.7".parse().unwrap(),
        user_agent: "Mozilla/5.0 (canary)".to_owned(),
    }
}
