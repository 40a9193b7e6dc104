//! An e-mail address that we are willing to write to: what a member may type, and how it is shown.

use std::fmt;

use thiserror::Error;

/// The longest local part, in octets (RFC 5321, 4.5.3.1.1).
const LONGEST_LOCAL_PART: usize = 64;
/// The longest address, in octets: a path of 256 less its two brackets (RFC 5321, 4.5.3.1.3).
const LONGEST_ADDRESS: usize = 254;
/// The longest label of a host name, in octets (RFC 1035, 2.3.4).
const LONGEST_LABEL: usize = 63;

/// An address of ASCII characters with a lower-case domain.
///
/// Addresses that Japanese carriers gave out before 2009 break RFC 5321 by dots in a row, or a dot before the `@`; they are
/// taken, as their owners can have no other.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct EmailAddress {
    text: String,
    /// Where in `text` the `@` stands.
    at: usize,
}

/// Why a text is refused as an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum EmailFault {
    /// No mail server would know what to do with it.
    #[error("not an e-mail address")]
    NotAnAddress,
    /// It may well be an address, but of a kind that is not written to here: a local part that is quoted or not ASCII.
    #[error("an e-mail address of a kind that is not supported")]
    NotSupported,
}

impl EmailAddress {
    /// Takes an address as typed, once its width, its spaces and an international domain have been made plain.
    ///
    /// # Errors
    /// Says whether the text is no address at all, or one of a kind that is not supported.
    pub fn parse(input: &str) -> Result<Self, EmailFault> {
        let (local, domain) = input.rsplit_once('@').ok_or(EmailFault::NotAnAddress)?;
        if !local.is_ascii() || local.contains('"') {
            return Err(EmailFault::NotSupported);
        }
        let valid = input.len() <= LONGEST_ADDRESS && is_local_part(local) && is_domain(domain);
        if !valid {
            return Err(EmailFault::NotAnAddress);
        }
        Ok(Self {
            text: format!("{local}@{}", domain.to_ascii_lowercase()),
            at: local.len(),
        })
    }

    /// The whole address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What stands before the `@`.
    #[must_use]
    pub fn local_part(&self) -> &str {
        self.text.get(..self.at).unwrap_or_default()
    }

    /// What stands behind the `@`, in lower case.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.text.get(self.at + 1..).unwrap_or_default()
    }

    /// The address as it may be shown to whoever is signed in: `t***@e***.jp`.
    #[must_use]
    pub fn masked(&self) -> String {
        let first = |text: &str| text.chars().next().unwrap_or('*');
        let domain = self.domain();
        let last_label = domain.rsplit('.').next().unwrap_or_default();
        format!(
            "{}***@{}***.{last_label}",
            first(self.local_part()),
            first(domain)
        )
    }
}

impl fmt::Debug for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EmailAddress(…)")
    }
}

fn is_local_part(local: &str) -> bool {
    // RFC 5322, 3.2.3: atext, and the dot wherever a carrier has put it.
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    local.len() <= LONGEST_LOCAL_PART
        && local.bytes().all(allowed)
        && local.bytes().any(|b| b != b'.')
}

fn is_domain(domain: &str) -> bool {
    // A last label of digits alone would be an IPv4 address.
    let named = |label: &str| label.bytes().any(|b| !b.is_ascii_digit());
    domain
        .rsplit_once('.')
        .is_some_and(|(_, last)| named(last) && domain.split('.').all(is_label))
}

fn is_label(label: &str) -> bool {
    (1..=LONGEST_LABEL).contains(&label.len())
        && label
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_addresses_are_taken() {
        for text in [
            "hanako@example.jp",
            "a@b.co",
            "taro.yamada+kenpo@mail.example.co.jp",
            "o'neil@xn--wgv71a.jp",
        ] {
            assert_eq!(
                EmailAddress::parse(text).map(|a| a.as_str().to_owned()),
                Ok(text.to_owned())
            );
        }
    }

    #[test]
    fn carrier_addresses_that_break_the_rfc_are_taken() {
        for text in [
            "taro..yamada@docomo.ne.jp",
            "taro.@ezweb.ne.jp",
            ".taro@docomo.ne.jp",
            "a..b.@docomo.ne.jp",
        ] {
            assert!(EmailAddress::parse(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn the_domain_is_lowered_and_the_local_part_left_alone() {
        let address = EmailAddress::parse("Taro@Example.JP").unwrap();
        assert_eq!(
            (address.local_part(), address.domain()),
            ("Taro", "example.jp")
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "@",
            "taro",
            "taro@",
            "@example.jp",
            "taro@example",
            "taro@.jp",
            "taro@example.",
            "taro@example..jp",
            "taro@-a.jp",
            "taro@a-.jp",
            "taro@a_b.jp",
            "taro@192.0.2.1",
            "taro@[192.0.2.1]",
            "taro@例え.jp",
            ".@example.jp",
            "ta ro@example.jp",
            "taro@exam ple.jp",
            "taro@@example.jp",
            "a@b@example.jp",
            "<taro@example.jp>",
            "taro@example.jp\r\nBcc: x@example.jp",
            "ta\r\nro@example.jp",
            "ta\0ro@example.jp",
            "taro@example.jp\0",
            "a,b@example.jp",
        ] {
            assert_eq!(
                EmailAddress::parse(text),
                Err(EmailFault::NotAnAddress),
                "{text:?}"
            );
        }
    }

    #[test]
    fn quoted_and_international_local_parts_are_not_supported() {
        for text in [
            "\"taro yamada\"@example.jp",
            "\"a\"@example.jp",
            "太郎@example.jp",
        ] {
            assert_eq!(
                EmailAddress::parse(text),
                Err(EmailFault::NotSupported),
                "{text}"
            );
        }
    }

    #[test]
    fn lengths_end_where_smtp_ends_them() {
        let label = "d".repeat(63);
        let domain = format!("{label}.{label}.{}", "d".repeat(61));
        assert!(EmailAddress::parse(&format!("{}@example.jp", "a".repeat(64))).is_ok());
        assert!(EmailAddress::parse(&format!("{}@example.jp", "a".repeat(65))).is_err());
        assert!(EmailAddress::parse(&format!("{}@{domain}", "a".repeat(64))).is_ok());
        assert!(EmailAddress::parse(&format!("{}@{domain}d", "a".repeat(64))).is_err());
    }

    #[test]
    fn masking_leaves_two_letters_and_the_last_label() {
        let address = EmailAddress::parse("taro@example.jp").unwrap();
        assert_eq!(address.masked(), "t***@e***.jp");
    }

    #[test]
    fn debug_output_hides_the_address() {
        let address = EmailAddress::parse("taro@example.jp").unwrap();
        assert!(!format!("{address:?}").contains("taro"));
    }

    proptest! {
        #[test]
        fn any_text_is_parsed_or_refused_and_what_is_parsed_fits_one_header_line(text in any::<String>()) {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert!(address.as_str().bytes().all(|b| b.is_ascii_graphic()));
            }
        }

        #[test]
        fn what_looks_like_an_address_survives_a_second_parse(text in "[a-z.]{1,70}@[a-zA-Z0-9.-]{1,40}") {
            if let Ok(address) = EmailAddress::parse(&text) {
                prop_assert_eq!(EmailAddress::parse(address.as_str()), Ok(address));
            }
        }
    }
}
