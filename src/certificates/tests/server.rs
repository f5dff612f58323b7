//! A server that does as it is told, in the place of those that present certificates.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_rustls::TlsAcceptor;

use crate::x509::made::{Authority, Made};

/// What a made server does with a connection.
#[derive(Clone)]
pub(super) enum Manner {
    Says(&'static [u8]),
    Silent,
    /// Answers a request for TLS, and then speaks it.
    Postgres(TlsAcceptor),
    /// Speaks TLS at once.
    Direct(TlsAcceptor),
}

/// A server that takes one connection after the other, and what it got in each besides TLS.
pub(super) async fn server(manner: Manner) -> (SocketAddr, UnboundedReceiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (heard, got) = unbounded_channel();
    tokio::spawn(async move {
        loop {
            let (connection, _) = listener.accept().await.unwrap();
            let mut said = Vec::new();
            drop(serve(manner.clone(), connection, &mut said).await);
            drop(heard.send(said));
        }
    });
    (address, got)
}

async fn serve(
    manner: Manner,
    mut connection: TcpStream,
    said: &mut Vec<u8>,
) -> std::io::Result<()> {
    let mut request = [0; 8];
    match manner {
        Manner::Silent => {
            connection.read_to_end(said).await?;
        }
        Manner::Says(answer) => {
            connection.read_exact(&mut request).await?;
            connection.write_all(answer).await?;
            connection.read_to_end(said).await?;
        }
        Manner::Postgres(acceptor) => {
            connection.read_exact(&mut request).await?;
            said.extend(request);
            connection.write_all(b"S").await?;
            acceptor.accept(connection).await?.read_to_end(said).await?;
        }
        Manner::Direct(acceptor) => {
            let mut stream = acceptor.accept(connection).await?;
            said.extend(stream.get_ref().1.alpn_protocol().unwrap_or_default());
            stream.read_to_end(said).await?;
        }
    }
    Ok(())
}

/// How TLS is served.
pub(super) struct Serving<'a> {
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: String,
    pub(super) versions: &'a [&'static SupportedProtocolVersion],
    pub(super) protocol: Option<&'a str>,
    pub(super) client_ca: Option<&'a Authority>,
}

impl Serving<'_> {
    pub(super) fn new(made: &Made) -> Self {
        Self {
            chain: vec![made.der.clone()],
            key: made.key.clone(),
            versions: rustls::ALL_VERSIONS,
            protocol: None,
            client_ca: None,
        }
    }

    pub(super) fn acceptor(self) -> TlsAcceptor {
        let provider = Arc::new(ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone());
        let builder = builder.with_protocol_versions(self.versions).unwrap();
        let builder = match self.client_ca {
            None => builder.with_no_client_auth(),
            Some(authority) => {
                let mut roots = RootCertStore::empty();
                roots.add(authority.der()).unwrap();
                let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
                builder.with_client_cert_verifier(verifier.build().unwrap())
            }
        };
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        // `with_single_cert` refuses version 1.
        let signing = ring::sign::any_supported_type(&key).unwrap();
        let certified = rustls::sign::CertifiedKey::new(self.chain, signing);
        let resolver = rustls::sign::SingleCertAndKey::from(certified);
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.alpn_protocols = self.protocol.map(Into::into).into_iter().collect();
        TlsAcceptor::from(Arc::new(config))
    }
}
