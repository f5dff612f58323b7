//! Certificates of TLS servers: their names and validity, and whether their chains verify.
//!
//! `OpenSSL` decides, as it does for libpq and Python, so that a verdict here is the verdict of the
//! clients.

mod server_address;
mod ssl_negotiation;
pub mod trust;
pub mod x509;

pub use server_address::{InvalidServerAddress, ServerAddress};
pub use ssl_negotiation::{InvalidSslNegotiation, SslNegotiation};
