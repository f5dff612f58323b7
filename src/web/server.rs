//! Accepts connections, and limits the lifetime of each.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};

use super::content::Content;
use super::routes;

/// Limits of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Maximum number of connections served at once; further ones wait. At least one.
    pub max_connections: usize,
    /// Maximum time until the whole head of a request has arrived.
    pub header_timeout: Duration,
    /// Maximum time until an answer starts.
    pub handler_timeout: Duration,
    /// Lifetime of a connection: after it, no further request is accepted.
    pub connection_life: Duration,
    /// Time for running requests to end, once a connection or the server closes.
    pub grace: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            max_connections: 512,
            header_timeout: Duration::from_secs(2),
            handler_timeout: Duration::from_secs(10),
            connection_life: Duration::from_secs(30),
            grace: Duration::from_secs(3),
        }
    }
}

/// Maximum size of the head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// Maximum number of headers of a request.
const MAX_HEADERS: usize = 64;
/// Shortest pause after a connection could not be accepted.
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause after a connection could not be accepted.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Serves until `stop`; then stops listening at once, and lets running requests end in time.
///
/// # Errors
/// None at present: every error concerns one connection, or is temporary.
pub async fn serve(
    listener: TcpListener,
    content: Arc<dyn Content>,
    limits: ConnectionLimits,
    stop: CancellationToken,
) -> io::Result<()> {
    let router = routes::router(content, limits.handler_timeout);
    let free = Arc::new(Semaphore::new(
        limits.max_connections.clamp(1, Semaphore::MAX_PERMITS),
    ));
    let connections = TaskTracker::new();
    while let Some((stream, place)) = next_connection(&listener, &free, &stop).await {
        let service = router.clone();
        connections.spawn(serve_connection(
            stream,
            service,
            limits,
            stop.clone(),
            place,
        ));
    }
    drop(listener);
    connections.close();
    // Each connection limits its own time, and ends within the grace period.
    connections.wait().await;
    Ok(())
}

/// Accepts the next connection and takes a place among those served; `None` after `stop`.
///
/// The place is taken first: clients that find none free wait in the kernel's queue, at no cost.
async fn next_connection(
    listener: &TcpListener,
    free: &Arc<Semaphore>,
    stop: &CancellationToken,
) -> Option<(TcpStream, OwnedSemaphorePermit)> {
    let next = async {
        let place = Arc::clone(free).acquire_owned().await.ok()?;
        Some((accept(listener).await, place))
    };
    stop.run_until_cancelled(next).await.flatten()
}

/// Accepts a connection, however often that fails.
async fn accept(listener: &TcpListener) -> TcpStream {
    let mut pause = SHORTEST_PAUSE;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if concerns_one_connection(&error) => {}
            // Probably out of file descriptors: trying again at once would only waste time.
            Err(error) => {
                warn!(
                    target: "web",
                    error = &error as &dyn std::error::Error,
                    "A connection could not be accepted"
                );
                sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    let kinds = [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionRefused,
    ];
    kinds.contains(&error.kind())
}

/// Serves one connection to its end, which is limited in time.
async fn serve_connection(
    stream: TcpStream,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // An optimization only: failure does not matter.
    let _ = stream.set_nodelay(true);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router));
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = until_closing(&stop, limits.connection_life) => {
            connection.as_mut().graceful_shutdown();
            let Ok(result) = timeout(limits.grace, connection).await else {
                debug!(target: "web", "A connection was closed, because it did not end in time");
                return;
            };
            result
        }
    };
    if let Err(error) = result {
        let error: &dyn std::error::Error = &error;
        debug!(target: "web", error, "A connection ended early");
    }
}

async fn until_closing(stop: &CancellationToken, life: Duration) {
    stop.run_until_cancelled(sleep(life)).await;
}
