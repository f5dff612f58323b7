//! What is watched under one name.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tls_certificates::x509::{CertificateSource, Host, WarnBefore};

use super::{Address, Negotiation, Trust};

/// Where an endpoint is, or why it is not known.
pub type Found = Result<Option<Address>, String>;

/// Finds the endpoint of an object storage; `None` where it is not reached by TLS.
pub type EndpointFinder =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Found> + Send>> + Send + Sync>;

/// Certificates that are watched under one name.
#[derive(Clone)]
pub struct Subject {
    /// The name that metrics show as `certificate`.
    pub name: String,
    /// Place of the certificates.
    pub watched: Watched,
    /// Certificates that they are verified against.
    pub trust: Trust,
    /// Time before their end at which they are worth a warning.
    pub warn_before: WarnBefore,
}

/// Place of certificates that are watched.
#[derive(Clone)]
pub enum Watched {
    /// A file, or every file that matches a pattern.
    Files(PathBuf),
    /// What a `PostgreSQL` server presents.
    PostgreSql {
        /// Where it listens.
        address: Address,
        /// The name that is asked for, and that has to be in the certificate.
        server_name: Host,
        /// How TLS begins.
        negotiation: Negotiation,
    },
    /// What an object storage presents.
    Endpoint {
        /// Its URL, for people.
        url: String,
        /// Finds it.
        find: EndpointFinder,
    },
}

impl Watched {
    pub(super) const fn source(&self) -> CertificateSource {
        match self {
            Self::Files(_) => CertificateSource::File,
            Self::PostgreSql { .. } => CertificateSource::PostgreSql,
            Self::Endpoint { .. } => CertificateSource::S3,
        }
    }

    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Files(path) => path.to_string_lossy().into_owned(),
            Self::PostgreSql { address, .. } => address.to_string(),
            Self::Endpoint { url, .. } => url.clone(),
        }
    }
}
