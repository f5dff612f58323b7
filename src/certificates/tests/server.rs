//! A server that does as it is told, in the place of those that present certificates.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;

use openssl::pkey::PKey;
use openssl::ssl::{
    AlpnError, Ssl, SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion,
    select_next_proto,
};
use openssl::x509::X509;
use openssl::x509::store::X509StoreBuilder;
use rustls::crypto::ring;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ServerConfig, ServerConnection};
use tls_certificates::x509::test_certificates::{Authority, IssuedCertificate};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_openssl::SslStream;

/// Behaviour of a test server.
#[derive(Clone)]
pub(super) enum Manner {
    Says(&'static [u8]),
    Silent,
    /// Answers a request for TLS, and then speaks it.
    Postgres(SslContext),
    /// Answers a request for TLS, and then shows a certificate whose key it does not have.
    Impostor(Arc<ServerConfig>),
    /// Speaks TLS at once.
    Direct(SslContext),
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
            accept(&acceptor, connection)
                .await?
                .read_to_end(said)
                .await?;
        }
        Manner::Impostor(config) => {
            connection.read_exact(&mut request).await?;
            connection.write_all(b"S").await?;
            let (mut connection, mut tls) = (
                connection.into_std()?,
                ServerConnection::new(config).unwrap(),
            );
            connection.set_nonblocking(false)?;
            tokio::task::spawn_blocking(move || tls.complete_io(&mut connection)).await??;
        }
        Manner::Direct(acceptor) => {
            let mut stream = accept(&acceptor, connection).await?;
            said.extend(stream.ssl().selected_alpn_protocol().unwrap_or_default());
            stream.read_to_end(said).await?;
        }
    }
    Ok(())
}

async fn accept(
    context: &SslContext,
    connection: TcpStream,
) -> std::io::Result<SslStream<TcpStream>> {
    let mut stream = SslStream::new(Ssl::new(context)?, connection)?;
    Pin::new(&mut stream)
        .accept()
        .await
        .map_err(std::io::Error::other)?;
    Ok(stream)
}

/// Serves with a key that is not the certificate's: `OpenSSL` would refuse to.
pub(super) fn impostor(certificate: &X509, key: &str) -> Arc<ServerConfig> {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let signing = ring::sign::any_supported_type(&key).unwrap();
    let chain = vec![certificate.to_der().unwrap().into()];
    let resolver = SingleCertAndKey::from(CertifiedKey::new(chain, signing));
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = config
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth();
    Arc::new(config.with_cert_resolver(Arc::new(resolver)))
}

/// Settings of a TLS server.
pub(super) struct Serving<'a> {
    pub(super) chain: Vec<X509>,
    pub(super) key: String,
    /// The one version of TLS; `None` for all that `OpenSSL` has.
    pub(super) version: Option<SslVersion>,
    pub(super) protocol: Option<&'static [u8]>,
    pub(super) client_ca: Option<&'a Authority>,
}

impl Serving<'_> {
    pub(super) fn new(made: &IssuedCertificate) -> Self {
        Self {
            chain: vec![made.certificate.clone()],
            key: made.key.clone(),
            version: None,
            protocol: None,
            client_ca: None,
        }
    }

    pub(super) fn acceptor(self) -> SslContext {
        let mut context = SslContextBuilder::new(SslMethod::tls_server()).unwrap();
        context.set_min_proto_version(self.version).unwrap();
        context.set_max_proto_version(self.version).unwrap();
        let (leaf, others) = self.chain.split_first().unwrap();
        context.set_certificate(leaf).unwrap();
        for other in others {
            context.add_extra_chain_cert(other.clone()).unwrap();
        }
        let key = PKey::private_key_from_pem(self.key.as_bytes()).unwrap();
        context.set_private_key(&key).unwrap();
        if let Some(authority) = self.client_ca {
            let mut store = X509StoreBuilder::new().unwrap();
            store.add_cert(authority.certificate()).unwrap();
            context.set_cert_store(store.build());
            context.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
        }
        if let Some(protocol) = self.protocol {
            context.set_alpn_select_callback(move |_, offered| {
                select_next_proto(protocol, offered).ok_or(AlpnError::NOACK)
            });
        }
        context.build()
    }
}
