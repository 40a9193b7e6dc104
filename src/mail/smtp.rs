//! Mails by SMTP, over a few connections that are kept for the next mail.

use std::error::Error as _;
use std::fmt;
use std::io;
use std::iter::successors;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::transport::smtp;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use percent_encoding::percent_decode_str;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use url::Url;

use super::message::Message;
use super::transport::{Accepted, Cause, Failure, TransportFault};

/// How many mails travel at once, each on a connection of its own.
///
/// lettre leaves Nagle's algorithm on, which holds every mail up for some 40 ms: about 23 mails a second on one connection.
pub const CONNECTIONS: usize = 8;

/// How long to wait for the server to answer the knock.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long an unused connection is kept. Servers hang up after some minutes, firewalls sooner and without a word.
const KEPT_FOR: Duration = Duration::from_secs(30);

/// How the connection becomes secret; there is no way without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Security {
    /// Upgraded before anything is said (RFC 3207); a server that does not offer it gets nothing.
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Implicit,
}

/// One relay and the connections to it.
///
/// lettre's own pool is not used: a mail given up half-way would put its connection back there, and the next mail would read the
/// answers meant for this one. Here a connection comes back only after its mail was accepted.
pub(super) struct Smtp {
    host: String,
    port: u16,
    security: Security,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    slots: Semaphore,
    kept: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            host,
            port,
            security,
            ..
        } = self;
        write!(f, "Smtp({host}:{port}, {security:?})")
    }
}

impl Smtp {
    pub(super) fn open(
        url: &str,
        security: Security,
        authority: Option<&Path>,
    ) -> Result<Self, TransportFault> {
        let url = Url::parse(url).map_err(|_| TransportFault::Address)?;
        let bracketed = url.host_str().filter(|host| !host.is_empty());
        let host = bracketed
            .ok_or(TransportFault::Address)?
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(TransportFault::Trailing);
        }
        let standard_port = match security {
            Security::StartTls => smtp::SUBMISSION_PORT,
            Security::Implicit => smtp::SUBMISSIONS_PORT,
        };
        Ok(Self {
            port: url.port().unwrap_or(standard_port),
            security,
            tls: tls_parameters(&host, authority)?,
            credentials: credentials(&url)?,
            slots: Semaphore::new(CONNECTIONS),
            kept: Mutex::default(),
            host,
        })
    }

    pub(super) async fn send(&self, message: &Message) -> Result<Accepted, Failure> {
        let Ok(_slot) = self.slots.acquire().await else {
            return Err(Failure::passing(Cause::Connection));
        };
        let mut connection = match self.take_kept().await {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let reply = connection.send(&message.envelope, &message.bytes).await;
        let reply = reply.map_err(|error| mail_failure(&error))?;
        self.keep(connection);
        Ok(Accepted {
            smtp_code: Some(reply.code().into()),
        })
    }

    /// A connection from before that still answers, if there is one.
    async fn take_kept(&self) -> Option<AsyncSmtpConnection> {
        loop {
            let (mut connection, since) = self.kept().pop()?;
            if since.elapsed() < KEPT_FOR && connection.test_connected().await {
                return Some(connection);
            }
        }
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut kept = self.kept();
        kept.retain(|(_, since)| since.elapsed() < KEPT_FOR);
        kept.push((connection, Instant::now()));
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Vec<(AsyncSmtpConnection, Instant)>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Failure> {
        let own_name = ClientId::default();
        let (first_tls, later_tls) = match self.security {
            Security::Implicit => (Some(self.tls.clone()), None),
            Security::StartTls => (None, Some(self.tls.clone())),
        };
        let server = (self.host.as_str(), self.port);
        let opened = AsyncSmtpConnection::connect_tokio1(
            server,
            Some(CONNECT_TIMEOUT),
            &own_name,
            first_tls,
            None,
        );
        let mut connection = opened.await.map_err(|error| session_failure(&error))?;
        if let Some(tls) = later_tls {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(Failure::passing(Cause::Tls));
            }
            let upgraded = connection.starttls(tls, &own_name).await;
            upgraded.map_err(|error| session_failure(&error))?;
        }
        if let Some(credentials) = &self.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            let signed_in = connection.auth(&ways, credentials).await;
            signed_in.map_err(|error| session_failure(&error))?;
        }
        Ok(connection)
    }
}

