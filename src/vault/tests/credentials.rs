//! Passwords of all kinds, one-time passwords, links, and the queue in front of argon2.

use std::time::Duration;

use secrecy::ExposeSecret;

use super::*;
use crate::domain::ids::{ChallengeId, ContactId, CredentialId, ImportId, IssueId, NoticeId};
use crate::domain::policy::FormulaPart;

const FORMULA: [FormulaPart; 3] = [
    FormulaPart::Symbol,
    FormulaPart::Number,
    FormulaPart::BirthDate,
];

#[tokio::test]
async fn a_chosen_password_verifies_and_no_other_does() {
    let house = House::new().await;
    let credential = CredentialId(house.entropy.id());
    let password = "correct horse battery staple 門出";
    let slot = house.vault.hasher.acquire().await.unwrap();
    house
        .vault
        .credentials
        .store(slot, credential, house.member(), password, house.now())
        .await
        .unwrap();
    for (typed, right) in [
        (password, true),
        ("correct horse battery staple 門", false),
        ("", false),
    ] {
        let slot = house.vault.hasher.acquire().await.unwrap();
        assert_eq!(
            house
                .vault
                .credentials
                .verify(slot, credential, typed)
                .await
                .unwrap(),
            right,
            "{typed}"
        );
    }
}

#[tokio::test]
async fn every_sign_of_the_longest_password_counts() {
    let house = House::new().await;
    let credential = CredentialId(house.entropy.id());
    let password: String = ('\u{3041}'..).take(128).collect();
    let slot = house.vault.hasher.acquire().await.unwrap();
    let credentials = &house.vault.credentials;
    credentials
        .store(slot, credential, house.member(), &password, house.now())
        .await
        .unwrap();
    let with_another = |at: usize| -> String {
        let signs = password.chars().enumerate();
        signs
            .map(|(index, sign)| if index == at { 'x' } else { sign })
            .collect()
    };
    for (typed, right) in [
        (password.clone(), true),
        (with_another(0), false),
        (with_another(63), false),
        (with_another(127), false),
    ] {
        let slot = house.vault.hasher.acquire().await.unwrap();
        let verified = credentials.verify(slot, credential, &typed).await.unwrap();
        assert_eq!(verified, right, "{typed}");
    }
}

#[tokio::test]
async fn a_password_counts_in_either_form_of_its_accents_but_not_in_full_width() {
    let house = House::new().await;
    let credential = CredentialId(house.entropy.id());
    let slot = house.vault.hasher.acquire().await.unwrap();
    house
        .vault
        .credentials
        .store(
            slot,
            credential,
            house.member(),
            "caf\u{e9} ab",
            house.now(),
        )
        .await
        .unwrap();
    for (typed, right) in [("cafe\u{301} ab", true), ("caf\u{e9} ａb", false)] {
        let slot = house.vault.hasher.acquire().await.unwrap();
        assert_eq!(
            house
                .vault
                .credentials
                .verify(slot, credential, typed)
                .await
                .unwrap(),
            right,
            "{typed}"
        );
    }
}

#[tokio::test]
async fn a_verifier_has_the_cost_that_is_asked_for() {
    let house = House::new().await;
    let credential = CredentialId(house.entropy.id());
    let slot = house.vault.hasher.acquire().await.unwrap();
    house
        .vault
        .credentials
        .store(slot, credential, house.member(), "x", house.now())
        .await
        .unwrap();
    let (pepper, verifier) = house.vault.credentials.verifier(credential).await.unwrap();
    assert_eq!(pepper, *house.vault.keys.current());
    assert!(
        verifier.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
        "{}",
        verifier.as_str()
    );
}

