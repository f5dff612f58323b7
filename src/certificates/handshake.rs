//! The chain that a server presents in a TLS handshake.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use openssl::error::ErrorStack;
use openssl::ssl::{self, Ssl, SslContextBuilder, SslMethod, SslRef, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use tls_certificates::trust;
use tls_certificates::x509::Host;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

use super::ReadError;

/// Returns the chain that a server presents, whatever it is worth, and closes the connection.
///
/// The server has proved that the leaf is its own. What comes after that may fail: a server that
/// asks for a certificate of ours gets none.
pub(super) async fn presented_chain(
    connection: TcpStream,
    host: &Host,
    protocol: Option<&str>,
) -> Result<Vec<X509>, ReadError> {
    let is_proven = Arc::new(AtomicBool::new(false));
    let client = client(host, protocol, &is_proven);
    let stream = client.and_then(|client| SslStream::new(client, connection));
    let mut stream = stream.map_err(|errors| ReadError::Handshake(explained(&errors)))?;
    let shaken = Pin::new(&mut stream).connect().await;
    let chain: Vec<X509> = match stream.ssl().peer_cert_chain() {
        Some(chain) => chain.iter().map(ToOwned::to_owned).collect(),
        None => Vec::new(),
    };
    match shaken {
        Ok(()) => {
            // A TLS shutdown that fails does not matter: the chain is known.
            drop(stream.shutdown().await);
            Ok(chain)
        }
        Err(_) if is_proven.load(Ordering::Relaxed) && !chain.is_empty() => Ok(chain),
        Err(error) => Err(ReadError::Handshake(failure(error))),
    }
}

/// Returns a client that takes every certificate. Keys and signatures may be weak: that is for the
/// verification to judge.
fn client(
    host: &Host,
    protocol: Option<&str>,
    is_proven: &Arc<AtomicBool>,
) -> Result<Ssl, ErrorStack> {
    let mut context = SslContextBuilder::new(SslMethod::tls_client())?;
    context.set_verify(SslVerifyMode::NONE);
    context.set_security_level(0);
    // As libpq's `ssl_min_protocol_version`.
    context.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    if let Some(protocol) = protocol {
        let length = u8::try_from(protocol.len()).unwrap_or_default();
        context.set_alpn_protos(&[&[length], protocol.as_bytes()].concat())?;
    }
    let is_proven = Arc::clone(is_proven);
    context.set_keylog_callback(move |ssl, line| {
        if proves_leaf(ssl, line) {
            is_proven.store(true, Ordering::Relaxed);
        }
    });
    let mut client = Ssl::new(&context.build())?;
    if host.address().is_none() {
        client.set_hostname(host.as_str())?;
    }
    Ok(client)
}

/// Returns whether a secret that `OpenSSL` has just derived proves that the server has the key of the
/// leaf.
///
/// `OpenSSL` derives these two secrets only after it has verified the server's signature. If RSA
/// alone exchanges the key, there is no signature: only the end of the handshake proves it.
fn proves_leaf(ssl: &SslRef, secret: &str) -> bool {
    let is_signed = ssl
        .current_cipher()
        .is_none_or(|cipher| !cipher.description().contains("Kx=RSA "));
    secret.starts_with("CLIENT_TRAFFIC_SECRET_0 ")
        || secret.starts_with("CLIENT_RANDOM ") && is_signed
}

/// Returns the error in a handshake, in words for operators.
fn failure(error: ssl::Error) -> io::Error {
    match error.into_io_error() {
        Ok(error) => error,
        Err(error) => match error.ssl_error() {
            Some(errors) => explained(errors),
            None => io::ErrorKind::UnexpectedEof.into(),
        },
    }
}

fn explained(errors: &ErrorStack) -> io::Error {
    io::Error::other(match trust::reason(errors) {
        "wrong version number" | "packet length too long" | "record layer failure" => {
            "the server does not speak TLS"
        }
        "unsupported protocol" | "tlsv1 alert protocol version" => {
            "the server supports neither TLS 1.2 nor 1.3"
        }
        "sslv3 alert handshake failure" | "ssl/tls alert handshake failure" => {
            "the server shares no cipher or key type with OpenSSL's defaults"
        }
        reason => reason,
    })
}
