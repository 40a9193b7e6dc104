//! Every parser that outsiders or operators reach, with any text and with texts that are nearly right.

use kadode::api::input::{normalise_digits, normalise_email, normalise_id};
use kadode::config::{Network, PublicUrl};
use kadode::domain::birth_date::{BirthDate, parse_date};
use kadode::domain::email::EmailAddress;
use kadode::domain::ids::NoticeId;
use kadode::policies::{LoadedPolicy, PolicyError};
use kadode::vault::Notice;
use proptest::prelude::*;
use proptest::sample::Index;
use secrecy::ExposeSecret;

use super::Target;
use crate::support::browser::Browser;

const SAMPLE: &str = include_str!("../../../policies/sample.toml");

/// A policy is read, or refused with a line that is there and one line of why.
fn is_read_or_placed(text: &str) -> Result<(), TestCaseError> {
    let lines = text.matches('\n').count() + 1;
    match LoadedPolicy::parse("policy.toml", text.to_owned()) {
        Ok(loaded) => prop_assert_eq!(loaded.text, text),
        Err(PolicyError::Mistake { line, why, .. }) => {
            prop_assert!((1..=lines).contains(&line), "{} of {}", line, lines);
            prop_assert!(
                !why.is_empty() && !why.contains(char::is_control),
                "{:?}",
                why
            );
        }
        Err(other) => prop_assert!(false, "{}", other),
    }
    Ok(())
}

