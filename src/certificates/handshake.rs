//! The chain that a server presents in a TLS handshake.

use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::{CertificateDer, ServerName, SubjectPublicKeyInfoDer, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, Error,
    PeerIncompatible, SignatureScheme,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use webpki::RawPublicKeyEntity;

use crate::x509;

use super::ReadError;

/// Where a server listens.
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

/// Connects to a server.
pub(super) async fn connect(address: &Address) -> Result<TcpStream, ReadError> {
    let connected = TcpStream::connect((address.host.as_str(), address.port)).await;
    connected.map_err(ReadError::Connect)
}

/// Takes the chain that a server presents, whatever it is worth, and closes the connection.
///
/// The server has proved that the leaf is its own. What comes after that may fail: a server that
/// asks for a certificate of ours gets none.
pub(super) async fn presented_chain(
    connection: TcpStream,
    name: ServerName<'static>,
    protocols: &[&str],
) -> Result<Vec<CertificateDer<'static>>, ReadError> {
    let provider = Arc::new(ring::default_provider());
    let presented = Arc::new(Presented::new(Arc::clone(&provider)));
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ReadError::Handshake(io::Error::other(error)))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&presented) as Arc<dyn ServerCertVerifier>)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let shaken = TlsConnector::from(Arc::new(config)).connect(name, connection).await;
    match (shaken, presented.proven_chain()) {
        (Ok(mut stream), Some(chain)) => {
            // Whether the farewell arrives is the server's business.
            drop(stream.shutdown().await);
            Ok(chain)
        }
        (Err(_), Some(chain)) => Ok(chain),
        (Err(error), None) => Err(ReadError::Handshake(explained(error))),
        (Ok(_), None) => Err(ReadError::Internal),
    }
}

/// What is not obvious, in other words.
fn explained(error: io::Error) -> io::Error {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::InvalidMessage(_)) => io::Error::other("the server does not speak TLS"),
        Some(Error::PeerIncompatible(PeerIncompatible::ServerDoesNotSupportTls12Or13)) => {
            io::Error::other("the server supports neither TLS 1.2 nor 1.3")
        }
        Some(Error::AlertReceived(AlertDescription::HandshakeFailure)) => io::Error::other(
            "the server has no kind of key or cipher that is known here: RSA from 2048 bits, P-256, \
             P-384, Ed25519",
        ),
        _ => error,
    }
}

/// Takes every chain, and remembers it.
#[derive(Debug)]
struct Presented {
    provider: Arc<CryptoProvider>,
    chain: Mutex<Vec<CertificateDer<'static>>>,
    is_proven: Mutex<bool>,
}

impl Presented {
    fn new(provider: Arc<CryptoProvider>) -> Self {
        Self { provider, chain: Mutex::default(), is_proven: Mutex::default() }
    }

    /// The chain, once the server has shown that it has the key of the leaf.
    fn proven_chain(&self) -> Option<Vec<CertificateDer<'static>>> {
        let is_proven = *self.is_proven.lock().unwrap_or_else(PoisonError::into_inner);
        let chain = self.chain.lock().unwrap_or_else(PoisonError::into_inner);
        is_proven.then(|| chain.clone())
    }

    /// Verifies the signature over the handshake by the leaf's bare key.
    ///
    /// rustls' own function takes only leaves of version 3, and `PostgreSQL`'s manual makes others.
    fn prove(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let key = x509::public_key(leaf).ok_or(CertificateError::BadEncoding)?;
        let key = SubjectPublicKeyInfoDer::from(key);
        let key = RawPublicKeyEntity::try_from(&key).map_err(|_| CertificateError::BadEncoding)?;
        let schemes = self.provider.signature_verification_algorithms.mapping.iter();
        let mut algorithms = schemes
            .filter(|(scheme, _)| *scheme == signed.scheme)
            .flat_map(|(_, algorithms)| algorithms.iter());
        let is_signed = algorithms
            .any(|algorithm| key.verify_signature(*algorithm, message, signed.signature()).is_ok());
        if !is_signed {
            return Err(CertificateError::BadSignature.into());
        }
        *self.is_proven.lock().unwrap_or_else(PoisonError::into_inner) = true;
        Ok(HandshakeSignatureValid::assertion())
    }
}

impl ServerCertVerifier for Presented {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let all = std::iter::once(leaf).chain(others);
        let all = all.map(|one| one.clone().into_owned()).collect();
        *self.chain.lock().unwrap_or_else(PoisonError::into_inner) = all;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.prove(message, leaf, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        leaf: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.prove(message, leaf, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
