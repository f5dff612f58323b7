//! Certificates, and serving with them.

use std::io;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What a server needs to serve HTTPS.
#[derive(Clone, Debug)]
pub struct Tls {
    /// The server's certificate, and those between it and the CA.
    pub cert_pem: String,
    /// The key of the server's certificate.
    pub key_pem: String,
}

/// A certificate for `localhost` and 127.0.0.1, and the CA that signed it.
#[derive(Clone, Debug)]
pub struct Certificates {
    /// What clients have to trust.
    pub ca_pem: String,
    /// The server's certificate.
    pub cert_pem: String,
    /// The key of the server's certificate.
    pub key_pem: String,
}

/// A certificate could not be made.
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
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &ca)?;
        Ok(Self { ca_pem: ca.pem(), cert_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// The server's part.
    #[must_use]
    pub fn tls(&self) -> Tls {
        Tls { cert_pem: self.cert_pem.clone(), key_pem: self.key_pem.clone() }
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name.push(DnType::CommonName, "embedded-s3 CA");
    params
}

impl Tls {
    pub(crate) fn acceptor(&self) -> io::Result<TlsAcceptor> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(self.cert_pem.as_bytes()).collect();
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_no_client_auth()
            .with_single_cert(chain.map_err(io::Error::other)?, key.map_err(io::Error::other)?)
            .map_err(io::Error::other)?;
        Ok(TlsAcceptor::from(Arc::new(config)))
    }
}
