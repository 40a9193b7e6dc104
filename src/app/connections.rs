//! Connections: each is served as long as its requests come in time, so that nobody holds one by sending slowly.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
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
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout_at};

/// How long the head of a request may take, counted from the answer before it, and then its body. Longer than the 60 s for which
/// proxies keep a silent connection to send on (`keepalive_timeout` of nginx's upstreams): else requests would meet a closing one.
pub const PATIENCE: Duration = Duration::from_secs(75);

/// Answers connections until `stop` is over, then ends well with those that are open.
///
/// A request whose head does not come within `patience` is cut off; a body that does not is as malformed as half a one.
pub async fn answer_connections(
    mut listener: TcpListener,
    router: Router,
    patience: Duration,
    stop: impl Future<Output = ()>,
) {
    let router = TowerToHyperService::new(router);
    let open = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let (stream, peer) = tokio::select! {
            accepted = Listener::accept(&mut listener) => accepted,
            () = &mut stop => break,
        };
        // Without it, small answers wait for the client's acknowledgement.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            let request = in_time(request, peer, patience);
            let answering = router.call(request);
            async move { Ok::<_, Infallible>(answering.await.unwrap_or_else(|never| match never {})) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(patience)
            .serve_connection(TokioIo::new(stream), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // How a client hangs up is no matter of ours.
            let _ = connection.await;
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
