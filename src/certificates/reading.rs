//! Reading and verifying one certificate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use openssl::x509::X509;
use tls_certificates::files::{self, MAX_CERTIFICATE_BYTES};
use tls_certificates::x509::{Authorities, Chain, Host, Purpose, Untrusted, Verification};
use tls_certificates::{ServerAddress, SslNegotiation, trust};

use super::connect::with_connection;
use super::file::{FileReads, read_file};
use super::handshake::presented_chain;
use super::{ReadError, Trust, postgresql};

/// Place of one certificate.
#[derive(Clone, Debug)]
pub(super) enum CertificateOrigin {
    File(PathBuf),
    PostgreSql {
        address: ServerAddress,
        server_name: Host,
        negotiation: SslNegotiation,
    },
    Web(ServerAddress),
}

/// A certificate that was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) chain: Chain,
    pub(super) verification: Verification,
}

/// Reads and verifies a certificate as of a moment.
pub(super) async fn read(
    origin: &CertificateOrigin,
    trust: &Trust,
    files: &FileReads,
    now: DateTime<Utc>,
    time_limit: Duration,
) -> Result<Reading, ReadError> {
    let certificates = presented(origin, files, time_limit).await?;
    let chain = Chain::read(&certificates)?;
    let leaf = LeafToVerify {
        certificates,
        purpose: purpose(origin),
        now,
    };
    let verification = leaf.verify(trust, files).await;
    Ok(Reading {
        chain,
        verification,
    })
}

/// Returns the certificates of a file, or those that a server presents, the leaf first.
async fn presented(
    origin: &CertificateOrigin,
    files: &FileReads,
    time_limit: Duration,
) -> Result<Vec<X509>, ReadError> {
    match origin {
        CertificateOrigin::File(path) => files.read(path).await,
        CertificateOrigin::PostgreSql {
            address,
            server_name,
            negotiation,
        } => {
            let handshake =
                |connection| postgresql::presented_by(connection, server_name, *negotiation);
            with_connection(address, time_limit, handshake).await
        }
        CertificateOrigin::Web(address) => {
            // Names no protocol: no request follows.
            let handshake = |connection| presented_chain(connection, &address.host, None);
            with_connection(address, time_limit, handshake).await
        }
    }
}

/// Returns the purpose that a certificate must serve.
fn purpose(origin: &CertificateOrigin) -> Purpose {
    match origin {
        CertificateOrigin::File(_) => Purpose::Any,
        CertificateOrigin::PostgreSql { server_name, .. } => {
            Purpose::PostgreSql(server_name.clone())
        }
        CertificateOrigin::Web(address) => Purpose::Web(address.host.clone()),
    }
}

/// A leaf with its chain, to be verified for a purpose as of a moment.
struct LeafToVerify {
    certificates: Vec<X509>,
    purpose: Purpose,
    now: DateTime<Utc>,
}

impl LeafToVerify {
    /// Verifies the leaf, off the async threads: `OpenSSL` reads the CA file, and may look for
    /// others.
    async fn verify(self, trust: &Trust, files: &FileReads) -> Verification {
        match trust {
            Trust::None => Verification::NotAsked,
            Trust::File(path) => self.verify_by_file(path, files).await,
            Trust::System => self.verify_by_system(files).await,
        }
    }

    async fn verify_by_file(self, path: &Path, files: &FileReads) -> Verification {
        let verify = move |path: &Path| {
            let authorities = authorities_in(path)?;
            Ok(self.verify_by(&authorities))
        };
        files.run(path, verify).await.unwrap_or_else(|error| {
            let (path, error) = (path.display(), error.with_causes());
            Verification::Unread(format!("the CA file `{path}` cannot be used: {error}"))
        })
    }

    async fn verify_by_system(self, files: &FileReads) -> Verification {
        let verify = move |_: &Path| {
            let authorities = trust::authorities_of_system();
            let authorities = authorities.map_err(|errors| unloadable(&errors))?;
            Ok(self.verify_by(&authorities))
        };
        let verified = files.run(Path::new(""), verify).await;
        verified.unwrap_or_else(|error| Verification::Unread(error.with_causes()))
    }

    fn verify_by(&self, authorities: &Authorities) -> Verification {
        match authorities.verify(&self.certificates, &self.purpose, self.now) {
            Ok(()) => Verification::Verified,
            Err(refused @ (Untrusted::Refused { .. } | Untrusted::Name(_))) => {
                Verification::Refused(refused.to_string())
            }
            Err(unknown @ Untrusted::Unknown(_)) => Verification::Unknown(unknown.to_string()),
        }
    }
}

/// Loads a CA file, as the clients do. If `OpenSSL` cannot, our own reading may find a better reason.
fn authorities_in(path: &Path) -> Result<Authorities, ReadError> {
    files::check_file(path, MAX_CERTIFICATE_BYTES)?;
    let loaded = trust::authorities_in_file(path);
    loaded.map_err(|errors| match read_file(path) {
        Err(better_reason) => better_reason,
        Ok(_) => unloadable(&errors),
    })
}

fn unloadable(errors: &ErrorStack) -> ReadError {
    ReadError::Authorities(trust::reason(errors))
}
