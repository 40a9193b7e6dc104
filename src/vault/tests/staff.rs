//! Staff in the vault: names that are found and told apart, secrets that belong to one, sessions and tokens that end.

use secrecy::ExposeSecret;
use uuid::Uuid;

use super::*;
use crate::domain::ids::{CredentialId, PrintId, SessionId, StaffId, TokenId, TotpId};
use crate::domain::staff::{Initial, Totp};

const NAME: &str = "佐藤 Akiko";

fn staff(house: &House) -> StaffId {
    StaffId(house.entropy.id())
}

fn initial(house: &House) -> Initial {
    Initial {
        print: PrintId(Uuid::from_u128(1)),
        key: house.vault.keys.current().clone(),
        expires_at: house.after(60),
    }
}

fn totp(house: &House, n: u128) -> Totp {
    Totp {
        totp: TotpId(Uuid::from_u128(n)),
        key: house.vault.keys.current().clone(),
    }
}

#[tokio::test]
async fn a_name_is_found_whatever_its_width_and_case_and_is_given_once() {
    let house = House::new().await;
    let names = &house.vault.staff;
    let id = staff(&house);
    assert!(names.insert(id, NAME, house.now()).await.unwrap());
    for typed in [NAME, " 佐藤 akiko ", "佐藤　ＡＫＩＫＯ"] {
        assert_eq!(names.find(typed).await.unwrap(), Some(id), "{typed}");
        let other = staff(&house);
        assert!(!names.insert(other, typed, house.now()).await.unwrap());
    }
    assert_eq!(names.find("佐藤").await.unwrap(), None);
    assert_eq!(names.all().await.unwrap(), [(id, NAME.to_owned())]);
    let known = names.names(&[id, staff(&house)]).await.unwrap();
    assert_eq!(
        known.into_iter().collect::<Vec<_>>(),
        [(id, NAME.to_owned())]
    );
}

#[tokio::test]
async fn under_a_newer_key_names_sessions_and_tokens_of_the_older_are_found() {
    let house = House::new().await;
    let id = staff(&house);
    let (session, token) = (SessionId(house.entropy.id()), TokenId(house.entropy.id()));
    let vault = &house.vault;
    assert!(vault.staff.insert(id, NAME, house.now()).await.unwrap());
    let access = &vault.staff_access;
    let secret = access.open(id, session, 1, house.now()).await.unwrap();
    let text = access.make_token(id, token, house.now()).await.unwrap();
    let newer = house.with_a_newer_key().await;
    assert_eq!(newer.staff.find(NAME).await.unwrap(), Some(id));
    let other = staff(&house);
    assert!(!newer.staff.insert(other, NAME, house.now()).await.unwrap());
    let secret = secret.unwrap();
    let found = newer.staff_access.find(secret.expose_secret()).await;
    assert_eq!(found.unwrap().unwrap().id, session);
    let found = newer.staff_access.token(text.expose_secret()).await;
    assert_eq!(found.unwrap(), Some((id, token)));
}

#[tokio::test]
async fn a_first_password_is_one_persons_and_one_prints() {
    let house = House::new().await;
    let secrets = &house.vault.staff_secrets;
    let (one, other) = (staff(&house), staff(&house));
    let first = initial(&house);
    let second = Initial {
        print: PrintId(Uuid::from_u128(2)),
        ..first.clone()
    };
    let password = secrets.initial_password(one, &first).unwrap();
    let typed = password.expose_secret();
    assert_eq!(typed.len(), 16);
    assert!(secrets.matches_initial(one, &first, typed).unwrap());
    let lower = format!(" {} ", typed.to_lowercase());
    assert!(secrets.matches_initial(one, &first, &lower).unwrap());
    assert!(!secrets.matches_initial(other, &first, typed).unwrap());
    assert!(!secrets.matches_initial(one, &second, typed).unwrap());
}

#[tokio::test]
async fn a_code_counts_half_a_minute_before_and_after_its_own_and_for_one_authenticator() {
    let house = House::new().await;
    let secrets = &house.vault.staff_secrets;
    let (id, first) = (staff(&house), totp(&house, 1));
    let now: Timestamp = "2026-04-10T03:00:00Z".parse().unwrap();
    let step = now.as_second() / 30;
    let code = secrets.present_code(id, &first, now).unwrap();
    let code = code.expose_secret();
    let counts = |totp: &Totp, typed: &str, seconds: i64| {
        let at = now + SignedDuration::from_secs(seconds);
        secrets.step_of(id, totp, typed, at).unwrap()
    };
    for seconds in [-30, -1, 0, 29, 30, 59] {
        assert_eq!(counts(&first, code, seconds), Some(step), "{seconds}");
    }
    for seconds in [-31, 60] {
        assert_eq!(counts(&first, code, seconds), None, "{seconds}");
    }
    let spaced = format!("{} {}", &code[..3], &code[3..]);
    assert_eq!(counts(&first, &spaced, 0), Some(step));
    assert_eq!(counts(&totp(&house, 2), code, 0), None);
    assert_eq!(counts(&first, "", 0), None);
}

