//! Who is at the other end of a request, as far as the request tells: cookies, language, address, browser.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Uri, header};
use cookie::{Cookie, SameSite};
use jiff::SignedDuration;

use super::Api;
use crate::config::Network;
use crate::domain::values::Language;

/// The header that names a request in logs and events.
pub const REQUEST_ID: &str = "x-request-id";

/// The names of our cookies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CookieName {
    /// The session's secret.
    Session,
    /// What a form's token is made from.
    Form,
    /// That this browser has signed in before.
    Device,
    /// The chosen language.
    Language,
    /// The secret of a session of staff.
    Staff,
}

impl CookieName {
    const fn plain(self) -> &'static str {
        match self {
            Self::Session => "kadode",
            Self::Form => "kadode-form",
            Self::Device => "kadode-device",
            Self::Language => "kadode-lang",
            Self::Staff => "kadode-staff",
        }
    }

    /// Whether other sites' links bring it along. A mail is read on other sites: were the form cookie left behind there,
    /// the link's page would set another, and the forms that are open would no longer count.
    const fn same_site(self) -> SameSite {
        match self {
            Self::Session | Self::Device | Self::Staff => SameSite::Strict,
            Self::Form | Self::Language => SameSite::Lax,
        }
    }

    /// The name in use: on https with the prefix that browsers tie to this very host (RFC 6265bis, 4.1.3.2).
    pub(in crate::api) fn full(self, secure: bool) -> String {
        let prefix = if secure { "__Host-" } else { "" };
        format!("{prefix}{}", self.plain())
    }
}

/// What a request tells of its sender. It cannot be printed, for it holds secrets.
#[derive(Clone)]
pub struct Visit {
    /// The language to answer in.
    pub language: Language,
    /// The sender's address, behind trusted proxies too.
    pub address: IpAddr,
    /// The User-Agent header.
    pub agent: String,
    /// The request's name in logs and events.
    pub request_id: Option<String>,
    /// The session cookie.
    pub secret: Option<String>,
    /// The form cookie.
    pub form: Option<String>,
    /// The device cookie.
    pub device: Option<String>,
    /// The cookie of a session of staff.
    pub staff: Option<String>,
    /// A program's token (RFC 6750).
    pub bearer: Option<String>,
}

impl FromRequestParts<Api> for Visit {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Infallible> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map_or(IpAddr::V4(Ipv4Addr::LOCALHOST), |ConnectInfo(peer)| {
                peer.ip()
            });
        let (trusted, secure) = (&api.trusted_proxies, api.public_url.secure);
        Ok(Self::of(&parts.uri, &parts.headers, peer, trusted, secure))
    }
}

impl Visit {
    /// What a request's address and headers tell; `peer` opened the connection, `trusted` are the proxies whose
    /// X-Forwarded-For counts, and `secure` says whether cookies have the names of https.
    #[must_use]
    pub fn of(
        uri: &Uri,
        headers: &HeaderMap,
        peer: IpAddr,
        trusted: &[Network],
        secure: bool,
    ) -> Self {
        Self {
            language: language(uri, cookie(headers, CookieName::Language, secure), headers),
            address: sender(peer, headers, trusted),
            agent: text(headers, header::USER_AGENT.as_str())
                .unwrap_or_default()
                .to_owned(),
            request_id: text(headers, REQUEST_ID).map(str::to_owned),
            secret: cookie(headers, CookieName::Session, secure),
            form: cookie(headers, CookieName::Form, secure),
            device: cookie(headers, CookieName::Device, secure),
            staff: cookie(headers, CookieName::Staff, secure),
            bearer: bearer(headers),
        }
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// What follows `Bearer`; where the header is there and holds something else, a token that opens nothing.
fn bearer(headers: &HeaderMap) -> Option<String> {
    let header = headers.get(header::AUTHORIZATION)?;
    let text = header.to_str().unwrap_or_default();
    let token = text
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"));
    Some(token.map_or_else(String::new, |(_, token)| token.trim().to_owned()))
}

fn cookie(headers: &HeaderMap, name: CookieName, secure: bool) -> Option<String> {
    let name = name.full(secure);
    headers.get_all(header::COOKIE).iter().find_map(|line| {
        // Other sites of the society may leave cookies that are not ASCII; ours are read beside them.
        let line = String::from_utf8_lossy(line.as_bytes());
        Cookie::split_parse(line.as_ref())
            .filter_map(Result::ok)
            .find(|cookie| cookie.name() == name)
            .map(|cookie| cookie.value().to_owned())
    })
}

/// `?lang=`, else the cookie, else Japanese. Pages do not follow the browser's preference: many a browser in Japan asks for
/// English without its owner knowing. Programs have neither page nor cookie, so theirs counts.
fn language(uri: &Uri, chosen: Option<String>, headers: &HeaderMap) -> Language {
    let query = uri.query().unwrap_or_default();
    let asked = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("lang="))
        .map(str::to_owned);
    if let Some(tag) = asked.or(chosen) {
        return if tag == "en" {
            Language::En
        } else {
            Language::Ja
        };
    }
    if !uri.path().starts_with("/api/") {
        return Language::Ja;
    }
    let preferred = text(headers, header::ACCEPT_LANGUAGE.as_str()).unwrap_or_default();
    let first = preferred
        .split(',')
        .map(|part| part.trim().to_ascii_lowercase())
        .find(|part| part.starts_with("ja") || part.starts_with("en"));
    if first.is_some_and(|tag| tag.starts_with("en")) {
        Language::En
    } else {
        Language::Ja
    }
}

/// The address of the sender: the last of `X-Forwarded-For` that no trusted proxy has, if a trusted proxy asks.
fn sender(peer: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|network| network.contains(address));
    let mut address = peer.to_canonical();
    let forwarded: Vec<&str> = headers
        .get_all("x-forwarded-for")
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    for hop in forwarded.iter().rev() {
        let Ok(earlier) = hop.trim().parse::<IpAddr>() else {
            break;
        };
        if !is_trusted(address) {
            break;
        }
        address = earlier.to_canonical();
    }
    address
}

