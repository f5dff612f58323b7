//! X.509 certificates: PEM form, names, validity, and verification of chains.
//!
//! Bytes become certificates and chains, which say when they begin and end, and verify against
//! authorities for a purpose: a file, a web server, a `PostgreSQL` server. OpenSSL verifies; what is
//! decided here is what a client would accept as a name. Certificates are hostile input: names are
//! shortened, and no bytes of a private key are kept or shown.

mod chain;
mod der;
mod host;
mod host_match;
mod name;
mod pem;
mod status;
mod trust;

#[cfg(any(test, feature = "test-certificates"))]
pub mod test_certificates;
#[cfg(test)]
mod tests;

pub use chain::{Certificate, Chain, InvalidCertificate, LastChain};
pub use host::{Host, InvalidHost};
pub use pem::{InvalidPem, certificates};
pub use status::{
    CertificateSource, CertificateStatus, SHARE_OF_LIFETIME, Validity, Verification, WarnBefore,
};
pub use trust::{Authorities, Purpose, Untrusted, is_host_of_store};
