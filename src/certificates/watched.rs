//! Certificates that are watched under one configured name.

use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

use tls_certificates::x509::{CertificateSource, Host, WarnBefore};
use tls_certificates::{ServerAddress, SslNegotiation};

/// Address of an endpoint, `None` if it is not reached by TLS; or the reason why it is not known.
pub type EndpointResult = Result<Option<ServerAddress>, String>;

/// Function that finds the endpoint of an object storage.
pub type EndpointFinder =
    Arc<dyn Fn() -> Pin<Box<dyn Future<Output = EndpointResult> + Send>> + Send + Sync>;

/// Certificates that are watched under one name.
#[derive(Clone)]
pub struct Subject {
    /// Name that metrics show as `certificate`.
    pub name: String,
    /// Place of the certificates.
    pub watched: Watched,
    /// Certificates that they are verified against.
    pub trust: Trust,
    /// Time before their end at which a warning is due.
    pub warn_before: WarnBefore,
}

/// Certificates that others are verified against.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// None: nothing is verified.
    None,
    /// Those in a file, which is read each time.
    File(PathBuf),
    /// Those that the system trusts.
    System,
}

/// Place of certificates that are watched.
#[derive(Clone)]
pub enum Watched {
    /// A file, or every file that matches a pattern.
    Files(PathBuf),
    /// The chain that a `PostgreSQL` server presents.
    PostgreSql {
        /// Address of the server.
        address: ServerAddress,
        /// Name that is asked for, and that the certificate must contain.
        server_name: Host,
        /// Start of TLS.
        negotiation: SslNegotiation,
    },
    /// The chain that an object storage presents.
    Endpoint {
        /// URL, for people.
        url: String,
        /// Finds the address.
        find: EndpointFinder,
    },
}

impl Watched {
    /// Kind of source that metrics show.
    pub(super) const fn source(&self) -> CertificateSource {
        match self {
            Self::Files(_) => CertificateSource::File,
            Self::PostgreSql { .. } => CertificateSource::PostgreSql,
            Self::Endpoint { .. } => CertificateSource::S3,
        }
    }

    /// Path, address or URL, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Files(path) => path.to_string_lossy().into_owned(),
            Self::PostgreSql { address, .. } => address.to_string(),
            Self::Endpoint { url, .. } => url.clone(),
        }
    }
}
