//! Policy files: a mistake is told in one line that names a line of the file, and what is taken keeps to its ranges.

#![no_main]

use jiff::civil::date;
use kadode::domain::cohort;
use kadode::domain::email::EmailAddress;
use kadode::domain::policy::{InitialPassword, ROSTER_COLUMNS};
use kadode::policies::{LoadedPolicy, PolicyError};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let loaded = match LoadedPolicy::parse("policy.toml", text.to_owned()) {
        Ok(loaded) => loaded,
        Err(error) => {
            let PolicyError::Mistake { line, .. } = &error else {
                panic!("{error}");
            };
            assert!(
                (1..=text.matches('\n').count() + 1).contains(line),
                "no such line"
            );
            assert!(
                !error.to_string().contains(char::is_control),
                "not one plain line"
            );
            return;
        }
    };
    let again = LoadedPolicy::parse("elsewhere", loaded.text.clone()).expect("taken before");
    assert_eq!(again.version, loaded.version);
    let policy = &loaded.policy;
    for column in policy.roster_headers.values() {
        assert!(ROSTER_COLUMNS.contains(&column.as_str()));
    }
    assert!(!policy.cohorts.is_empty());
    for own in &policy.cohorts {
        let found = policy.cohort(&own.name).expect("its own name");
        assert!(std::ptr::eq(found, own), "two cohorts of one name");
        assert_ne!(own.initial_password, InitialPassword::Formula(Vec::new()));
    }
    let limits = &policy.limits;
    assert!((8..=64).contains(&limits.password.min_length));
    assert!(limits.password.max_length >= limits.password.min_length);
    assert!(
        (1..=10).contains(&limits.otp.tries) && (1..=10).contains(&limits.otp.lifetime_minutes)
    );
    assert!((5..=1440).contains(&limits.email_link.lifetime_minutes));
    assert!(limits.sign_in.first_wait_seconds <= 3600);
    assert!((1..=365).contains(&limits.initial_credentials.days));
    for registered in [false, true] {
        for joined in [date(1873, 1, 1), date(2026, 3, 26), date(9999, 12, 31)] {
            let _ = cohort::assign(policy, registered, joined);
        }
    }
    for address in [&policy.society.mail_from, &policy.society.email] {
        assert!(
            EmailAddress::parse(address).is_ok(),
            "no mail could come from there"
        );
    }
});