#[tokio::test]
async fn a_verifier_of_an_older_pepper_still_counts() {
    let house = House::new().await;
    let credential = CredentialId(house.entropy.id());
    let slot = house.vault.hasher.acquire().await.unwrap();
    house
        .vault
        .credentials
        .store(slot, credential, house.member(), "x", house.now())
        .await
        .unwrap();
    let vault = house.with_a_newer_key().await;
    let slot = vault.hasher.acquire().await.unwrap();
    assert!(
        vault
            .credentials
            .verify(slot, credential, "x")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn known_unknown_and_erased_each_cost_one_run() {
    let house = House::new().await;
    let member = house.member();
    let (known, erased) = (
        CredentialId(house.entropy.id()),
        CredentialId(house.entropy.id()),
    );
    let gone = house.member();
    for (credential, member) in [(known, member), (erased, gone)] {
        let slot = house.vault.hasher.acquire().await.unwrap();
        house
            .vault
            .credentials
            .store(slot, credential, member, "x", house.now())
            .await
            .unwrap();
    }
    house.vault.destroy_keys(gone).await.unwrap();
    for (credential, right) in [
        (known, true),
        (CredentialId(house.entropy.id()), false),
        (erased, false),
    ] {
        let before = house.vault.hasher.runs();
        let slot = house.vault.hasher.acquire().await.unwrap();
        assert_eq!(
            house
                .vault
                .credentials
                .verify(slot, credential, "x")
                .await
                .unwrap(),
            right
        );
        assert_eq!(house.vault.hasher.runs(), before + 1);
    }
    let before = house.vault.hasher.runs();
    house
        .vault
        .hasher
        .acquire()
        .await
        .unwrap()
        .dummy()
        .await
        .unwrap();
    assert_eq!(house.vault.hasher.runs(), before + 1);
}

#[tokio::test]
async fn a_full_queue_turns_the_next_away_and_a_gone_waiter_gives_its_place_back() {
    let hasher = Hasher::with(1, 1, 1);
    let slot = hasher.acquire().await.unwrap();
    let mut waiter = Box::pin(hasher.acquire());
    assert!(futures::poll!(&mut waiter).is_pending());
    hasher.acquire().await.unwrap_err();
    drop(waiter);
    let mut waiter = Box::pin(hasher.acquire());
    assert!(futures::poll!(&mut waiter).is_pending());
    slot.dummy().await.unwrap();
    waiter.await.unwrap().dummy().await.unwrap();
    assert_eq!(hasher.runs(), 2);
}

#[tokio::test]
async fn whoever_is_turned_away_is_due_behind_the_one_before_and_the_first_before_the_queue_is_empty()
 {
    let hasher = Hasher::with(1, 1, 10);
    let _slot = hasher.acquire().await.unwrap();
    let mut waiting: Vec<_> = (0..10).map(|_| Box::pin(hasher.acquire())).collect();
    for waiter in &mut waiting {
        assert!(futures::poll!(waiter).is_pending());
    }
    let mut due = Vec::new();
    for _ in 0..100 {
        due.push(hasher.acquire().await.unwrap_err().come_in);
    }
    // A run is taken to last 20 ms before one was seen.
    let [a_run, the_queue] = [1, 10].map(|runs| Duration::from_millis(20) * runs);
    assert!(a_run < due[0] && due[0] < the_queue, "{:?}", due[0]);
    assert!(due[99] > the_queue, "{:?}", due[99]);
}

#[tokio::test]
async fn a_slot_stays_taken_by_a_run_whose_caller_has_gone() {
    let hasher = Hasher::with(1, 1, 1);
    let mut run = Box::pin(hasher.acquire().await.unwrap().dummy());
    assert!(futures::poll!(&mut run).is_pending());
    drop(run);
    let mut next = Box::pin(hasher.acquire());
    assert!(futures::poll!(&mut next).is_pending());
    next.await.unwrap().dummy().await.unwrap();
    assert_eq!(hasher.runs(), 2);
}

#[tokio::test]
async fn the_formula_gives_the_manuals_example() {
    let house = House::new().await;
    let passwords = &house.vault.initial_passwords;
    assert_eq!(
        passwords.formula(&hanako(), &FORMULA).expose_secret(),
        "11111119800101"
    );
    for (typed, right) in [
        ("11111119800101", true),
        (" １１１１１１１９８００１０１\u{3000}", true),
        ("11111119800102", false),
        ("", false),
    ] {
        assert_eq!(
            passwords.matches_formula(&hanako(), &FORMULA, typed),
            right,
            "{typed}"
        );
    }
}

#[tokio::test]
async fn the_formula_takes_symbol_and_number_of_the_migration() {
    let house = House::new().await;
    let moved = Profile {
        symbol_at_migration: Some("0９".to_owned()),
        number_at_migration: Some("007".to_owned()),
        ..hanako()
    };
    assert!(
        house
            .vault
            .initial_passwords
            .matches_formula(&moved, &FORMULA, "0900719800101")
    );
}

#[tokio::test]
async fn an_empty_formula_lets_nobody_in() {
    let house = House::new().await;
    assert!(
        !house
            .vault
            .initial_passwords
            .matches_formula(&hanako(), &[], "")
    );
}

#[tokio::test]
async fn a_printed_password_is_the_same_each_time_and_another_for_each_letter_and_member() {
    let house = House::new().await;
    let member = house.enter(hanako()).await;
    let stored = house.vault.profiles.get(member).await.unwrap();
    let passwords = &house.vault.initial_passwords;
    let printed = passwords.printed(&stored, 1, None).unwrap();
    let text = printed.expose_secret();
    assert_eq!(text.len(), 16);
    assert!(
        text.bytes()
            .all(|byte| byte.is_ascii_uppercase() || (b'2'..=b'7').contains(&byte))
    );
    let newer = house.with_a_newer_key().await;
    let stored_later = newer.profiles.get(member).await.unwrap();
    assert_eq!(
        newer
            .initial_passwords
            .printed(&stored_later, 1, None)
            .unwrap()
            .expose_secret(),
        text
    );
    let print = |n| Some(crate::domain::ids::PrintId(uuid::Uuid::from_u128(n)));
    let letters = [(2, None), (2, print(1)), (2, print(2)), (3, print(2))];
    let mut texts: Vec<String> = letters
        .map(|(issue, print)| passwords.printed(&stored, issue, print).unwrap())
        .map(|printed| printed.expose_secret().to_owned())
        .into();
    texts.push(text.to_owned());
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 5);
    let other = Stored {
        has_left: false,
        member: house.member(),
        ..stored
    };
    assert_ne!(
        passwords.printed(&other, 1, None).unwrap().expose_secret(),
        text
    );
}

#[tokio::test]
async fn a_printed_password_may_be_typed_in_groups_and_in_any_width_and_case() {
    let house = House::new().await;
    let stored = Stored {
        has_left: false,
        member: house.member(),
        import: ImportId(house.entropy.id()),
        letters_key: house.vault.keys.current().clone(),
        profile: hanako(),
    };
    let passwords = &house.vault.initial_passwords;
    let text = passwords
        .printed(&stored, 1, None)
        .unwrap()
        .expose_secret()
        .to_owned();
    let grouped = format!(
        " {}-{}ー{} {}",
        &text[..4],
        &text[4..8].to_lowercase(),
        &text[8..12],
        &text[12..]
    );
    let full_width: String = text
        .chars()
        .map(|sign| char::from_u32(u32::from(sign) + 0xfee0).unwrap())
        .collect();
    for typed in [grouped, full_width] {
        assert!(
            passwords.matches_printed(&stored, 1, None, &typed).unwrap(),
            "{typed}"
        );
    }
    assert!(
        !passwords
            .matches_printed(&stored, 1, None, &text[..15])
            .unwrap()
    );
    assert!(!passwords.matches_printed(&stored, 2, None, &text).unwrap());
    assert!(!passwords.matches_printed(&stored, 1, None, "").unwrap());
}

#[tokio::test]
async fn a_code_has_six_digits_belongs_to_its_challenge_and_may_be_typed_in_full_width() {
    let house = House::new().await;
    let one_time = &house.vault.one_time;
    let key = one_time.current_key();
    let member = house.member();
    let mut leading_zero = false;
    for _ in 0..200 {
        let challenge = ChallengeId(house.entropy.id());
        let code = one_time
            .code(key, member, challenge)
            .unwrap()
            .expose_secret()
            .to_owned();
        assert!(
            code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit()),
            "{code}"
        );
        leading_zero |= code.starts_with('0');
        let full_width: String = code
            .chars()
            .map(|digit| char::from_u32(u32::from(digit) + 0xfee0).unwrap())
            .collect();
        assert!(
            one_time
                .matches(key, member, challenge, &full_width)
                .unwrap()
        );
        assert!(
            !one_time
                .matches(key, member, challenge, &code[..5])
                .unwrap()
        );
    }
    assert!(leading_zero);
}

