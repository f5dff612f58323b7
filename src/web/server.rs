//! Takes connections in, and lets none of them stay.

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

/// What those who connect may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections served at once; further ones wait. At least one.
    pub max_connections: usize,
    /// Time for the whole head of a request to arrive.
    pub header_timeout: Duration,
    /// Time for an answer to begin.
    pub handler_timeout: Duration,
    /// Life of a connection: after it, what is under way may end, and nothing new begins.
    pub connection_life: Duration,
    /// Time for what is under way to end, once a connection or the server is to close.
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

/// The largest head of a request, in bytes.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// The most headers of a request.
const MAX_HEADERS: usize = 64;
/// The shortest and longest pause after a connection could not be taken in.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Serves until `stop`; then stops listening at once, and lets what is under way end in time.
///
/// # Errors
/// None at present: what goes wrong concerns one connection, or passes.
pub async fn serve(
    listener: TcpListener,
    content: Arc<dyn Content>,
    limits: ConnectionLimits,
    stop: CancellationToken,
) -> io::Result<()> {
    let router = routes::router(content, limits.handler_timeout);
    let free = Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
    let connections = TaskTracker::new();
    while let Some((stream, place)) = next_connection(&listener, &free, &stop).await {
        let service = router.clone();
        connections.spawn(serve_connection(stream, service, limits, stop.clone(), place));
    }
    drop(listener);
    connections.close();
    // Each connection watches its own time, and ends within the grace.
    connections.wait().await;
    Ok(())
}

/// The next connection and its place among those served; `None` when it is time to stop.
///
/// A place is taken first: who finds none free waits in the kernel's queue, at no cost to us.
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

/// Takes a connection in, however often that fails.
async fn accept(listener: &TcpListener) -> TcpStream {
    let (mut pause, longest) = PAUSES;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return stream,
            Err(error) if concerns_one_connection(&error) => {}
            // Out of file descriptors, most likely: trying again at once would only burn time.
            Err(error) => {
                warn!(error = &error as &dyn std::error::Error, "No connection could be taken in");
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

fn concerns_one_connection(error: &io::Error) -> bool {
    let kinds =
        [ErrorKind::ConnectionAborted, ErrorKind::ConnectionReset, ErrorKind::ConnectionRefused];
    kinds.contains(&error.kind())
}

/// Serves one connection to its end, which comes in any case.
async fn serve_connection(
    stream: TcpStream,
    router: Router,
    limits: ConnectionLimits,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    // Only a matter of speed.
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
                debug!("A connection was cut, because it did not end in time");
                return;
            };
            result
        }
    };
    if let Err(error) = result {
        debug!(error = &error as &dyn std::error::Error, "A connection ended early");
    }
}

async fn until_closing(stop: &CancellationToken, life: Duration) {
    stop.run_until_cancelled(sleep(life)).await;
}
