//! What certificates say: their PEM form, names, validity, and whether a chain verifies.

mod chain;
mod name;
mod pem;
mod status;
mod trust;

#[cfg(test)]
pub(crate) mod made;
#[cfg(test)]
mod tests;

pub use chain::{Certificate, Chain, InvalidCertificate, LastChain, public_key};
pub use pem::{InvalidPem, certificates};
pub use status::{CertificateSource, CertificateStatus, Validity};
pub use trust::{Authorities, Purpose, Untrusted};