#[tokio::test]
async fn a_code_of_another_member_challenge_or_key_is_another() {
    let house = House::new().await;
    let key = house.vault.one_time.current_key().clone();
    let (member, challenge) = (house.member(), ChallengeId(house.entropy.id()));
    let code = |vault: &Vault, key: &KeyId, member, challenge| {
        vault
            .one_time
            .code(key, member, challenge)
            .unwrap()
            .expose_secret()
            .to_owned()
    };
    let newer = house.with_a_newer_key().await;
    let first = code(&house.vault, &key, member, challenge);
    assert_eq!(code(&newer, &key, member, challenge), first);
    // Two of a million may agree by chance; four do not.
    let others: Vec<_> = (0..4)
        .map(|_| code(&house.vault, &key, house.member(), challenge))
        .collect();
    assert!(others.iter().any(|other| *other != first));
    let others: Vec<_> = (0..4)
        .map(|_| code(&house.vault, &key, member, ChallengeId(house.entropy.id())))
        .collect();
    assert!(others.iter().any(|other| *other != first));
    let unknown = KeyId("nosuchkey".to_owned());
    assert!(matches!(
        newer.one_time.code(&unknown, member, challenge),
        Err(VaultError::UnknownKey(_))
    ));
}

#[tokio::test]
async fn a_reference_is_four_letters_that_look_like_no_digit() {
    let house = House::new().await;
    let one_time = &house.vault.one_time;
    for _ in 0..100 {
        let challenge = ChallengeId(house.entropy.id());
        let reference = one_time
            .reference(one_time.current_key(), house.member(), challenge)
            .unwrap();
        assert_eq!(reference.len(), 4);
        assert!(
            reference
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() && byte != b'I' && byte != b'O')
        );
    }
}

