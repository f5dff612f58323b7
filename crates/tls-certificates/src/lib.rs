//! Certificates of TLS servers: their names and validity, and whether their chains verify.
//!
//! `OpenSSL` decides, as it does for libpq and Python, so that a verdict here is the verdict of the
//! clients.

pub mod trust;
pub mod x509;
