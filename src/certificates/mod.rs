//! Reads certificates: from files, and from handshakes. Keys are never read.
//!
//! What they mean is decided in [`x509`](tls_certificates::x509). Each certificate is read on its own, under a
//! time limit of its own, so that one that hangs delays no other.

mod address;
mod error;
mod file;
mod handshake;
mod pattern;
mod postgresql;
mod reading;
mod watched;
mod watcher;

#[cfg(test)]
mod tests;

use std::path::PathBuf;

pub use address::Address;
pub use error::ReadError;
pub use watched::{EndpointFinder, Found, Subject, Watched};
pub use watcher::{CertificateObserver, Clock, Watcher};

/// How TLS begins with a `PostgreSQL` server; libpq's `sslnegotiation`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Negotiation {
    /// With a request in `PostgreSQL`'s own protocol.
    #[default]
    Postgres,
    /// At once, as `PostgreSQL` can since version 17.
    Direct,
}

/// Whom to trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Nobody: nothing is verified.
    None,
    /// The certificates in a file, which is read each time.
    File(PathBuf),
    /// Those that the system trusts.
    System,
}
