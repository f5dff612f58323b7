//! Start of TLS with a `PostgreSQL` server (`PostgreSQL` documentation, "SSL Session Encryption").

use openssl::x509::X509;
use tls_certificates::SslNegotiation;
use tls_certificates::x509::Host;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::ReadError;
use super::handshake::presented_chain;

/// `SSLRequest`: its length, and a number in the place of the protocol version.
const SSL_REQUEST: [u8; 8] = [0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];

/// Name of the protocol within TLS; without it, a server refuses to start with TLS at once.
const PROTOCOL: &str = "postgresql";

/// Returns the chain that a server presents. Never logs in: no startup packet is sent.
///
/// # Errors
/// If the server presents none.
pub(super) async fn presented_by(
    mut connection: TcpStream,
    host: &Host,
    negotiation: SslNegotiation,
) -> Result<Vec<X509>, ReadError> {
    match negotiation {
        SslNegotiation::Direct => presented_chain(connection, host, Some(PROTOCOL)).await,
        SslNegotiation::Postgres => {
            request_tls(&mut connection).await?;
            presented_chain(connection, host, None).await
        }
    }
}

/// Asks the server for TLS in `PostgreSQL`'s own protocol.
async fn request_tls(connection: &mut TcpStream) -> Result<(), ReadError> {
    connection
        .write_all(&SSL_REQUEST)
        .await
        .map_err(ReadError::Connection)?;
    // Reads one byte and no more: unencrypted bytes that follow it would pass for TLS
    // (CVE-2021-23222).
    match connection.read_u8().await.map_err(ReadError::Connection)? {
        b'S' => Ok(()),
        b'N' => Err(ReadError::TlsRefused),
        b'E' => Err(ReadError::ServerError),
        _ => Err(ReadError::NotPostgreSql),
    }
}
