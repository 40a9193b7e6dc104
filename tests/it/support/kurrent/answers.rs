//! How the double answers, and fails to.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::pending;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures::stream::{BoxStream, StreamExt, iter};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tonic::body::BoxBody;
use tonic::codec::ProstCodec;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::server::Grpc;
use tonic::{Code, Request, Response, Status, Streaming};
use tower::service_fn;
use uuid::Uuid;

use super::Fault;
use super::log::Log;
use super::wire::{
    Address, AppendRequest, AppendResponse, Cluster, Id, Member, ReadEvent, ReadRequest,
    ReadResponse, StreamName, StreamNotFound, SupportedMethods,
};

#[derive(Default)]
pub(super) struct State {
    pub(super) log: Log,
    pub(super) appends: VecDeque<Fault>,
    pub(super) reads: VecDeque<Fault>,
    pub(super) calls: usize,
    pub(super) authorization: Option<String>,
    /// The nodes that live; the first leads.
    pub(super) nodes: Vec<SocketAddr>,
    connections: Vec<AbortHandle>,
}

impl State {
    pub(super) fn cut(&mut self) {
        for connection in self.connections.drain(..) {
            connection.abort();
        }
    }
}

/// Answers there, until that is aborted.
pub(super) fn listen(
    runtime: &Runtime,
    address: SocketAddr,
    state: &Arc<Mutex<State>>,
    tls: Option<TlsAcceptor>,
) -> (SocketAddr, AbortHandle) {
    let listener = std::net::TcpListener::bind(address).unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let state = state.clone();
    state.lock().unwrap().nodes.push(address);
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
        "/event_store.client.gossip.Gossip/Read" => {
            let gossip = async |_: Request<()>| Ok(Response::new(cluster(&state.lock().unwrap())));
            let mut grpc = Grpc::new(ProstCodec::default());
            grpc.unary(service_fn(gossip), request).await
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

fn cluster(state: &State) -> Cluster {
    let members = state.nodes.iter().zip(0..).map(|(address, number)| Member {
        id: Some(Id {
            text: Some(Uuid::from_u128(number).to_string()),
            ..Id::default()
        }),
        // A leader, and followers.
        state: if number == 0 { 8 } else { 6 },
        is_alive: true,
        address: Some(Address {
            host: address.ip().to_string(),
            port: address.port().into(),
        }),
    });
    Cluster {
        members: members.collect(),
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
        Some(Fault::SilentBeforeCommit) => pending().await,
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