#[tokio::test]
async fn a_link_opens_to_what_it_names_and_a_changed_one_does_not() {
    let house = House::new().await;
    let one_time = &house.vault.one_time;
    let link = Link {
        member: house.member(),
        contact: ContactId(house.entropy.id()),
        issue: IssueId(house.entropy.id()),
    };
    let token = one_time
        .seal_link(one_time.current_key(), &link)
        .unwrap()
        .expose_secret()
        .to_owned();
    assert_eq!(one_time.open_link(&token), Some(link));
    assert_eq!(
        house.with_a_newer_key().await.one_time.open_link(&token),
        Some(link)
    );
    for at in 0..token.len() {
        let other = if token.as_bytes()[at] == b'A' {
            "B"
        } else {
            "A"
        };
        let mut forged = token.clone();
        forged.replace_range(at..=at, other);
        assert_eq!(one_time.open_link(&forged), None, "sign {at}");
    }
    for forged in [
        "",
        "A",
        &token[..token.len() - 1],
        &format!("{token}A"),
        &format!("{token}="),
    ] {
        assert_eq!(one_time.open_link(forged), None, "{forged}");
    }
}

#[tokio::test]
async fn a_notice_opens_to_what_it_names_and_neither_a_changed_one_nor_a_link_does() {
    let house = House::new().await;
    let one_time = &house.vault.one_time;
    let notice = Notice {
        member: house.member(),
        about: NoticeId(house.entropy.id()),
    };
    let token = one_time.seal_notice(&notice).unwrap();
    let token = token.expose_secret();
    assert_eq!(one_time.open_notice(token), Some(notice));
    let rotated = house.with_a_newer_key().await;
    assert_eq!(rotated.one_time.open_notice(token), Some(notice));
    let mut changed = token.to_owned();
    changed.replace_range(..1, if token.starts_with('A') { "B" } else { "A" });
    assert_eq!(one_time.open_notice(&changed), None);
    let link = Link {
        member: notice.member,
        contact: ContactId(notice.about.0),
        issue: IssueId(house.entropy.id()),
    };
    let link = one_time.seal_link(one_time.current_key(), &link).unwrap();
    assert_eq!(one_time.open_notice(link.expose_secret()), None);
}
