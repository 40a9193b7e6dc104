//! Where an event store is, as its URL says.

use eventstore::{ClientSettings, Credentials};
use percent_encoding::percent_decode_str;

/// The parameter of ours: what the names of this society's streams begin with, so that several may share a cluster.
const PREFIX: &str = "streamprefix";

/// What holds unless the URL says otherwise: the client waits for the interval (in milliseconds) before each of its attempts to
/// connect, the first one too.
const DEFAULTS: [(&str, &str); 2] = [("discoveryInterval", "50"), ("maxDiscoverAttempts", "10")];

/// A URL was wrong. The text shows nothing of it, since it may hold a password.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error(
    "event store URL: it is not like esdb://USER:PASSWORD@HOST:PORT or esdb+discover://USER:PASSWORD@NAME, with parameters as in ?tlsCaFile=PATH&streamPrefix=NAME-"
)]
pub struct AddressError;

/// Where an event store is, and how it is reached.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) settings: ClientSettings,
    /// Decoded, which the client does not do.
    pub(super) credentials: Option<Credentials>,
    /// What the names of our streams begin with.
    pub(super) prefix: String,
    /// The file of the certificate authority, if it is not one of the machine's.
    pub(super) authority: Option<String>,
    /// The files of our own certificate and its key.
    pub(super) certificate: Option<(String, String)>,
    /// The URL without user, password and parameters.
    pub(super) shown: String,
}

impl Address {
    pub(super) fn parse(url: &str) -> Result<Self, AddressError> {
        let (place, query) = url.split_once('?').unwrap_or((url, ""));
        let (scheme, place) = place.split_once("://").ok_or(AddressError)?;
        let (user, host) = place
            .rsplit_once('@')
            .map_or((None, place), |(user, host)| (Some(user), host));
        if !matches!(scheme, "esdb" | "esdb+discover") || host.trim_matches('/').is_empty() {
            return Err(AddressError);
        }
        let (ours, theirs): (Vec<_>, Vec<_>) = url::form_urlencoded::parse(query.as_bytes())
            .partition(|(name, _)| name.eq_ignore_ascii_case(PREFIX));
        let given = |wanted: &str| {
            let mut pairs = theirs.iter();
            let found = pairs.find(|(name, _)| name.eq_ignore_ascii_case(wanted));
            found.map(|(_, value)| value.clone().into_owned())
        };
        let missing = DEFAULTS.iter().filter(|(name, _)| given(name).is_none());
        let query = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&theirs)
            .extend_pairs(missing)
            .finish();
        let prefix = ours.first().map_or("", |(_, value)| value);
        // Names that begin with a dollar sign are the server's own.
        if prefix.starts_with('$') {
            return Err(AddressError);
        }
        Ok(Self {
            // Its error may hold the whole URL.
            settings: format!("{scheme}://{place}?{query}")
                .parse()
                .map_err(|_| AddressError)?,
            credentials: user.map(|user| {
                let (name, password) = user.split_once(':').unwrap_or((user, ""));
                Credentials::new(decoded(name), decoded(password))
            }),
            prefix: prefix.to_owned(),
            authority: given("tlsCaFile"),
            certificate: given("userCertFile").zip(given("userKeyFile")),
            shown: format!("{scheme}://{host}"),
        })
    }
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(text).collect()
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_is_shown_without_user_and_password() {
        let address =
            Address::parse("esdb://kadode:s%40cret@one:2113,two:2113?tls=false&tlsCaFile=/s")
                .unwrap();
        assert_eq!(address.shown, "esdb://one:2113,two:2113");
        assert_eq!(address.settings.hosts().len(), 2);
        assert_eq!(address.authority.as_deref(), Some("/s"));
    }

    #[test]
    fn a_wrong_address_is_refused_without_a_word_of_it() {
        for url in [
            "esdb://",
            "esdb://user:secret@",
            "http://user:secret@one",
            "esdb://user:secret@one:port",
            "esdb://user:secret@one?nodePreference=secret",
            "esdb://user:secret@one?streamPrefix=$secret",
            "esdb://user:secret@one/secret",
            "secret",
        ] {
            let error = Address::parse(url).err().map(|error| error.to_string());
            let error = error.unwrap_or_else(|| panic!("{url} is taken"));
            assert!(!error.contains("secret"), "{url}: {error}");
        }
    }
}