#[tokio::test]
async fn an_authenticators_address_names_society_and_person_and_holds_160_bits() {
    let house = House::new().await;
    let secrets = &house.vault.staff_secrets;
    let address = secrets.authenticator(staff(&house), &totp(&house, 1), "みほん 健保", NAME);
    let address = url::Url::parse(address.unwrap().expose_secret()).unwrap();
    assert_eq!(
        (address.scheme(), address.host_str()),
        ("otpauth", Some("totp"))
    );
    let fields: std::collections::HashMap<_, _> = address.query_pairs().into_owned().collect();
    assert_eq!(fields["issuer"], "みほん 健保");
    let secret = data_encoding::BASE32_NOPAD.decode(fields["secret"].as_bytes());
    assert_eq!(secret.unwrap().len(), 20);
}

#[tokio::test]
async fn a_session_is_opened_by_its_present_secret_alone() {
    let house = House::new().await;
    let access = &house.vault.staff_access;
    let (id, session) = (staff(&house), SessionId(house.entropy.id()));
    let opened = access.open(id, session, 1, house.now()).await.unwrap();
    let first = opened.unwrap();
    let find = async |secret: &str| access.find(secret).await.unwrap().map(|it| it.id);
    assert_eq!(find(first.expose_secret()).await, Some(session));
    let second = access.rotate(session).await.unwrap().unwrap();
    assert_eq!(find(first.expose_secret()).await, None);
    assert_eq!(find(second.expose_secret()).await, Some(session));
    access.end(session).await.unwrap();
    assert_eq!(find(second.expose_secret()).await, None);
    assert!(access.rotate(session).await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_sessions_the_one_that_began_later_in_the_log_stays() {
    let house = House::new().await;
    let access = &house.vault.staff_access;
    let id = staff(&house);
    let (early, late) = (SessionId(house.entropy.id()), SessionId(house.entropy.id()));
    assert!(
        access
            .open(id, late, 2, house.now())
            .await
            .unwrap()
            .is_some()
    );
    assert!(
        access
            .open(id, early, 1, house.now())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(access.session_of(id).await.unwrap().unwrap().id, late);
}

#[tokio::test]
async fn use_moves_the_end_of_a_session_but_not_beyond_eight_hours() {
    let house = House::new().await;
    let access = &house.vault.staff_access;
    let (id, session) = (staff(&house), SessionId(house.entropy.id()));
    access.open(id, session, 1, house.now()).await.unwrap();
    let begun = access.session_of(id).await.unwrap().unwrap();
    assert_eq!(begun.idle_until, house.after(15 * 60));
    assert_eq!(begun.ends_at, house.after(8 * 60 * 60));
    let later = house.after(10 * 60);
    let touched = access.touch(begun.clone(), later).await.unwrap();
    assert_eq!(touched.idle_until, house.after(25 * 60));
    assert_eq!(access.session_of(id).await.unwrap(), Some(touched.clone()));
    let near_the_end = house.after(8 * 60 * 60 - 60);
    let touched = access.touch(touched, near_the_end).await.unwrap();
    assert_eq!(touched.idle_until, begun.ends_at);
    assert!(touched.has_lapsed(begun.ends_at));
}

#[tokio::test]
async fn neither_names_nor_secrets_of_staff_stand_in_a_file_or_in_what_is_printed() {
    let house = House::new().await;
    let vault = &house.vault;
    let id = staff(&house);
    let now = house.now();
    assert!(vault.staff.insert(id, "canaryname", now).await.unwrap());
    let access = &vault.staff_access;
    let secret = access.open(id, SessionId(house.entropy.id()), 1, now).await;
    let token = access
        .make_token(id, TokenId(house.entropy.id()), now)
        .await;
    let printed = vault.staff_secrets.initial_password(id, &initial(&house));
    let slot = vault.hasher.acquire().await.unwrap();
    let credential = CredentialId(house.entropy.id());
    vault
        .credentials
        .store(slot, credential, keys_of(id), "canarypassword", now)
        .await
        .unwrap();
    let canaries = [
        "canaryname".to_owned(),
        "canarypassword".to_owned(),
        secret.unwrap().unwrap().expose_secret().to_owned(),
        token.unwrap().expose_secret().to_owned(),
        printed.unwrap().expose_secret().to_owned(),
    ];
    let mut places = vec![format!("{vault:?}").into_bytes()];
    for entry in std::fs::read_dir(house.folder.path()).unwrap() {
        places.push(std::fs::read(entry.unwrap().path()).unwrap());
    }
    for canary in canaries {
        let needle = canary.as_bytes();
        let found = |place: &Vec<u8>| place.windows(needle.len()).any(|part| part == needle);
        assert!(!places.iter().any(found), "{canary}");
    }
}

#[test]
fn failures_count_under_one_name_however_it_is_spelled() {
    assert_eq!(lane_of_staff("aKiko"), lane_of_staff("AKIKO"));
}