/// A cookie as our answers set it: for this host and no script; what grants something, for this site's own requests alone. Without `max_age` it ends with
/// the browser's session.
#[must_use]
pub fn set_cookie(
    name: CookieName,
    value: &str,
    max_age: Option<SignedDuration>,
    secure: bool,
) -> HeaderValue {
    let mut cookie = Cookie::build((name.full(secure), value))
        .path("/")
        .http_only(true)
        .secure(secure)
        .same_site(name.same_site());
    if let Some(age) = max_age {
        cookie = cookie.max_age(cookie::time::Duration::seconds(age.as_secs()));
    }
    HeaderValue::try_from(cookie.build().to_string())
        .unwrap_or_else(|_| HeaderValue::from_static(""))
}

/// Takes a cookie away.
#[must_use]
pub fn clear_cookie(name: CookieName, secure: bool) -> HeaderValue {
    set_cookie(name, "", Some(SignedDuration::ZERO), secure)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue, Uri, header};
    use proptest::prelude::*;

    use super::{CookieName, cookie, language, sender, set_cookie};
    use crate::config::Network;
    use crate::domain::values::Language;

    fn forwarded(value: &str) -> HeaderMap {
        HeaderMap::from_iter([("x-forwarded-for".parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn a_forwarded_address_counts_only_from_a_trusted_proxy() {
        let proxy: Network = "10.0.0.0/8".parse().unwrap();
        let headers = forwarded("203.0.113.9");
        let from = |peer: &str| sender(peer.parse().unwrap(), &headers, &[proxy]).to_string();
        assert_eq!(from("10.0.0.1"), "203.0.113.9");
        assert_eq!(from("192.0.2.1"), "192.0.2.1");
    }

    #[test]
    fn a_client_cannot_put_an_address_in_front() {
        let proxy: Network = "10.0.0.0/8".parse().unwrap();
        let headers = forwarded("198.51.100.1, 203.0.113.9, 10.0.0.2");
        let address = sender("10.0.0.1".parse().unwrap(), &headers, &[proxy]);
        assert_eq!(address.to_string(), "203.0.113.9");
    }

    #[test]
    fn japanese_comes_first_unless_english_is_asked_for() {
        let english = HeaderMap::from_iter([(
            "accept-language".parse().unwrap(),
            "fr, en-GB;q=0.8, ja;q=0.5".parse().unwrap(),
        )]);
        let asked = |uri: &'static str, chosen: Option<&str>| {
            language(&Uri::from_static(uri), chosen.map(str::to_owned), &english)
        };
        assert_eq!(asked("/", None), Language::Ja);
        assert_eq!(asked("/?a=1&lang=en", Some("ja")), Language::En);
        assert_eq!(asked("/", Some("en")), Language::En);
        assert_eq!(asked("/api/v1/onboarding", None), Language::En);
        assert_eq!(asked("/api/v1/onboarding", Some("ja")), Language::Ja);
    }

    /// Lines of a header with any bytes that HTTP lets pass.
    fn lines(name: header::HeaderName) -> impl Strategy<Value = HeaderMap> {
        let line = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..60),
            "(kadode|kadode-form|en|ja|x|10\\.0\\.0\\.1|::1|[=;, \"%q.-]){0,12}"
                .prop_map(String::into_bytes),
        ];
        proptest::collection::vec(line, 0..4).prop_map(move |lines| {
            let values = lines
                .iter()
                .filter_map(|line| HeaderValue::from_bytes(line).ok());
            values.map(|value| (name.clone(), value)).collect()
        })
    }

    proptest! {
        #[test]
        fn our_cookie_is_read_back_beside_any_other(mut headers in lines(header::COOKIE), secret in "[A-Za-z0-9_-]{1,60}", secure in any::<bool>()) {
            prop_assume!(cookie(&headers, CookieName::Device, secure).is_none());
            let set = set_cookie(CookieName::Device, &secret, None, secure);
            let (pair, _) = set.to_str().unwrap().split_once(';').unwrap();
            headers.append(header::COOKIE, pair.parse().unwrap());
            prop_assert_eq!(cookie(&headers, CookieName::Device, secure), Some(secret));
        }

        #[test]
        fn any_list_of_languages_is_one_of_ours(headers in lines(header::ACCEPT_LANGUAGE), query in "[a-z=&%]{0,20}", tag in proptest::option::of(any::<String>())) {
            let uri: Uri = format!("/api/v1/onboarding?{query}").parse().unwrap();
            let _ = language(&uri, tag, &headers);
        }

        #[test]
        fn any_list_of_forwarders_leaves_an_address_that_none_but_a_trusted_proxy_can_change(headers in lines(header::HeaderName::from_static("x-forwarded-for"))) {
            let proxy: Network = "10.0.0.0/8".parse().unwrap();
            let stranger = "192.0.2.1".parse().unwrap();
            prop_assert_eq!(sender(stranger, &headers, &[proxy]), stranger);
            let _ = sender("10.0.0.1".parse().unwrap(), &headers, &[proxy]);
        }
    }
}
