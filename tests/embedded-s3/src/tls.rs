//! Certificates, and serving with them.

use std::io;
use std::pin::Pin;

use openssl::pkey::PKey;
use openssl::ssl::{Ssl, SslContext, SslContextBuilder, SslMethod};
use openssl::x509::X509;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// Key and certificates with which a server serves HTTPS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// Certificate of the server, and those between it and the CA.
    pub cert_pem: String,
    /// Key of the server's certificate.
    pub key_pem: String,
}

/// Certificate for `localhost` and 127.0.0.1, with the CA that signed it.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// Certificate that clients have to trust.
    pub ca_pem: String,
    /// Certificate of the server.
    pub cert_pem: String,
    /// Key of the server's certificate.
    pub key_pem: String,
}

/// Reason why a certificate could not be made.
#[derive(Debug, thiserror::Error)]
#[error("a certificate could not be made")]
pub struct CertificatesError(#[from] rcgen::Error);

impl Certificates {
    /// Makes a new CA and a certificate of it, valid at any time.
    ///
    /// # Errors
    ///
    /// If the system has no randomness to give.
    pub fn generate() -> Result<Self, CertificatesError> {
        let ca = CertifiedIssuer::self_signed(ca_params(), KeyPair::generate()?)?;
        let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
        let mut params = CertificateParams::new(hosts)?;
        params
            .distinguished_name
            .push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &ca)?;
        Ok(Self {
            ca_pem: ca.pem(),
            cert_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        })
    }

    /// Builds the server's side of TLS.
    #[must_use]
    pub fn tls(&self) -> Tls {
        Tls {
            cert_pem: self.cert_pem.clone(),
            key_pem: self.key_pem.clone(),
        }
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "embedded-s3 CA");
    params
}

impl Tls {
    /// Accepts any certificate for serving, even one with a weak key.
    pub(crate) fn acceptor(&self) -> io::Result<SslContext> {
        let mut context = SslContextBuilder::new(SslMethod::tls_server())?;
        context.set_security_level(0);
        let chain = X509::stack_from_pem(self.cert_pem.as_bytes())?;
        let (leaf, others) = chain.split_first().ok_or(io::ErrorKind::InvalidData)?;
        context.set_certificate(leaf)?;
        for other in others {
            context.add_extra_chain_cert(other.clone())?;
        }
        context.set_private_key(&*PKey::private_key_from_pem(self.key_pem.as_bytes())?)?;
        Ok(context.build())
    }
}

/// Starts TLS on a connection.
pub(crate) async fn accept(
    context: &SslContext,
    connection: TcpStream,
) -> io::Result<SslStream<TcpStream>> {
    let mut stream = SslStream::new(Ssl::new(context)?, connection)?;
    Pin::new(&mut stream)
        .accept()
        .await
        .map_err(io::Error::other)?;
    Ok(stream)
}
