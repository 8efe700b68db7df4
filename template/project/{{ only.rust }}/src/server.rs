//! Starts the server, and stops it when it is told to.

use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use axum::{BoxError, Router};
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::app::App;
use crate::routes::router;
use crate::settings::Settings;

/// How long a connection may take until its next request's headers are there, idle time included:
/// a caller that sends them a byte at a time holds no connection for ever. Longer than the 60 s that
/// load balancers keep an idle connection, so that it is they who close it.
const HEADERS_WITHIN: Duration = Duration::from_secs(75);

/// How long busy connections have to learn, from the answer to their next request, that they close.
/// Without it some would close on a request that is already on its way.
const NOTICE: Duration = Duration::from_millis(250);

/// Less than the 30 s that Docker and Kubernetes wait before they kill.
const DRAIN: Duration = Duration::from_secs(25);

/// Serves until SIGTERM or SIGINT.
pub fn run(settings: Settings) -> Result<(), BoxError> {
    let runtime = Runtime::new()?;
    let result = runtime.block_on(serve(settings));
    runtime.shutdown_background(); // waits for nothing that still runs
    result
}

async fn serve(settings: Settings) -> Result<(), BoxError> {
    let told_to_stop = stop_signal()?;
    let (port, version) = (settings.port, settings.version.clone());
    let app = Arc::new(App::new(settings)?);
    // What is published is decided outside the container.
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await?;
    info!(port, version, "started");

    let connections = GracefulShutdown::new();
    let stop = async {
        told_to_stop.await;
        info!("stopping");
        app.health.stop();
        sleep(NOTICE).await;
    };
    tokio::select! {
        never = accept(listener, router(app.clone()), &connections) => never,
        () = stop => {} // and the listener closes
    }
    if timeout(DRAIN, connections.shutdown()).await.is_err() {
        warn!("requests cut: they took too long to finish");
    }
    info!("stopped");
    Ok(())
}

/// What `axum::serve` does, with a limit of time for the headers, but no upgrade to WebSockets.
async fn accept(mut listener: TcpListener, router: Router, connections: &GracefulShutdown) -> ! {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    let service = TowerToHyperService::new(router);
    loop {
        let (stream, _) = Listener::accept(&mut listener).await;
        let connection = http.serve_connection(TokioIo::new(stream), service.clone());
        tokio::spawn(connections.watch(connection));
    }
}

/// From the call on, not only from the first poll, the signals no longer kill the process.
fn stop_signal() -> io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
