//! Reading one certificate, and verifying it.

use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustls::pki_types::{CertificateDer, ServerName};

use crate::x509::{Authorities, Chain, Purpose};

use super::file::Files;
use super::handshake::{Address, connect, presented_chain};
use super::{Negotiation, ReadError, Trust, postgresql};

/// Where one certificate is.
#[derive(Clone, Debug)]
pub(super) enum Origin {
    File(PathBuf),
    PostgreSql { address: Address, server_name: ServerName<'static>, negotiation: Negotiation },
    Web(Address),
}

/// A certificate that was read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) chain: Chain,
    pub(super) verified: Option<Result<(), String>>,
}

/// Reads and verifies a certificate as of a moment.
pub(super) async fn read(
    origin: &Origin,
    trust: &Trust,
    files: &Files,
    now: DateTime<Utc>,
) -> Result<Reading, ReadError> {
    let (certificates, purpose) = match origin {
        Origin::File(path) => (files.read(path).await?, Purpose::Any),
        Origin::PostgreSql { address, server_name, negotiation } => {
            let chain = postgresql::chain_of(address, server_name.clone(), *negotiation).await?;
            (chain, Purpose::PostgreSql(server_name.clone()))
        }
        Origin::Web(address) => {
            let name = ServerName::try_from(address.host.clone());
            let name = name.map_err(|error| ReadError::Endpoint(error.to_string()))?;
            // What else the connection would be for is not said: there are no requests.
            let connection = connect(address).await?;
            (presented_chain(connection, name.clone(), &[]).await?, Purpose::Web(name))
        }
    };
    let chain = Chain::read(&certificates)?;
    let verified = verify(&certificates, &purpose, trust, files, now).await;
    Ok(Reading { chain, verified })
}

/// Whether a chain verifies; a CA that cannot be read vouches for nobody.
async fn verify(
    certificates: &[CertificateDer<'static>],
    purpose: &Purpose,
    trust: &Trust,
    files: &Files,
    now: DateTime<Utc>,
) -> Option<Result<(), String>> {
    let authorities = match trust {
        Trust::None => return None,
        Trust::File(path) => files.read(path).await.and_then(|read| Ok(Authorities::new(read)?)),
        Trust::System => files.run(Path::new(""), |_| Ok(system())).await,
    };
    Some(match (authorities, trust) {
        (Ok(authorities), _) => {
            let verified = authorities.verify(certificates, purpose, now);
            verified.map_err(|error| error.to_string())
        }
        (Err(error), Trust::File(path)) => {
            Err(format!("the CA file `{}` is of no use: {}", path.display(), error.with_causes()))
        }
        (Err(error), Trust::None | Trust::System) => Err(error.with_causes()),
    })
}

/// The roots that the client of the object storage trusts as well.
fn system() -> Authorities {
    Authorities::from_sound(rustls_native_certs::load_native_certs().certs)
}
