//! Reading one certificate, and verifying it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use openssl::x509::X509;
use tls_certificates::trust;
use tls_certificates::x509::{
    Authorities, Chain, Host, InvalidHost, Purpose, Untrusted, Verification,
};

use super::address::Address;
use super::file::{FileReads, check_file, read_file};
use super::handshake::presented_chain;
use super::{Negotiation, ReadError, Trust, postgresql};

/// Where one certificate is.
#[derive(Clone, Debug)]
pub(super) enum CertificateOrigin {
    File(PathBuf),
    PostgreSql { address: Address, server_name: Host, negotiation: Negotiation },
    Web(Address),
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
    let (certificates, purpose) = match origin {
        CertificateOrigin::File(path) => (files.read(path).await?, Purpose::Any),
        CertificateOrigin::PostgreSql { address, server_name, negotiation } => {
            let presented =
                |connection| postgresql::presented_by(connection, server_name, *negotiation);
            let chain = address.with_connection(time_limit, presented).await?;
            (chain, Purpose::PostgreSql(server_name.clone()))
        }
        CertificateOrigin::Web(address) => {
            let host: Result<Host, InvalidHost> = address.host.parse();
            let host = host.map_err(|error| ReadError::Endpoint(error.to_string()))?;
            // What else the connection would be for is not said: there are no requests.
            let presented = |connection| presented_chain(connection, &host, None);
            let chain = address.with_connection(time_limit, presented).await?;
            (chain, Purpose::Web(host))
        }
    };
    let chain = Chain::read(&certificates)?;
    let verification = verify(certificates, purpose, trust, files, now).await;
    Ok(Reading { chain, verification })
}

/// Verifies a chain, off the async threads: `OpenSSL` reads the CA file, and may look for others.
async fn verify(
    certificates: Vec<X509>,
    purpose: Purpose,
    trust: &Trust,
    files: &FileReads,
    now: DateTime<Utc>,
) -> Verification {
    let job = move |authorities: Authorities| match authorities.verify(&certificates, &purpose, now)
    {
        Ok(()) => Verification::Verified,
        Err(refused @ (Untrusted::Refused { .. } | Untrusted::Name(_))) => {
            Verification::Refused(refused.to_string())
        }
        Err(unknown @ Untrusted::Unknown(_)) => Verification::Unknown(unknown.to_string()),
    };
    match trust {
        Trust::None => Verification::NotAsked,
        Trust::File(path) => {
            let verified = files.run(path, move |path| Ok(job(authorities_in(path)?))).await;
            verified.unwrap_or_else(|error| {
                let (path, error) = (path.display(), error.with_causes());
                Verification::Unread(format!("the CA file `{path}` cannot be used: {error}"))
            })
        }
        Trust::System => {
            let load = trust::authorities_of_system;
            let verified = files
                .run(Path::new(""), move |_| Ok(job(load().map_err(|errors| unloadable(&errors))?)))
                .await;
            verified.unwrap_or_else(|error| Verification::Unread(error.with_causes()))
        }
    }
}

/// Loads a CA file, as the clients do. If `OpenSSL` cannot, our own reading may find a better reason.
fn authorities_in(path: &Path) -> Result<Authorities, ReadError> {
    check_file(path)?;
    trust::authorities_in_file(path)
        .map_err(|errors| read_file(path).err().unwrap_or_else(|| unloadable(&errors)))
}

fn unloadable(errors: &ErrorStack) -> ReadError {
    ReadError::Authorities(trust::reason(errors))
}
