//! A protocol double of KurrentDB (EventStoreDB): it speaks the public streams protocol over a real socket, and fails when it is told to.
//! It is no KurrentDB, and what passes on it was not run on one.

mod log;
mod wire;

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

use futures::stream::{BoxStream, StreamExt, iter};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use jiff::SignedDuration;
use kadode::ambient::Clock;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tonic::body::BoxBody;
use tonic::codec::ProstCodec;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::Grpc;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::service_fn;
use uuid::Uuid;

use self::log::Log;
use self::wire::{
    AppendOptions, AppendRequest, AppendResponse, Id, Proposed, ReadEvent, ReadRequest,
    ReadResponse, StreamName, StreamNotFound, SupportedMethods,
};

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

#[derive(Default)]
struct State {
    log: Log,
    appends: VecDeque<Fault>,
    reads: VecDeque<Fault>,
    calls: usize,
    authorization: Option<String>,
    connections: Vec<AbortHandle>,
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
        self.state().cut();
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

impl State {
    fn cut(&mut self) {
        for connection in self.connections.drain(..) {
            connection.abort();
        }
    }
}

fn listen(
    runtime: &Runtime,
    address: SocketAddr,
    state: &Arc<Mutex<State>>,
    tls: Option<TlsAcceptor>,
) -> (SocketAddr, AbortHandle) {
    let listener = std::net::TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let state = state.clone();
    let accepting = runtime.spawn(async move {
        let listener = TcpListener::from_std(listener).unwrap();
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let answering = state.clone();
            let service = hyper::service::service_fn(move |request| {
                let state = answering.clone();
                async move { Ok::<_, Infallible>(answer(state, request).await) }
            });
            let http = http2::Builder::new(TokioExecutor::new());
            let tls = tls.clone();
            let connection = connections.spawn(async move {
                let _ = match tls {
                    // A client that does not trust it goes.
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => http.serve_connection(TokioIo::new(stream), service).await,
                        Err(_) => Ok(()),
                    },
                    None => http.serve_connection(TokioIo::new(stream), service).await,
                };
            });
            state.lock().unwrap().connections.push(connection);
        }
    });
    (address, accepting.abort_handle())
}

async fn answer(
    state: Arc<Mutex<State>>,
    request: hyper::Request<Incoming>,
) -> hyper::Response<BoxBody> {
    {
        let mut state = state.lock().unwrap();
        state.calls += 1;
        let authorization = request.headers().get("authorization");
        state.authorization = authorization.map(|value| value.to_str().unwrap().to_owned());
    }
    match request.uri().path() {
        "/event_store.client.server_features.ServerFeatures/GetSupportedMethods" => {
            let features = async |_: Request<()>| {
                Ok(Response::new(SupportedMethods {
                    server_version: "24.10.0".to_owned(),
                }))
            };
            let mut grpc = Grpc::new(ProstCodec::default());
            grpc.unary(service_fn(features), request).await
        }
        "/event_store.client.streams.Streams/Append" => {
            let append = |request| append(state.clone(), request);
            let mut grpc = Grpc::new(ProstCodec::default());
            grpc.client_streaming(service_fn(append), request).await
        }
        "/event_store.client.streams.Streams/Read" => {
            let read = |request| read(state.clone(), request);
            let mut grpc = Grpc::new(ProstCodec::default());
            grpc.server_streaming(service_fn(read), request).await
        }
        _ => Status::unimplemented("the double does not speak this").into_http(),
    }
}

async fn append(
    state: Arc<Mutex<State>>,
    request: Request<Streaming<AppendRequest>>,
) -> Result<Response<AppendResponse>, Status> {
    let mut messages = request.into_inner();
    let options = messages.message().await?.unwrap().options.unwrap();
    let mut proposed = Vec::new();
    while let Some(message) = messages.message().await? {
        proposed.push(message.proposed.unwrap());
    }
    let fault = state.lock().unwrap().appends.pop_front();
    match fault {
        Some(fault @ (Fault::Unavailable | Fault::DeadlineExceeded | Fault::NotLeader(_))) => {
            return Err(status_of(fault));
        }
        Some(Fault::CutBeforeCommit) => return cut(&state).await,
        Some(Fault::SilentBeforeCommit) => pending().await,
        _ => {}
    }
    let appended = state.lock().unwrap().log.append(&options, proposed);
    match fault {
        Some(Fault::CutAfterCommit) => return cut(&state).await,
        Some(Fault::SilentAfterCommit) => pending().await,
        _ => {}
    }
    Ok(Response::new(match appended {
        Ok(success) => AppendResponse {
            success: Some(success),
            wrong_expected_version: None,
        },
        Err(wrong) => AppendResponse {
            success: None,
            wrong_expected_version: Some(wrong),
        },
    }))
}

async fn cut<T>(state: &Mutex<State>) -> T {
    state.lock().unwrap().cut();
    pending().await
}

async fn read(
    state: Arc<Mutex<State>>,
    request: Request<ReadRequest>,
) -> Result<Response<BoxStream<'static, Result<ReadResponse, Status>>>, Status> {
    let options = request.into_inner().options.unwrap();
    let fault = state.lock().unwrap().reads.pop_front();
    let most = match fault {
        Some(Fault::EndsAfter(most)) => most,
        Some(Fault::CutBeforeCommit) => return cut(&state).await,
        Some(fault) => return Err(status_of(fault)),
        None => usize::MAX,
    };
    let events = state.lock().unwrap().log.read(&options);
    let Some(events) = events else {
        let stream: Option<StreamName> = options.stream.and_then(|asked| asked.stream);
        let not_found = ReadResponse {
            event: None,
            stream_not_found: Some(StreamNotFound { stream }),
        };
        return Ok(Response::new(iter([Ok(not_found)]).boxed()));
    };
    let answers = events.into_iter().take(most).map(|event| ReadResponse {
        event: Some(ReadEvent {
            commit_position: Some(event.commit_position),
            event: Some(event),
        }),
        stream_not_found: None,
    });
    Ok(Response::new(iter(answers).map(Ok).boxed()))
}

/// As the server tells it: in the trailers, where it is more than a code.
fn status_of(fault: Fault) -> Status {
    match fault {
        Fault::NotLeader(leader) => {
            let mut metadata = MetadataMap::new();
            let text = |text: String| MetadataValue::try_from(text).unwrap();
            metadata.insert("exception", text("not-leader".to_owned()));
            metadata.insert("leader-endpoint-host", text(leader.ip().to_string()));
            metadata.insert("leader-endpoint-port", text(leader.port().to_string()));
            Status::with_metadata(Code::NotFound, "Leader info available", metadata)
        }
        Fault::DeadlineExceeded => Status::deadline_exceeded("Operation timed out"),
        Fault::Unavailable => Status::unavailable("Server Is Not Ready"),
        Fault::CutAfterCommit
        | Fault::CutBeforeCommit
        | Fault::SilentAfterCommit
        | Fault::SilentBeforeCommit
        | Fault::EndsAfter(_) => panic!("{fault:?} is no status"),
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
