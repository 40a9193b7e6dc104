//! Tokens of mailed links: what opens is what was sealed, in the one way it is written, and nothing else opens.

#![no_main]

use std::sync::LazyLock;

use kadode::domain::ids::{ContactId, IssueId, MemberId};
use kadode::vault::{Link, OneTime};
use kadode_fuzz::keys;
use libfuzzer_sys::{arbitrary, fuzz_target};
use secrecy::ExposeSecret;
use uuid::Uuid;

static ONE_TIME: LazyLock<OneTime> = LazyLock::new(|| OneTime::new(keys()));

#[derive(Debug, arbitrary::Arbitrary)]
struct Input<'a> {
    ids: [u128; 3],
    /// Where in the token something is put instead.
    at: u16,
    instead: &'a str,
}

fuzz_target!(|input: Input<'_>| {
    let [member, contact, issue] = input.ids.map(Uuid::from_u128);
    let link = Link {
        member: MemberId(member),
        contact: ContactId(contact),
        issue: IssueId(issue),
    };
    let one_time = &*ONE_TIME;
    let sealed = one_time
        .seal_link(one_time.current_key(), &link)
        .expect("the key is there");
    let token = sealed.expose_secret();
    assert_eq!(one_time.open_link(token), Some(link));
    assert!(
        token
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    );

    assert_eq!(
        one_time.open_link(input.instead),
        None,
        "a forged token opens"
    );
    let at = usize::from(input.at) % token.len();
    let after = (at + input.instead.len()).min(token.len());
    let changed = format!("{}{}{}", &token[..at], input.instead, &token[after..]);
    if changed != token {
        assert_eq!(one_time.open_link(&changed), None, "a changed token opens");
    }
});
