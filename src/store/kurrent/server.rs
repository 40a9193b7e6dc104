//! The event store as it is reached over the network: a client that is made anew where it is dead, time-outs, and what an error means.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use eventstore::{
    AppendToStreamOptions, Client, Error, EventData, ExpectedRevision, ReadAllOptions, ReadStream,
    ReadStreamOptions, RecordedEvent, StreamPosition,
};
use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::time::{Instant, sleep, timeout};

use super::address::Address;

/// How long an append may take with all its tries; beyond, nobody knows what became of it.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// How long one try may take. An append that is slower is asked for again, which is safe.
const TRY: Duration = Duration::from_secs(2);

/// How long to wait before a call is repeated.
pub(super) const REST: Duration = Duration::from_millis(50);

/// How often a read is tried: a node that leads no longer says so once, and a connection breaks once.
pub(super) const READS: usize = 3;

/// What became of a call that did not succeed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The stream has another last event than expected.
    #[error("another append to the stream came first")]
    Conflict,
    /// There is no such stream.
    #[error("there is no such stream")]
    NoStream,
    /// It did not reach the server that decides.
    #[error("{0}")]
    NotSent(String),
    /// It may have been carried out.
    #[error("{0}")]
    Unknown(String),
    /// The server refuses, and will again.
    #[error("{0}")]
    Refused(String),
}

/// What the client says of a request that had no connection to go by, in the words of the library beneath (hyper-util 0.1). Were they to
/// change, it would count as unknown, which is safe.
const CONNECTING: &str = "client error (Connect)";

const NO_CONNECTION: &str =
    "no connection to it can be made; is it there, and its certificate vouched for?";

impl Failure {
    fn of(error: &Error) -> Self {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what is not known to be harmless counts as unknown"
        )]
        match error {
            Error::WrongExpectedVersion { .. } => Self::Conflict,
            Error::ResourceNotFound => Self::NoStream,
            Error::GrpcConnectionError(_) | Error::ConnectionClosed => {
                Self::NotSent(NO_CONNECTION.to_owned())
            }
            Error::ServerError(text) if text.contains(CONNECTING) => {
                Self::NotSent(NO_CONNECTION.to_owned())
            }
            Error::NotLeaderException(_) => Self::NotSent("this node does not lead".to_owned()),
            Error::AccessDenied => Self::Refused("it does not let this user in".to_owned()),
            Error::ResourceDeleted => Self::Refused("the stream was deleted".to_owned()),
            Error::Grpc { code, message } if is_of_the_request(&code.to_string()) => {
                Self::Refused(message.clone())
            }
            _ => Self::Unknown(error.to_string()),
        }
    }
}

/// Whether the server blames what it was asked, by the description that the client has of the code: the type is not ours to name.
fn is_of_the_request(code: &str) -> bool {
    ["invalid argument", "state required"]
        .iter()
        .any(|blame| code.contains(blame))
}

/// The options of a call that only the leader may answer, since it alone has every event as soon as it is acknowledged, and in the
/// name of our user.
macro_rules! as_us {
    ($server:ident, $options:expr) => {{
        let options = $options.requires_leader(true);
        match &$server.address.credentials {
            Some(credentials) => options.authenticated(credentials.clone()),
            None => options,
        }
    }};
}

/// A server or a cluster.
pub(super) struct Server {
    address: Address,
    client: Mutex<Numbered>,
}

#[derive(Clone)]
struct Numbered {
    number: u64,
    client: Client,
}

impl Server {
    /// Makes a client; connects with the first call.
    ///
    /// # Errors
    /// A line for the operator.
    pub(super) fn new(address: Address) -> Result<Self, String> {
        see_that_the_client_will_not_panic(&address)?;
        let client = Mutex::new(Numbered {
            number: 0,
            client: client(&address)?,
        });
        Ok(Self { address, client })
    }

    /// Appends to a stream whose last event is as expected. With the same ids, it may be repeated: what was taken already
    /// is not taken again.
    pub(super) async fn append(
        &self,
        stream: &str,
        expected: ExpectedRevision,
        events: Vec<EventData>,
    ) -> Result<(), Failure> {
        let options = AppendToStreamOptions::default().expected_revision(expected);
        let options = as_us!(self, options).deadline(TRY);
        let stream = stream.to_owned();
        self.call(|client| async move {
            let appended = client.append_to_stream(stream, &options, events);
            appended.await.map(drop)
        })
        .await
    }

