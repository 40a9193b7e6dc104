//! A protocol double of KurrentDB (EventStoreDB): it speaks the public streams protocol over a real socket, and fails when it is told to.
//! It is no KurrentDB, and what passes on it was not run on one.

mod answers;
mod log;
mod wire;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use jiff::SignedDuration;
use kadode::ambient::Clock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::AbortHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use uuid::Uuid;

use self::answers::{State, listen};
use self::wire::{AppendOptions, Id, Proposed, StreamName};

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// The append is stored, and then all connections are cut.
    CutAfterCommit,
    /// All connections are cut, and nothing is stored.
    CutBeforeCommit,
    /// The append is stored, and no answer ever comes.
    SilentAfterCommit,
    /// Nothing is stored, and no answer ever comes.
    SilentBeforeCommit,
    /// The server says that it is not available.
    Unavailable,
    /// The server says that it did not manage in time.
    DeadlineExceeded,
    /// Another node leads.
    NotLeader(SocketAddr),
    /// The answer ends well after so many events.
    EndsAfter(usize),
}

/// A double with a thread of its own, until it is dropped.
pub struct Double {
    pub address: SocketAddr,
    state: Arc<Mutex<State>>,
    accepting: Mutex<Option<AbortHandle>>,
    runtime: Option<Runtime>,
}

impl Double {
    /// An empty one.
    pub fn start() -> Self {
        Self::of(Arc::default(), None)
    }

    /// An empty one that speaks TLS; its certificate is written to this file.
    pub fn start_with_tls(certificate: &Path) -> Self {
        let names = vec!["127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        std::fs::write(certificate, made.cert.pem()).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Self::of(Arc::default(), Some(TlsAcceptor::from(Arc::new(config))))
    }

    /// One more node of the same cluster.
    pub fn beside(other: &Self) -> Self {
        Self::of(other.state.clone(), None)
    }

    fn of(state: Arc<Mutex<State>>, tls: Option<TlsAcceptor>) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let (address, accepting) = listen(&runtime, "127.0.0.1:0".parse().unwrap(), &state, tls);
        Self {
            address,
            state,
            accepting: Mutex::new(Some(accepting)),
            runtime: Some(runtime),
        }
    }

    /// The URL of a log in it.
    pub fn url(&self) -> String {
        format!("esdb://kadode:secret@{}?tls=false", self.address)
    }

    /// Stores the time that `clock` shows, if it does not go by another already.
    pub fn keep_time(&self, clock: &Clock) {
        self.state().log.clock.get_or_insert_with(|| clock.clone());
    }

    /// Sets the server's clock back.
    pub fn set_back(&self, by: SignedDuration) {
        self.state().log.set_back += by;
    }

    /// Stores so many events of another program.
    pub fn store_others(&self, stream: &str, count: usize) {
        let name = StreamName {
            name: stream.to_owned().into(),
        };
        let options = AppendOptions {
            stream: Some(name),
            any: Some(()),
            ..AppendOptions::default()
        };
        for _ in 0..count {
            let mut state = self.state();
            let id = Uuid::from_u128(state.log.len() as u128);
            let other = Proposed {
                id: Some(Id {
                    text: Some(id.to_string()),
                    ..Id::default()
                }),
                ..Proposed::default()
            };
            state.log.append(&options, vec![other]).unwrap();
        }
    }

    /// Who called last, as the header has it.
    pub fn authorization(&self) -> Option<String> {
        self.state().authorization.clone()
    }

    /// What goes wrong with the next appends, one after the other.
    pub fn fail_appends(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().appends.extend(faults);
    }

    /// What goes wrong with the next reads, one after the other.
    pub fn fail_reads(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state().reads.extend(faults);
    }

    /// Whether all that was to go wrong has.
    pub fn has_failed(&self) -> bool {
        let state = self.state();
        state.appends.is_empty() && state.reads.is_empty()
    }

    /// How many events it holds, of all streams.
    pub fn events(&self) -> usize {
        self.state().log.len()
    }

    /// How often it was asked for anything.
    pub fn calls(&self) -> usize {
        self.state().calls
    }

    /// Ends as a kill would; what is stored stays.
    pub fn kill(&self) {
        if let Some(accepting) = self.accepting.lock().unwrap().take() {
            accepting.abort();
        }
        let mut state = self.state();
        state.nodes.retain(|node| *node != self.address);
        state.cut();
    }

    /// Listens again where it was killed.
    pub fn start_again(&self) {
        let runtime = self.runtime.as_ref().unwrap();
        let (_, accepting) = listen(runtime, self.address, &self.state, None);
        *self.accepting.lock().unwrap() = Some(accepting);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Drop for Double {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The double that holds the events of the program in `folder`, if they are to be in one.
pub fn double_of(folder: &Path) -> Option<Arc<Double>> {
    doubles().get(folder).cloned()
}

/// Gives the program in `folder` a double for its events.
pub fn put_on_kurrent(folder: &Path) -> Arc<Double> {
    let double = Arc::new(Double::start());
    doubles().insert(folder.to_owned(), double.clone());
    double
}

fn doubles() -> MutexGuard<'static, HashMap<PathBuf, Arc<Double>>> {
    static DOUBLES: LazyLock<Mutex<HashMap<PathBuf, Arc<Double>>>> = LazyLock::new(Mutex::default);
    DOUBLES.lock().unwrap()
}
