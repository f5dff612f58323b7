//! Addresses of servers, and connections to them.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;

use super::ReadError;

/// Host and port of a server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Its name or IP address, without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// Maximum number of addresses of one name that are tried.
const MOST_ADDRESSES: usize = 8;

impl Address {
    /// Does something with a connection to the server: to each address of its name in turn, until it
    /// succeeds with one. Each address gets an equal share of the time that is left.
    ///
    /// # Errors
    /// If the name has no address; otherwise the error with the last one.
    pub(super) async fn with_connection<T, Done>(
        &self,
        time_limit: Duration,
        job: impl Fn(TcpStream) -> Done,
    ) -> Result<T, ReadError>
    where
        Done: Future<Output = Result<T, ReadError>>,
    {
        let deadline = Instant::now() + time_limit;
        let found = lookup_host((self.host.as_str(), self.port)).await;
        let found = found.map_err(ReadError::Connect)?;
        let addresses: Vec<SocketAddr> = found.take(MOST_ADDRESSES).collect();
        let left = deadline.saturating_duration_since(Instant::now());
        let ended = in_turn(&addresses, left, job).await;
        ended.unwrap_or(Err(ReadError::Timeout(time_limit)))
    }
}

/// Does something with a connection to each address in turn, until it succeeds with one; `None` if it
/// did not end with the last one in its time.
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
    for (place, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(Instant::now());
        let addresses_left = u32::try_from(addresses.len() - place).unwrap_or(1);
        let attempt =
            async { job(TcpStream::connect(address).await.map_err(ReadError::Connect)?).await };
        ended = tokio::time::timeout(left / addresses_left, attempt).await.ok();
        if let Some(Ok(_)) = ended {
            break;
        }
    }
    ended
}
