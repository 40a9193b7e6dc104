//! The settings that many subcommands share, and those of `serve`: flags, each also an environment variable `KADODE_…`. What one subcommand alone
//! takes stands in its file in `cli/`.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;
use secrecy::SecretString;

/// Where the data are; taken by every subcommand that touches them.
#[derive(Args, Clone, Debug)]
pub struct DataSettings {
    /// The database.
    #[arg(
        long,
        env = "KADODE_DATABASE",
        value_name = "URL",
        hide_env_values = true,
        help = "The database: sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
    )]
    pub database: String,

    /// A `KurrentDB` for the event log.
    #[arg(
        long,
        env = "KADODE_EVENTS",
        value_name = "URL",
        hide_env_values = true,
        help = "A KurrentDB (EventStoreDB) for the event log: esdb://USER:PASSWORD@HOST:PORT [default: it is in --database]"
    )]
    pub events: Option<String>,

    /// The database of wrapped keys [default: the path of --database plus .keys; none on PostgreSQL]
    #[arg(
        long,
        env = "KADODE_KEY_DATABASE",
        value_name = "URL",
        hide_env_values = true
    )]
    pub key_database: Option<String>,

    /// The file of the master keys
    #[arg(long, env = "KADODE_KEYS", value_name = "FILE")]
    pub keys: Option<PathBuf>,

    /// A further place for the audit ledger's last checkpoint, best under another's hands; may be repeated
    #[arg(
        long,
        env = "KADODE_WITNESS_FILE",
        value_name = "FILE",
        value_delimiter = ','
    )]
    pub witness_file: Vec<PathBuf>,

    /// The society's policy file
    #[arg(long, env = "KADODE_POLICY", value_name = "FILE")]
    pub policy: Option<PathBuf>,

    /// Who runs this, for the record [default: the user's number on this machine]
    #[arg(long, env = "KADODE_OPERATOR", value_name = "NAME")]
    pub operator: Option<String>,
}

impl DataSettings {
    /// Who runs this. Whoever holds keys and database can say anything here.
    #[must_use]
    pub fn operator(&self) -> String {
        let user = || format!("uid {}", rustix::process::getuid().as_raw());
        let name = self.operator.clone().filter(|name| !name.trim().is_empty());
        let name = name.unwrap_or_else(user);
        name.chars().filter(|c| !c.is_control()).take(64).collect()
    }
}

/// How `kadode serve` meets the world.
#[derive(Args, Clone, Debug)]
pub struct ServeSettings {
    /// The address to listen on
    #[arg(
        long,
        env = "KADODE_LISTEN",
        value_name = "ADDR",
        default_value = "127.0.0.1:8080"
    )]
    pub listen: SocketAddr,

    /// The address that members see.
    #[arg(
        long,
        env = "KADODE_PUBLIC_URL",
        value_name = "URL",
        help = "The address that members see: https://… or, on a loopback host, http://… [default: http://LISTEN if \
                that is loopback]"
    )]
    pub public_url: Option<String>,

    /// Where mails go.
    #[arg(
        long,
        env = "KADODE_MAIL",
        value_name = "URL",
        hide_env_values = true,
        help = "Where mails go: smtp://[USER:PASSWORD@]HOST:PORT (STARTTLS), smtps://… (TLS from the start) or file:DIR"
    )]
    pub mail: SecretString,

    /// A PEM file with a further certificate authority for the mail server
    #[arg(long, env = "KADODE_MAIL_CA", value_name = "FILE")]
    pub mail_ca: Option<PathBuf>,

    /// The address to answer /metrics on
    #[arg(long, env = "KADODE_METRICS", value_name = "ADDR")]
    pub metrics: Option<SocketAddr>,

    /// Proxies whose X-Forwarded-For counts, like 10.0.0.0/8; may be repeated
    #[arg(
        long,
        env = "KADODE_TRUSTED_PROXY",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub trusted_proxy: Vec<Network>,

    /// A file of further passwords that nobody may choose, one a line in UTF-8: a list of breached ones, say
    #[arg(long, env = "KADODE_REFUSED_PASSWORDS", value_name = "FILE")]
    pub refused_passwords: Option<PathBuf>,

    /// How many sign-ins may wait for their turn; beyond, the answer is 503
    #[arg(
        long,
        env = "KADODE_SIGN_IN_QUEUE",
        value_name = "COUNT",
        default_value_t = 200
    )]
    pub sign_in_queue: usize,
}

/// The address that members see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// Scheme, host and port, without a slash at the end.
    pub origin: String,
    /// Host and port as a Host header has them.
    pub authority: String,
    /// Whether it is https.
    pub secure: bool,
}

