//! Reads certificates from files and from TLS handshakes; private keys are never read.
//!
//! A [`Watcher`] reads the certificates under one configured name whenever it is told to, and
//! publishes what is known of them. The rules on validity and trust are in
//! [`x509`](tls_certificates::x509). Each certificate is read on its own, under its own time limit:
//! one that hangs must never delay another.

mod change;
mod connect;
mod error;
mod file;
mod handshake;
mod pattern;
mod postgresql;
mod reading;
mod tasks;
mod watched;
mod watcher;

#[cfg(test)]
mod tests;

pub use error::ReadError;
pub use watched::{EndpointFinder, EndpointResult, Subject, Trust, Watched};
pub use watcher::{CertificateObserver, Watcher};
