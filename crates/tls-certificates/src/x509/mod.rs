//! X.509 certificates: PEM form, names, validity, and verification of chains.

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
pub use status::{CertificateSource, CertificateStatus, Validity, Verification, WarnBefore};
pub use trust::{Authorities, Purpose, Untrusted, is_host_of_store};
