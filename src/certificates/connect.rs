//! Connections to servers.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tls_certificates::ServerAddress;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use super::ReadError;

/// Maximum number of IP addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// Does something with a connection to a server: tries each IP address of its name in turn, until
/// the job succeeds with one. Each address gets an equal share of the time that is left.
///
/// # Errors
/// If the name has no address; otherwise the error with the last one.
pub(super) async fn with_connection<T, Done>(
    server: &ServerAddress,
    time_limit: Duration,
    job: impl Fn(TcpStream) -> Done,
) -> Result<T, ReadError>
where
    Done: Future<Output = Result<T, ReadError>>,
{
    let deadline = Instant::now() + time_limit;
    let name = (server.host.as_str(), server.port);
    let found = lookup_host(name).await.map_err(ReadError::Connect)?;
    let addresses: Vec<SocketAddr> = found.take(MAX_ADDRESSES).collect();
    let left = deadline.saturating_duration_since(Instant::now());
    let ended = in_turn(&addresses, left, job).await;
    ended.unwrap_or(Err(ReadError::Timeout(time_limit)))
}

/// Does something with a connection to each address in turn, until it succeeds with one.
///
/// Returns `None` if the job with the last address did not end in time.
pub(super) async fn in_turn<T, Done>(
    addresses: &[SocketAddr],
    time_limit: Duration,
    job: impl Fn(TcpStream) -> Done,
) -> Option<Result<T, ReadError>>
where
    Done: Future<Output = Result<T, ReadError>>,
{
    let deadline = Instant::now() + time_limit;
    let mut ended = Some(Err(ReadError::NoAddress));
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let addresses_left = u32::try_from(addresses.len() - index).unwrap_or(1);
        let attempt = async {
            let connection = TcpStream::connect(address).await;
            let connection = connection.map_err(ReadError::Connect)?;
            job(connection).await
        };
        ended = timeout(left / addresses_left, attempt).await.ok();
        if let Some(Ok(_)) = ended {
            break;
        }
    }
    ended
}
