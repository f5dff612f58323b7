#![doc = include_str!("../README.md")]

pub mod files;
mod server_address;
mod ssl_negotiation;
pub mod trust;
pub mod x509;

pub use server_address::{InvalidServerAddress, ServerAddress};
pub use ssl_negotiation::{InvalidSslNegotiation, SslNegotiation};
