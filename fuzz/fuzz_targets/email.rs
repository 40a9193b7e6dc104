//! Addresses as typed: what is taken fits one line of a mail's head and is taken again as it is, and its mask hides it.

#![no_main]

use kadode::api::input::normalise_email;
use kadode::domain::email::EmailAddress;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let plain = normalise_email(text);
    let Ok(address) = EmailAddress::parse(&plain) else {
        return;
    };
    let written = address.as_str();
    assert!(written.len() <= 254 && written.bytes().all(|b| b.is_ascii_graphic()));
    assert!(!written.contains(['"', '(', ')', '<', '>', '[', ']', ':', ';', ',', '\\']));
    assert_eq!(
        written,
        format!("{}@{}", address.local_part(), address.domain())
    );
    assert_eq!(
        normalise_email(written),
        written,
        "not plain after being made plain"
    );
    assert_eq!(EmailAddress::parse(written).as_ref(), Ok(&address));
    // First letters and the last label, however long the rest is.
    let last_label = written.rsplit('.').next().unwrap_or_default();
    assert_eq!(
        address.masked().len(),
        "t***@e***.".len() + last_label.len()
    );
});
