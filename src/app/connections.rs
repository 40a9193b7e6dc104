//! Connections: each is served as long as its requests come and its answers are taken in time, so that nobody holds one by being slow; and
//! no more at once than the program can have.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::serve::Listener;
use futures::stream::{StreamExt, try_unfold};
use hyper::body::{Body as _, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use rustix::net::sockopt::set_socket_send_buffer_size;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use tokio_io_timeout::TimeoutStream;

/// How many connections may be open at once: twice the event streams there may be, so that waiting tabs leave room for all else.
const MOST: u64 = 10_000;

/// Open files that are no connections: databases and mails on their way (some hundred when all their connections are in use; judgement).
const OTHER_FILES: u64 = 256;

/// How large a request's head may be, and how much of an answer is made before the client takes it. An address may have 64 KiB (hyper), and
/// its cookies as much again.
const BUFFER: usize = 128 << 10;

/// How much of its answers waits in the kernel for a client. Left to itself, the kernel takes megabytes, and tells that there is room again
/// only when a third of them has left: a client that takes little at a time, but takes it, would be cut off meanwhile. So much leaves within the
/// 75 s at 2 kB a second, and within a round trip of 100 ms still brings 2.5 MB a second (judgement).
const SEND_BUFFER: usize = 256 << 10;

/// What a client may take of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long the head of a request may take, counted from the answer before it, and then its body; and how long the client may
    /// take nothing of an answer that waits for it.
    pub patience: Duration,
    /// How many connections may be open at once; further ones wait in the system's queue until one ends.
    pub connections: usize,
}

impl Limits {
    /// 75 s, which is longer than the 60 s for which proxies keep a silent connection to send on (`keepalive_timeout` of nginx's
    /// upstreams): else requests would meet a closing one. And 10,000 connections, or as many as the system's limit of open files
    /// leaves room for, once it is raised as far as it may be.
    #[must_use]
    pub fn of_this_process() -> Self {
        let wanted = MOST + OTHER_FILES;
        let limit = getrlimit(Resource::Nofile);
        let allowed = limit.maximum.map_or(wanted, |most| most.min(wanted));
        if limit.current.is_some_and(|current| current < allowed) {
            let current = Some(allowed);
            // Where it cannot be raised, there is less room.
            let _ = setrlimit(Resource::Nofile, Rlimit { current, ..limit });
        }
        let files = getrlimit(Resource::Nofile).current.unwrap_or(wanted);
        let connections = files.saturating_sub(OTHER_FILES).clamp(1, MOST);
        if connections < MOST {
            tracing::warn!(
                connections,
                files,
                "few connections at once: raise the limit of open files"
            );
        }
        Self {
            patience: Duration::from_secs(75),
            connections: usize::try_from(connections).unwrap_or(usize::MAX),
        }
    }
}

/// Answers connections until `stop` is over, then ends well with those that are open.
///
/// A request whose head does not come in time is cut off, and so is a client that takes nothing of its answers; a body that does not come
/// is as malformed as half a one.
pub async fn answer_connections(
    mut listener: TcpListener,
    router: Router,
    limits: Limits,
    stop: impl Future<Output = ()>,
) {
    let patience = limits.patience;
    let places = Arc::new(Semaphore::new(limits.connections));
    let router = TowerToHyperService::new(router);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepting = async {
            let place = places.clone().acquire_owned().await;
            (place, Listener::accept(&mut listener).await)
        };
        let (place, (stream, peer)) = tokio::select! {
            accepted = accepting => accepted,
            () = &mut stop => break,
        };
        // Without it, small answers wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let _ = set_socket_send_buffer_size(&stream, SEND_BUFFER);
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(patience));
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let request = in_time(request, peer, patience);
            let answering = router.call(request);
            async move { Ok::<_, Infallible>(answering.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .max_buf_size(BUFFER)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // How a client hangs up is no matter of ours.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
}

/// The request with its sender's address and a body that ends in an error when the time for it is over.
fn in_time(request: hyper::Request<Incoming>, peer: SocketAddr, patience: Duration) -> Request {
    let deadline = Instant::now() + patience;
    let mut request = request.map(|body| {
        if body.is_end_stream() {
            return Body::empty();
        }
        let chunks = Body::new(body).into_data_stream();
        Body::from_stream(try_unfold(chunks, move |mut chunks| async move {
            match timeout_at(deadline, chunks.next()).await {
                Ok(Some(chunk)) => chunk
                    .map(|chunk| Some((chunk, chunks)))
                    .map_err(io::Error::other),
                Ok(None) => Ok(None),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        }))
    });
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}