fn tls_parameters(host: &str, authority: Option<&Path>) -> Result<TlsParameters, TransportFault> {
    let mut builder = TlsParameters::builder(host.to_owned());
    if let Some(file) = authority {
        let unusable = || TransportFault::Authority {
            file: file.to_owned(),
        };
        let pem = std::fs::read(file).map_err(|_| unusable())?;
        // A file without any certificate is read as an empty list, so look for one.
        let named = pem.windows(17).any(|window| window == b"BEGIN CERTIFICATE");
        let certificate = Certificate::from_pem(&pem).map_err(|_| unusable())?;
        builder = builder.add_root_certificate(certificate);
        if !named {
            return Err(unusable());
        }
        return builder.build_rustls().map_err(|_| unusable());
    }
    builder.build_rustls().map_err(|_| TransportFault::Address)
}

fn credentials(url: &Url) -> Result<Option<Credentials>, TransportFault> {
    let plain = |text: &str| {
        let decoded = percent_decode_str(text).decode_utf8();
        decoded
            .map(String::from)
            .map_err(|_| TransportFault::Address)
    };
    match (url.username(), url.password().unwrap_or_default()) {
        ("", "") => Ok(None),
        (user, password) if !user.is_empty() && !password.is_empty() => {
            Ok(Some(Credentials::new(plain(user)?, plain(password)?)))
        }
        _ => Err(TransportFault::Credentials),
    }
}

/// A failure before the mail was mentioned: whatever the server says, it is not about this mail.
fn session_failure(error: &smtp::Error) -> Failure {
    let cause = match error.status() {
        Some(_) => Cause::Session,
        None => wordless(error),
    };
    Failure {
        permanent: false,
        ..described(error, cause)
    }
}

/// A failure of the mail itself.
fn mail_failure(error: &smtp::Error) -> Failure {
    let code = error.status().map(u16::from);
    // A server that hangs up, lost its place (RFC 5321, 4.2) or wants a sign-in (RFC 4954, 6) says nothing about the mail.
    let about_us = matches!(code, Some(421 | 503 | 530 | 534 | 535 | 538));
    let cause = match code {
        Some(_) if about_us => Cause::Session,
        Some(_) => Cause::Reply,
        None => wordless(error),
    };
    Failure {
        permanent: error.is_permanent() && !about_us,
        ..described(error, cause)
    }
}

/// What went wrong when there was no reply to go by.
fn wordless(error: &smtp::Error) -> Cause {
    let source = successors(error.source(), |&error| error.source())
        .find_map(|source| source.downcast_ref::<io::Error>());
    match source.map(io::Error::kind) {
        Some(io::ErrorKind::TimedOut) => Cause::Timeout,
        // So the TLS library tells of a failed handshake.
        Some(io::ErrorKind::InvalidData) => Cause::Tls,
        _ if error.is_tls() => Cause::Tls,
        _ if error.is_response() => Cause::Protocol,
        _ if error.is_client() => Cause::Session,
        _ => Cause::Connection,
    }
}

fn described(error: &smtp::Error, cause: Cause) -> Failure {
    let words = error.status().and(error.source()).map(ToString::to_string);
    Failure {
        smtp_code: error.status().map(u16::from),
        enhanced_code: words.as_deref().and_then(enhanced_code).map(str::to_owned),
        ..Failure::passing(cause)
    }
}

/// The enhanced status code at the head of a refusal (RFC 3463, 2): class, subject, detail. All else is left behind.
fn enhanced_code(words: &str) -> Option<&str> {
    let code = words.split_whitespace().next()?;
    let parts: Vec<&str> = code.split('.').collect();
    let [class, subject, detail] = parts.as_slice() else {
        return None;
    };
    let number =
        |text: &&str| (1..=3).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    (matches!(*class, "4" | "5") && number(subject) && number(detail)).then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_well_formed_enhanced_code_is_taken_from_a_servers_words() {
        assert_eq!(
            enhanced_code("5.1.1 <taro@example.jp> unknown"),
            Some("5.1.1")
        );
        assert_eq!(enhanced_code("4.7.650"), Some("4.7.650"));
        for words in [
            "",
            "taro@example.jp",
            "5.1",
            "2.0.0 ok",
            "5.1.1234 x",
            "5.1.a x",
            "192.0.2.1 blocked",
        ] {
            assert_eq!(enhanced_code(words), None, "{words}");
        }
    }
}