impl PublicUrl {
    /// The address that members see, from what was given or else from where the program listens.
    ///
    /// # Errors
    /// A line for the operator: what is wrong and what to do.
    pub fn choose(given: Option<&str>, listen: SocketAddr) -> Result<Self, String> {
        match given {
            Some(text) => Self::parse(text),
            None if listen.ip().is_loopback() => Self::parse(&format!("http://{listen}")),
            None => Err(format!(
                "--listen {listen} is not a loopback address: give --public-url https://… as members see it"
            )),
        }
    }

    /// The address that members see, as it was given.
    ///
    /// # Errors
    /// A line for the operator: what is wrong and what to do.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = |why: &str| Err(format!("--public-url {text}: {why}"));
        let trimmed = text.strip_suffix('/').unwrap_or(text);
        let (secure, authority) = match trimmed.split_once("://") {
            Some(("https", authority)) => (true, authority),
            Some(("http", authority)) => (false, authority),
            _ => return wrong("give https://HOST or, on a loopback host, http://HOST:PORT"),
        };
        let uri: axum::http::uri::Authority = match authority.parse() {
            Ok(uri) => uri,
            Err(_) => return wrong("the host is not right; a path is not allowed"),
        };
        if authority.contains(['/', '?', '#', '@']) {
            return wrong("give scheme, host and port alone");
        }
        let host = uri.host().trim_start_matches('[').trim_end_matches(']');
        let loopback = host == "localhost"
            || IpAddr::from_str(host).is_ok_and(|address| address.is_loopback());
        if !secure && !loopback {
            return wrong("http is for loopback hosts alone; give https://…");
        }
        // As browsers write it in Host and Origin: without the scheme's own port.
        let default_port = if secure { ":443" } else { ":80" };
        let authority = authority.to_ascii_lowercase();
        let authority = authority.strip_suffix(default_port).unwrap_or(&authority);
        let scheme = if secure { "https" } else { "http" };
        Ok(Self {
            origin: format!("{scheme}://{authority}"),
            authority: authority.to_owned(),
            secure,
        })
    }
}

/// A range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// Whether `address` lies in it.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(own), IpAddr::V4(other)) => {
                let shift = 32 - u32::from(self.bits);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            (IpAddr::V6(own), IpAddr::V6(other)) => {
                let shift = 128 - u32::from(self.bits);
                own.to_bits().checked_shr(shift) == other.to_bits().checked_shr(shift)
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("{text:?} is not like 10.0.0.0/8 or ::1");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let most = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits
                .parse()
                .ok()
                .filter(|bits| *bits <= most)
                .ok_or_else(wrong)?,
            None => most,
        };
        Ok(Self { address, bits })
    }
}

#[cfg(test)]
mod tests {
    use super::{Network, PublicUrl};

    fn listen(text: &str) -> std::net::SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_loopback_listener_needs_no_public_url() {
        let url = PublicUrl::choose(None, listen("127.0.0.1:8080")).unwrap();
        assert_eq!(url.origin, "http://127.0.0.1:8080");
        assert!(!url.secure);
    }

    #[test]
    fn the_schemes_own_port_is_left_out_as_browsers_do() {
        let url =
            PublicUrl::choose(Some("https://Kenpo.example.jp:443"), listen("0.0.0.0:1")).unwrap();
        assert_eq!(url.origin, "https://kenpo.example.jp");
        assert_eq!(url.authority, "kenpo.example.jp");
    }

    #[test]
    fn a_listener_for_the_world_needs_a_public_url() {
        assert!(PublicUrl::choose(None, listen("0.0.0.0:80")).is_err());
    }

    #[test]
    fn http_is_refused_elsewhere_than_on_loopback() {
        assert!(PublicUrl::choose(Some("http://kenpo.example.jp"), listen("0.0.0.0:80")).is_err());
        assert!(PublicUrl::choose(Some("https://kenpo.example.jp/"), listen("0.0.0.0:80")).is_ok());
        assert!(PublicUrl::choose(Some("http://localhost:3000"), listen("0.0.0.0:80")).is_ok());
    }

    #[test]
    fn a_public_url_with_a_path_or_a_user_is_refused() {
        for text in [
            "https://example.jp/portal",
            "https://user@example.jp",
            "example.jp",
            "ftp://x",
        ] {
            assert!(
                PublicUrl::choose(Some(text), listen("127.0.0.1:1")).is_err(),
                "{text}"
            );
        }
    }

    #[test]
    fn a_network_contains_its_addresses_and_no_others() {
        let network: Network = "10.1.0.0/16".parse().unwrap();
        assert!(network.contains("10.1.255.1".parse().unwrap()));
        assert!(network.contains("::ffff:10.1.2.3".parse().unwrap()));
        assert!(!network.contains("10.2.0.1".parse().unwrap()));
        let everything: Network = "0.0.0.0/0".parse().unwrap();
        assert!(everything.contains("203.0.113.9".parse().unwrap()));
        assert!("10.0.0.0/33".parse::<Network>().is_err());
    }
}
