//! The few classes of mail providers that the log may name; the domain itself would say too much about a member.

/// Whose customer an address belongs to, coarse enough to stand in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DomainClass {
    /// NTT Docomo, ahamo
    Docomo,
    /// au (KDDI)
    Au,
    /// `SoftBank`, once Vodafone
    Softbank,
    /// Y!mobile, UQ mobile, Rakuten Mobile and smaller ones
    OtherCarrier,
    /// Gmail
    Gmail,
    /// iCloud
    Icloud,
    /// Outlook, Hotmail
    Outlook,
    /// Yahoo! JAPAN
    YahooJapan,
    /// Everybody else, companies among them
    Other,
}

impl DomainClass {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Docomo,
        Self::Au,
        Self::Softbank,
        Self::OtherCarrier,
        Self::Gmail,
        Self::Icloud,
        Self::Outlook,
        Self::YahooJapan,
        Self::Other,
    ];

    /// The name under which the class stands in events and reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Docomo => "docomo",
            Self::Au => "au",
            Self::Softbank => "softbank",
            Self::OtherCarrier => "other_carrier",
            Self::Gmail => "gmail",
            Self::Icloud => "icloud",
            Self::Outlook => "outlook",
            Self::YahooJapan => "yahoo_japan",
            Self::Other => "other",
        }
    }
}

/// Domains as the providers publish them; a name below one of them (`biz.ezweb.ne.jp`) belongs to it.
const KNOWN: &[(DomainClass, &[&str])] = &[
    (DomainClass::Docomo, &["docomo.ne.jp"]),
    (DomainClass::Au, &["ezweb.ne.jp", "au.com", "ido.ne.jp"]),
    (
        DomainClass::Softbank,
        &[
            "softbank.ne.jp",
            "i.softbank.jp",
            "vodafone.ne.jp",
            "disney.ne.jp",
        ],
    ),
    (
        DomainClass::OtherCarrier,
        &[
            "ymobile.ne.jp",
            "y-mobile.ne.jp",
            "ymobile1.ne.jp",
            "yahoo.ne.jp",
            "emnet.ne.jp",
            "emobile.ne.jp",
            "willcom.com",
            "pdx.ne.jp",
            "wcm.ne.jp",
            "uqmobile.jp",
            "rakumail.jp",
            "mineo.jp",
        ],
    ),
    (DomainClass::Gmail, &["gmail.com", "googlemail.com"]),
    (DomainClass::Icloud, &["icloud.com", "me.com", "mac.com"]),
    (
        DomainClass::Outlook,
        &[
            "outlook.com",
            "outlook.jp",
            "hotmail.com",
            "hotmail.co.jp",
            "live.com",
            "live.jp",
            "msn.com",
        ],
    ),
    (DomainClass::YahooJapan, &["yahoo.co.jp", "ymail.ne.jp"]),
];

/// The class of an address or of its domain alone; letter case does not count.
#[must_use]
pub fn domain_class(address: &str) -> DomainClass {
    let domain = address
        .rsplit('@')
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    let belongs = |known: &&str| {
        domain
            .strip_suffix(*known)
            .is_some_and(|below| below.is_empty() || below.ends_with('.'))
    };
    KNOWN
        .iter()
        .find(|(_, domains)| domains.iter().any(belongs))
        .map_or(DomainClass::Other, |(class, _)| *class)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_and_what_lies_below_it_share_a_class() {
        for (address, class) in [
            ("a..b@docomo.ne.jp", "docomo"),
            ("a@DOCOMO.NE.JP", "docomo"),
            ("a@ezweb.ne.jp", "au"),
            ("a@biz.ezweb.ne.jp", "au"),
            ("a@i.softbank.jp", "softbank"),
            ("a@t.vodafone.ne.jp", "softbank"),
            ("a@yahoo.ne.jp", "other_carrier"),
            ("a@rakumail.jp", "other_carrier"),
            ("a@gmail.com", "gmail"),
            ("a@icloud.com", "icloud"),
            ("a@hotmail.co.jp", "outlook"),
            ("a@yahoo.co.jp", "yahoo_japan"),
            ("gmail.com", "gmail"),
        ] {
            assert_eq!(domain_class(address).as_str(), class, "{address}");
        }
    }

    #[test]
    fn a_name_that_only_ends_alike_is_another() {
        for address in [
            "a@notgmail.com",
            "a@gmail.com.example.jp",
            "a@softbank.jp",
            "a@example.jp",
            "",
            "gmail.com@",
        ] {
            assert_eq!(domain_class(address), DomainClass::Other, "{address}");
        }
    }
}