    /// The events of a stream from revision `from` on (the first is 0), in their order.
    pub(super) async fn stream(
        &self,
        stream: &str,
        from: u64,
    ) -> Result<Vec<RecordedEvent>, Failure> {
        let options = ReadStreamOptions::default().position(StreamPosition::Position(from));
        let options = as_us!(self, options);
        let read = self.read(|client| {
            let (stream, options) = (stream.to_owned(), options.clone());
            async move { events_of(client.read_stream(stream, &options).await?).await }
        });
        match read.await {
            Err(Failure::NoStream) => Ok(Vec::new()),
            read => read,
        }
    }

    /// At most `limit` events of all streams, from a place in the log on (with the one there), or from its beginning.
    pub(super) async fn all(
        &self,
        from: Option<eventstore::Position>,
        limit: usize,
    ) -> Result<Vec<RecordedEvent>, Failure> {
        let options = ReadAllOptions::default()
            .position(from.map_or(StreamPosition::Start, StreamPosition::Position))
            .max_count(limit);
        let options = as_us!(self, options);
        self.read(|client| {
            let options = options.clone();
            async move { events_of(client.read_all(&options).await?).await }
        })
        .await
    }

    async fn read<T, Fut>(&self, ask: impl Fn(Client) -> Fut) -> Result<T, Failure>
    where
        Fut: Future<Output = eventstore::Result<T>>,
    {
        let began = Instant::now();
        let mut tries = 1;
        loop {
            match self.call(&ask).await {
                // A server that is silent would be so again.
                Err(Failure::NotSent(_) | Failure::Unknown(_))
                    if tries < READS && began.elapsed() < TRY =>
                {
                    tries += 1;
                    sleep(REST).await;
                }
                outcome => return outcome,
            }
        }
    }

    async fn call<T, Fut>(&self, ask: impl FnOnce(Client) -> Fut) -> Result<T, Failure>
    where
        Fut: Future<Output = eventstore::Result<T>>,
    {
        let Numbered { number, client } = self.client().clone();
        match timeout(TRY, ask(client)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => {
                let goes_elsewhere = matches!(error, Error::NotLeaderException(_));
                let failure = Failure::of(&error);
                if matches!(failure, Failure::NotSent(_) | Failure::Unknown(_)) && !goes_elsewhere {
                    self.renew(number, &failure);
                }
                Err(failure)
            }
            Err(_) => {
                let failure = Failure::Unknown(format!("no answer in {} s", TRY.as_secs()));
                self.renew(number, &failure);
                Err(failure)
            }
        }
    }

    /// Puts a new client in the place of the one with this number. After a connection that failed, the old one never connects again;
    /// after one that broke, it never looks for another node of the cluster.
    fn renew(&self, number: u64, why: &Failure) {
        let mut present = self.client();
        if present.number != number {
            return;
        }
        // Whoever called tells the operator, if it comes to nothing.
        tracing::debug!(%why, "the client of the event store is made anew");
        match client(&self.address) {
            Ok(client) => {
                *present = Numbered {
                    number: number + 1,
                    client,
                }
            }
            Err(error) => tracing::warn!(%error, "no new client of the event store could be made"),
        }
    }

    fn client(&self) -> MutexGuard<'_, Numbered> {
        self.client.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn client(address: &Address) -> Result<Client, String> {
    Client::new(address.settings.clone()).map_err(|error| error.to_string())
}

async fn events_of(mut stream: ReadStream) -> eventstore::Result<Vec<RecordedEvent>> {
    let mut events = Vec::new();
    while let Some(event) = stream.next().await? {
        // None: a link whose event is gone; we make no links.
        events.extend(event.event);
    }
    Ok(events)
}

/// The client panics where it cannot have its TLS, even if none is used: what it does first is tried here.
fn see_that_the_client_will_not_panic(address: &Address) -> Result<(), String> {
    static FIRST: OnceLock<bool> = OnceLock::new();
    // It installs a provider of its own, once, and must be the first.
    if !FIRST.get_or_init(|| CryptoProvider::get_default().is_none()) {
        return Err("another part of the program has chosen a TLS provider before".to_owned());
    }
    let authorities = if let Some(file) = &address.authority {
        CertificateDer::pem_file_iter(file)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(|error| format!("tlsCaFile {file}: {error}"))?
    } else {
        let found = rustls_native_certs::load_native_certs();
        if let Some(error) = found.errors.first() {
            return Err(format!(
                "the machine's certificate authorities cannot be read ({error}); install ca-certificates, or give tlsCaFile=FILE in the URL"
            ));
        }
        found.certs
    };
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots
            .add(authority)
            .map_err(|error| format!("a certificate authority cannot be used: {error}"))?;
    }
    let Some((certificate, key)) = &address.certificate else {
        return Ok(());
    };
    CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("userCertFile {certificate}: {error}"))?;
    PrivateKeyDer::from_pem_file(key)
        .map(drop)
        .map_err(|error| format!("userKeyFile {key}: {error}"))
}
