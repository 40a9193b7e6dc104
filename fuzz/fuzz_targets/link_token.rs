//! Tokens of mailed links and of notices: what opens is what was sealed, in the one way it is written, and nothing else opens.

#![no_main]

use std::fmt::Debug;
use std::sync::LazyLock;

use kadode::domain::ids::{ContactId, IssueId, MemberId, NoticeId};
use kadode::vault::{Link, Notice, OneTime};
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

impl Input<'_> {
    /// What was sealed opens by its token, and by no other.
    fn alone_opens<T: PartialEq + Debug>(
        &self,
        token: &str,
        sealed: T,
        open: impl Fn(&str) -> Option<T>,
    ) {
        assert_eq!(open(token), Some(sealed));
        assert!(
            token
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        );
        assert_eq!(open(self.instead), None, "a forged token opens");
        let at = usize::from(self.at) % token.len();
        let after = (at + self.instead.len()).min(token.len());
        let changed = format!("{}{}{}", &token[..at], self.instead, &token[after..]);
        if changed != token {
            assert_eq!(open(&changed), None, "a changed token opens");
        }
    }
}

fuzz_target!(|input: Input<'_>| {
    let [member, contact, issue] = input.ids.map(Uuid::from_u128);
    let member = MemberId(member);
    let one_time = &*ONE_TIME;
    let link = Link {
        member,
        contact: ContactId(contact),
        issue: IssueId(issue),
    };
    let notice = Notice {
        member,
        about: NoticeId(issue),
    };
    let key = one_time.current_key();
    let of_link = one_time.seal_link(key, &link).expect("the key is there");
    let of_notice = one_time.seal_notice(&notice).expect("the key is there");
    let (of_link, of_notice) = (of_link.expose_secret(), of_notice.expose_secret());
    input.alone_opens(of_link, link, |text| one_time.open_link(text));
    input.alone_opens(of_notice, notice, |text| one_time.open_notice(text));
    assert_eq!(one_time.open_notice(of_link), None);
    assert_eq!(one_time.open_link(of_notice), None);
});
