//! How TLS begins with a `PostgreSQL` server (`PostgreSQL` documentation, "SSL Session Encryption").

use openssl::x509::X509;
use tls_certificates::x509::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::handshake::presented_chain;
use super::{Negotiation, ReadError};

/// `SSLRequest`: its length, and a version of the protocol that is none.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// The protocol's name within TLS; a server refuses to begin with TLS without it.
const PROTOCOL: &str = "postgresql";

/// Returns the chain that a server presents. Nobody logs in: no startup packet is ever sent.
///
/// # Errors
/// If the server presents none.
pub(super) async fn presented_by(
    mut connection: TcpStream,
    host: &Host,
    negotiation: Negotiation,
) -> Result<Vec<X509>, ReadError> {
    match negotiation {
        Negotiation::Direct => presented_chain(connection, host, Some(PROTOCOL)).await,
        Negotiation::Postgres => {
            connection.write_all(&SSL_REQUEST).await.map_err(ReadError::Connection)?;
            // One byte and no more: whatever came with it unencrypted would pass for TLS
            // (CVE-2021-23222).
            match connection.read_u8().await.map_err(ReadError::Connection)? {
                b'S' => presented_chain(connection, host, None).await,
                b'N' => Err(ReadError::TlsRefused),
                b'E' => Err(ReadError::ServerError),
                _ => Err(ReadError::NotPostgreSql),
            }
        }
    }
}
