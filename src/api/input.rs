//! What members type, made plain before it is read: full-width characters, stray spaces, international domains.

use unicode_normalization::UnicodeNormalization;

pub use crate::vault::normalise_id;

/// A code as typed, with full-width digits narrowed, and without the spaces and hyphens put in for reading.
#[must_use]
pub fn normalise_digits(input: &str) -> String {
    input
        .nfkc()
        .filter(|c| !c.is_whitespace() && !is_hyphen(*c))
        .collect()
}

/// An e-mail address as typed, with full-width characters narrowed, the spaces around it gone, and the domain in lower-case ASCII (UTS 46).
///
/// A domain that cannot be written in ASCII is left as it is, for the address to be refused as a whole.
#[must_use]
pub fn normalise_email(input: &str) -> String {
    let text = normalise_id(input);
    let Some((local, domain)) = text.rsplit_once('@') else {
        return text;
    };
    match idna::domain_to_ascii(domain) {
        Ok(domain) => format!("{local}@{domain}"),
        Err(_) => text,
    }
}

/// The strokes that Japanese keyboards offer as a hyphen, after NFKC.
const fn is_hyphen(c: char) -> bool {
    matches!(c, '-' | '‐' | '‒' | '–' | '—' | '―' | '−' | 'ー')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::email::{EmailAddress, EmailFault};

    #[test]
    fn full_width_input_becomes_plain() {
        assert_eq!(normalise_id("\u{3000}ＡＢ１２３ "), "AB123");
        assert_eq!(normalise_digits("１２３ ー ４５６"), "123456");
        assert_eq!(normalise_digits(" 123-456\n"), "123456");
        assert_eq!(
            normalise_email(" ｔａｒｏ＠ｅｘａｍｐｌｅ．ｊｐ\u{3000}"),
            "taro@example.jp"
        );
        assert_eq!(normalise_email("taro@example。jp"), "taro@example.jp");
    }

    #[test]
    fn only_the_domain_of_an_address_is_lowered() {
        assert_eq!(normalise_email("Taro@Example.JP"), "Taro@example.jp");
    }

    #[test]
    fn carrier_addresses_pass_unchanged() {
        assert_eq!(normalise_email("a..b.@docomo.ne.jp"), "a..b.@docomo.ne.jp");
    }

    #[test]
    fn an_international_domain_becomes_ascii() {
        let typed = normalise_email("taro@日本語.JP");
        assert_eq!(typed, "taro@xn--wgv71a119e.jp");
        assert!(EmailAddress::parse(&typed).is_ok());
    }

    #[test]
    fn an_impossible_domain_is_left_to_be_refused() {
        let typed = normalise_email("taro@xn--a.jp\u{202e}");
        assert_eq!(EmailAddress::parse(&typed), Err(EmailFault::NotAnAddress));
    }

    proptest! {
        #[test]
        fn any_text_can_be_made_plain(text in any::<String>()) {
            let _ = (normalise_id(&text), normalise_digits(&text), EmailAddress::parse(&normalise_email(&text)));
        }
    }
}
