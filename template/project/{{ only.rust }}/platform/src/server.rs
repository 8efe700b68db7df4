//! Listens, and closes connections without losing a request.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_util::io::InspectReader;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{info, warn};

use crate::health::Health;
use crate::metrics;
use crate::patience::{IDLE, Patience};

/// Of the request line and the headers together.
const HEAD_LIMIT: usize = 16 * 1024;

/// How long busy connections have to learn, from the answer to their next request, that they close.
/// Without it some would close on a request that is already on its way.
const NOTICE: Duration = Duration::from_millis(250);

/// With the notice 25 s: less than the 30 s that Docker and Kubernetes wait before they kill.
const DRAIN: Duration = Duration::from_millis(24_750);

/// IPv6 and IPv4, or IPv4 alone where the machine has no IPv6.
pub async fn listen(port: u16) -> io::Result<TcpListener> {
    let both = SocketAddr::from((Ipv6Addr::UNSPECIFIED, port));
    let old = SocketAddr::from((Ipv4Addr::UNSPECIFIED, port));
    TcpListener::bind([both, old].as_slice()).await
}

pub async fn serve(
    mut listener: TcpListener,
    router: Router,
    health: Arc<Health>,
    told_to_stop: impl Future<Output = ()>,
) {
    let connections = TaskTracker::new();
    let close = CancellationToken::new();
    let accept = async {
        loop {
            let (stream, _) = Listener::accept(&mut listener).await;
            connections.spawn(connection(stream, router.clone(), close.clone()));
        }
    };
    let stop = async {
        told_to_stop.await;
        info!("stopping");
        health.stop();
        sleep(NOTICE).await;
    };
    tokio::select! {
        () = accept => {}
        () = stop => {}
    }
    drop(listener);
    close.cancel();
    connections.close();
    if timeout(DRAIN, connections.wait()).await.is_err() {
        warn!("requests cut: they took too long to finish");
    }
    info!("stopped");
}

/// What `axum::serve` does, with limits for the head of a request.
async fn connection(stream: TcpStream, router: Router, close: CancellationToken) {
    let patience = Patience::default();
    let arrival = patience.clone();
    let stream = InspectReader::new(stream, move |_: &[u8]| arrival.bytes_came());
    let connection = http1::Builder::new()
        .timer(patience.clone())
        .header_read_timeout(IDLE)
        .max_header_size(HEAD_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = close.cancelled() => {
            connection.as_mut().graceful_shutdown();
            loop {
                match timeout(NOTICE, connection.as_mut()).await {
                    Ok(result) => break result,
                    Err(_) if patience.awaits_head() => return, // half of one came, the rest won't
                    Err(_) => {}
                }
            }
        }
    };
    if let Err(error) = result
        && error.is_parse()
    {
        let status = if error.is_parse_too_large() {
            "431"
        } else {
            "400"
        };
        metrics::record("OTHER", "unmatched", status, Duration::ZERO);
        warn!(%error, "bad request");
    }
}