/// A text near `right`: some of its characters are left out, doubled or others.
fn near(right: &'static str) -> impl Strategy<Value = String> {
    let slips = proptest::collection::vec((any::<Index>(), 0..3usize, any::<char>()), 0..4);
    slips.prop_map(move |slips| {
        let mut text: Vec<char> = right.chars().collect();
        for (place, kind, other) in slips {
            if text.is_empty() {
                break;
            }
            let place = place.index(text.len());
            match kind {
                0 => drop(text.remove(place)),
                1 => text.insert(place, other),
                _ => text[place] = other,
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn any_text_is_a_policy_or_a_mistake_with_its_place(text in any::<String>()) {
        is_read_or_placed(&text)?;
    }

    #[test]
    fn texts_like_toml_are_a_policy_or_a_mistake_with_its_place(text in "([a-z_.\"' ]{1,6} ?= ?[-0-9a-z\"'\\[\\]{}=,.:\\\\]{0,12}\n?|\\[{1,2}[a-z.\"]{0,9}\\]{1,2}\n){0,12}") {
        is_read_or_placed(&text)?;
    }

    #[test]
    fn an_address_made_plain_is_plain_and_an_accepted_one_is_read_as_itself(text in prop_oneof![any::<String>(), near("ｈａｎａｋｏ＠日本語.example.jp")]) {
        let plain = normalise_email(&text);
        if let Ok(address) = EmailAddress::parse(&plain) {
            prop_assert_eq!(&normalise_email(&plain), &plain);
            let again = EmailAddress::parse(address.as_str());
            prop_assert_eq!(again.as_ref(), Ok(&address));
            prop_assert!(!address.masked().contains(char::is_control));
        }
    }

    #[test]
    fn what_is_made_plain_once_stays_as_it_is(text in any::<String>()) {
        let id = normalise_id(&text);
        prop_assert_eq!(&normalise_id(&id), &id);
        prop_assert!(!normalise_digits(&text).contains(char::is_whitespace));
    }

    #[test]
    fn texts_near_a_date_are_a_day_that_is_read_back_or_none(text in prop_oneof![near("1980-01-01"), near("昭和55年1月1日"), near("S55.1.1"), near("19800101")]) {
        let today = "2026-11-22".parse().unwrap();
        if let Ok(born) = BirthDate::parse(&text, today) {
            prop_assert!(born.date() <= today);
            prop_assert_eq!(parse_date(&born.date().to_string()), Some(born.date()));
            prop_assert_eq!(parse_date(&born.date().strftime("%Y%m%d").to_string()), Some(born.date()));
        }
    }

    #[test]
    fn any_setting_is_read_or_refused_in_one_line(text in prop_oneof![any::<String>(), near("https://user@[::1]:443/"), near("http://localhost:80"), near("10.0.0.0/8"), near("::ffff:1.2.3.4/128")]) {
        if let Ok(url) = PublicUrl::choose(Some(&text), "127.0.0.1:80".parse().unwrap()) {
            let again = PublicUrl::choose(Some(&url.origin), "127.0.0.1:80".parse().unwrap());
            prop_assert_eq!(again, Ok(url));
        }
        if let Ok(network) = text.parse::<Network>() {
            for address in ["0.0.0.0", "255.255.255.255", "::", "::ffff:9.9.9.9", "ffff::"] {
                let _ = network.contains(address.parse().unwrap());
            }
        }
    }
}

proptest! {
    // The sample is long, and reading it in a debug build slow.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_sample_with_slips_is_a_policy_or_a_mistake_with_its_place(text in near(SAMPLE)) {
        is_read_or_placed(&text)?;
    }

    #[test]
    fn the_sample_with_other_values_is_a_policy_or_a_mistake_with_its_place(
        place in any::<Index>(),
        value in prop_oneof![
            any::<i64>().prop_map(|it| it.to_string()), any::<f64>().prop_map(|it| it.to_string()), any::<String>().prop_map(|it| format!("{it:?}")),
            Just("[]".to_owned()), Just("{}".to_owned()), Just("true".to_owned()), Just("9999-12-31".to_owned()), Just("-0000-01-01".to_owned()), Just("{ ja = 1 }".to_owned()),
        ],
    ) {
        let settings: Vec<&str> = SAMPLE.lines().filter(|line| line.contains(" = ") && !line.starts_with('#')).collect();
        let setting = settings[place.index(settings.len())];
        let (name, _) = setting.split_once(" = ").unwrap();
        is_read_or_placed(&SAMPLE.replacen(setting, &format!("{name} = {value}"), 1))?;
    }
}

/// Fails unless a token opens something, and neither a text near it nor any other does.
fn alone_opens(token: &str, opens: impl Fn(&str) -> bool) {
    assert!(opens(token));
    for place in 0..token.len() {
        for other in ["", "A", "_", "%", "\0", "é", "AA", "=", " "] {
            let near = format!("{}{other}{}", &token[..place], &token[place + 1..]);
            assert!(near == token || !opens(&near), "{place} {other:?}");
        }
        assert!(!opens(&token[..place]), "{place}");
        assert!(!opens(&token[place + 1..]), "{place}");
    }
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let any_text = prop_oneof![any::<String>(), "[A-Za-z0-9_-]{0,120}"];
    let opened = runner.run(&any_text, |text| {
        prop_assert!(!opens(&text));
        Ok(())
    });
    assert_eq!(opened, Ok(()));
}

#[tokio::test]
async fn a_link_opens_by_its_own_token_and_by_none_that_is_near_it() {
    let target = Target::new().await;
    Browser::at(&target.app, "/email-link").await;
    let one_time = &target.app.society.vault.one_time;
    let token = target.app.tokens(target.member).await.remove(0);
    assert_eq!(one_time.open_link(&token).unwrap().member, target.member);
    alone_opens(&token, |text| one_time.open_link(text).is_some());
    assert_eq!(one_time.open_notice(&token), None);
}

#[tokio::test]
async fn a_notice_opens_by_its_own_token_and_by_none_that_is_near_it() {
    let target = Target::new().await;
    let one_time = &target.app.society.vault.one_time;
    let notice = Notice {
        member: target.member,
        about: NoticeId(uuid::Uuid::from_u128(1)),
    };
    let token = one_time.seal_notice(&notice).unwrap();
    let token = token.expose_secret();
    assert_eq!(one_time.open_notice(token), Some(notice));
    alone_opens(token, |text| one_time.open_notice(text).is_some());
    assert!(one_time.open_link(token).is_none());
}
